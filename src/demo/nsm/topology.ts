import { Namespace } from "../../kernel/namespace.ts";
import { DemoError } from "../errors.ts";
import { SETTING } from "../setting.ts";
import { NSM_SETTING } from "./setting.ts";

/**
 * The hosts of the demo with NSM. The links to the application servers are not made here: that is the forwarder's work.
 */
export interface NsmTopology {
  /** On VPP's own link to the outside. */
  readonly outside: Namespace;
  /** The machine that the pods run on: it reaches the pod by its eth0, and runs NSM's manager. */
  readonly node: Namespace;
  /** The load-balancer's pod. */
  readonly pod: Namespace;
  /** Where VPP or the embedded dataplane is: the pod, unless VPP was given. */
  readonly lb: Namespace;
  /** A new namespace for an application server; one of that name from before must be gone. */
  server(name: string): Promise<Namespace>;
  /** Takes an application server's namespace away with all that is in it. */
  removeServer(name: string): void;
  /** Removes what was made. Idempotent. */
  close(): Promise<void>;
}

/** @param options.vppPid a VPP that runs already: its links end in its network namespace @throws DemoError SETUP, REFUSED */
export async function makeNsmTopology(options: { readonly vppPid?: number }): Promise<NsmTopology> {
  const opened: Namespace[] = [];
  const servers = new Map<string, Namespace>();
  const open = (namespace: Namespace): Namespace => {
    opened.push(namespace);
    return namespace;
  };
  let lb: Namespace | undefined;
  const close = async () => {
    if (options.vppPid !== undefined && lb !== undefined) await deleteLinks(lb);
    for (const namespace of [...opened.splice(0), ...servers.values()]) namespace.close();
    servers.clear();
  };
  try {
    const pod = open(await Namespace.create("pod"));
    lb = options.vppPid === undefined ? pod : open(Namespace.open({ pid: options.vppPid }));
    if (lb !== pod) await refuseTakenNames(lb);
    const [outside, node] = [open(await Namespace.create("outside")), open(await Namespace.create("node"))];
    await linkPod(pod, lb);
    await linkNode(node, pod);
    await linkOutside(outside, lb);
    return {
      ...{ outside, node, pod, lb, close },
      async server(name) {
        const namespace = await Namespace.create(name);
        servers.set(name, namespace);
        return namespace;
      },
      removeServer(name) {
        servers.get(name)?.close();
        servers.delete(name);
      },
    };
  } catch (cause) {
    await close();
    if (cause instanceof DemoError) throw cause;
    throw new DemoError("SETUP", `the demo's network could not be made: ${(cause as Error).message}`, { cause });
  }
}

const VPP_DEVICES: readonly string[] = [SETTING.uplink.vppDevice, NSM_SETTING.outside.vppDevice];

async function refuseTakenNames(lb: Namespace): Promise<void> {
  const taken = (await lb.links()).map((link) => link.name).filter((name) => VPP_DEVICES.includes(name));
  if (taken.length === 0) return;
  throw new DemoError(
    "REFUSED",
    `VPP's network namespace has devices that the demo would make: ${taken.join(", ")}. If an earlier demo left them, ` +
      `remove them ("ip link delete ${taken[0]}"), else run the demo without --vpp`,
  );
}

async function deleteLinks(lb: Namespace): Promise<void> {
  for (const device of VPP_DEVICES) await lb.deleteLink(device).catch(() => false);
}

/** The pod's veth pair to VPP with its tiny network, and the routes to the VIPs and to the servers behind it. */
async function linkPod(pod: Namespace, lb: Namespace): Promise<void> {
  const { uplink, mtu, vip4, vip6 } = SETTING;
  await pod.addVeth({
    name: uplink.hostDevice,
    mac: uplink.hostMac,
    mtu,
    peer: { name: uplink.vppDevice, mtu, namespace: lb },
  });
  await pod.addAddress(uplink.hostDevice, `${uplink.host4}/31`);
  await pod.addAddress(uplink.hostDevice, `${uplink.host6}/64`);
  for (const dst of [vip4, NSM_SETTING.prefix4]) await pod.addRoute({ dst, via: uplink.vpp4 });
  for (const dst of [vip6, NSM_SETTING.prefix6]) await pod.addRoute({ dst, via: uplink.vpp6 });
  pod.offloadsOff(uplink.hostDevice);
  pod.sysctl("net.ipv4.ip_forward", 1);
  pod.sysctl("net.ipv6.conf.all.forwarding", 1);
  vppsEnd(lb, uplink.vppDevice);
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

async function linkOutside(outside: Namespace, lb: Namespace): Promise<void> {
  const { vppDevice, hostDevice, hostMac, host4, host6, vpp4, vpp6 } = NSM_SETTING.outside;
  const { mtu } = SETTING;
  await outside.addVeth({ name: hostDevice, mac: hostMac, mtu, peer: { name: vppDevice, mtu, namespace: lb } });
  await outside.addAddress(hostDevice, `${host4}/31`);
  await outside.addAddress(hostDevice, `${host6}/64`);
  await outside.addRoute({ dst: SETTING.vip4, via: vpp4 });
  await outside.addRoute({ dst: SETTING.vip6, via: vpp6 });
  outside.offloadsOff(hostDevice);
  vppsEnd(lb, vppDevice);
}

/** The kernel must add nothing of its own to what VPP sends there. */
function vppsEnd(lb: Namespace, device: string): void {
  lb.sysctl(`net/ipv6/conf/${device}/disable_ipv6`, 1);
}
