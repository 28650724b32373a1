import { stringify } from "yaml";
import { SETTING, type DemoServer, type OutsideLink } from "./setting.ts";

const REPAIR_MS = 2000;

/** Sockets and file that the lb.yaml of a demo names. */
export interface DemoNames {
  readonly api: string;
  readonly control: string;
  readonly journal: string;
}

/** What the demo's lb.yaml varies over. */
export interface DemoConfig extends DemoNames {
  readonly servers: readonly { readonly server: DemoServer; readonly state: "up" | "down" }[];
  readonly tableSize: number;
  /** false where VPP is not the demo's: its lb_conf is left alone. */
  readonly manageLbConf: boolean;
}

/** What is common to every lb.yaml of a demo. @param repairMs what others change in VPP is put back after so long */
function frame(names: DemoNames, repairMs: number) {
  return {
    vpp: { api: names.api, requestTimeoutMs: 3000 },
    control: { socket: names.control },
    state: { journal: names.journal },
    ownership: { prefixes: [SETTING.vip4, SETTING.vip6] },
    repair: { periodMs: repairMs },
  };
}

/**
 * What every demo's VPP is, apart from its VIPs.
 * @param options.inside interfaces to servers
 * @param options.outside links besides the uplink
 */
export function demoBase(options: {
  readonly names: DemoNames;
  readonly repairMs: number;
  readonly manageLbConf: boolean;
  readonly inside: readonly object[];
  readonly outside: readonly OutsideLink[];
}) {
  const { loopback, uplink, bridgeId, mtu, stickyBuckets, flowTimeoutS } = SETTING;
  return {
    ...frame(options.names, options.repairMs),
    lb: options.manageLbConf
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
      ...options.inside,
      ...[uplink, ...options.outside].map(({ vppDevice, vppMac, vpp4, vpp6 }) => ({
        host: vppDevice,
        mac: vppMac,
        addresses: [`${vpp4}/31`, `${vpp6}/64`],
        outside: true,
      })),
    ],
    routes: [
      { prefix: "0.0.0.0/0", via: [{ address: uplink.host4, interface: `host-${uplink.vppDevice}` }] },
      { prefix: "::/0", via: [{ address: uplink.host6, interface: `host-${uplink.vppDevice}` }] },
    ],
  };
}

/** The demos' VIPs of both families. @param servers of a family, as lb.yaml names them */
export function demoVips(tableSize: number, servers: (family: "ip4" | "ip6") => readonly unknown[]) {
  return [
    { name: "demo-v4", prefix: SETTING.vip4, encap: "gre4", tableSize, servers: servers("ip4") },
    { name: "demo-v6", prefix: SETTING.vip6, encap: "gre6", tableSize, servers: servers("ip6") },
  ];
}

/** An lb.yaml that wants nothing: what the demo made goes, what it did not make stays. */
export function emptyYaml(names: DemoNames): string {
  const nothing = { bridges: [], interfaces: [], routes: [], vips: [] };
  return stringify({ ...frame(names, REPAIR_MS), lb: { manage: false }, ...nothing });
}

/** The lb.yaml of the demo. */
export function demoYaml(config: DemoConfig): string {
  const { servers, bridgeId } = SETTING;
  const inside = servers.map(({ vppDevice, vppMac }) => ({ host: vppDevice, mac: vppMac, bridge: { id: bridgeId } }));
  const { manageLbConf, tableSize } = config;
  const serversOf = (key: "ip4" | "ip6") =>
    config.servers.map(({ server, state }) => (state === "up" ? server[key] : { address: server[key], state }));
  return stringify({
    ...demoBase({ names: config, repairMs: REPAIR_MS, manageLbConf, inside, outside: [] }),
    vips: demoVips(tableSize, serversOf),
  });
}
