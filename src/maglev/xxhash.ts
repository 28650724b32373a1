/**
 * VPP's `clib_xxhash` (vppinfra/xxhash.h): XXH64 of one u64 with the seed 0x9e3779b97f4a7c13. 64-bit numbers are two
 * 32-bit halves here, because a weighted table hashes 100 keys a server and BigInt is ten times slower. The halves are
 * kept signed: V8 holds every i32 without an allocation, a u32 beyond 2^31 not.
 */

/** Upper half of the 64-bit product of two u32. No partial product overflows 32 bits. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const cross = (Math.imul(a0, b1) + (middle & 0xffff)) | 0;
  return (Math.imul(a1, b1) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** Upper half of (aHigh:aLow) * (bHigh:bLow) modulo 2^64; the lower one is `Math.imul(aLow, bLow)`. */
function upperHalf(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (multiplyHigh(aLow, bLow) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0;
}

const PRIME_1 = { high: 0x9e3779b1 | 0, low: 0x85ebca87 | 0 } as const;
const PRIME_2 = { high: 0xc2b2ae3d | 0, low: 0x27d4eb4f | 0 } as const;
const PRIME_3 = { high: 0x165667b1 | 0, low: 0x9e3779f9 | 0 } as const;
const PRIME_4 = { high: 0x85ebca77 | 0, low: 0xc2b2ae63 | 0 } as const;
// 0x9e3779b97f4a7c13 + PRIME64_5 + 8, modulo 2^64.
const START = (() => {
  const sum = (0x9e3779b97f4a7c13n + 2870177450012600261n + 8n) & 0xffffffffffffffffn;
  return { high: Number(sum >> 32n) | 0, low: Number(sum & 0xffffffffn) | 0 } as const;
})();

/** The hash of the key (high:low), written to `out[0]` (high half) and `out[1]` (low half), both u32. */
export function xxhash64(high: number, low: number, out: Uint32Array): void {
  let h = upperHalf(high, low, PRIME_2.high, PRIME_2.low);
  let l = Math.imul(low, PRIME_2.low);
  // rotate left by 31
  let swap = (h << 31) | (l >>> 1);
  l = (l << 31) | (h >>> 1);
  h = upperHalf(swap, l, PRIME_1.high, PRIME_1.low) ^ START.high;
  l = Math.imul(l, PRIME_1.low) ^ START.low;
  // rotate left by 27
  swap = (h << 27) | (l >>> 5);
  l = (l << 27) | (h >>> 5);
  h = (upperHalf(swap, l, PRIME_1.high, PRIME_1.low) + PRIME_4.high) | 0;
  l = Math.imul(l, PRIME_1.low);
  const sum = (l + PRIME_4.low) | 0;
  if (sum >>> 0 < l >>> 0) h = (h + 1) | 0;
  // ^= >> 33
  l = sum ^ (h >>> 1);
  h = upperHalf(h, l, PRIME_2.high, PRIME_2.low);
  l = Math.imul(l, PRIME_2.low);
  // ^= >> 29
  l ^= (l >>> 29) | (h << 3);
  h ^= h >>> 29;
  h = upperHalf(h, l, PRIME_3.high, PRIME_3.low);
  l = Math.imul(l, PRIME_3.low);
  // ^= >> 32
  out[0] = h;
  out[1] = l ^ h;
}
