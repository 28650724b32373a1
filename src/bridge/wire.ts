import ipaddr from "ipaddr.js";
import { parseIp46, parseIp46Prefix, prefixesOverlap } from "../maglev/index.ts";
import { BridgeError } from "./errors.ts";

/** Every interface, every index: VPP's ~0. */
export const ALL = 0xffffffff;

/** Canonical text of an address. @throws MaglevError ADDRESS */
export function canonicalAddress(text: string): string {
  return parseIp46(text).text;
}

/** Canonical text of a prefix, host bits cleared. @throws MaglevError ADDRESS */
export function canonicalPrefix(text: string): string {
  return parseIp46Prefix(text).text;
}

/** Canonical text of an interface's address: `address/length`, host bits kept. @throws MaglevError ADDRESS */
export function canonicalInterfaceAddress(text: string): string {
  const { length } = parseIp46Prefix(text);
  return `${parseIp46(text.split("/")[0]!).text}/${length}`;
}

/** 4 or 6 of any text that holds an address or a prefix. */
export function familyOf(text: string): 4 | 6 {
  return text.includes(":") ? 6 : 4;
}

export function ip4Text(bytes: unknown): string {
  if (typeof bytes === "string") return bytes;
  const [a, b, c, d] = bytesOf(bytes, 4);
  return `${a}.${b}.${c}.${d}`;
}

export function ip6Text(bytes: unknown): string {
  return typeof bytes === "string"
    ? canonicalAddress(bytes)
    : new ipaddr.IPv6([...bytesOf(bytes, 16)]).toRFC5952String();
}

/** Text of a decoded vl_api_address_t. */
export function addressText(value: unknown): string {
  const { af, un } = value as { af: number; un: { ip4: unknown; ip6: unknown } };
  return af === 0 ? ip4Text(un.ip4) : ip6Text(un.ip6);
}

/** Text of a decoded vl_api_prefix_t or vl_api_address_with_prefix_t, host bits as VPP gave them. */
export function prefixText(value: unknown): string {
  const { address, len } = value as { address: unknown; len: number };
  return `${addressText(address)}/${len}`;
}

export function macText(value: unknown): string {
  if (typeof value === "string") return value.toLowerCase();
  return [...bytesOf(value, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** A fixed string of VPP: up to the first NUL. */
export function text(value: unknown): string {
  return typeof value === "string" ? (value.split("\0")[0] ?? "") : "";
}

export function number(value: unknown): number {
  if (typeof value !== "number") throw new BridgeError("REPLY", `VPP's reply holds ${String(value)} for a number`);
  return value;
}

function bytesOf(value: unknown, length: number): Uint8Array {
  if (value instanceof Uint8Array && value.length === length) return value;
  throw new BridgeError("REPLY", `VPP's reply holds ${String(value)} for an address of ${length} bytes`);
}

/** Whether two prefixes share an address. */
export function overlaps(a: string, b: string): boolean {
  return prefixesOverlap(parseIp46Prefix(a), parseIp46Prefix(b));
}

/** Whether `outer` holds all of `inner`. */
export function contains(outer: string, inner: string): boolean {
  return parseIp46Prefix(outer).length <= parseIp46Prefix(inner).length && overlaps(outer, inner);
}

/** The prefix of one address: `198.18.0.7/32`. */
export function hostPrefix(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

/** A prefix's first address as a number, and how many it has. */
export function prefixRange(prefix: string): { readonly first: bigint; readonly size: bigint } {
  const { text, length } = parseIp46Prefix(prefix);
  const [host = ""] = text.split("/");
  const bytes = ipaddr.parse(host).toByteArray();
  const first = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { first, size: 1n << BigInt(bytes.length * 8 - length) };
}

/** The reverse of {@link prefixRange}'s `first`. */
export function fromNumber(value: bigint, family: 4 | 6): string {
  const count = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: count }, (_, index) => Number((value >> BigInt(8 * (count - 1 - index))) & 255n));
  return family === 4 ? bytes.join(".") : new ipaddr.IPv6(bytes).toRFC5952String();
}
