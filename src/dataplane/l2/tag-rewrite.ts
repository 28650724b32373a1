import { SubFlag, ETHERTYPE_DOT1AD, ETHERTYPE_VLAN, type SubInterface } from "./sub-interfaces.ts";

/** l2_vtr_op_t: vnet/l2/l2_vtr.h. */
export const TagOp = {
  disabled: 0,
  push1: 1,
  push2: 2,
  pop1: 3,
  pop2: 4,
  translate11: 5,
  translate12: 6,
  translate21: 7,
  translate22: 8,
} as const;

/** vnet/error.h. */
const INVALID_VLAN_TAG_COUNT = -72;
const MACS_BYTES = 12;
export const TAG_BYTES = 4;

/** What one direction does: takes `pop` tags off and puts `push` on. Unused ones of `types` and `ids` are 0. */
interface Direction {
  push: number;
  pop: number;
  readonly types: [number, number];
  readonly ids: [number, number];
}

/** What `show interface vtr` says. */
export interface TagRewriteView {
  readonly op: number;
  /** Of the first pushed tag; false is 802.1ad. */
  readonly isDot1q: boolean;
  readonly tag1: number;
  readonly tag2: number;
}

const NONE: TagRewriteView = { op: TagOp.disabled, isDot1q: false, tag1: 0, tag2: 0 };

/** Tags taken off and put on for each operation. */
const SHAPES: Readonly<Record<number, readonly [pop: number, push: number]>> = {
  [TagOp.disabled]: [0, 0],
  [TagOp.push1]: [0, 1],
  [TagOp.push2]: [0, 2],
  [TagOp.pop1]: [1, 0],
  [TagOp.pop2]: [2, 0],
  [TagOp.translate11]: [1, 1],
  [TagOp.translate12]: [1, 2],
  [TagOp.translate21]: [2, 1],
  [TagOp.translate22]: [2, 2],
};

/**
 * VLAN tag rewrite of one interface: what happens to the tags of frames received, and the reverse to those sent
 * (vnet/l2/l2_vtr.c). It applies while the interface is bridged or cross-connected.
 */
export class TagRewrite {
  readonly input = direction();
  readonly output = direction();

  /**
   * l2vtr_configure.
   * @param sub what the interface is, undefined for a main one: the tags that it has are those that go back on
   * @returns 0, or INVALID_VLAN_TAG_COUNT (-72) where it has fewer tags than are to go; the tags to push are 0 then
   */
  configure(sub: SubInterface | undefined, op: number, isDot1q: boolean, tag1: number, tag2: number): number {
    const { input, output } = this;
    clear(input);
    clear(output);
    const [pop, push] = SHAPES[op] ?? [0, 0];
    if (pop > knownTags(sub)) return INVALID_VLAN_TAG_COUNT;
    input.pop = pop;
    input.push = push;
    setTags(input, isDot1q ? ETHERTYPE_VLAN : ETHERTYPE_DOT1AD, tag1, tag2);
    output.pop = push;
    output.push = pop;
    const isDot1ad = sub !== undefined && (sub.flags & SubFlag.dot1ad) !== 0;
    setTags(output, isDot1ad ? ETHERTYPE_DOT1AD : ETHERTYPE_VLAN, sub?.outerVlan ?? 0, sub?.innerVlan ?? 0);
    return 0;
  }

  /** l2vtr_get. */
  view(): TagRewriteView {
    const { push, pop, types, ids } = this.input;
    const op = Object.keys(SHAPES).find((key) => SHAPES[Number(key)]![0] === pop && SHAPES[Number(key)]![1] === push);
    if (op === undefined || (push === 0 && pop === 0)) return NONE;
    const first = push === 2 ? 0 : 1;
    const isDot1q = push > 0 && types[first] === ETHERTYPE_VLAN;
    if (push === 0) return { ...NONE, op: Number(op) };
    return { op: Number(op), isDot1q, tag1: ids[first], tag2: push === 2 ? ids[1] : 0 };
  }
}

/**
 * Rewrites the tags of the frame that starts at `start` (l2_vtr_process).
 * @returns where it starts now, -1 where it has too few tags
 */
export function rewriteTags(
  bytes: Uint8Array,
  start: number,
  end: number,
  { push, pop, types, ids }: Direction,
): number {
  if (pop > tagsOf(bytes, start, end)) return -1;
  const to = start + (pop - push) * TAG_BYTES;
  bytes.copyWithin(to, start, start + MACS_BYTES);
  for (let tag = 2 - push, at = to + MACS_BYTES; tag < 2; tag += 1, at += TAG_BYTES) {
    bytes[at] = types[tag]! >> 8;
    bytes[at + 1] = types[tag]! & 0xff;
    bytes[at + 2] = (ids[tag]! >> 8) & 0xff;
    bytes[at + 3] = ids[tag]! & 0xff;
  }
  return to;
}

export function isTag(etherType: number): boolean {
  return etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_DOT1AD;
}

/** Tags of a frame: at most 3 count, and only the first may be 802.1ad (ethernet/node.c parse_header). */
export function tagsOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start + MACS_BYTES;
  if (!isTag(read16(bytes, at))) return 0;
  for (let tags = 1; ; tags += 1) {
    at += TAG_BYTES;
    if (tags === 3 || at + 2 > end || read16(bytes, at) !== ETHERTYPE_VLAN) return tags;
  }
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Tags with a value that is known, which can be put back. */
function knownTags(sub: SubInterface | undefined): number {
  if (sub === undefined || (sub.flags & SubFlag.noTags) !== 0) return 0;
  const isOuterAny = (sub.flags & SubFlag.outerAny) !== 0;
  if ((sub.flags & SubFlag.oneTag) !== 0) return isOuterAny ? 0 : 1;
  if ((sub.flags & SubFlag.twoTags) === 0 || isOuterAny) return 0;
  return (sub.flags & SubFlag.innerAny) !== 0 ? 1 : 2;
}

function direction(): Direction {
  return { push: 0, pop: 0, types: [0, 0], ids: [0, 0] };
}

/** What is pushed goes, what is popped stays: a refused change leaves that much. */
function clear(side: Direction): void {
  side.types.fill(0);
  side.ids.fill(0);
}

/** A single tag is the second one. */
function setTags(side: Direction, outerType: number, tag1: number, tag2: number): void {
  if (side.push === 0) return;
  const first = 2 - side.push;
  side.types[first] = outerType;
  side.ids[first] = tag1 & 0xffff;
  if (side.push < 2) return;
  side.types[1] = ETHERTYPE_VLAN;
  side.ids[1] = tag2 & 0xffff;
}
