import type { Socket } from "node:net";
import { FRAME_HEADER_BYTES, writeFrameLength } from "../codec/frame.ts";
import type { MessageCodec } from "../codec/message.ts";

const BLOCK_BYTES = 64 * 1024;
const SPARE_BLOCKS = 8;

/**
 * Collects the frames of one turn of the event loop and writes them in one piece: a system call for many requests.
 * Blocks of memory go round; one returns when the kernel has taken its bytes. Their free part is all zeros, which is what
 * the encoders write into.
 */
export class Sender {
  readonly #socket: Socket;
  readonly #onDrain: () => void;
  readonly #spare: Buffer[] = [];
  #block: Buffer = Buffer.alloc(BLOCK_BYTES);
  #used = 0;
  #scheduled = false;
  #blocked = false;
  readonly #flush = (): void => this.flush();

  constructor(socket: Socket, onDrain: () => void) {
    this.#socket = socket;
    this.#onDrain = onDrain;
    socket.on("drain", () => {
      this.#blocked = false;
      this.#onDrain();
    });
  }

  /** The kernel and Node's buffer are full: wait for onDrain. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /**
   * Appends a request, with its header filled in.
   * @throws VppError ENCODE, with nothing appended
   */
  append(
    codec: MessageCodec,
    id: number,
    clientIndex: number,
    context: number,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const size = codec.encodedSize(fields);
    const frameBytes = FRAME_HEADER_BYTES + size;
    if (this.#used + frameBytes > this.#block.length) this.#nextBlock(frameBytes);
    const start = this.#used;
    const block = this.#block;
    const body = start + FRAME_HEADER_BYTES;
    try {
      codec.encodeInto(block, body, id, fields);
    } catch (error) {
      block.fill(0, start, start + frameBytes);
      throw error;
    }
    writeFrameLength(block, start, size);
    if (codec.header === "request") {
      writeWord(block, body + 2, clientIndex);
      writeWord(block, body + 6, context);
    } else if (codec.header === "reply") {
      writeWord(block, body + 2, context);
    }
    this.#used = start + frameBytes;
    if (!this.#scheduled) {
      this.#scheduled = true;
      // After the promises that resolve now have run: what they send joins this write.
      process.nextTick(this.#flush);
    }
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#used === 0 || this.#socket.destroyed) return;
    const block = this.#block;
    const used = this.#used;
    this.#block = this.#spare.pop() ?? Buffer.alloc(BLOCK_BYTES);
    this.#used = 0;
    const more = this.#socket.write(block.subarray(0, used), () => {
      if (block.length !== BLOCK_BYTES || this.#spare.length >= SPARE_BLOCKS) return;
      this.#spare.push(block.fill(0, 0, used));
    });
    if (!more) this.#blocked = true;
  }

  #nextBlock(frameBytes: number): void {
    const scheduled = this.#scheduled;
    this.flush();
    this.#scheduled = scheduled;
    if (frameBytes > this.#block.length) this.#block = Buffer.alloc(frameBytes);
  }
}

function writeWord(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
