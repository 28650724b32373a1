import {
  Call,
  Channel,
  currentConnections,
  newSegment,
  NsmError,
  type ChannelOptions,
  type Connection,
} from "@networkservicemesh/sdk-ts";
import { KernelError } from "../kernel/errors.ts";
import type { Namespace } from "../kernel/namespace.ts";
import type { Service } from "./service.ts";

const FIND_MS = 2000;

/**
 * The connection that this service had in a former life of the agent, where the manager still has it: asked for again
 * with its path, it keeps its endpoint, its addresses and its interface (as cmd-nsc does).
 * @throws NsmError UNAVAILABLE, TIMEOUT
 */
export async function findFormer(
  hop: ChannelOptions & { readonly url: string },
  { id, request }: Service,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const channel = new Channel(hop.url, hop);
  try {
    const selector = { pathSegments: [newSegment({ id })] };
    const find = (call: Call) => currentConnections(channel, selector, call);
    const found = await Call.within(FIND_MS, find, signal);
    const former = found.find(
      ({ path, networkService, mechanism }) =>
        path?.index === 1 &&
        path.pathSegments[0]?.id === id &&
        networkService === request.service &&
        mechanism?.type === request.mechanism,
    );
    if (former === undefined) return undefined;
    return { ...former, id, path: { ...former.path!, index: 0 }, state: "UP" };
  } catch (error) {
    // Policies let only those look who have a connection. Who cannot be reached is asked again later.
    if (NsmError.is(error, "DENIED", "UNSUPPORTED")) return undefined;
    throw error;
  } finally {
    channel.close();
  }
}

/**
 * Makes sure that an interface's name is free: one of a former life of the agent that belongs to no connection any more
 * is deleted.
 * @param former indices of interfaces that were ours
 * @throws NsmError CONFLICT: somebody else's interface has it
 */
export async function clearPlace(
  namespace: Namespace,
  device: string,
  former: Readonly<Record<string, number>>,
): Promise<void> {
  try {
    const { index } = await namespace.link(device);
    if (former[device] === index) return void (await namespace.deleteLink(device));
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return;
    throw error;
  }
  throw new NsmError(
    "CONFLICT",
    `interface ${device} is here already, and belongs to no connection that the mesh knows: name another in the url, ` +
      `or remove it ("ip link delete ${device}")`,
  );
}

/** Addresses that the host has beside lo and the given devices. */
export async function otherAddresses(namespace: Namespace, devices: ReadonlySet<string>): Promise<string[]> {
  const names = new Map((await namespace.links()).map((link) => [link.index, link.name]));
  return (await namespace.addresses())
    .filter(({ interfaceIndex }) => {
      const name = names.get(interfaceIndex) ?? "";
      return name !== "lo" && !devices.has(name);
    })
    .map(({ prefix }) => prefix.split("/")[0] ?? "");
}
