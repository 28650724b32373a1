/**
 * A ring in shared memory (VPP: plugins/memif/memif.h memif_ring_t): cookie, flags and head in the first cache line, tail
 * in the second, descriptors from the third on.
 */
import { MemifError } from "./errors.ts";
import { COOKIE } from "./protocol.ts";
import type { Region } from "./region.ts";

export const RING_HEADER_BYTES = 128;
export const DESCRIPTOR_BYTES = 16;
/** Log2 of the slots that VPP allows; head and tail count in 16 bits. */
export const MAX_LOG2_RING_SIZE = 14;
/** Flag of a descriptor: the packet goes on in the next one. */
export const NEXT = 1;
/** Flag of a ring: whoever consumes it polls, no need to wake him. */
const MASK_INT = 1;

const FLAGS_AT = 4;
const HEAD_AT = 6;
const TAIL_AT = 64;

/** Bytes of a ring with 2^log2 slots. */
export function ringBytes(log2: number): number {
  return RING_HEADER_BYTES + (DESCRIPTOR_BYTES << log2);
}

/** Head, tail and flags of one ring, and where its descriptors are. */
export class Ring {
  readonly region: Region;
  readonly regionIndex: number;
  readonly offset: number;
  readonly size: number;
  readonly mask: number;
  /** Of the first descriptor within the region. */
  readonly descriptors: number;
  readonly #flagsAt: number;
  readonly #headAt: number;
  readonly #tailAt: number;

  /** @throws MemifError RING where no ring fits there */
  constructor(region: Region, regionIndex: number, offset: number, log2: number) {
    if (log2 > MAX_LOG2_RING_SIZE) throw new MemifError("RING", `ring of 2^${log2} slots`);
    // Word access needs even addresses; everybody aligns rings to more than that.
    if (offset % 4 !== 0 || offset + ringBytes(log2) > region.size) {
      throw new MemifError("RING", `ring at ${offset} does not fit its region`);
    }
    this.region = region;
    this.regionIndex = regionIndex;
    this.offset = offset;
    this.size = 1 << log2;
    this.mask = this.size - 1;
    this.descriptors = offset + RING_HEADER_BYTES;
    this.#flagsAt = (offset + FLAGS_AT) >> 1;
    this.#headAt = (offset + HEAD_AT) >> 1;
    this.#tailAt = (offset + TAIL_AT) >> 1;
  }

  /** Writes an empty ring. */
  initialize(): void {
    const { region } = this;
    region.bytes.fill(0, this.offset, this.offset + ringBytes(Math.log2(this.size)));
    region.view.setUint32(this.offset, COOKIE, true);
  }

  get hasCookie(): boolean {
    return this.region.view.getUint32(this.offset, true) === COOKIE;
  }

  get head(): number {
    return Atomics.load(this.region.words, this.#headAt);
  }

  set head(value: number) {
    Atomics.store(this.region.words, this.#headAt, value);
  }

  get tail(): number {
    return Atomics.load(this.region.words, this.#tailAt);
  }

  set tail(value: number) {
    Atomics.store(this.region.words, this.#tailAt, value);
  }

  get flags(): number {
    return Atomics.load(this.region.words, this.#flagsAt);
  }

  /** Whether the consumer asked not to be woken. */
  get isMasked(): boolean {
    return (this.flags & MASK_INT) !== 0;
  }

  /** Of a ring that we consume. Sequentially consistent: a look at the ring after it sees what came before. */
  setMasked(masked: boolean): void {
    Atomics.store(this.region.words, this.#flagsAt, masked ? MASK_INT : 0);
  }

  /** What a descriptor says now; for people. */
  descriptor(slot: number): { flags: number; region: number; length: number; offset: number } {
    const { view } = this.region;
    const at = this.descriptors + (slot & this.mask) * DESCRIPTOR_BYTES;
    return {
      flags: view.getUint16(at, true),
      region: view.getUint16(at + 2, true),
      length: view.getUint32(at + 4, true),
      offset: view.getUint32(at + 8, true),
    };
  }
}
