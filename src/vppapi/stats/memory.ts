import { closeSync, fstatSync, readSync } from "node:fs";
import { VppError } from "../errors.ts";

/** The segment's memory, read through its descriptor: no mmap, no addon. Addresses are those of VPP's process. */
export class SegmentMemory {
  readonly #fd: number;
  readonly #bytes: number;
  /** Where VPP has the segment mapped. */
  base = 0n;

  /** Owns the descriptor. */
  constructor(fd: number) {
    this.#fd = fd;
    this.#bytes = fstatSync(fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** @throws VppError STATS for addresses outside: the directory changed while it was read, or it is no segment */
  readAt(offset: number, length: number): Buffer {
    if (!(offset >= 0) || length < 0 || offset + length > this.#bytes) {
      throw new VppError(
        "STATS",
        `the statistics segment points outside itself (${offset} + ${length} of ${this.#bytes})`,
      );
    }
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#fd, buffer, done, length - done, offset + done);
      if (got === 0) throw new VppError("STATS", "the statistics segment ends early");
      done += got;
    }
    return buffer;
  }

  read(address: bigint, length: number): Buffer {
    return this.readAt(Number(address - this.base), length);
  }

  /** A vector of vppinfra: u32 length, 8 bytes before its first element (vppinfra/vec_bootstrap.h). */
  vector(address: bigint, elementBytes: number): Buffer {
    if (address === 0n) return Buffer.alloc(0);
    const length = this.read(address - 8n, 4).readUInt32LE(0);
    return this.read(address, length * elementBytes);
  }
}
