import { libc } from "../../sys/libc.ts";
import { mapMemory, type Mapping } from "../../sys/mmap.ts";
import type { Tun } from "../../sys/tun.ts";
import type { Dataplane } from "../dataplane.ts";
import { frameMemory, type FrameMemory, type Interface, type Port } from "../model.ts";
import { countInputError } from "./input-error.ts";
import type { PollSource } from "./poll-loop.ts";
import { loopOf } from "./shared-loop.ts";

/** Longest frame that is read or written: an MTU of 9,000 with tags. */
const FRAME_BYTES = 9216;
const HEADROOM = 64;
const SLOT_BYTES = 9344;
/** Frames of one burst. */
const SLOTS = 32;
/** Frames that wait for `flush` at most. */
const QUEUE = 256;

/**
 * The dataplane's side of a TAP device: one system call per frame, each way. A frame that the kernel's side has no room for
 * is lost, as on a wire.
 */
export class TapPort implements Port, PollSource {
  readonly fd: number;
  readonly maxFrameBytes = FRAME_BYTES;
  readonly #dataplane: Dataplane;
  readonly #tap: Tun;
  readonly #memory: Mapping;
  readonly #frames: FrameMemory;
  readonly #queue: { address: bigint; length: number }[] = [];
  #iface: Interface | undefined;
  #lost = 0;
  #stop: () => void = () => {};

  constructor(dataplane: Dataplane, tap: Tun) {
    this.#dataplane = dataplane;
    this.#tap = tap;
    this.fd = tap.fd;
    this.#memory = mapMemory(SLOT_BYTES * SLOTS);
    this.#frames = frameMemory(this.#memory.bytes, this.#memory.address);
  }

  /** The interface that receives; frames come from now on. */
  attach(iface: Interface): void {
    this.#iface = iface;
    this.#stop = loopOf(this.#dataplane).add(this);
  }

  poll(): boolean {
    const iface = this.#iface;
    if (iface === undefined) return false;
    const { graph } = this.#dataplane;
    let count = 0;
    for (; count < SLOTS; count += 1) {
      const at = count * SLOT_BYTES + HEADROOM;
      const length = libc().read(this.fd, this.#memory.address + BigInt(at), FRAME_BYTES);
      if (length <= 0) break;
      if (count === 0) graph.beginBurst();
      try {
        graph.input(iface, this.#frames, at, length);
      } catch (error) {
        countInputError(this.#dataplane, iface, error);
      }
    }
    // What was received is sent before its memory is used again.
    if (count > 0) graph.flush();
    return count > 0;
  }

  /** A device that is down gives errors until it is up; there is nothing to clear. */
  clearError(): void {}

  transmit(memory: FrameMemory, offset: number, length: number): boolean {
    if (memory.addressHigh === 0 && memory.addressLow === 0) return false;
    const address = (BigInt(memory.addressHigh) << 32n) + BigInt(memory.addressLow) + BigInt(offset);
    this.#queue.push({ address, length });
    if (this.#queue.length >= QUEUE) this.#lost += this.#write();
    return true;
  }

  flush(): number {
    const lost = this.#lost + this.#write();
    this.#lost = 0;
    return lost;
  }

  /** Ends the watch and closes the device, which is gone then unless it persists. */
  close(): void {
    this.#stop();
    this.#iface = undefined;
    this.#tap.close();
    this.#memory.close();
  }

  #write(): number {
    let lost = 0;
    for (const { address, length } of this.#queue) if (libc().write(this.fd, address, length) !== length) lost += 1;
    this.#queue.length = 0;
    return lost;
  }
}
