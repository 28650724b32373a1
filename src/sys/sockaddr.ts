import { isIPv4, isIPv6 } from "node:net";
import { AF_INET, AF_INET6, AF_PACKET, AF_UNIX } from "./constants.ts";
import { SysError } from "./errors.ts";

const EINVAL = 22;

/** The 4 or 16 bytes of an IP address in text. @throws SysError EINVAL */
export function addressBytes(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split(".").map(Number));
  if (!isIPv6(text) || text.includes("%")) {
    throw new SysError("inet_pton", EINVAL, { what: `"${text}"`, hint: "not an IP address" });
  }
  const bytes = new Uint8Array(16);
  const [head = "", tail] = text.split("::");
  const words = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((word) => {
          if (!word.includes(".")) return [Number.parseInt(word, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = word.split(".").map(Number);
          return [(a << 8) | b, (c << 8) | d];
        });
  const put = (list: number[], at: number): void =>
    list.forEach((word, i) => bytes.set([word >> 8, word & 0xff], at + 2 * i));
  put(words(head), 0);
  if (tail !== undefined) put(words(tail), 16 - 2 * words(tail).length);
  return bytes;
}

/** Text of 4 or 16 address bytes, RFC 5952 for IPv6. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = (list: number[]): string => list.map((word) => word.toString(16)).join(":");
  if (best.at < 0) return hex(words);
  return `${hex(words.slice(0, best.at))}::${hex(words.slice(best.at + best.length))}`;
}

/** struct sockaddr_in or sockaddr_in6; `port` and `scope` default to 0. */
export function inetAddress(address: string, port = 0, scope = 0): Uint8Array {
  const bytes = addressBytes(address);
  const out = new Uint8Array(bytes.length === 4 ? 16 : 28);
  const view = new DataView(out.buffer);
  view.setUint16(0, bytes.length === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  out.set(bytes, bytes.length === 4 ? 4 : 8);
  if (bytes.length === 16) view.setUint32(24, scope, true);
  return out;
}

/** struct sockaddr_un; a leading NUL byte makes it abstract. @throws SysError EINVAL when longer than 107 bytes */
export function unixAddress(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > 107) {
    throw new SysError("connect", EINVAL, {
      what: path,
      hint: `a unix socket's path is at most 107 bytes, this has ${bytes.length}: use a shorter directory`,
    });
  }
  const out = new Uint8Array(2 + bytes.length + (path.startsWith("\0") ? 0 : 1));
  new DataView(out.buffer).setUint16(0, AF_UNIX, true);
  out.set(bytes, 2);
  return out;
}

/** struct sockaddr_ll. `protocol` is an ethertype in host order. */
export function packetAddress(interfaceIndex: number, protocol: number, mac?: Uint8Array): Uint8Array {
  const out = new Uint8Array(20);
  const view = new DataView(out.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, interfaceIndex, true);
  if (mac !== undefined) {
    out[11] = mac.length;
    out.set(mac, 12);
  }
  return out;
}
