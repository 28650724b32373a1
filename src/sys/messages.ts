import { MSG_DONTWAIT, MSG_NOSIGNAL } from "./constants.ts";
import { SysError } from "./errors.ts";
import { errno, libc } from "./libc.ts";
import { mapMemory, type Mapping } from "./mmap.ts";

/*
 * struct msghdr on 64-bit Linux: name(8) namelen(4) pad(4) iov(8) iovlen(8) control(8) controllen(8) flags(4) pad(4);
 * struct mmsghdr adds len(4) pad(4).
 */
const MMSGHDR = 64;
const IOVEC = 16;
const SOCKADDR = 32;

const EAGAIN = 11;
const EINTR = 4;

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/**
 * Many datagrams a system call, received into fixed slots. Lengths and bytes stay valid until the next `receive`.
 */
export class ReceiveBatch {
  readonly capacity: number;
  /** Bytes of one slot; a longer datagram is truncated, which `truncated` tells. */
  readonly slotBytes: number;
  readonly bytes: Uint8Array;
  readonly #memory: Mapping;
  readonly #slots: number;
  readonly #headers: number;

  constructor(capacity: number, slotBytes: number) {
    this.capacity = capacity;
    this.slotBytes = align(slotBytes, 64);
    this.#headers = 0;
    const iovecs = capacity * MMSGHDR;
    this.#slots = align(iovecs + capacity * IOVEC, 4096);
    this.#memory = mapMemory(this.#slots + capacity * this.slotBytes);
    this.bytes = this.#memory.bytes;
    const { view, address } = this.#memory;
    for (let i = 0; i < capacity; i++) {
      view.setBigUint64(i * MMSGHDR + 16, address + BigInt(iovecs + i * IOVEC), true);
      view.setBigUint64(i * MMSGHDR + 24, 1n, true);
      view.setBigUint64(iovecs + i * IOVEC, address + BigInt(this.offset(i)), true);
      view.setBigUint64(iovecs + i * IOVEC + 8, BigInt(this.slotBytes), true);
    }
  }

  /** @returns how many datagrams came, 0 where none is there now. @throws SysError */
  receive(fd: number, limit = this.capacity): number {
    const count = libc().recvmmsg(fd, this.#memory.address, Math.min(limit, this.capacity), MSG_DONTWAIT, null);
    if (count >= 0) return count;
    const error = errno();
    if (error === EAGAIN || error === EINTR) return 0;
    throw new SysError("recvmmsg", error, { what: `descriptor ${fd}` });
  }

  /** Where slot `i` starts within `bytes`. */
  offset(i: number): number {
    return this.#slots + i * this.slotBytes;
  }

  /** The address of slot `i`, for system calls. */
  address(i: number): bigint {
    return this.#memory.address + BigInt(this.offset(i));
  }

  /** Bytes received into slot `i`. */
  length(i: number): number {
    return this.#memory.view.getUint32(this.#headers + i * MMSGHDR + 56, true);
  }

  /** Whether the datagram was longer than the slot (MSG_TRUNC). */
  truncated(i: number): boolean {
    return (this.#memory.view.getUint32(this.#headers + i * MMSGHDR + 48, true) & 0x20) !== 0;
  }

  close(): void {
    this.#memory.close();
  }
}

/** Many datagrams a system call, sent from fixed slots, each to an address of its own or to the connected peer. */
export class SendBatch {
  readonly capacity: number;
  readonly slotBytes: number;
  readonly bytes: Uint8Array;
  readonly #memory: Mapping;
  readonly #iovecs: number;
  readonly #names: number;
  readonly #slots: number;
  #filled = 0;

  constructor(capacity: number, slotBytes: number) {
    this.capacity = capacity;
    this.slotBytes = align(slotBytes, 64);
    this.#iovecs = capacity * MMSGHDR;
    this.#names = this.#iovecs + capacity * IOVEC;
    this.#slots = align(this.#names + capacity * SOCKADDR, 4096);
    this.#memory = mapMemory(this.#slots + capacity * this.slotBytes);
    this.bytes = this.#memory.bytes;
    const { view, address } = this.#memory;
    for (let i = 0; i < capacity; i++) {
      view.setBigUint64(i * MMSGHDR + 16, address + BigInt(this.#iovecs + i * IOVEC), true);
      view.setBigUint64(i * MMSGHDR + 24, 1n, true);
      view.setBigUint64(this.#iovecs + i * IOVEC, address + BigInt(this.#slots + i * this.slotBytes), true);
    }
  }

  /** Datagrams waiting for `send`. */
  get filled(): number {
    return this.#filled;
  }

  /** Where the next datagram's bytes go within `bytes`; -1 where the batch is full. */
  next(): number {
    return this.#filled < this.capacity ? this.#slots + this.#filled * this.slotBytes : -1;
  }

  /** Takes the datagram that was written at `next()`. */
  push(length: number, to?: Uint8Array): void {
    const { view, address, bytes } = this.#memory;
    const i = this.#filled++;
    view.setBigUint64(this.#iovecs + i * IOVEC + 8, BigInt(length), true);
    const name = this.#names + i * SOCKADDR;
    if (to !== undefined) bytes.set(to, name);
    view.setBigUint64(i * MMSGHDR, to === undefined ? 0n : address + BigInt(name), true);
    view.setUint32(i * MMSGHDR + 8, to?.length ?? 0, true);
  }

  /**
   * Sends what was pushed and empties the batch. A datagram that the kernel does not take (full queue, no route) is
   * dropped, as on a wire, and the next one is tried.
   * @returns how many were sent, how many dropped, and the errno of the last one dropped (0: none)
   */
  send(fd: number): { sent: number; dropped: number; errno: number } {
    let at = 0;
    let sent = 0;
    let last = 0;
    while (at < this.#filled) {
      const count = libc().sendmmsg(
        fd,
        this.#memory.address + BigInt(at * MMSGHDR),
        this.#filled - at,
        MSG_DONTWAIT | MSG_NOSIGNAL,
      );
      if (count > 0) {
        at += count;
        sent += count;
        continue;
      }
      const error = count === 0 ? EAGAIN : errno();
      if (error === EINTR) continue;
      last = error;
      at++;
    }
    const dropped = this.#filled - sent;
    this.#filled = 0;
    return { sent, dropped, errno: last };
  }

  close(): void {
    this.#memory.close();
  }
}
