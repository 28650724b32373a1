const ENTRIES = 4;
const TIMEOUT = 4;
const VIP = 8;
const VALUE = 12;
const WORDS = 16;

/** Largest table that VPP does not overflow is below 2^26 buckets; this bound keeps ours at 256 MB. */
export const MAX_STICKY_BUCKETS = 1 << 22;

/**
 * The sticky flow table of plugins/lb/lbhash.h: buckets of 64 bytes with four entries {hash, timeout, vip, value}. An
 * entry is free when its timeout is not after now; nothing is ever removed, slots are reused.
 */
export class StickyTable {
  readonly buckets: number;
  timeoutS: number;
  readonly #words: Uint32Array;
  readonly #mask: number;
  /** Set by {@link get}: the AS of the entry found (0 = none), and the slot a new entry may take (-1 = bucket full). */
  found = 0;
  available = -1;

  constructor(buckets: number, timeoutS: number) {
    this.buckets = buckets;
    this.timeoutS = timeoutS;
    this.#mask = buckets - 1;
    this.#words = new Uint32Array(buckets * WORDS);
  }

  /** Looks a flow up (`hash` with sign or without) and refreshes it; results are in {@link found} and {@link available} (lb_hash_get with SSE4.2). */
  get(hash: number, vip: number, nowS: number): void {
    const words = this.#words;
    const wanted = hash | 0;
    const bucket = (wanted & this.#mask) * WORDS;
    this.found = 0;
    this.available = -1;
    for (let slot = bucket; slot < bucket + ENTRIES; slot += 1) {
      if (words[slot + TIMEOUT]! <= nowS) {
        if (this.available < 0) this.available = slot;
      } else if ((words[slot]! | 0) === wanted && words[slot + VIP] === vip) {
        this.found = words[slot + VALUE]!;
        words[slot + TIMEOUT] = nowS + this.timeoutS;
        // Only the first match counts, but a free slot may still follow.
        for (let rest = slot + 1; this.available < 0 && rest < bucket + ENTRIES; rest += 1)
          if (words[rest + TIMEOUT]! <= nowS) this.available = rest;
        return;
      }
    }
  }

  valueAt(slot: number): number {
    return this.#words[slot + VALUE]!;
  }

  put(slot: number, hash: number, value: number, vip: number, nowS: number): void {
    const words = this.#words;
    words[slot] = hash;
    words[slot + TIMEOUT] = nowS + this.timeoutS;
    words[slot + VIP] = vip;
    words[slot + VALUE] = value;
  }

  /** Entries that have not timed out ("usage" of `show lb`). */
  used(nowS: number): number {
    let count = 0;
    const words = this.#words;
    for (let bucket = 0; bucket < words.length; bucket += WORDS)
      for (let slot = bucket; slot < bucket + ENTRIES; slot += 1) if (words[slot + TIMEOUT]! >= nowS) count += 1;
    return count;
  }

  /** Calls `visit` with the AS of every slot, used or not. */
  forEachValue(visit: (as: number) => void): void {
    const words = this.#words;
    for (let bucket = 0; bucket < words.length; bucket += WORDS)
      for (let slot = bucket; slot < bucket + ENTRIES; slot += 1) visit(words[slot + VALUE]!);
  }

  /** Forgets the flows of a VIP (of one of its ASs, unless undefined): lb_flush_vip_as. Slots stay busy until their timeout. */
  flush(vip: number, as: number | undefined, forgotten: (as: number) => void): void {
    const words = this.#words;
    for (let bucket = 0; bucket < words.length; bucket += WORDS) {
      for (let slot = bucket; slot < bucket + ENTRIES; slot += 1) {
        const value = words[slot + VALUE]!;
        if (words[slot + VIP] !== vip || (as !== undefined && value !== as)) continue;
        forgotten(value);
        words[slot + VIP] = 0xffffffff;
        words[slot + VALUE] = 0;
      }
    }
  }
}
