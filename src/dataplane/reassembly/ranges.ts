/** What one fragment adds to its datagram: bytes [first, last] of the payload. */
export interface Range {
  first: number;
  last: number;
  /** Payload offset of data[0]. */
  readonly origin: number;
  readonly data: Uint8Array;
  /** The fragment's IP header; with IPv6 extensions up to the fragment header. */
  readonly header: Uint8Array;
}

export type Added = "kept" | "duplicate" | "overlap";

/**
 * The fragments of one datagram in order of their offsets. Offsets and lengths are those of the payload. Two ways with
 * what overlaps, VPP's both: IPv4 keeps what came first and takes only the rest of what comes later (ip4_full_reass.c
 * ip4_full_reass_update), IPv6 gives the datagram up (RFC 8200, 4.5; ip6_full_reass.c).
 */
export class Ranges {
  readonly list: Range[] = [];
  /** Bytes collected, without overlaps. */
  length = 0;
  /** Last byte of the payload, known with the fragment that has nothing after it; -1 before. */
  end = -1;

  /** Whether everything is there. */
  get isComplete(): boolean {
    return this.end >= 0 && this.length === this.end + 1;
  }

  /** Puts the payload at `at`: the ranges one after the other. */
  copyTo(target: Uint8Array, at: number): void {
    let to = at;
    for (const { first, last, origin, data } of this.list) {
      target.set(data.subarray(first - origin, last - origin + 1), to);
      to += last - first + 1;
    }
  }

  /** IPv6: every overlap is refused, a repetition left alone. */
  addStrict(header: Uint8Array, data: Uint8Array, first: number, isLast: boolean): Added {
    const last = first + data.length - 1;
    if (isLast) this.end = last;
    let at = 0;
    for (; at < this.list.length; at += 1) {
      const known = this.list[at]!;
      if (first > known.last) continue;
      if (last < known.first) break;
      return first === known.first && last === known.last ? "duplicate" : "overlap";
    }
    this.#insert(at, { first, last, origin: first, data, header });
    return "kept";
  }

  /** IPv4: what is known stays, in part too, unless the new one covers it whole. */
  addTrimmed(header: Uint8Array, data: Uint8Array, from: number, isLast: boolean): Added {
    const range: Range = { first: from, last: from + data.length - 1, origin: from, data, header };
    if (isLast) this.end = range.last;
    let at = 0;
    while (at < this.list.length) {
      const known = this.list[at]!;
      // The start that is compared stays the fragment's own, also when a part of it is not taken.
      if (from > known.last) at += 1;
      else if (range.last < known.first) break;
      else if (from >= known.first && range.last <= known.last) return "duplicate";
      else if (from < known.first) {
        const overlap = range.last - known.first + 1;
        if (overlap < known.last - known.first + 1) {
          known.first += overlap;
          this.length -= overlap;
          break;
        }
        this.#remove(at);
      } else {
        const overlap = known.last - from + 1;
        if (overlap < known.last - known.first + 1) {
          range.first += overlap;
          at += 1;
        } else this.#remove(at);
      }
    }
    this.#insert(at, range);
    return "kept";
  }

  #insert(at: number, range: Range): void {
    this.list.splice(at, 0, range);
    this.length += range.last - range.first + 1;
  }

  #remove(at: number): void {
    const { first, last } = this.list[at]!;
    this.length -= last - first + 1;
    this.list.splice(at, 1);
  }
}
