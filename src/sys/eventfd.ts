import { EFD_CLOEXEC, EFD_NONBLOCK } from "./constants.ts";
import { libc, must } from "./libc.ts";
import { closeFd, readSome, writeSome } from "./sockets.ts";

/** A counter in the kernel that can be waited for (eventfd(2)), non-blocking. */
export interface EventFd {
  readonly fd: number;
  /** Adds one and wakes whoever waits. */
  signal(): void;
  /** Takes the count and resets it to 0. */
  drain(): bigint;
  close(): void;
}

/** @throws SysError */
export function openEventFd(): EventFd {
  const fd = must("eventfd", libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const one = new Uint8Array(BigUint64Array.of(1n).buffer);
  const out = new BigUint64Array(1);
  let open = true;
  return {
    fd,
    signal: () => void writeSome(fd, one, 8),
    drain: () => (readSome(fd, new Uint8Array(out.buffer), 8) === 8 ? (out[0] ?? 0n) : 0n),
    close() {
      if (open) closeFd(fd);
      open = false;
    },
  };
}
