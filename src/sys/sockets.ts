import {
  AF_UNIX,
  F_DUPFD_CLOEXEC,
  F_GETFL,
  F_SETFL,
  O_NONBLOCK,
  SOCK_CLOEXEC,
  SOL_SOCKET,
  SO_PEERCRED,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
} from "./constants.ts";
import { SysError } from "./errors.ts";
import { errno, libc, must, type Pointer } from "./libc.ts";

const EAGAIN = 11;
const EINTR = 4;

/** A new socket, close-on-exec. The caller closes it. @throws SysError */
export function openSocket(domain: number, type: number, protocol = 0): number {
  return must("socket", libc().socket(domain, type | SOCK_CLOEXEC, protocol));
}

/** Two connected unix sockets, close-on-exec. */
export function openSocketPair(type: number): [number, number] {
  const out = new Int32Array(2);
  must("socketpair", libc().socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, new Uint8Array(out.buffer)));
  return [out[0] ?? -1, out[1] ?? -1];
}

export function bindSocket(fd: number, address: Uint8Array, what?: string): void {
  must("bind", libc().bind(fd, address, address.length), what);
}

export function connectSocket(fd: number, address: Uint8Array, what?: string): void {
  must("connect", libc().connect(fd, address, address.length), what);
}

/**
 * One connection of a listening socket, close-on-exec; -1 where none waits (and the socket is non-blocking).
 * @throws SysError
 */
export function acceptSocket(fd: number): number {
  const accepted = libc().accept4(fd, null, null, SOCK_CLOEXEC);
  if (accepted >= 0) return accepted;
  const error = errno();
  if (error === EAGAIN || error === EINTR) return -1;
  throw new SysError("accept4", error, { what: `descriptor ${fd}` });
}

/** Closes a descriptor. EBADF is an error: somebody closed what he did not own. */
export function closeFd(fd: number): void {
  must("close", libc().close(fd), `descriptor ${fd}`);
}

/** A second descriptor of the same open file, close-on-exec. */
export function duplicateFd(fd: number): number {
  return must("fcntl", libc().fcntl(fd, F_DUPFD_CLOEXEC, 3), `descriptor ${fd}`);
}

/** Sets O_NONBLOCK on the open file (shared by every duplicate). */
export function setNonBlocking(fd: number, nonBlocking = true): void {
  const flags = must("fcntl", libc().fcntl(fd, F_GETFL, 0), `descriptor ${fd}`);
  const wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) must("fcntl", libc().fcntl(fd, F_SETFL, wanted), `descriptor ${fd}`);
}

/** Sets an option: a number becomes a C int, bytes are passed as they are. */
export function setSocketOption(fd: number, level: number, name: number, value: number | Uint8Array): void {
  const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
  must("setsockopt", libc().setsockopt(fd, level, name, bytes, bytes.length), `level ${level} option ${name}`);
}

/** The bytes of an option, at most `length` of them. */
export function getSocketOption(fd: number, level: number, name: number, length = 4): Uint8Array {
  const out = new Uint8Array(length);
  const size = Uint32Array.of(length);
  const result = libc().getsockopt(fd, level, name, out, new Uint8Array(size.buffer));
  must("getsockopt", result, `level ${level} option ${name}`);
  return out.subarray(0, size[0]);
}

/**
 * Asks for kernel buffer space, past net.core.rmem_max / wmem_max where we may (CAP_NET_ADMIN in the first user
 * namespace), up to that limit otherwise.
 * @returns the bytes granted (the kernel's figure: twice the payload)
 */
export function setBufferSize(fd: number, direction: "receive" | "send", bytes: number): number {
  const [force, plain] = direction === "receive" ? [SO_RCVBUFFORCE, SO_RCVBUF] : [SO_SNDBUFFORCE, SO_SNDBUF];
  try {
    setSocketOption(fd, SOL_SOCKET, force, bytes);
  } catch (error) {
    if (!SysError.is(error, "EPERM")) throw error;
    setSocketOption(fd, SOL_SOCKET, plain, bytes);
  }
  return new DataView(getSocketOption(fd, SOL_SOCKET, plain).slice().buffer).getInt32(0, true);
}

/** The peer of a connected unix socket, as it was when it connected (SO_PEERCRED). */
export function peerCredentials(fd: number): { pid: number; uid: number; gid: number } {
  const view = new DataView(getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, 12).slice().buffer);
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true), gid: view.getUint32(8, true) };
}

/**
 * One read of a descriptor that does not block.
 * @returns bytes read, 0 at the end, -1 where nothing is there now
 * @throws SysError for anything else
 */
export function readSome(fd: number, buffer: Pointer, length: number): number {
  const count = libc().read(fd, buffer, length);
  if (count >= 0) return count;
  const error = errno();
  if (error === EAGAIN || error === EINTR) return -1;
  throw new SysError("read", error, { what: `descriptor ${fd}` });
}

/** One write; the bytes written, -1 where the descriptor takes nothing now. @throws SysError for anything else */
export function writeSome(fd: number, buffer: Pointer, length: number): number {
  const count = libc().write(fd, buffer, length);
  if (count >= 0) return count;
  const error = errno();
  if (error === EAGAIN || error === EINTR) return -1;
  throw new SysError("write", error, { what: `descriptor ${fd}` });
}
