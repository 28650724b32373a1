import { SysError } from "./errors.ts";
import { errno, libc } from "./libc.ts";

const EINTR = 4;
const one = new Uint8Array(8);
const oneView = new DataView(one.buffer);

/**
 * Waits for events of one descriptor, blocking the thread: for start-up paths with short waits.
 * @param timeoutMs 0 looks and returns
 * @returns the events that are there (POLLIN...), 0 after the timeout
 */
export function pollFd(fd: number, events: number, timeoutMs: number): number {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    oneView.setInt32(0, fd, true);
    oneView.setUint32(4, events, true);
    const count = libc().poll(one, 1, Math.max(0, deadline - Date.now()));
    if (count >= 0) return oneView.getUint16(6, true);
    const error = errno();
    if (error !== EINTR) throw new SysError("poll", error, { what: `descriptor ${fd}` });
  }
}

/** The set of those descriptors that have `events`, without waiting. */
export function pollMany(fds: readonly number[], events: number): Set<number> {
  const bytes = new Uint8Array(8 * fds.length);
  const view = new DataView(bytes.buffer);
  fds.forEach((fd, i) => {
    view.setInt32(8 * i, fd, true);
    view.setUint16(8 * i + 4, events, true);
  });
  const count = libc().poll(bytes, fds.length, 0);
  if (count < 0) {
    const error = errno();
    if (error === EINTR) return new Set();
    throw new SysError("poll", error);
  }
  return new Set(fds.filter((_, i) => view.getUint16(8 * i + 6, true) !== 0));
}
