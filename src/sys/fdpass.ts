import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLIN,
  SCM_RIGHTS,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from "./constants.ts";
import { SysError } from "./errors.ts";
import { errno, libc, must } from "./libc.ts";
import { mapMemory, type Mapping } from "./mmap.ts";
import { pollFd } from "./poll.ts";
import { unixAddress } from "./sockaddr.ts";
import { closeFd, connectSocket, openSocket } from "./sockets.ts";

const MAX_FDS = 16;
const CMSG_HEADER = 16;
/* One page: msghdr (56 bytes) at 0, iovec at 64, control at 128, payload at 1024. */
const IOVEC_AT = 64;
const CONTROL_AT = 128;
const DATA_AT = 1024;
const PAGE = 4096;

/** Lays out a msghdr at the start of the memory, with one iovec; control data at 128, data at `dataAt`. */
export function message(memory: Mapping, dataLength: number, controlLength: number, dataAt = DATA_AT): void {
  const { view, address } = memory;
  view.setBigUint64(16, address + BigInt(IOVEC_AT), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, controlLength === 0 ? 0n : address + BigInt(CONTROL_AT), true);
  view.setBigUint64(40, BigInt(controlLength), true);
  view.setBigUint64(IOVEC_AT, address + BigInt(dataAt), true);
  view.setBigUint64(IOVEC_AT + 8, BigInt(dataLength), true);
}

/**
 * Sends bytes (at least one, at most 3,072) with descriptors (at most 16) over a unix socket, SCM_RIGHTS of unix(7).
 * The descriptors stay open here. @throws SysError
 */
export function sendWithFds(fd: number, data: Uint8Array, fds: readonly number[]): number {
  if (data.length === 0 || data.length > PAGE - DATA_AT || fds.length > MAX_FDS) {
    throw new SysError("sendmsg", 22, { hint: `1 to ${PAGE - DATA_AT} bytes and at most ${MAX_FDS} descriptors` });
  }
  const memory = mapMemory(PAGE);
  try {
    const length = CMSG_HEADER + 4 * fds.length;
    message(memory, data.length, fds.length === 0 ? 0 : Math.ceil(length / 8) * 8);
    memory.bytes.set(data, DATA_AT);
    memory.view.setBigUint64(CONTROL_AT, BigInt(length), true);
    memory.view.setInt32(CONTROL_AT + 8, SOL_SOCKET, true);
    memory.view.setInt32(CONTROL_AT + 12, SCM_RIGHTS, true);
    fds.forEach((value, i) => memory.view.setInt32(CONTROL_AT + CMSG_HEADER + 4 * i, value, true));
    return must("sendmsg", libc().sendmsg(fd, memory.address, MSG_NOSIGNAL | MSG_DONTWAIT));
  } finally {
    memory.close();
  }
}

/** The descriptors in a received message's control data. */
export function controlFds(memory: Mapping): number[] {
  const fds: number[] = [];
  const end = CONTROL_AT + Number(memory.view.getBigUint64(40, true));
  for (let at = CONTROL_AT; at + CMSG_HEADER <= end;) {
    const length = Number(memory.view.getBigUint64(at, true));
    if (length < CMSG_HEADER) break;
    if (memory.view.getInt32(at + 8, true) === SOL_SOCKET && memory.view.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let p = at + CMSG_HEADER; p + 4 <= at + length; p += 4) fds.push(memory.view.getInt32(p, true));
    }
    at += Math.ceil(length / 8) * 8;
  }
  return fds;
}

/**
 * One message from a unix socket with the descriptors in it (close-on-exec; the caller closes them).
 * @returns undefined where nothing is there now; `data` is empty at the end of the stream
 * @throws SysError
 */
export function receiveWithFds(fd: number): { data: Uint8Array; fds: number[] } | undefined {
  const memory = mapMemory(PAGE);
  try {
    message(memory, PAGE - DATA_AT, CMSG_HEADER + 4 * MAX_FDS);
    const count = libc().recvmsg(fd, memory.address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) {
      const error = errno();
      if (error === 11 || error === 4) return undefined;
      throw new SysError("recvmsg", error, { what: `descriptor ${fd}` });
    }
    const fds = controlFds(memory);
    if ((memory.view.getUint32(48, true) & MSG_CTRUNC) !== 0) {
      fds.forEach(closeFd);
      throw new SysError("recvmsg", 90, { what: "control data", hint: `more than ${MAX_FDS} descriptors at once` });
    }
    return { data: memory.bytes.slice(DATA_AT, DATA_AT + count), fds };
  } finally {
    memory.close();
  }
}

/**
 * Connects to a SOCK_SEQPACKET unix socket that hands out one descriptor to whoever connects, as VPP's stats socket does
 * (vpp: src/vlibmemory/../vpp-api/client/stat_client.c), and returns that descriptor; the caller closes it.
 * @param timeoutMs the wait for the descriptor, default 1,000
 * @throws SysError ENOENT or ECONNREFUSED (nobody listens), ETIMEDOUT (no descriptor came)
 */
export function receiveFd(socketPath: string, timeoutMs = 1000): number {
  const fd = openSocket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
  try {
    connectSocket(fd, unixAddress(socketPath), socketPath);
    if (pollFd(fd, POLLIN, timeoutMs) === 0) {
      throw new SysError("recvmsg", 110, { what: socketPath, hint: `no descriptor came within ${timeoutMs} ms` });
    }
    const [received, ...rest] = receiveWithFds(fd)?.fds ?? [];
    rest.forEach(closeFd);
    if (received === undefined) {
      throw new SysError("recvmsg", 61, { what: socketPath, hint: "the peer sent no descriptor" });
    }
    return received;
  } finally {
    closeFd(fd);
  }
}
