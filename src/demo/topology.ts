import { Namespace } from "../kernel/namespace.ts";
import { DemoError } from "./errors.ts";
import { SETTING, type DemoServer } from "./setting.ts";

/** The demo's hosts: network namespaces, and the links between them. */
export interface Topology {
  readonly client: Namespace;
  /** Where VPP or the embedded dataplane is. */
  readonly lb: Namespace;
  readonly servers: ReadonlyMap<string, Namespace>;
  /** Removes what was made. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes the topology. `vppPid`: a VPP that runs already; our veths then end in its network namespace and are removed
 * from there at the end. @throws DemoError SETUP
 */
export async function makeTopology(options: { vppPid?: number }): Promise<Topology> {
  const opened: Namespace[] = [];
  const open = <T extends Namespace>(namespace: T): T => {
    opened.push(namespace);
    return namespace;
  };
  let lb: Namespace | undefined;
  const close = async () => {
    // The veths' ends in somebody else's namespace go with their peers, but only once the kernel gets to it.
    if (options.vppPid !== undefined && lb !== undefined) await deleteLinks(lb);
    for (const namespace of opened.splice(0)) namespace.close();
  };
  try {
    lb = open(options.vppPid === undefined ? await Namespace.create("lb") : Namespace.open({ pid: options.vppPid }));
    if (options.vppPid !== undefined) await refuseTakenNames(lb);
    const client = open(await Namespace.create("client"));
    await linkClient(client, lb);
    const servers = new Map<string, Namespace>();
    for (const server of SETTING.servers) {
      const namespace = open(await Namespace.create(server.name));
      servers.set(server.name, namespace);
      await linkServer(namespace, lb, server);
    }
    return { client, lb, servers, close };
  } catch (cause) {
    await close();
    if (cause instanceof DemoError) throw cause;
    throw new DemoError("SETUP", `the demo's network could not be made: ${(cause as Error).message}`, { cause });
  }
}

function ownDevices(): string[] {
  return [SETTING.uplink.vppDevice, ...SETTING.servers.map((server) => server.vppDevice)];
}

async function refuseTakenNames(lb: Namespace): Promise<void> {
  const taken = (await lb.links()).map((link) => link.name).filter((name) => ownDevices().includes(name));
  if (taken.length === 0) return;
  throw new DemoError(
    "REFUSED",
    `VPP's network namespace has devices that the demo would make: ${taken.join(", ")}. If an earlier demo left them, ` +
      `remove them ("ip link delete ${taken[0]}"), else run the demo without --vpp`,
  );
}

async function deleteLinks(lb: Namespace): Promise<void> {
  for (const device of ownDevices()) await lb.deleteLink(device).catch(() => false);
}

async function linkClient(client: Namespace, lb: Namespace): Promise<void> {
  const { uplink, mtu } = SETTING;
  await client.addVeth({
    name: uplink.hostDevice,
    mac: uplink.hostMac,
    mtu,
    peer: { name: uplink.vppDevice, mtu, namespace: lb },
  });
  await client.addAddress(uplink.hostDevice, `${uplink.host4}/31`);
  await client.addAddress(uplink.hostDevice, `${uplink.host6}/64`);
  for (const dst of [SETTING.vip4, SETTING.serverNet4]) await client.addRoute({ dst, via: uplink.vpp4 });
  for (const dst of [SETTING.vip6, SETTING.serverNet6]) await client.addRoute({ dst, via: uplink.vpp6 });
  client.offloadsOff(uplink.hostDevice);
  quiet(lb, uplink.vppDevice);
}

async function linkServer(server: Namespace, lb: Namespace, setting: DemoServer): Promise<void> {
  const { mtu } = SETTING;
  await server.addVeth({
    name: "nsm0",
    mac: setting.mac,
    mtu,
    peer: { name: setting.vppDevice, mtu, namespace: lb },
  });
  await server.addAddress("nsm0", `${setting.ip4}/24`);
  await server.addAddress("nsm0", `${setting.ip6}/64`);
  server.offloadsOff("nsm0");
  quiet(lb, setting.vppDevice);
}

/**
 * VPP's end: the kernel must add nothing of its own. Its offloads stay as they are: a VPP 26.06 that finds checksum
 * offload off on the device sends frames that its peer drops. What counts are the offloads of the peer, which sends.
 */
function quiet(lb: Namespace, device: string): void {
  lb.sysctl(`net/ipv6/conf/${device}/disable_ipv6`, 1);
}
