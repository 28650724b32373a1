import { stringify } from "yaml";
import { SETTING, type DemoServer } from "./setting.ts";

/** What the demo's lb.yaml varies over. */
export interface DemoConfig {
  readonly api: string;
  readonly control: string;
  readonly journal: string;
  readonly servers: readonly { readonly server: DemoServer; readonly state: "up" | "down" }[];
  readonly tableSize: number;
  /** Absent where VPP is not the demo's: its lb_conf is left alone. */
  readonly manageLbConf: boolean;
}

/** What is common to every lb.yaml of a demo. */
function frame(config: Pick<DemoConfig, "api" | "control" | "journal">) {
  return {
    vpp: { api: config.api, requestTimeoutMs: 3000 },
    control: { socket: config.control },
    state: { journal: config.journal },
    ownership: { prefixes: [SETTING.vip4, SETTING.vip6] },
    repair: { periodMs: 2000 },
  };
}

/** An lb.yaml that wants nothing: what the demo made goes, what it did not make stays. */
export function emptyYaml(config: Pick<DemoConfig, "api" | "control" | "journal">): string {
  return stringify({ ...frame(config), lb: { manage: false }, bridges: [], interfaces: [], routes: [], vips: [] });
}

/** The lb.yaml of the demo. */
export function demoYaml(config: DemoConfig): string {
  const { loopback, uplink, bridgeId, mtu } = SETTING;
  const servers = (key: "ip4" | "ip6") =>
    config.servers.map(({ server, state }) => (state === "up" ? server[key] : { address: server[key], state }));
  const document = {
    ...frame(config),
    ...(config.manageLbConf
      ? {
          lb: {
            ip4Source: loopback.ip4,
            ip6Source: loopback.ip6,
            stickyBuckets: SETTING.stickyBuckets,
            flowTimeoutS: SETTING.flowTimeoutS,
          },
        }
      : { lb: { manage: false } }),
    bridges: [{ id: bridgeId }],
    interfaces: [
      {
        loopback: 0,
        mac: loopback.mac,
        addresses: [`${loopback.ip4}/24`, `${loopback.ip6}/64`],
        mtu,
        bridge: { id: bridgeId, bvi: true },
      },
      ...SETTING.servers.map((server) => ({ host: server.vppDevice, mac: server.vppMac, bridge: { id: bridgeId } })),
      {
        host: uplink.vppDevice,
        mac: uplink.vppMac,
        addresses: [`${uplink.vpp4}/31`, `${uplink.vpp6}/64`],
        outside: true,
      },
    ],
    routes: [
      { prefix: "0.0.0.0/0", via: [{ address: uplink.host4, interface: `host-${uplink.vppDevice}` }] },
      { prefix: "::/0", via: [{ address: uplink.host6, interface: `host-${uplink.vppDevice}` }] },
    ],
    vips: [
      { name: "demo-v4", prefix: SETTING.vip4, encap: "gre4", tableSize: config.tableSize, servers: servers("ip4") },
      { name: "demo-v6", prefix: SETTING.vip6, encap: "gre6", tableSize: config.tableSize, servers: servers("ip6") },
    ],
  };
  return stringify(document);
}
