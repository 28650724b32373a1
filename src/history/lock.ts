import { ftruncateSync, readFileSync, writeSync } from "node:fs";
import { lockFile, type FileLock } from "../sys/flock.ts";
import { HistoryError } from "./errors.ts";

/** The file beside the state file that its one writer holds a lock on; it says who that is. It stays. */
export const lockPath = (path: string): string => `${path}.owner`;

/** One writer for each state file. @throws HistoryError LOCKED; SysError, or an error of node:fs */
export function lockState(path: string): FileLock {
  const lock = lockFile(lockPath(path));
  if (lock === undefined) {
    const pid = readFileSync(lockPath(path), "utf8").trim();
    const whose = pid === "" ? "another process" : `process ${pid}`;
    throw new HistoryError(
      "LOCKED",
      `${path} is in use by ${whose}: one controller at a time writes it. Stop that one, or give this one a file of its own (state.journal, --journal)`,
    );
  }
  try {
    ftruncateSync(lock.fd);
    writeSync(lock.fd, `${process.pid}\n`, 0);
  } catch {
    // A full disk: the lock holds all the same, only its owner's name is missing.
  }
  return lock;
}

/** Whether someone writes the state file now. Needs the right to open the lock's file. */
export function isLocked(path: string): boolean {
  const lock = lockFile(lockPath(path));
  lock?.release();
  return lock === undefined;
}
