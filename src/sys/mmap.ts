import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_SHRINK,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  PROT_READ,
  PROT_WRITE,
} from "./constants.ts";
import { SysError } from "./errors.ts";
import { errno, koffi, libc, must } from "./libc.ts";

/**
 * Mapped memory: a fixed address that structures can point at, and views of the same bytes. After `close` the views
 * read unmapped memory: whoever owns the mapping owns every view of it.
 */
export interface Mapping {
  readonly address: bigint;
  readonly length: number;
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Unmaps; idempotent. */
  close(): void;
}

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * Maps `length` bytes of a descriptor, or anonymous memory where `fd` is left out.
 * @param options `shared` defaults to true with a descriptor, false without; `writable` defaults to true; `flags` are
 *   further MAP_ flags; `offset` in bytes, page-aligned, defaults to 0
 * @throws SysError
 */
export function mapMemory(
  length: number,
  options: { fd?: number; shared?: boolean; writable?: boolean; offset?: number; flags?: number } = {},
): Mapping {
  const { fd = -1, writable = true, offset = 0, flags = 0 } = options;
  const shared = options.shared ?? fd >= 0;
  const address = libc().mmap(
    null,
    length,
    PROT_READ | (writable ? PROT_WRITE : 0),
    (shared ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0) | flags,
    fd,
    offset,
  );
  if (address === null || BigInt.asUintN(64, address) === MAP_FAILED) {
    throw new SysError("mmap", errno(), { what: `${length} bytes` });
  }
  const buffer = koffi().view(address, length);
  let open = true;
  return {
    address,
    length,
    buffer,
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
    close() {
      if (!open) return;
      open = false;
      must("munmap", libc().munmap(address, length));
    },
  };
}

/**
 * A memory file of `length` bytes, sealed against shrinking where `sealed` (as memif's regions must be).
 * @returns the descriptor; the caller closes it
 */
export function createMemfd(name: string, length: number, options: { sealed?: boolean } = {}): number {
  const fd = must("memfd_create", libc().memfd_create(name, MFD_CLOEXEC | (options.sealed ? MFD_ALLOW_SEALING : 0)));
  try {
    must("ftruncate", libc().ftruncate(fd, length), name);
    if (options.sealed) must("fcntl", libc().fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), "F_ADD_SEALS");
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  return fd;
}

/** Whether a file's owner gave up shrinking it: what is mapped of it stays there. False for what cannot be sealed. */
export function isSealedAgainstShrinking(fd: number): boolean {
  const seals = libc().fcntl(fd, F_GET_SEALS, 0);
  return seals >= 0 && (seals & F_SEAL_SHRINK) !== 0;
}
