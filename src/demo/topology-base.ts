import { Namespace } from "../kernel/namespace.ts";
import { DemoError } from "./errors.ts";
import { SETTING, type OutsideLink } from "./setting.ts";

/** Where VPP is, and the end of all that was made. */
export interface TopologyBase {
  /** Where VPP or the embedded dataplane is. */
  readonly lb: Namespace;
  /** Removes what was made. Idempotent. */
  close(): Promise<void>;
}

export interface TopologyOptions {
  /** A VPP that runs already: veths then end in its network namespace and are removed from there at the end. */
  readonly vppPid: number | undefined;
  /** The namespace to make for VPP where none runs. */
  readonly lbName: string;
  /** VPP's ends of the veths. */
  readonly vppDevices: readonly string[];
}

/** Makes a network namespace that goes with the topology. */
export type CreateNamespace = (name: string) => Promise<Namespace>;

/**
 * Finds or makes the namespace of VPP, then lets `build` make the rest; what was made until it fails is removed again.
 * @throws DemoError SETUP, REFUSED
 */
export async function makeTopologyBase<T extends object>(
  { vppPid, lbName, vppDevices }: TopologyOptions,
  build: (lb: Namespace, create: CreateNamespace) => Promise<T>,
): Promise<T & TopologyBase> {
  const opened: Namespace[] = [];
  const create: CreateNamespace = async (name) => {
    const namespace = await Namespace.create(name);
    opened.push(namespace);
    return namespace;
  };
  let given: Namespace | undefined;
  const close = async () => {
    const vpps = given;
    given = undefined;
    // The veths' ends in somebody else's namespace go with their peers, but only once the kernel gets to it.
    if (vpps !== undefined) for (const device of vppDevices) await vpps.deleteLink(device).catch(() => false);
    for (const namespace of opened.splice(0)) namespace.close();
  };
  try {
    if (vppPid !== undefined) opened.push((given = Namespace.open({ pid: vppPid })));
    if (given !== undefined) await refuseTakenNames(given, vppDevices);
    const lb = given ?? (await create(lbName));
    return { ...(await build(lb, create)), lb, close };
  } catch (cause) {
    await close();
    if (cause instanceof DemoError) throw cause;
    throw new DemoError("SETUP", `the demo's network could not be made: ${(cause as Error).message}`, { cause });
  }
}

async function refuseTakenNames(lb: Namespace, devices: readonly string[]): Promise<void> {
  const taken = (await lb.links()).map((link) => link.name).filter((name) => devices.includes(name));
  if (taken.length === 0) return;
  throw new DemoError(
    "REFUSED",
    `VPP's network namespace has devices that the demo would make: ${taken.join(", ")}. If an earlier demo left them, ` +
      `remove them ("ip link delete ${taken[0]}"), else run the demo without --vpp`,
  );
}

/** A veth pair between a host and VPP, with the host's addresses on it. */
export interface VppLink {
  readonly hostDevice: string;
  readonly hostMac: string;
  readonly vppDevice: string;
  /** The host's, with their prefix lengths. */
  readonly addresses: readonly string[];
}

/** The host's own offloads are off: what it sends is what VPP gets. */
export async function linkToVpp(host: Namespace, lb: Namespace, link: VppLink): Promise<void> {
  const { mtu } = SETTING;
  const peer = { name: link.vppDevice, mtu, namespace: lb };
  await host.addVeth({ name: link.hostDevice, mac: link.hostMac, mtu, peer });
  for (const address of link.addresses) await host.addAddress(link.hostDevice, address);
  host.offloadsOff(link.hostDevice);
  // VPP's end: the kernel must add nothing of its own. Its offloads stay as they are: a VPP 26.06 that finds checksum
  // offload off on the device sends frames that its peer drops. What counts are the offloads of the peer, which sends.
  lb.sysctl(`net/ipv6/conf/${link.vppDevice}/disable_ipv6`, 1);
}

/** A host on a link to the outside, with routes by VPP to `to`. */
export async function linkOutside(
  host: Namespace,
  lb: Namespace,
  link: OutsideLink,
  to: { readonly ip4: readonly string[]; readonly ip6: readonly string[] },
): Promise<void> {
  await linkToVpp(host, lb, { ...link, addresses: [`${link.host4}/31`, `${link.host6}/64`] });
  for (const dst of to.ip4) await host.addRoute({ dst, via: link.vpp4 });
  for (const dst of to.ip6) await host.addRoute({ dst, via: link.vpp6 });
}
