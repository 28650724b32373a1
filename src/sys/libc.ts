import { createRequire } from "node:module";
import type * as KoffiModule from "koffi";
import { SysError } from "./errors.ts";

/** Memory that a system call reads or writes: a byte array, or an address (see `Arena`). */
export type Pointer = Uint8Array | bigint | null;

/**
 * The C prototypes, bound one by one at first use. Pointers are `void *`, which koffi takes as a byte array or a bigint.
 * koffi has no `ssize_t`: int64_t stands for it.
 */
const prototypes = {
  socket: "int socket(int domain, int type, int protocol)",
  socketpair: "int socketpair(int domain, int type, int protocol, void *sv)",
  bind: "int bind(int fd, void *address, uint32_t length)",
  connect: "int connect(int fd, void *address, uint32_t length)",
  listen: "int listen(int fd, int backlog)",
  accept4: "int accept4(int fd, void *address, void *length, int flags)",
  getsockname: "int getsockname(int fd, void *address, void *length)",
  setsockopt: "int setsockopt(int fd, int level, int name, void *value, uint32_t length)",
  getsockopt: "int getsockopt(int fd, int level, int name, void *value, void *length)",
  send: "int64_t send(int fd, void *buffer, size_t length, int flags)",
  sendto: "int64_t sendto(int fd, void *buffer, size_t length, int flags, void *address, uint32_t addressLength)",
  recv: "int64_t recv(int fd, void *buffer, size_t length, int flags)",
  sendmsg: "int64_t sendmsg(int fd, void *message, int flags)",
  recvmsg: "int64_t recvmsg(int fd, void *message, int flags)",
  sendmmsg: "int sendmmsg(int fd, void *messages, uint32_t count, int flags)",
  recvmmsg: "int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)",
  read: "int64_t read(int fd, void *buffer, size_t length)",
  write: "int64_t write(int fd, void *buffer, size_t length)",
  open: "int open(const char *path, int flags)",
  close: "int close(int fd)",
  fcntl: "int fcntl(int fd, int command, long argument)",
  flock: "int flock(int fd, int operation)",
  ioctl: "int ioctl(int fd, unsigned long request, void *argument)",
  poll: "int poll(void *fds, unsigned long count, int timeout)",
  eventfd: "int eventfd(uint32_t initial, int flags)",
  epoll_create1: "int epoll_create1(int flags)",
  epoll_ctl: "int epoll_ctl(int epfd, int operation, int fd, void *event)",
  epoll_wait: "int epoll_wait(int epfd, void *events, int count, int timeout)",
  memfd_create: "int memfd_create(const char *name, uint32_t flags)",
  ftruncate: "int ftruncate(int fd, int64_t length)",
  mmap: "void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)",
  munmap: "int munmap(void *address, size_t length)",
  setns: "int setns(int fd, int type)",
  unshare: "int unshare(int flags)",
  mount: "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)",
  umount2: "int umount2(const char *target, int flags)",
  sched_setaffinity: "int sched_setaffinity(int pid, size_t length, void *mask)",
  sched_getaffinity: "int sched_getaffinity(int pid, size_t length, void *mask)",
  if_nametoindex: "uint32_t if_nametoindex(const char *name)",
} as const;

type Length = number | bigint;

/** libc as far as it is used here. Failures are -1 (or MAP_FAILED) with `errno()`; `must` turns them into SysError. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, sv: Pointer): number;
  bind(fd: number, address: Pointer, length: number): number;
  connect(fd: number, address: Pointer, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Pointer, length: Pointer, flags: number): number;
  getsockname(fd: number, address: Pointer, length: Pointer): number;
  setsockopt(fd: number, level: number, name: number, value: Pointer, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: Pointer, length: Pointer): number;
  send(fd: number, buffer: Pointer, length: Length, flags: number): number;
  sendto(fd: number, buffer: Pointer, length: Length, flags: number, address: Pointer, addressLength: number): number;
  recv(fd: number, buffer: Pointer, length: Length, flags: number): number;
  sendmsg(fd: number, message: Pointer, flags: number): number;
  recvmsg(fd: number, message: Pointer, flags: number): number;
  sendmmsg(fd: number, messages: Pointer, count: number, flags: number): number;
  recvmmsg(fd: number, messages: Pointer, count: number, flags: number, timeout: Pointer): number;
  read(fd: number, buffer: Pointer, length: Length): number;
  write(fd: number, buffer: Pointer, length: Length): number;
  open(path: string, flags: number): number;
  close(fd: number): number;
  fcntl(fd: number, command: number, argument: Length): number;
  flock(fd: number, operation: number): number;
  ioctl(fd: number, request: Length, argument: Pointer): number;
  poll(fds: Pointer, count: Length, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epfd: number, operation: number, fd: number, event: Pointer): number;
  epoll_wait(epfd: number, events: Pointer, count: number, timeoutMs: number): number;
  memfd_create(name: string, flags: number): number;
  ftruncate(fd: number, length: Length): number;
  mmap(address: Pointer, length: Length, protection: number, flags: number, fd: number, offset: Length): bigint | null;
  munmap(address: Pointer, length: Length): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  mount(source: string | null, target: string, type: string | null, flags: Length, data: string | null): number;
  umount2(target: string, flags: number): number;
  sched_setaffinity(pid: number, length: Length, mask: Pointer): number;
  sched_getaffinity(pid: number, length: Length, mask: Pointer): number;
  if_nametoindex(name: string): number;
}

type Koffi = typeof KoffiModule;

let koffiModule: Koffi | undefined;
let bound: Libc | undefined;

/** koffi itself, loaded at first use so that commands that need no system call work without it. */
export function koffi(): Koffi {
  if (koffiModule === undefined) {
    try {
      koffiModule = createRequire(import.meta.url)("koffi") as Koffi;
    } catch (cause) {
      throw new SysError("koffi", 0, {
        cause,
        hint: "the native module koffi could not be loaded: run `npm install` on this machine (Linux, x64 or arm64)",
      });
    }
  }
  return koffiModule;
}

/** The C library of this process (glibc or musl); each function is bound at its first call. */
export function libc(): Libc {
  if (bound !== undefined) return bound;
  if (process.platform !== "linux") {
    throw new SysError("libc", 0, { hint: `this needs Linux; ${process.platform} has no network namespaces` });
  }
  const library = koffi().load(null);
  const target = {};
  for (const [name, prototype] of Object.entries(prototypes)) {
    Object.defineProperty(target, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = library.func(prototype);
        Object.defineProperty(target, name, { value, enumerable: true });
        return value;
      },
    });
  }
  bound = target as Libc;
  return bound;
}

/** errno of the last call on this thread. Read it before anything else. */
export function errno(): number {
  return koffi().errno();
}

/**
 * Passes a result on, or throws the SysError of a negative one.
 * @param what the object of the call, for the message ("vpp1out")
 */
export function must(syscall: string, result: number, what?: string, hint?: string): number {
  if (result >= 0) return result;
  throw new SysError(syscall, errno(), {
    ...(what === undefined ? {} : { what }),
    ...(hint === undefined ? {} : { hint }),
  });
}
