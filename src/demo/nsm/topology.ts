import { Namespace } from "../../kernel/namespace.ts";
import { SETTING } from "../setting.ts";
import { linkOutside, makeTopologyBase, type TopologyBase } from "../topology-base.ts";
import { NSM_SETTING } from "./setting.ts";

/**
 * The hosts of the demo with NSM. The links to the application servers are not made here: that is the forwarder's work.
 * VPP or the embedded dataplane is in the pod, unless VPP was given.
 */
export interface NsmTopology extends TopologyBase {
  /** On VPP's own link to the outside. */
  readonly outside: Namespace;
  /** The machine that the pods run on: it reaches the pod by its eth0, and runs NSM's manager. */
  readonly node: Namespace;
  /** The load-balancer's pod. */
  readonly pod: Namespace;
  /** A new namespace for an application server; one of that name from before must be gone. */
  server(name: string): Promise<Namespace>;
  /** Takes an application server's namespace away with all that is in it. */
  removeServer(name: string): void;
}

/** @param options.vppPid a VPP that runs already: its links end in its network namespace @throws DemoError SETUP, REFUSED */
export async function makeNsmTopology(options: { readonly vppPid?: number }): Promise<NsmTopology> {
  const { uplink, vip4, vip6 } = SETTING;
  const { prefix4, prefix6, outside: link } = NSM_SETTING;
  const { vppPid } = options;
  const vppDevices = [uplink.vppDevice, link.vppDevice];
  const base = await makeTopologyBase({ vppPid, lbName: "pod", vppDevices }, async (lb, create) => {
    const pod = vppPid === undefined ? lb : await create("pod");
    const [outside, node] = [await create("outside"), await create("node")];
    // The pod's veth pair to VPP with its tiny network, and the routes to the VIPs and to the servers behind it.
    await linkOutside(pod, lb, uplink, { ip4: [vip4, prefix4], ip6: [vip6, prefix6] });
    for (const forward of ["ipv4.ip_forward", "ipv6.conf.all.forwarding"]) pod.sysctl(`net.${forward}`, 1);
    await linkNode(node, pod);
    await linkOutside(outside, lb, link, { ip4: [vip4], ip6: [vip6] });
    return { outside, node, pod };
  });
  return withServers(base);
}

function withServers(base: Omit<NsmTopology, "server" | "removeServer">): NsmTopology {
  const servers = new Map<string, Namespace>();
  return {
    ...base,
    async server(name) {
      const namespace = await Namespace.create(name);
      servers.set(name, namespace);
      return namespace;
    },
    removeServer(name) {
      servers.get(name)?.close();
      servers.delete(name);
    },
    async close() {
      await base.close();
      for (const namespace of servers.values()) namespace.close();
      servers.clear();
    },
  };
}

/** What `ip route add VIP via POD` does on the node. */
async function linkNode(node: Namespace, pod: Namespace): Promise<void> {
  const { nodeDevice, podDevice, pod4, node4, pod6, node6 } = NSM_SETTING.node;
  const { mtu } = SETTING;
  await node.addVeth({ name: nodeDevice, mtu, peer: { name: podDevice, mtu, namespace: pod } });
  await node.addAddress(nodeDevice, `${node4}/24`);
  await node.addAddress(nodeDevice, `${node6}/64`);
  await pod.addAddress(podDevice, `${pod4}/24`);
  await pod.addAddress(podDevice, `${pod6}/64`);
  await node.addRoute({ dst: SETTING.vip4, via: pod4 });
  await node.addRoute({ dst: SETTING.vip6, via: pod6 });
  // What the pod passes on to VPP must fit: frames that were merged on the way in do not.
  node.offloadsOff(nodeDevice);
  pod.offloadsOff(podDevice);
}
