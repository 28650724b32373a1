import { copyBytes, type Memory } from "./copy.ts";
import { MemifError } from "./errors.ts";
import type { Region } from "./region.ts";
import { DESCRIPTOR_BYTES, NEXT, type Ring } from "./ring.ts";

/** What `read` gives where it gives no packet. */
export const EMPTY = 0;
export const BAD = -1;

/** Where a slave's buffers of one ring are: in region 0, one after the other. */
export interface OwnBuffers {
  readonly offset: number;
  readonly size: number;
}

/**
 * Packets that a peer sends, ring by ring. What the peer writes is checked: packets with a descriptor outside its regions
 * are thrown away and counted; a ring that contradicts itself sets `fault`, and nothing more is read from it.
 */
export class ReceiveQueue {
  readonly ring: Ring;
  /** The peer's eventfd or ours: it becomes readable when the peer wants us to look. */
  readonly interruptFd: number;
  packets = 0;
  bytes = 0;
  /** Packets thrown away because of their descriptors. */
  bad = 0;
  interrupts = 0;
  /** Set once, for good: the connection must be ended. */
  fault: MemifError | undefined;
  readonly #regions: readonly Region[];
  /** Of a slave, whose buffers go back to the master; a master has none. */
  readonly #own: OwnBuffers | undefined;
  /** The next slot to read. */
  #cursor: number;
  /** The next buffer to offer: ours alone, whatever the ring says. */
  #head = 0;
  #available = 0;
  /** Slots of a packet that was not complete at the last look. */
  #incomplete = 0;

  constructor(ring: Ring, regions: readonly Region[], interruptFd: number, own?: OwnBuffers) {
    this.ring = ring;
    this.interruptFd = interruptFd;
    this.#regions = regions;
    this.#own = own;
    this.#cursor = own === undefined ? ring.tail : 0;
  }

  /** Gives a slave's buffers to the master: before the ring is used. */
  fill(): void {
    if (this.#own === undefined) return;
    for (let slot = 0; slot < this.ring.size; slot += 1) this.#offer(slot);
    this.#head = this.ring.size;
    this.ring.head = this.#head;
  }

  /** Looks how many slots the peer has filled; what comes after waits for the next look. */
  look(): number {
    if (this.fault !== undefined) return 0;
    const produced = this.#own === undefined ? this.ring.head : this.ring.tail;
    const available = (produced - this.#cursor) & 0xffff;
    if (available > this.ring.size) {
      this.fault = new MemifError("RING", `${available} packets in a ring of ${this.ring.size}`);
      return 0;
    }
    this.#available = available;
    return available;
  }

  /** Whether there is something to read: half a packet is nothing. */
  get isReady(): boolean {
    return this.look() > this.#incomplete;
  }

  /**
   * Copies the next packet to `to` from `at`: all of its descriptors, at most `room` bytes.
   * @returns its length, {@link EMPTY} where nothing is left of what `look` saw, {@link BAD} where a packet was thrown away
   */
  read(to: Memory, at: number, room: number): number {
    const { view } = this.ring.region;
    const { mask, descriptors } = this.ring;
    let length = 0;
    let slots = 0;
    let isBad = false;
    for (;;) {
      if (slots === this.#available) return this.#endless(slots);
      const descriptor = descriptors + ((this.#cursor + slots) & mask) * DESCRIPTOR_BYTES;
      slots += 1;
      // Each field is read once: the peer may change it after the check.
      const flagsAndRegion = view.getUint32(descriptor, true);
      const size = view.getUint32(descriptor + 4, true);
      const offset = view.getUint32(descriptor + 8, true);
      const region = this.#regions[flagsAndRegion >>> 16];
      if (region === undefined || size === 0 || offset + size > region.size || length + size > room) isBad = true;
      if (!isBad) {
        copyBytes(region!, offset, to, at + length, size);
        length += size;
      }
      if ((flagsAndRegion & NEXT) === 0) break;
    }
    this.#cursor = (this.#cursor + slots) & 0xffff;
    this.#available -= slots;
    this.#incomplete = 0;
    if (isBad) {
      this.bad += 1;
      return BAD;
    }
    this.packets += 1;
    this.bytes += length;
    return length;
  }

  /** Gives back the slots of all packets that were read. */
  release(): void {
    const { ring } = this;
    if (this.#own === undefined) {
      ring.tail = this.#cursor;
      return;
    }
    // The head runs a whole ring ahead of what was read.
    const head = (this.#cursor + ring.size) & 0xffff;
    for (let slot = this.#head; slot !== head; slot = (slot + 1) & 0xffff) this.#offer(slot);
    this.#head = head;
    ring.head = head;
  }

  /** A packet that is not complete yet waits; one that fills the ring never will be. */
  #endless(slots: number): typeof EMPTY {
    this.#incomplete = slots;
    if (slots === this.ring.size) this.fault = new MemifError("RING", "chain of descriptors without end");
    return EMPTY;
  }

  #offer(slot: number): void {
    const { ring } = this;
    const { offset, size } = this.#own!;
    const { view } = ring.region;
    const index = slot & ring.mask;
    const descriptor = ring.descriptors + index * DESCRIPTOR_BYTES;
    view.setUint32(descriptor, 0, true);
    view.setUint32(descriptor + 4, size, true);
    view.setUint32(descriptor + 8, offset + index * size, true);
  }
}
