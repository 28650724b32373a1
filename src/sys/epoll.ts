import { libc, must } from "./libc.ts";
import { closeFd } from "./sockets.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLET = 0x80000000;
/** struct epoll_event is packed on x86-64 alone. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const MAX_EVENTS = 64;

/**
 * An epoll instance that is itself pollable (epoll(7)). Descriptors are watched edge-triggered: what becomes readable is
 * told once by `take`, without a read of the descriptor, which may belong to somebody who made it block.
 */
export interface Epoll {
  readonly fd: number;
  /** @throws SysError EPERM for a descriptor that cannot be polled, as a file's */
  addEdge(fd: number): void;
  /** How many descriptors have become readable since the last call (at most 64 at once). Never blocks. */
  take(): number;
  close(): void;
}

/** @throws SysError */
export function openEpoll(): Epoll {
  const fd = must("epoll_create1", libc().epoll_create1(EPOLL_CLOEXEC));
  const event = new Uint8Array(EVENT_BYTES);
  const events = new Uint8Array(EVENT_BYTES * MAX_EVENTS);
  let open = true;
  return {
    fd,
    addEdge(watched) {
      new DataView(event.buffer).setUint32(0, (EPOLLIN | EPOLLET) >>> 0, true);
      must("epoll_ctl", libc().epoll_ctl(fd, EPOLL_CTL_ADD, watched, event), `descriptor ${watched}`);
    },
    // EINTR does not happen without a wait.
    take: () => Math.max(0, libc().epoll_wait(fd, events, MAX_EVENTS, 0)),
    close() {
      if (open) closeFd(fd);
      open = false;
    },
  };
}
