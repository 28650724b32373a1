/** Both ends of a subject's devices: frames in, frames out. */
import type { Namespace } from "../../src/kernel/namespace.ts";
import { mapMemory, type Mapping } from "../../src/sys/mmap.ts";
import { PacketRing, PacketSender, TP_STATUS_VLAN_VALID } from "../../src/sys/packet-ring.ts";

/** Of frames that are sent at once; the longest is a little less. */
const ROOM_BYTES = 128 * 1024;
const FRAMES_AT_ONCE = 64;
const BLOCKS = 16;
const POLL_MS = 1;
const TAG_BYTES = 4;

/** A device of a namespace, as a cable's end in the test's hand. */
export class Wire {
  readonly #ring: PacketRing;
  readonly #sender: PacketSender;
  readonly #memory: Mapping;

  /** @throws SysError where there is no such device */
  constructor(namespace: Namespace, device: string) {
    this.#ring = namespace.run(() => new PacketRing(device, { blocks: BLOCKS }));
    this.#sender = new PacketSender(this.#ring.fd, FRAMES_AT_ONCE);
    this.#memory = mapMemory(ROOM_BYTES);
  }

  send(...frames: readonly Uint8Array[]): void {
    const { address, bytes } = this.#memory;
    const [low, high] = [Number(address & 0xffffffffn), Number(address >> 32n)];
    let used = 0;
    for (const frame of frames) {
      if (this.#sender.full || used + frame.length > ROOM_BYTES) used = this.#flush();
      bytes.set(frame, used);
      this.#sender.push(low, high, used, frame.length);
      used += frame.length;
    }
    this.#flush();
  }

  #flush(): 0 {
    const lost = this.#sender.send();
    if (lost > 0) throw new Error(`the kernel did not take ${lost} frames`);
    return 0;
  }

  /** What has come since the last call, with tags that the kernel took off. */
  take(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    while (this.#ring.nextBlock() > 0) {
      while (this.#ring.nextFrame()) {
        const { offset, length, status } = this.#ring.frame;
        const frame = this.#ring.bytes.slice(offset, offset + length);
        frames.push((status & TP_STATUS_VLAN_VALID) === 0 ? frame : withTag(frame, this.#ring.vlanTag()));
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

function withTag(frame: Uint8Array, tag: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + TAG_BYTES);
  tagged.set(frame.subarray(0, 12));
  new DataView(tagged.buffer).setUint32(12, tag);
  tagged.set(frame.subarray(12), 12 + TAG_BYTES);
  return tagged;
}
