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
  // ipaddr.js finds out that a text is not of a family by an exception, which takes long.
  const colon = text.includes(":");
  if (!colon && ipaddr.IPv4.isValidFourPartDecimal(text)) {
    const address = ipaddr.IPv4.parse(text);
    bytes.set(address.toByteArray(), 12);
    return { version: 4, bytes, text: address.toString() };
  }
  if (colon && ipaddr.IPv6.isValid(text) && !text.includes("%")) {
    const address = ipaddr.IPv6.parse(text);
    bytes.set(address.toByteArray());
    return { version: 6, bytes, text: address.toRFC5952String() };
  }
  throw new MaglevError("ADDRESS", `"${text}" is not an IPv4 or IPv6 address`);
}

/** An IP prefix with its host bits cleared, as VPP does (lb.c, ip46_prefix_normalize). */
export interface Ip46Prefix {
  readonly version: 4 | 6;
  readonly bytes: Uint8Array;
  /** Of the family: 0..32 or 0..128. */
  readonly length: number;
  readonly text: string;
}

/** Parses "10.2.2.0/24"; a bare address is a host prefix. @throws MaglevError ADDRESS */
export function parseIp46Prefix(text: string): Ip46Prefix {
  const [host = "", lengthText, ...rest] = text.split("/");
  const address = parseIp46(host);
  const bits = address.version === 4 ? 32 : 128;
  const length = lengthText === undefined ? bits : /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : NaN;
  if (rest.length > 0 || !(length >= 0 && length <= bits)) {
    throw new MaglevError("ADDRESS", `"${text}" is not a prefix: the length must be a number from 0 to ${bits}`);
  }
  const bytes = maskBytes(address.bytes, length + (address.version === 4 ? 96 : 0));
  const network =
    address.version === 4
      ? ipaddr.fromByteArray([...bytes.subarray(12)]).toString()
      : new ipaddr.IPv6([...bytes]).toRFC5952String();
  return { version: address.version, bytes, length, text: `${network}/${length}` };
}

function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - index * 8))));
}

/** Whether the prefix holds the address; families never match each other. */
export function prefixContains(prefix: Ip46Prefix, address: Ip46): boolean {
  if (prefix.version !== address.version) return false;
  const masked = maskBytes(address.bytes, prefix.length + (prefix.version === 4 ? 96 : 0));
  return masked.every((byte, index) => byte === prefix.bytes[index]);
}
