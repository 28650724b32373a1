/** Both ends of a subject's devices: frames in, frames out. */
import type { Namespace } from "../../src/kernel/namespace.ts";
import { mapMemory, type Mapping } from "../../src/sys/mmap.ts";
import { PacketRing, PacketSender } from "../../src/sys/packet-ring.ts";

const SLOT_BYTES = 2048;
const SLOTS = 64;
const POLL_MS = 1;

/** A device of a namespace, as a cable's end in the test's hand. */
export class Wire {
  readonly #ring: PacketRing;
  readonly #sender: PacketSender;
  readonly #memory: Mapping;

  /** @throws SysError where there is no such device */
  constructor(namespace: Namespace, device: string) {
    this.#ring = namespace.run(() => new PacketRing(device, { blocks: 16 }));
    this.#sender = new PacketSender(this.#ring.fd);
    this.#memory = mapMemory(SLOT_BYTES * SLOTS);
  }

  send(frames: readonly Uint8Array[]): void {
    const { address } = this.#memory;
    for (let first = 0; first < frames.length; first += SLOTS) {
      frames.slice(first, first + SLOTS).forEach((frame, slot) => {
        this.#memory.bytes.set(frame, slot * SLOT_BYTES);
        const [low, high] = [Number(address & 0xffffffffn), Number(address >> 32n)];
        this.#sender.push(low, high, slot * SLOT_BYTES, frame.length);
      });
      const lost = this.#sender.send();
      if (lost > 0) throw new Error(`the kernel did not take ${lost} frames`);
    }
  }

  /** What has come since the last call. */
  take(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    while (this.#ring.nextBlock() > 0) {
      while (this.#ring.nextFrame()) {
        const { offset, length } = this.#ring.frame;
        frames.push(this.#ring.bytes.slice(offset, offset + length));
      }
      this.#ring.releaseBlock();
    }
    return frames;
  }

  /** Frames up to one that `isLast` says is the last. @throws Error when it does not come in time */
  async until(isLast: (frame: Uint8Array) => boolean, timeoutMs: number): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const taken = this.take();
      frames.push(...taken);
      if (taken.some(isLast)) return frames;
      if (Date.now() > deadline) throw new Error(`no answer in ${timeoutMs} ms, ${frames.length} frames came`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  close(): void {
    this.#sender.close();
    this.#ring.close();
    this.#memory.close();
  }
}
