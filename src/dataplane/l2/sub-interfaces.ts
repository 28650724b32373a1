import { NO_INDEX } from "../model.ts";

/** Bits of `sub_if_flags` (interface_types.api if_sub_flags, vnet/interface.h vnet_sub_interface_t). */
export const SubFlag = {
  noTags: 1,
  oneTag: 2,
  twoTags: 4,
  dot1ad: 8,
  exactMatch: 16,
  default: 32,
  outerAny: 64,
  innerAny: 128,
} as const;

/** What a sub-interface is for. Ids of VLANs are as given: up to 16 bits. */
export interface SubInterface {
  /** Of the name, `host-v0.ID`; unique per interface. */
  readonly id: number;
  /** {@link SubFlag}s. */
  readonly flags: number;
  readonly outerVlan: number;
  readonly innerVlan: number;
}

export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_DOT1AD = 0x88a8;
const VLAN_COUNT = 4096;

/* SUBINT_CONFIG_*: vnet/ethernet/ethernet.h. */
const VALID = 1;
const L2 = 2;
const MATCH_0 = 4;
const MATCH_1 = 8;
const MATCH_2 = 16;
const MATCH_3 = 32;
const ANY_TAGS = MATCH_1 | MATCH_2 | MATCH_3;

/** What frames with certain tags come to. */
interface Slot {
  flags: number;
  /** NO_INDEX while the interface is down. */
  swIfIndex: number;
}

/** What a lookup found. */
export interface Match {
  /** NO_INDEX: nothing for these tags, or the interface for them is down. */
  swIfIndex: number;
  isL2: boolean;
  isKnown: boolean;
}

/** Tags that a sub-interface has: 0, 1 or 2. */
export function tagCount(sub: SubInterface): number {
  if ((sub.flags & SubFlag.oneTag) !== 0) return 1;
  return (sub.flags & SubFlag.twoTags) !== 0 ? 2 : 0;
}

/** Whether it can route: all its tags are known, which is what it sends (vnet_sw_interface_supports_addressing). */
export function isExact(sub: SubInterface): boolean {
  const { flags } = sub;
  return (flags & SubFlag.exactMatch) !== 0 && (flags & (SubFlag.default | SubFlag.outerAny | SubFlag.innerAny)) === 0;
}

export const NEVER = "inner-dot1q any exact-match is unsupported";

/** Why VPP has no sub-interface like this, or undefined. */
export function unsupported(sub: SubInterface): string | undefined {
  const { flags } = sub;
  const isAny = (flags & (SubFlag.outerAny | SubFlag.innerAny)) !== 0;
  if ((flags & SubFlag.twoTags) !== 0 && (flags & SubFlag.exactMatch) !== 0 && isAny) return NEVER;
  if ((flags & (SubFlag.default | SubFlag.noTags)) !== 0 || flags === 0) return undefined;
  const both = SubFlag.outerAny | SubFlag.innerAny;
  const isOpen = (flags & SubFlag.oneTag) !== 0 ? (flags & SubFlag.outerAny) !== 0 : (flags & both) === both;
  return isOpen ? "not implemented yet" : undefined;
}

/**
 * The sub-interfaces of one hardware interface by tags, as ethernet-input finds them (vnet/ethernet/node.c
 * ethernet_sw_interface_get_config, eth_identify_subint): an exact pair of tags before an outer tag with any inner one,
 * before a single tag, before the default, before the interface itself where it is bridged.
 */
export class SubInterfaces {
  readonly found: Match = { swIfIndex: NO_INDEX, isL2: false, isKnown: false };
  readonly #main: number;
  readonly #slots = new Map<number, Slot>();
  readonly #untagged: Slot;
  readonly #default: Slot = { flags: 0, swIfIndex: NO_INDEX };

  /** `main` is the interface itself. */
  constructor(main: number, isUp: boolean) {
    this.#main = main;
    this.#untagged = { flags: VALID | MATCH_0, swIfIndex: isUp ? main : NO_INDEX };
  }

