/**
 * VPP's `clib_xxhash` (vppinfra/xxhash.h): XXH64 of one u64 with the seed 0x9e3779b97f4a7c13. 64-bit numbers are two
 * u32 halves here, because a weighted table hashes 100 keys a server and BigInt is ten times slower.
 */

// Results of `multiply` and `xxhash64`: no allocation per key.
let resultLow = 0;
let resultHigh = 0;

/** (aHigh:aLow) * (bHigh:bLow) modulo 2^64, into resultHigh:resultLow. */
function multiply(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const a0 = aLow & 0xffff;
  const a1 = aLow >>> 16;
  const b0 = bLow & 0xffff;
  const b1 = bLow >>> 16;
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  resultLow = ((cross << 16) | (low & 0xffff)) >>> 0;
  const carry = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000);
  resultHigh = (carry + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) >>> 0;
}

function rotateLeft(high: number, low: number, bits: number): void {
  resultHigh = ((high << bits) | (low >>> (32 - bits))) >>> 0;
  resultLow = ((low << bits) | (high >>> (32 - bits))) >>> 0;
}

const PRIME_1 = [0x9e3779b1, 0x85ebca87] as const;
const PRIME_2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const PRIME_3 = [0x165667b1, 0x9e3779f9] as const;
const PRIME_4 = [0x85ebca77, 0xc2b2ae63] as const;
// 0x9e3779b97f4a7c13 + PRIME64_5 + 8, modulo 2^64.
const START = (() => {
  const sum = (0x9e3779b97f4a7c13n + 2870177450012600261n + 8n) & 0xffffffffffffffffn;
  return [Number(sum >> 32n), Number(sum & 0xffffffffn)] as const;
})();

/** The hash of the key (high:low), written to `out[0]` (high half) and `out[1]` (low half), both u32. */
export function xxhash64(high: number, low: number, out: Uint32Array): void {
  multiply(high >>> 0, low >>> 0, PRIME_2[0], PRIME_2[1]);
  rotateLeft(resultHigh, resultLow, 31);
  multiply(resultHigh, resultLow, PRIME_1[0], PRIME_1[1]);
  rotateLeft((START[0] ^ resultHigh) >>> 0, (START[1] ^ resultLow) >>> 0, 27);
  multiply(resultHigh, resultLow, PRIME_1[0], PRIME_1[1]);
  let h = resultHigh + PRIME_4[0];
  let l = resultLow + PRIME_4[1];
  if (l > 0xffffffff) h += 1;
  h >>>= 0;
  l >>>= 0;
  // ^= >> 33
  l = (l ^ (h >>> 1)) >>> 0;
  multiply(h, l, PRIME_2[0], PRIME_2[1]);
  // ^= >> 29
  l = (resultLow ^ ((resultLow >>> 29) | (resultHigh << 3))) >>> 0;
  h = (resultHigh ^ (resultHigh >>> 29)) >>> 0;
  multiply(h, l, PRIME_3[0], PRIME_3[1]);
  // ^= >> 32
  out[0] = resultHigh;
  out[1] = resultLow ^ resultHigh;
}
