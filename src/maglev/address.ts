import ipaddr from "ipaddr.js";
import { MaglevError } from "./errors.ts";

/** An IP address as VPP's `ip46_address_t` holds it: IPv4 is twelve zero bytes and the address. */
export interface Ip46 {
  readonly version: 4 | 6;
  /** 16 bytes. */
  readonly bytes: Uint8Array;
  /** Canonical text (RFC 5952). */
  readonly text: string;
}

/** Parses an address; no zone, no prefix length, no short IPv4 forms. @throws MaglevError ADDRESS */
export function parseIp46(text: string): Ip46 {
  const bytes = new Uint8Array(16);
  // Lists of servers are long, and ipaddr.js takes microseconds for each.
  if (readIp4(text, bytes)) return { version: 4, bytes, text };
  if (text.includes(":") && ipaddr.IPv6.isValid(text) && !text.includes("%")) {
    // "::192.0.2.1" (RFC 4291 2.5.5.1) is not "::ffff:192.0.2.1", for which ipaddr.js takes it.
    const compatible = /^::(\d+\.[\d.]+)$/.exec(text)?.[1];
    const address = compatible === undefined ? ipaddr.IPv6.parse(text) : ofIp4(compatible);
    bytes.set(address.toByteArray());
    return { version: 6, bytes, text: address.toRFC5952String() };
  }
  throw new MaglevError("ADDRESS", `"${text}" is not an IPv4 or IPv6 address`);
}

function ofIp4(text: string): ipaddr.IPv6 {
  return new ipaddr.IPv6([...new Array<number>(12).fill(0), ...ipaddr.IPv4.parse(text).toByteArray()]);
}

/** Four decimal numbers without leading zeros: the text is canonical, then. */
function readIp4(text: string, bytes: Uint8Array): boolean {
  if (text.length > 15) return false;
  let part = -1;
  let index = 12;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit === -2) {
      if (part < 0 || index === 15) return false;
      bytes[index++] = part;
      part = -1;
    } else if (digit < 0 || digit > 9 || part === 0) return false;
    else part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return false;
  }
  bytes[15] = part;
  return index === 15 && part >= 0;
}

/** An IP prefix with its host bits cleared, as VPP does (lb.c, ip46_prefix_normalize). */
export interface Ip46Prefix {
  readonly version: 4 | 6;
  readonly bytes: Uint8Array;
  /** Of the family: 0..32 or 0..128. */
  readonly length: number;
  readonly text: string;
}

/** The same few prefixes are compared with each of many servers: two generations of parsed ones. */
const MOST_KNOWN = 4096;
let known = new Map<string, Ip46Prefix>();
let older = new Map<string, Ip46Prefix>();

/** Parses "10.2.2.0/24"; a bare address is a host prefix. What comes back is shared. @throws MaglevError ADDRESS */
export function parseIp46Prefix(text: string): Ip46Prefix {
  const before = known.get(text);
  if (before !== undefined) return before;
  const prefix = older.get(text) ?? readPrefix(text);
  if (known.size >= MOST_KNOWN) [older, known] = [known, new Map()];
  known.set(text, prefix);
  return prefix;
}

function readPrefix(text: string): Ip46Prefix {
  const [host = "", lengthText, ...rest] = text.split("/");
  const address = parseIp46(host);
  const bits = address.version === 4 ? 32 : 128;
  const length = lengthText === undefined ? bits : /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : NaN;
  if (rest.length > 0 || !(length >= 0 && length <= bits)) {
    throw new MaglevError("ADDRESS", `"${text}" is not a prefix: the length must be a number from 0 to ${bits}`);
  }
  const bytes = maskBytes(address.bytes, length + (address.version === 4 ? 96 : 0));
  const network = address.version === 4 ? bytes.subarray(12).join(".") : new ipaddr.IPv6([...bytes]).toRFC5952String();
  return { version: address.version, bytes, length, text: `${network}/${length}` };
}

function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - index * 8))));
}

/** Whether the prefix holds the address; families never match each other. */
export function prefixContains(prefix: Ip46Prefix, address: Ip46): boolean {
  if (prefix.version !== address.version) return false;
  return sameBits(prefix.bytes, address.bytes, prefix.length + (prefix.version === 4 ? 96 : 0));
}

/** Whether two prefixes share an address; families never do. */
export function prefixesOverlap(a: Ip46Prefix, b: Ip46Prefix): boolean {
  if (a.version !== b.version) return false;
  return sameBits(a.bytes, b.bytes, Math.min(a.length, b.length) + (a.version === 4 ? 96 : 0));
}

/** Whether the first `length` bits are the same. */
function sameBits(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let index = 0; index * 8 < length; index++) {
    const mask = (0xff00 >> Math.min(8, length - index * 8)) & 0xff;
    if (((a[index]! ^ b[index]!) & mask) !== 0) return false;
  }
  return true;
}
