/** Names, addresses and sizes of the demo: the topology of the NSM VPP load-balancer example, with IPv6 beside it. */

export interface DemoServer {
  /** Also the host's name, which it answers with. */
  readonly name: string;
  readonly ip4: string;
  readonly ip6: string;
  readonly mac: string;
  /** VPP's end of the veth and its MAC. */
  readonly vppDevice: string;
  readonly vppMac: string;
}

/** A veth between VPP and a host outside: devices and addresses of both ends, without prefix lengths: /31 and /64. */
export interface OutsideLink {
  readonly vppDevice: string;
  readonly vppMac: string;
  readonly vpp4: string;
  readonly vpp6: string;
  readonly hostDevice: string;
  readonly hostMac: string;
  readonly host4: string;
  readonly host6: string;
}

function server(number: number): DemoServer {
  return {
    name: `as${number}`,
    ip4: `10.60.1.${number + 1}`,
    ip6: `2001:db8:60:1::${number + 1}`,
    mac: `02:00:00:00:01:0${number}`,
    vppDevice: `vpplb-as${number}`,
    vppMac: `02:fe:00:00:01:0${number}`,
  };
}

export const SETTING = {
  bridgeId: 1,
  loopback: { name: "loop0", mac: "02:fe:00:00:00:02", ip4: "10.60.1.1", ip6: "2001:db8:60:1::1" },
  serverNet4: "10.60.1.0/24",
  serverNet6: "2001:db8:60:1::/64",
  uplink: {
    vppDevice: "vpp1out",
    hostDevice: "vpp1host",
    vppMac: "02:fe:00:00:00:01",
    hostMac: "02:00:00:00:03:01",
    vpp4: "10.70.0.1",
    host4: "10.70.0.0",
    vpp6: "2001:db8:70::1",
    host6: "2001:db8:70::2",
  },
  vip4: "10.2.2.0/24",
  vip6: "2001:db8:2:2::/64",
  port: 5001,
  tableSize: 1024,
  stickyBuckets: 16384,
  flowTimeoutS: 40,
  mtu: 1500,
  /** The first three serve from the start; the fourth is added on the way. */
  servers: [server(1), server(2), server(3), server(4)],
  /** Connections of a batch by family. */
  firstBatch: { 4: 240, 6: 120 },
  freshBatch: { 4: 100, 6: 52 },
  /** For a VPP that is not the demo's: fewer, because its sticky table has 1,024 buckets unless somebody set more. */
  given: { stickyBuckets: 1024, firstBatch: { 4: 160, 6: 80 }, freshBatch: { 4: 64, 6: 36 } },
} as const;

export type Family = 4 | 6;

/** Address that a VIP's flow goes to: spread over the whole prefix. */
export function vipAddress(family: Family, n: number): string {
  return family === 4 ? `10.2.2.${1 + (n % 254)}` : `2001:db8:2:2::${(1 + (n % 4096)).toString(16)}`;
}
