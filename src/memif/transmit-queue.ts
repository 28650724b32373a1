import { POLLOUT } from "../sys/constants.ts";
import { pollFd } from "../sys/poll.ts";
import { writeSome } from "../sys/sockets.ts";
import { copyBytes, type Memory } from "./copy.ts";
import { MemifError } from "./errors.ts";
import type { OwnBuffers } from "./receive-queue.ts";
import type { Region } from "./region.ts";
import { DESCRIPTOR_BYTES, NEXT, type Ring } from "./ring.ts";

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

/**
 * Packets to a peer. A slave writes into buffers of its own, a master into those that the slave offers, which are checked.
 * A ring that contradicts itself sets `fault`, and nothing more is written to it.
 */
export class TransmitQueue {
  readonly ring: Ring;
  /** Written to where the peer sleeps. */
  readonly interruptFd: number;
  packets = 0;
  bytes = 0;
  /** Packets for which the peer had left no room. */
  noFreeSlots = 0;
  interrupts = 0;
  /** Set once, for good: the connection must be ended. */
  fault: MemifError | undefined;
  readonly #regions: readonly Region[];
  readonly #own: OwnBuffers | undefined;
  /** The next slot to fill. */
  #cursor: number;
  /** Slots up to which the peer has been told. */
  #published: number;
  #free = 0;

  constructor(ring: Ring, regions: readonly Region[], interruptFd: number, own?: OwnBuffers) {
    this.ring = ring;
    this.interruptFd = interruptFd;
    this.#regions = regions;
    this.#own = own;
    this.#cursor = own === undefined ? ring.tail : 0;
    this.#published = this.#cursor;
  }

  /**
   * Copies a packet into the ring, over several descriptors where one buffer is too short. It leaves with `flush`.
   * @returns false where there is no room for it: it is lost
   */
  send(from: Memory, offset: number, length: number): boolean {
    if (this.fault === undefined && this.#put(from, offset, length)) {
      this.packets += 1;
      this.bytes += length;
      return true;
    }
    this.noFreeSlots += 1;
    return false;
  }

  /** Hands what was sent to the peer and wakes him if he sleeps. */
  flush(): void {
    if (this.#cursor === this.#published || this.fault !== undefined) return;
    this.#published = this.#cursor;
    if (this.#own === undefined) this.ring.tail = this.#cursor;
    else this.ring.head = this.#cursor;
    if (!this.ring.isMasked) this.#wake();
  }

  #put(from: Memory, offset: number, length: number): boolean {
    let slots = 0;
    let done = 0;
    while (done < length) {
      if (slots === this.#free && this.#look() <= slots) return false;
      const room = this.#own === undefined ? this.#offered(slots) : this.#own.size;
      if (room === 0) return false;
      const part = Math.min(room, length - done);
      this.#fill(slots, from, offset + done, part, done + part < length);
      done += part;
      slots += 1;
    }
    this.#cursor = (this.#cursor + slots) & 0xffff;
    this.#free -= slots;
    return true;
  }

  /** How many slots are free now. */
  #look(): number {
    const { ring } = this;
    const free =
      this.#own === undefined
        ? (ring.head - this.#cursor) & 0xffff
        : (ring.size - ((this.#cursor - ring.tail) & 0xffff)) | 0;
    if (free > ring.size || free < 0) {
      this.fault = new MemifError("RING", "free slots beyond the ring");
      this.#free = 0;
    } else this.#free = free;
    return this.#free;
  }

  /** The target of the part that goes into the slot `at` slots from the cursor. */
  #region: Region | undefined;
  #target = 0;

  /** Bytes of the slave's buffer there; 0 with a fault where it is none. */
  #offered(at: number): number {
    const { view } = this.ring.region;
    const descriptor = this.#descriptor(at);
    const region = this.#regions[view.getUint16(descriptor + 2, true)];
    const size = view.getUint32(descriptor + 4, true);
    const offset = view.getUint32(descriptor + 8, true);
    if (region === undefined || size === 0 || offset + size > region.size) {
      this.fault = new MemifError("RING", "buffer outside the regions");
      return 0;
    }
    this.#region = region;
    this.#target = offset;
    return size;
  }

  #fill(at: number, from: Memory, offset: number, length: number, more: boolean): void {
    const descriptor = this.#descriptor(at);
    const { view } = this.ring.region;
    const own = this.#own;
    if (own === undefined) {
      copyBytes(from, offset, this.#region!, this.#target, length);
      view.setUint16(descriptor, more ? NEXT : 0, true);
    } else {
      const target = own.offset + ((this.#cursor + at) & this.ring.mask) * own.size;
      copyBytes(from, offset, this.ring.region, target, length);
      // With the region's index, 0, in the upper half.
      view.setUint32(descriptor, more ? NEXT : 0, true);
      view.setUint32(descriptor + 8, target, true);
    }
    view.setUint32(descriptor + 4, length, true);
  }

  #descriptor(at: number): number {
    return this.ring.descriptors + ((this.#cursor + at) & this.ring.mask) * DESCRIPTOR_BYTES;
  }

  /**
   * The peer shares the eventfd and could have filled it and made it block: a write that would block is left out. (Between
   * the look and the write he has a microsecond left to do it.)
   */
  #wake(): void {
    try {
      if ((pollFd(this.interruptFd, POLLOUT, 0) & POLLOUT) === 0) return;
      writeSome(this.interruptFd, ONE, 8);
      this.interrupts += 1;
    } catch (cause) {
      this.fault = new MemifError("RING", "interrupt descriptor is broken", { cause });
    }
  }
}
