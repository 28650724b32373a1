import { VppError } from "../errors.ts";

/** The header of a frame on the socket: `msgbuf_t` {u64 q, u32 data_len (big-endian), u32 gc_mark}: vlibapi/api_common.h:127. */
export const FRAME_HEADER_BYTES = 16;

/** Largest payload that is believed: get_api_json of a full VPP is a few MB. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** A payload in its frame. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameLength(frame, 0, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** Writes the length into a header of zeros that begins at `position`. */
export function writeFrameLength(target: Uint8Array, position: number, length: number): void {
  target[position + 8] = length >>> 24;
  target[position + 9] = length >>> 16;
  target[position + 10] = length >>> 8;
  target[position + 11] = length;
}

/**
 * Cuts a byte stream into payloads. Bytes that arrive in one piece are not copied; of a frame that arrives in many
 * pieces the bytes are copied once. After an error the reader is done: the stream has lost its framing.
 */
export class FrameReader {
  readonly #maxPayloadBytes: number;
  /** A frame that has begun: `#have` bytes of `#partial` are filled. */
  #partial = Buffer.allocUnsafeSlow(256);
  #have = 0;
  #broken: VppError | undefined;

  constructor(options: { maxPayloadBytes?: number } = {}) {
    this.#maxPayloadBytes = options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES;
  }

  /** Bytes of a frame that is not complete. */
  get pendingBytes(): number {
    return this.#have;
  }

  /** The payloads that this chunk completes. @throws VppError FRAME */
  push(chunk: Uint8Array): Uint8Array[] {
    const payloads: Uint8Array[] = [];
    this.read(chunk, (buffer, start, end) => {
      payloads.push(new Uint8Array(buffer.subarray(start, end)));
    });
    return payloads;
  }

  /** As push, without a copy: `[start, end)` of the buffer is the payload, valid during the call only. */
  read(chunk: Uint8Array, onPayload: (buffer: Uint8Array, start: number, end: number) => void): void {
    if (this.#broken !== undefined) throw this.#broken;
    let at = 0;
    while (this.#have > 0 && at < chunk.length) {
      at = this.#fill(chunk, at);
      const size = this.#have < FRAME_HEADER_BYTES ? undefined : this.#frameSize(this.#partial, 0);
      if (size === undefined || this.#have < size) continue;
      this.#have = 0;
      onPayload(this.#partial, FRAME_HEADER_BYTES, size);
      this.#shrink();
    }
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const size = this.#frameSize(chunk, at);
      if (chunk.length - at < size) break;
      onPayload(chunk, at + FRAME_HEADER_BYTES, at + size);
      at += size;
    }
    if (at < chunk.length) {
      this.#reserve(chunk.length - at);
      this.#partial.set(at === 0 ? chunk : chunk.subarray(at), 0);
      this.#have = chunk.length - at;
      if (this.#have >= FRAME_HEADER_BYTES) this.#frameSize(this.#partial, 0);
    }
  }

  /** Takes as much of the chunk as the header, then the frame, still lacks. @returns the new position in the chunk */
  #fill(chunk: Uint8Array, at: number): number {
    const want = this.#have < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : this.#frameSize(this.#partial, 0);
    const take = Math.min(want - this.#have, chunk.length - at);
    this.#reserve(this.#have + take);
    this.#partial.set(chunk.subarray(at, at + take), this.#have);
    this.#have += take;
    return at + take;
  }

  /** Grows with what has arrived, not with what a header claims. */
  #reserve(bytes: number): void {
    if (this.#partial.length >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#partial.length));
    larger.set(this.#partial.subarray(0, this.#have), 0);
    this.#partial = larger;
  }

  #shrink(): void {
    if (this.#partial.length > 1 << 20) this.#partial = Buffer.allocUnsafeSlow(256);
  }

  #frameSize(buffer: Uint8Array, at: number): number {
    const length =
      (((buffer[at + 8] as number) << 24) |
        ((buffer[at + 9] as number) << 16) |
        ((buffer[at + 10] as number) << 8) |
        (buffer[at + 11] as number)) >>>
      0;
    if (length < 2 || length > this.#maxPayloadBytes) {
      this.#broken = new VppError(
        "FRAME",
        `frame of ${length} bytes (2 to ${this.#maxPayloadBytes} are possible): not VPP?`,
      );
      throw this.#broken;
    }
    return FRAME_HEADER_BYTES + length;
  }
}
