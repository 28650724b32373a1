import type { FibPrefix } from "./types.ts";

/** The netmask of a length as u32. */
export function mask4(length: number): number {
  return length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
}

export function prefix4(address: number, length: number): FibPrefix {
  return { proto: 4, address: (address & mask4(length)) >>> 0, length, given: address };
}

export function prefix6(address: Uint8Array, length: number): FibPrefix {
  return { proto: 6, address: maskBytes(address, length), length, given: address };
}

/** A host prefix of either family. */
export function hostPrefix(address: number | Uint8Array): FibPrefix {
  return typeof address === "number" ? prefix4(address, 32) : prefix6(address, 128);
}

/** A copy with the host bits cleared. */
export function maskBytes(address: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(16);
  for (let i = 0; i < 16; i += 1) result[i] = address[i]! & (0xff00 >> Math.min(8, Math.max(0, length - i * 8)));
  return result;
}

/** The prefix cut to a shorter length. */
export function shorten(prefix: FibPrefix, length: number): FibPrefix {
  return typeof prefix.address === "number" ? prefix4(prefix.address, length) : prefix6(prefix.address, length);
}

export function addressKey(address: number | Uint8Array): string {
  return typeof address === "number" ? String(address) : Buffer.from(address).toString("hex");
}

export function prefixKey(prefix: FibPrefix): string {
  return `${addressKey(prefix.address)}/${prefix.length}`;
}

/** Whether `outer` holds all of `inner`. */
export function covers(outer: FibPrefix, inner: FibPrefix): boolean {
  return outer.length <= inner.length && prefixKey(shorten(inner, outer.length)) === prefixKey(outer);
}

export function isZeroAddress(address: number | Uint8Array | undefined): boolean {
  return address === undefined || (typeof address === "number" ? address === 0 : address.every((byte) => byte === 0));
}
