/** The shapes that several messages share, between the codec's representation and the dataplane's. */
import { ip46IsIp4 } from "../../lb/types.ts";

/** ADDRESS_IP4, ADDRESS_IP6: ip_types.api. */
export const AF_IP4 = 0;
export const AF_IP6 = 1;

export interface WireAddress {
  readonly af: number;
  readonly un: { readonly ip4: Uint8Array; readonly ip6: Uint8Array };
}

export interface WirePrefix {
  readonly address: WireAddress;
  readonly len: number;
}

/**
 * ip_address_decode: 16 bytes, IPv4 after twelve zeroes (vnet/ip/ip_types_api.c). VPP leaves its result unset for a family
 * that is neither; here that reads as all zeroes.
 */
export function ip46(address: WireAddress): Uint8Array {
  const bytes = new Uint8Array(16);
  if (address.af === AF_IP4) bytes.set(address.un.ip4, 12);
  else if (address.af === AF_IP6) bytes.set(address.un.ip6);
  return bytes;
}

/** ip_address_encode with IP46_TYPE_ANY: an address below 2^32 is taken for IPv4. */
export function wireIp46(bytes: Uint8Array): object {
  return ip46IsIp4(bytes) ? { af: AF_IP4, un: { ip4: bytes.subarray(12) } } : { af: AF_IP6, un: { ip6: bytes } };
}

/** Host-order IPv4 address of a wire address. */
export function ip4Number(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

export function ip4Bytes(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);
}

/** The dataplane's form: a number for IPv4, bytes for IPv6. undefined for an unknown family. */
export function decodeAddress(address: WireAddress): number | Uint8Array | undefined {
  if (address.af === AF_IP4) return ip4Number(address.un.ip4);
  return address.af === AF_IP6 ? address.un.ip6.slice() : undefined;
}

export function encodeAddress(address: number | Uint8Array): object {
  return typeof address === "number"
    ? { af: AF_IP4, un: { ip4: ip4Bytes(address) } }
    : { af: AF_IP6, un: { ip6: address } };
}

export function encodePrefix(address: number | Uint8Array, length: number): object {
  return { address: encodeAddress(address), len: length };
}

/** What a handler without byte swapping makes of a big-endian field on a little-endian machine. */
export function swap32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

export function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** What fits a string field of 64 bytes: the CLI takes longer names, and what is no UTF-8 grows in decoding. */
export function fixedText(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length < STRING_BYTES) return text;
  // A character that was cut in two would decode as U+FFFD, which is longer.
  return new TextDecoder().decode(bytes.subarray(0, STRING_BYTES - 1), { stream: true });
}

const STRING_BYTES = 64;
