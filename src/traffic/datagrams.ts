import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_DGRAM,
} from "../sys/constants.ts";
import { SysError } from "../sys/errors.ts";
import { errno, libc } from "../sys/libc.ts";
import { mapMemory, type Mapping } from "../sys/mmap.ts";
import { inetAddress } from "../sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket, setBufferSize, setNonBlocking, setSocketOption } from "../sys/sockets.ts";

/** linux/in.h, linux/in6.h */
const IP_PKTINFO = 8;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
/** A VIP prefix that is local by a route alone (AnyIP) is no address of the host: sending from it needs this. */
const IPV6_FREEBIND = 78;

const EAGAIN = 11;
const EINTR = 4;
const SLOT_BYTES = 65_536;
const RECEIVE_BUFFER_BYTES = 4 << 20;

/* Layout of the one mapping: struct msghdr (56 bytes), struct iovec, peer's sockaddr, control data, datagram. */
const MESSAGE = 0;
const IOVEC = 64;
const NAME = 96;
const NAME_BYTES = 28;
const CONTROL = 128;
const CONTROL_BYTES = 128;
const DATA = 4096;

/** A UDP server's socket that answers each datagram from the address that the datagram was sent to (RFC 1122 4.1.3.5). */
export interface DatagramSocket {
  readonly fd: number;
  /**
   * Takes one datagram, lets `answer` change its bytes in place and says how many to send back (0: none).
   * @returns false where no datagram is waiting
   */
  serveOne(answer: (packet: Uint8Array) => number): boolean;
  close(): void;
}

/**
 * Binds in the calling thread's namespace. Without an address: any address of both families.
 * @throws SysError EADDRINUSE, EADDRNOTAVAIL…
 */
export function openDatagramSocket(port: number, address?: string): DatagramSocket {
  const family = address === undefined ? anyFamily() : address.includes(":") ? AF_INET6 : AF_INET;
  const fd = openSocket(family, SOCK_DGRAM);
  try {
    if (family === AF_INET6) {
      setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, address === undefined ? 0 : 1);
      setSocketOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      setSocketOption(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    } else {
      setSocketOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
    const local = address ?? (family === AF_INET6 ? "::" : "0.0.0.0");
    bindSocket(fd, inetAddress(local, port), `udp ${local} port ${port}`);
    setBufferSize(fd, "receive", RECEIVE_BUFFER_BYTES);
    setNonBlocking(fd);
    return served(fd, mapMemory(DATA + SLOT_BYTES));
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** AF_INET6 takes IPv4 too (as mapped addresses); a kernel without IPv6 has AF_INET only. */
function anyFamily(): number {
  try {
    closeFd(openSocket(AF_INET6, SOCK_DGRAM));
    return AF_INET6;
  } catch (error) {
    if (SysError.is(error, "EAFNOSUPPORT")) return AF_INET;
    throw error;
  }
}

function served(fd: number, memory: Mapping): DatagramSocket {
  const { view, bytes, address } = memory;
  view.setBigUint64(IOVEC, address + BigInt(DATA), true);
  view.setBigUint64(MESSAGE, address + BigInt(NAME), true);
  view.setBigUint64(MESSAGE + 16, address + BigInt(IOVEC), true);
  view.setBigUint64(MESSAGE + 24, 1n, true);
  view.setBigUint64(MESSAGE + 32, address + BigInt(CONTROL), true);
  return {
    fd,
    serveOne(answer) {
      view.setUint32(MESSAGE + 8, NAME_BYTES, true);
      view.setBigUint64(MESSAGE + 40, BigInt(CONTROL_BYTES), true);
      view.setBigUint64(IOVEC + 8, BigInt(SLOT_BYTES), true);
      const length = Number(libc().recvmsg(fd, address, MSG_DONTWAIT));
      if (length < 0) {
        const error = errno();
        if (error === EAGAIN) return false;
        // An ICMP error that came back for an earlier answer: it is consumed now, go on.
        if (error !== EINTR && !isPeerError(error)) throw new SysError("recvmsg", error, { what: "udp" });
        return true;
      }
      const reply = answer(bytes.subarray(DATA, DATA + length));
      if (reply > 0) {
        view.setBigUint64(IOVEC + 8, BigInt(Math.min(reply, SLOT_BYTES)), true);
        keepSourceOnly(view, Number(view.getBigUint64(MESSAGE + 40, true)));
        // A full queue or a missing route loses the answer, as a wire would.
        libc().sendmsg(fd, address, MSG_DONTWAIT | MSG_NOSIGNAL);
      }
      return true;
    },
    close() {
      memory.close();
      closeFd(fd);
    },
  };
}

/** ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, EPROTO: about a peer, not about us. */
function isPeerError(error: number): boolean {
  return [111, 113, 101, 112, 71].includes(error);
}

/**
 * Turns the received control data into the control data of the answer: the destination becomes the source, and the
 * interface is left to the routing table (policy routes by source must decide).
 */
function keepSourceOnly(view: DataView, controlBytes: number): void {
  const level = controlBytes >= 16 ? view.getInt32(CONTROL + 8, true) : -1;
  const type = controlBytes >= 16 ? view.getInt32(CONTROL + 12, true) : -1;
  const data = CONTROL + 16;
  if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
    view.setUint32(data + 16, 0, true);
    view.setBigUint64(MESSAGE + 40, 40n, true);
  } else if (level === IPPROTO_IP && type === IP_PKTINFO) {
    // struct in_pktinfo: interface, address to send from, destination as received.
    view.setUint32(data, 0, true);
    view.setUint32(data + 4, view.getUint32(data + 8, true), true);
    view.setBigUint64(MESSAGE + 40, 32n, true);
  } else {
    view.setBigUint64(MESSAGE + 40, 0n, true);
  }
}
