import { fstatSync } from "node:fs";
import { createMemfd, isSealedAgainstShrinking, mapMemory, type Mapping } from "../sys/mmap.ts";
import { closeFd } from "../sys/sockets.ts";
import { MemifError } from "./errors.ts";

/** Offsets in descriptors are 32 bits: nothing beyond can be used. */
const MAX_REGION_BYTES = 2 ** 32;

const NOTHING = new ArrayBuffer(0);

/**
 * Memory that both sides have mapped. Whatever is read from it may change at any moment: read a value once, check it,
 * use what was checked. After `close` all views are empty, so that a forgotten use finds nothing instead of unmapped memory.
 */
export class Region {
  readonly fd: number;
  readonly size: number;
  bytes: Uint8Array;
  view: DataView;
  quads: BigInt64Array;
  /** For heads, tails and flags: little-endian machines only, as all that this runs on. */
  words: Uint16Array;
  readonly #mapping: Mapping;
  #open = true;

  private constructor(fd: number, mapping: Mapping) {
    this.fd = fd;
    this.size = mapping.length;
    this.bytes = mapping.bytes;
    this.view = mapping.view;
    this.quads = new BigInt64Array(mapping.buffer, 0, mapping.length >>> 3);
    this.words = new Uint16Array(mapping.buffer, 0, mapping.length >> 1);
    this.#mapping = mapping;
  }

  /** A new region, sealed against shrinking. @throws SysError */
  static create(name: string, size: number): Region {
    const fd = createMemfd(name, size, { sealed: true });
    try {
      return new Region(fd, mapMemory(size, { fd }));
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /**
   * Maps what a peer gave; takes the descriptor over only where it succeeds. Memory that the peer can shrink would end this
   * process at the next access (SIGBUS), so it must be sealed, as VPP, libmemif and gomemif do.
   * @throws MemifError REGION, SysError
   */
  static map(fd: number, size: number, options: { allowUnsealed: boolean }): Region {
    if (size === 0 || size > MAX_REGION_BYTES) throw new MemifError("REGION", `region of ${size} bytes`);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new MemifError("REGION", "region is not a memory file");
    if (stat.size < size) throw new MemifError("REGION", `region of ${size} bytes in a file of ${stat.size}`);
    if (!options.allowUnsealed && !isSealedAgainstShrinking(fd)) {
      throw new MemifError("REGION", "region is not sealed", {
        hint: "its owner could end this process by shrinking it. VPP with hugepages: create its memif with no-zero-copy",
      });
    }
    return new Region(fd, mapMemory(size, { fd }));
  }

  /** Unmaps and closes the descriptor; idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.bytes = new Uint8Array(NOTHING);
    this.view = new DataView(NOTHING);
    this.quads = new BigInt64Array(NOTHING);
    this.words = new Uint16Array(NOTHING);
    this.#mapping.close();
    closeFd(this.fd);
  }
}
