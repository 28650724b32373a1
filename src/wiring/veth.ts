import { NsmError } from "@networkservicemesh/sdk-ts";
import { KernelError } from "../kernel/errors.ts";
import type { Link } from "../kernel/links.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { removePolicies } from "./context.ts";
import { formatTag, isUnfinishedName, parseTag, unfinishedName, type LinkTag, type Side } from "./tag.ts";

/** One end of a veth pair. */
export interface VethEnd {
  readonly namespace: Namespace;
  /** Device and inode of the namespace. */
  readonly inode: string;
  readonly name: string;
  readonly side: Side;
}

export interface VethOptions {
  readonly tag: Omit<LinkTag, "side">;
  /**
   * Segmentation and checksums are done by who sends towards VPP, which reads raw frames. VPP's own end stays as it is: a
   * VPP 26.06 that finds checksum offload off there sends frames that the other end drops.
   */
  readonly offloadsOff?: boolean;
  /** Whether a connection with this key lives: its interfaces are not replaced. */
  readonly isLive: (key: string) => boolean;
}

/**
 * Makes sure that the two ends are one pair, up, and marked as ours until the connection expires. A pair that a former
 * life of this forwarder has made for the connection is taken over; what it has made for connections that are no more
 * gives way.
 * @returns whether the pair was made anew
 * @throws NsmError CONFLICT: an interface of that name belongs to somebody else
 */
export async function ensureVeth(a: VethEnd, b: VethEnd, options: VethOptions): Promise<boolean> {
  if (a.inode === b.inode && a.name === b.name)
    throw new NsmError("INVALID", `both sides are interface ${a.name} of one network namespace: name them differently`);
  const [linkA, linkB] = await Promise.all([a.namespace.findLink(a.name), b.namespace.findLink(b.name)]);
  const isPair =
    linkA !== undefined &&
    linkB !== undefined &&
    linkA.peerIndex === linkB.index &&
    isOurs(linkA, options) &&
    isOurs(linkB, options);
  if (!isPair) {
    await giveWay(a, linkA, options);
    await giveWay(b, linkB, options);
    await make(a, b, options);
  }
  await Promise.all([mark(a, a.name, options), mark(b, b.name, options)]);
  if (isPair && linkA.up && linkB.up) return false;
  // Up, without duplicate address detection, and operational.
  await a.namespace.addVeth({ name: a.name, peer: { name: b.name, namespace: b.namespace } });
  return !isPair;
}

/** Deletes the pair by whichever end is there, with the policies of its interfaces; what is not the connection's stays. */
export async function deleteVeth(tag: Pick<LinkTag, "owner" | "key">, ends: readonly VethEnd[]): Promise<void> {
  const found: VethEnd[] = [];
  for (const end of ends) {
    const mark = parseTag((await end.namespace.findLink(end.name))?.alias);
    if (mark?.owner === tag.owner && mark.key === tag.key) found.push(end);
  }
  for (const { namespace, name } of found) await removePolicies(namespace, name);
  // Either end takes the other along.
  for (const { namespace, name } of found) await namespace.deleteLink(name);
}

function isOurs({ alias }: Link, { tag }: VethOptions): boolean {
  const found = parseTag(alias);
  return found?.owner === tag.owner && found.key === tag.key;
}

/** An interface in the way goes if it is ours, and nobody's any more. */
async function giveWay(end: VethEnd, link: Link | undefined, options: VethOptions): Promise<void> {
  if (link === undefined) return;
  const tag = parseTag(link.alias);
  if (tag?.owner !== options.tag.owner)
    throw new NsmError("CONFLICT", `interface ${end.name} is there already, and was not made by this forwarder`);
  if (tag.key !== options.tag.key && options.isLive(tag.key))
    throw new NsmError("CONFLICT", `interface ${end.name} belongs to another connection`);
  await end.namespace.deleteLink(end.name);
}

/** Under names that say what they are until they have their marks: a crash on the way leaves nothing unknown. */
async function make(a: VethEnd, b: VethEnd, options: VethOptions): Promise<void> {
  const { owner, key } = options.tag;
  const names = { a: unfinishedName(owner, key, a.side), b: unfinishedName(owner, key, b.side) };
  await a.namespace.deleteLink(names.a);
  await b.namespace.deleteLink(names.b);
  await a.namespace.addVeth({ name: names.a, up: false, peer: { name: names.b, up: false, namespace: b.namespace } });
  try {
    for (const [end, name] of [
      [a, names.a],
      [b, names.b],
    ] as const) {
      await mark(end, name, options);
      if (end.side === "v") withoutIpv6(end.namespace, name);
      if (options.offloadsOff === true && end.side !== "v") end.namespace.offloadsOff(name);
    }
    await a.namespace.renameLink(names.a, a.name);
    await b.namespace.renameLink(names.b, b.name);
  } catch (error) {
    for (const { namespace, name } of [
      { namespace: a.namespace, name: names.a },
      { namespace: b.namespace, name: names.b },
    ])
      await namespace.deleteLink(name).catch(() => undefined);
    throw error;
  }
}

/** The kernel says nothing of its own on VPP's end. */
function withoutIpv6(namespace: Namespace, name: string): void {
  try {
    namespace.sysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1);
  } catch (error) {
    if (!KernelError.is(error, "NOT_FOUND")) throw error; // a kernel without IPv6
  }
}

async function mark({ namespace, side }: VethEnd, name: string, { tag }: VethOptions): Promise<void> {
  await namespace.setLink(name, { alias: formatTag({ ...tag, side }) });
}

/** Whether an interface was begun by some forwarder and never finished. */
export function isUnfinished(link: Link): boolean {
  return isUnfinishedName(link.name) && !link.up;
}
