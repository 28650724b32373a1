import type { Interface } from "../model.ts";
import { ETHERTYPE_DOT1AD, ETHERTYPE_VLAN, isExact, SubFlag, tagCount, type SubInterface } from "./sub-interfaces.ts";

const NOTHING = new Uint8Array(0);

/**
 * The Ethernet header of what an interface sends, with the tags of a sub-interface (vnet/ethernet/interface.c
 * ethernet_build_rewrite). Empty, as in VPP, for a sub-interface that stands for more than one pair of tags.
 */
export function ethernetHeader(iface: Interface, destination: Uint8Array, etherType: number): Uint8Array {
  const { sub } = iface;
  if (sub !== undefined && !isExact(sub)) return NOTHING;
  const tags = sub === undefined ? 0 : tagCount(sub);
  const header = new Uint8Array(14 + 4 * tags);
  header.set(destination.subarray(0, 6), 0);
  header.set(iface.mac, 6);
  if (sub !== undefined) writeTags(header, 12, sub);
  write16(header, header.length - 2, etherType);
  return header;
}

/** Puts a sub-interface's tags into a frame that has none; returns where it starts now. */
export function pushTags(bytes: Uint8Array, start: number, sub: SubInterface): number {
  const to = start - 4 * tagCount(sub);
  bytes.copyWithin(to, start, start + 12);
  writeTags(bytes, to + 12, sub);
  return to;
}

function writeTags(bytes: Uint8Array, from: number, sub: SubInterface): void {
  const tags = tagCount(sub);
  const isDot1ad = (sub.flags & SubFlag.dot1ad) !== 0;
  for (let tag = 0, at = from; tag < tags; tag += 1, at += 4) {
    write16(bytes, at, tag === 0 && isDot1ad ? ETHERTYPE_DOT1AD : ETHERTYPE_VLAN);
    write16(bytes, at + 2, tag === 0 ? sub.outerVlan : sub.innerVlan);
  }
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}
