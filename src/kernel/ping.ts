import {
  AF_INET,
  AF_INET6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SO_BINDTODEVICE,
  SOL_SOCKET,
} from "../sys/constants.ts";
import { watchReadable } from "../sys/notifier.ts";
import { inetAddress } from "../sys/sockaddr.ts";
import { closeFd, connectSocket, openSocket, readSome, setSocketOption, writeSome } from "../sys/sockets.ts";
import { KernelError } from "./errors.ts";
import type { Namespace } from "./namespace.ts";
import { familyOf } from "./prefix.ts";

/** RFC 792, RFC 4443. */
const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const HEADER = 8;
const AGAIN_MS = 200;
/** More packets than a host sends in one wake-up; the rest wait for the next. */
const BURST = 64;

export interface PingOptions {
  readonly address: string;
  /** Packets leave and come by this interface only. */
  readonly device: string;
}

let lastId = Math.floor(Math.random() * 0xffff);

/**
 * Whether an address answers ICMP echo requests, which are sent until it does or the signal fires. Needs CAP_NET_RAW.
 * @throws KernelError PERMISSION, NOT_FOUND (the device)
 */
export async function ping(namespace: Namespace, options: PingOptions, signal: AbortSignal): Promise<boolean> {
  const family = familyOf(options.address);
  const id = (lastId = (lastId + 1) & 0xffff);
  const fd = open(namespace, options, family);
  const buffer = new Uint8Array(2048);
  try {
    return await new Promise<boolean>((resolve) => {
      let sequence = 0;
      const send = () => {
        try {
          const packet = echoRequest(family, id, sequence++ & 0xffff);
          writeSome(fd, packet, packet.length);
        } catch {
          // No route, no neighbour yet: the next may get through, and the signal ends it.
        }
      };
      const done = (answered: boolean) => {
        clearInterval(timer);
        watch.close();
        signal.removeEventListener("abort", late);
        resolve(answered);
      };
      const late = () => done(false);
      const watch = watchReadable(fd, () => {
        if (received(fd, buffer, family, id)) done(true);
      });
      const timer = setInterval(send, AGAIN_MS);
      signal.addEventListener("abort", late, { once: true });
      if (signal.aborted) return late();
      send();
    });
  } finally {
    closeFd(fd);
  }
}

function open(namespace: Namespace, { address, device }: PingOptions, family: 4 | 6): number {
  try {
    return namespace.run(() => {
      const [domain, protocol] = family === 4 ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6];
      const fd = openSocket(domain, SOCK_RAW | SOCK_NONBLOCK, protocol);
      try {
        setSocketOption(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`));
        connectSocket(fd, inetAddress(address), address);
        return fd;
      } catch (error) {
        closeFd(fd);
        throw error;
      }
    });
  } catch (cause) {
    throw KernelError.from(`ping ${address} by ${device}`, cause);
  }
}

/** The kernel computes the checksum of ICMPv6 itself, and puts the IP header before both. */
function echoRequest(family: 4 | 6, id: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(HEADER);
  const view = new DataView(packet.buffer);
  packet[0] = ECHO[family].request;
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  if (family === 4) view.setUint16(2, checksum(view));
  return packet;
}

/** RFC 1071. */
function checksum(view: DataView): number {
  let sum = 0;
  for (let at = 0; at < view.byteLength; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** Reads what has come; whether one is the answer. */
function received(fd: number, buffer: Uint8Array, family: 4 | 6, id: number): boolean {
  for (let i = 0; i < BURST; i++) {
    let length: number;
    try {
      length = readSome(fd, buffer, buffer.length);
    } catch {
      return false; // an ICMP error of an earlier packet
    }
    if (length < 0) return false;
    // Only a raw IPv4 socket reads the IP header, too.
    const at = family === 4 ? ((buffer[0] ?? 0) & 0xf) * 4 : 0;
    const view = new DataView(buffer.buffer, buffer.byteOffset, length);
    if (length >= at + HEADER && view.getUint8(at) === ECHO[family].reply && view.getUint16(at + 4) === id) return true;
  }
  return false;
}
