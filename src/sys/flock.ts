import { closeSync, constants, openSync } from "node:fs";
import { SysError } from "./errors.ts";
import { errno, libc } from "./libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** A lock on a file that the kernel ends with its process, however that ends. */
export interface FileLock {
  /** The lock's file, open for reading and writing. */
  readonly fd: number;
  release(): void;
}

/**
 * Takes the exclusive lock of a file (flock(2)), which is made where it is missing. It holds between processes and
 * within one.
 * @returns undefined where someone else has it
 * @throws SysError of flock, e.g. ENOLCK; an error of node:fs where the file cannot be opened
 */
export function lockFile(path: string): FileLock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return { fd, release: () => closeSync(fd) };
  const error = new SysError("flock", errno(), { what: path });
  closeSync(fd);
  if (error.code === "EAGAIN") return undefined;
  throw error;
}
