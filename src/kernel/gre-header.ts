/** Why a packet was not decapsulated; each has a counter. */
export type GreDropReason =
  | "truncated" // shorter than its headers say
  | "version" // not version 0 (PPTP's is 1)
  | "flags" // RFC 1701 routing or a reserved bit that RFC 2784 section 2.3 tells to discard
  | "checksum" // present and wrong
  | "protocol"; // neither IPv4 nor IPv6 inside

const CHECKSUM = 0x8000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
/** Bits 1 to 5 but for key and sequence number (RFC 2890), which are skipped, and bit 1, RFC 1701's routing. */
const REFUSED = 0x4c00;
const VERSION = 0x0007;

/** The Internet checksum's sum (RFC 1071) over `length` bytes, folded to 16 bits; 0xffff where it holds. */
export function onesComplementSum(bytes: Uint8Array, from: number, length: number): number {
  let sum = 0;
  const end = from + length;
  for (let at = from; at + 1 < end; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (length % 2 === 1) sum += (bytes[end - 1] ?? 0) << 8;
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum & 0xffff);
  return sum;
}

/**
 * Reads a GRE header (RFC 2784, key and sequence number of RFC 2890) at `at`, with `length` bytes to the packet's end.
 * @returns the header's length in bytes, or why the packet is to be dropped
 */
export function parseGreHeader(bytes: Uint8Array, at: number, length: number): number | GreDropReason {
  if (length < 4) return "truncated";
  const flags = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const protocol = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  if ((flags & VERSION) !== 0) return "version";
  if ((flags & REFUSED) !== 0) return "flags";
  const header =
    4 + ((flags & CHECKSUM) !== 0 ? 4 : 0) + ((flags & KEY) !== 0 ? 4 : 0) + ((flags & SEQUENCE) !== 0 ? 4 : 0);
  if (length < header + 20) return length < header ? "truncated" : innerProblem(protocol);
  if ((flags & CHECKSUM) !== 0 && onesComplementSum(bytes, at, length) !== 0xffff) return "checksum";
  const version = (bytes[at + header] ?? 0) >> 4;
  const inner = protocol === 0x0800 ? 4 : protocol === 0x86dd ? 6 : 0;
  return inner !== 0 && version === inner ? header : "protocol";
}

function innerProblem(protocol: number): GreDropReason {
  return protocol === 0x0800 || protocol === 0x86dd ? "truncated" : "protocol";
}

/**
 * Where the GRE header starts in what a raw socket received: after the IPv4 header; at 0 for IPv6, whose raw sockets
 * leave the header out (raw(7), ipv6(7)). -1 where the packet is too short.
 */
export function greOffset(bytes: Uint8Array, at: number, length: number, outer: 4 | 6): number {
  if (outer === 6) return 0;
  const header = ((bytes[at] ?? 0) & 0x0f) * 4;
  return header >= 20 && header <= length ? header : -1;
}

const GRE = 47;

/**
 * Where the GRE header starts in an IP packet from VPP's unset source, all ones. undefined for any other packet, and
 * for fragments, which nobody puts together here.
 */
export function unsetSourceGreOffset(bytes: Uint8Array, at: number, length: number, outer: 4 | 6): number | undefined {
  const [protocol, source, width] = outer === 4 ? [9, 12, 4] : [6, 8, 16];
  if (length < source + width || bytes[at + protocol] !== GRE) return undefined;
  for (let i = 0; i < width; i++) if (bytes[at + source + i] !== 0xff) return undefined;
  if (outer === 6) return 40;
  const fragmented = ((bytes[at + 6]! & 0x3f) | bytes[at + 7]!) !== 0;
  return fragmented ? undefined : greOffset(bytes, at, length, outer);
}
