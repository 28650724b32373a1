import { stringify } from "yaml";
import { SETTING } from "../setting.ts";
import { NSM_SETTING } from "./setting.ts";

/** What the lb.yaml of the demo with NSM varies over. */
export interface NsmDemoConfig {
  readonly api: string;
  readonly control: string;
  readonly journal: string;
  /** The manager's socket and the endpoint's own. */
  readonly manager: string;
  readonly listen: string;
  readonly tableSize: number;
  /** What others change in VPP is put back after so long. */
  readonly repairMs: number;
  /** false where VPP is not the demo's: its lb_conf is left alone. */
  readonly manageLbConf: boolean;
}

/** The lb.yaml of the demo with NSM: it names no server and no interface to one, those come with connections. */
export function nsmDemoYaml(config: NsmDemoConfig): string {
  const { loopback, uplink, bridgeId, mtu, stickyBuckets, flowTimeoutS } = SETTING;
  const { outside, prefix4, prefix6, service } = NSM_SETTING;
  const vip = { tableSize: config.tableSize, servers: [] };
  const document = {
    vpp: { api: config.api, requestTimeoutMs: 3000 },
    control: { socket: config.control },
    state: { journal: config.journal },
    ownership: { prefixes: [SETTING.vip4, SETTING.vip6] },
    repair: { periodMs: config.repairMs },
    lb: config.manageLbConf
      ? { ip4Source: loopback.ip4, ip6Source: loopback.ip6, stickyBuckets, flowTimeoutS }
      : { manage: false },
    bridges: [{ id: bridgeId }],
    interfaces: [
      {
        loopback: 0,
        mac: loopback.mac,
        addresses: [`${loopback.ip4}/24`, `${loopback.ip6}/64`],
        mtu,
        bridge: { id: bridgeId, bvi: true },
      },
      {
        host: uplink.vppDevice,
        mac: uplink.vppMac,
        addresses: [`${uplink.vpp4}/31`, `${uplink.vpp6}/64`],
        outside: true,
      },
      {
        host: outside.vppDevice,
        mac: outside.vppMac,
        addresses: [`${outside.vpp4}/31`, `${outside.vpp6}/64`],
        outside: true,
      },
    ],
    routes: [
      { prefix: "0.0.0.0/0", via: [{ address: uplink.host4, interface: `host-${uplink.vppDevice}` }] },
      { prefix: "::/0", via: [{ address: uplink.host6, interface: `host-${uplink.vppDevice}` }] },
    ],
    vips: [
      { name: "demo-v4", prefix: SETTING.vip4, encap: "gre4", ...vip },
      { name: "demo-v6", prefix: SETTING.vip6, encap: "gre6", ...vip },
    ],
    nsm: {
      name: "lb",
      service,
      connectTo: `unix://${config.manager}`,
      listen: `unix://${config.listen}`,
      prefixes: [prefix4, prefix6],
      mechanisms: ["KERNEL"],
      bridge: bridgeId,
      insecure: true,
    },
  };
  return stringify(document);
}

/** An lb.yaml that wants nothing: what the demo made goes, what it did not make stays. */
export function nsmEmptyYaml(config: Pick<NsmDemoConfig, "api" | "control" | "journal">): string {
  return stringify({
    vpp: { api: config.api, requestTimeoutMs: 3000 },
    control: { socket: config.control },
    state: { journal: config.journal },
    ownership: { prefixes: [SETTING.vip4, SETTING.vip6] },
    lb: { manage: false },
  });
}