  /** Whether untagged frames are bridged. */
  get mainIsL2(): boolean {
    return (this.#untagged.flags & L2) !== 0;
  }

  /** False where the tags are taken. As in VPP what had them loses them then. */
  add(sub: SubInterface): boolean {
    const slot = this.#slot(sub);
    if (slot === undefined) return false;
    if ((slot.flags & VALID) !== 0) {
      slot.flags = 0;
      return false;
    }
    slot.flags = VALID | matchFlags(sub);
    slot.swIfIndex = NO_INDEX;
    return true;
  }

  remove(sub: SubInterface): void {
    const slot = this.#slot(sub);
    if (slot !== undefined) slot.flags = 0;
  }

  /** The interface (without `sub`: the main one) went up or down. */
  setUp(sub: SubInterface | undefined, swIfIndex: number, isUp: boolean): void {
    const slot = sub === undefined ? this.#untagged : this.#slot(sub);
    if (slot !== undefined) slot.swIfIndex = isUp ? swIfIndex : NO_INDEX;
  }

  /** It joined or left a bridge domain or cross-connect. A bridged main interface takes all tags that are nobody's. */
  setL2(sub: SubInterface | undefined, isL2: boolean): void {
    const slot = sub === undefined ? this.#untagged : this.#slot(sub);
    if (slot === undefined) return;
    if (isL2) slot.flags |= L2 | (sub === undefined ? MATCH_0 | ANY_TAGS : 0);
    else slot.flags &= ~(L2 | (sub === undefined ? ANY_TAGS : 0));
  }

  /** Whom a frame with `tags` tags (1, or 2 for more) is for; `found` holds it. */
  find(isDot1ad: boolean, tags: 1 | 2, outer: number, inner: number): Match {
    const wanted = VALID | (tags === 1 ? MATCH_1 : MATCH_2);
    // Only a priority: the interface's own.
    if (tags === 1 && outer === 0) return this.#give(this.#untagged, this.#main);
    const pair = this.#slots.get(keyOf(isDot1ad, PAIR, outer, inner));
    if (fits(pair, wanted)) return this.#give(pair);
    const any = this.#slots.get(keyOf(isDot1ad, ANY_INNER, outer, 0));
    if (fits(any, wanted)) return this.#give(any);
    const single = this.#slots.get(keyOf(isDot1ad, SINGLE, outer, 0));
    if (fits(single, wanted)) return this.#give(single);
    if (fits(this.#default, wanted)) return this.#give(this.#default);
    if (fits(this.#untagged, wanted)) return this.#give(this.#untagged);
    this.found.isKnown = false;
    this.found.isL2 = false;
    this.found.swIfIndex = NO_INDEX;
    return this.found;
  }

  #give(slot: Slot, swIfIndex = slot.swIfIndex): Match {
    this.found.isKnown = true;
    this.found.isL2 = (slot.flags & L2) !== 0;
    this.found.swIfIndex = swIfIndex;
    return this.found;
  }

  /** undefined for what VPP has no place for: it writes beyond its table then. */
  #slot(sub: SubInterface): Slot | undefined {
    const { flags, outerVlan, innerVlan } = sub;
    if ((flags & SubFlag.default) !== 0) return this.#default;
    if ((flags & SubFlag.noTags) !== 0 || flags === 0) return this.#untagged;
    if (outerVlan >= VLAN_COUNT || innerVlan >= VLAN_COUNT) return undefined;
    const isOne = (flags & SubFlag.oneTag) !== 0;
    const kind = isOne ? SINGLE : (flags & SubFlag.innerAny) !== 0 ? ANY_INNER : PAIR;
    const key = keyOf((flags & SubFlag.dot1ad) !== 0, kind, outerVlan, kind === PAIR ? innerVlan : 0);
    let slot = this.#slots.get(key);
    if (slot === undefined) this.#slots.set(key, (slot = { flags: 0, swIfIndex: NO_INDEX }));
    return slot;
  }
}

const SINGLE = 0;
const ANY_INNER = 1;
const PAIR = 2;

function keyOf(isDot1ad: boolean, kind: number, outer: number, inner: number): number {
  return (isDot1ad ? 1 << 26 : 0) | (kind << 24) | (outer << 12) | inner;
}

function fits(slot: Slot | undefined, wanted: number): slot is Slot {
  return slot !== undefined && (slot.flags & wanted) === wanted;
}

function matchFlags({ flags }: SubInterface): number {
  if ((flags & SubFlag.default) !== 0) return ANY_TAGS;
  if ((flags & SubFlag.noTags) !== 0 || flags === 0) return MATCH_0;
  const isExactMatch = (flags & SubFlag.exactMatch) !== 0;
  if ((flags & SubFlag.oneTag) !== 0) return isExactMatch ? MATCH_1 : ANY_TAGS;
  return isExactMatch ? MATCH_2 : MATCH_2 | MATCH_3;
}
