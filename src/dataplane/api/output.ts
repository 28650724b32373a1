/** Frame header: u64 (unused), u32 payload length, u32 (unused); vlibapi/api_common.h msgbuf_t. */
export const HEADER_BYTES = 16;
const FIRST_CHUNK_BYTES = 1 << 10;
const LARGEST_CHUNK_BYTES = 64 << 10;

/** Frames on their way to a socket, one behind the other in a few chunks that grow with what is to be sent. */
export class OutputChunks {
  #full: Uint8Array[] = [];
  #chunk: Uint8Array = new Uint8Array(0);
  #used = 0;
  #bytes = 0;

  /** Not yet taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the payload behind a header of its own. */
  push(payload: Uint8Array): void {
    const length = HEADER_BYTES + payload.length;
    if (this.#chunk.length - this.#used < length) this.#grow(length);
    const chunk = this.#chunk;
    const at = this.#used;
    // Memory of the pool is not cleared.
    chunk.fill(0, at, at + HEADER_BYTES);
    chunk[at + 8] = payload.length >>> 24;
    chunk[at + 9] = payload.length >>> 16;
    chunk[at + 10] = payload.length >>> 8;
    chunk[at + 11] = payload.length;
    chunk.set(payload, at + HEADER_BYTES);
    this.#used = at + length;
    this.#bytes += length;
  }

  /** Everything so far; it belongs to the caller. */
  take(): Uint8Array[] {
    const chunks = this.#used === 0 ? this.#full : [...this.#full, this.#chunk.subarray(0, this.#used)];
    this.#full = [];
    this.#chunk = new Uint8Array(0);
    this.#used = 0;
    this.#bytes = 0;
    return chunks;
  }

  #grow(least: number): void {
    if (this.#used > 0) this.#full.push(this.#chunk.subarray(0, this.#used));
    const wanted = Math.min(LARGEST_CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, this.#chunk.length * 4));
    this.#chunk = Buffer.allocUnsafe(Math.max(least, wanted));
    this.#used = 0;
  }
}
