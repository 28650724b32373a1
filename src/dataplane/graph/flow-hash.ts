import { read16 } from "./context.ts";

const TCP = 6;
const UDP = 17;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A word as a little-endian machine loads it from the wire. */
function load32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function load16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/**
 * The flow hash for ECMP over source, destination, ports and protocol: VPP's default configuration
 * (vnet/ip/ip4_inlines.h ip4_compute_flow_hash, vppinfra/hash.h hash_v3_mix32 and hash_v3_finalize32).
 */
export function flowHash4(bytes: Uint8Array, ip: number): number {
  const protocol = bytes[ip + 9]!;
  const hasPorts = protocol === TCP || protocol === UDP;
  const source = load32(bytes, ip + 12);
  const destination = load32(bytes, ip + 16) ^ protocol;
  const ports = hasPorts ? (load16(bytes, ip + 22) << 16) | load16(bytes, ip + 20) : 0;
  return mix(source, destination, ports);
}

/** The same fields of an IPv6 packet. VPP mixes 64-bit words here; the choice of path is not the same as VPP's. */
export function flowHash6(bytes: Uint8Array, ip: number): number {
  const protocol = bytes[ip + 6]!;
  const hasPorts = protocol === TCP || protocol === UDP;
  let source = 0;
  let destination = protocol;
  for (let word = 0; word < 16; word += 4) {
    source = Math.imul(source, 31) ^ load32(bytes, ip + 8 + word);
    destination = Math.imul(destination, 31) ^ load32(bytes, ip + 24 + word);
  }
  const label = ((bytes[ip + 1]! & 15) << 16) | read16(bytes, ip + 2);
  const ports = hasPorts ? (load16(bytes, ip + 42) << 16) | load16(bytes, ip + 40) : 0;
  return mix(source, destination, ports ^ label);
}

function mix(a0: number, b0: number, c0: number): number {
  let a = a0 | 0;
  let b = b0 | 0;
  let c = c0 | 0;
  a = (a - c) ^ rotate(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rotate(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 4);
  b = (b + a) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}
