import type { Namespace } from "../kernel/namespace.ts";
import { SETTING } from "./setting.ts";
import { linkOutside, linkToVpp, makeTopologyBase, type TopologyBase } from "./topology-base.ts";

/** The demo's hosts: network namespaces, and the links between them. */
export interface Topology extends TopologyBase {
  readonly client: Namespace;
  readonly servers: ReadonlyMap<string, Namespace>;
}

/** Makes the topology. @param options.vppPid a VPP that runs already @throws DemoError SETUP, REFUSED */
export async function makeTopology(options: { readonly vppPid?: number }): Promise<Topology> {
  const { uplink, vip4, vip6, serverNet4, serverNet6 } = SETTING;
  const vppDevices = [uplink.vppDevice, ...SETTING.servers.map((server) => server.vppDevice)];
  return makeTopologyBase({ vppPid: options.vppPid, lbName: "lb", vppDevices }, async (lb, create) => {
    const client = await create("client");
    await linkOutside(client, lb, uplink, { ip4: [vip4, serverNet4], ip6: [vip6, serverNet6] });
    const servers = new Map<string, Namespace>();
    for (const { name, mac, vppDevice, ip4, ip6 } of SETTING.servers) {
      const server = await create(name);
      servers.set(name, server);
      const addresses = [`${ip4}/24`, `${ip6}/64`];
      await linkToVpp(server, lb, { hostDevice: "nsm0", hostMac: mac, vppDevice, addresses });
    }
    return { client, servers };
  });
}
