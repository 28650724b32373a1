import { hash4, hash6 } from "../../maglev/index.ts";
import { read16, type Packet } from "./context.ts";

const TCP = 6;
const UDP = 17;
const ICMP4 = 1;
const ICMP6 = 58;
/** Destination unreachable, source quench, time exceeded, parameter problem (RFC 792). */
const ERRORS4 = new Set([3, 4, 11, 12]);
/** ICMPv6 errors are below 128 (RFC 4443, 2.1). */
const FIRST_INFORMATIONAL6 = 128;
const ICMP_BYTES = 8;
/** Addresses and ports of the flow, as they stand in a packet from the client. */
const scratch = new Uint8Array(36);

/** The flow that an ICMP error is about, seen from the client's side. */
export interface ErrorFlow {
  readonly protocol: number;
  /** Of the VIP; 0 without ports. */
  readonly port: number;
  /** The hash that the flow's packets have. */
  hash(srcIpSticky: boolean): number;
}

/**
 * The flow of an ICMP error to a VIP: it quotes a packet that a server sent as the VIP, whose way back is the flow's. The
 * same object is given for packet after packet. undefined for what is no error, quotes something else or too little.
 */
export function flowOfError(p: Packet, isIp4: boolean): ErrorFlow | undefined {
  const { bytes, start, end } = p;
  const header = isIp4 ? (bytes[start]! & 15) * 4 : 40;
  const icmp = start + header;
  const inner = icmp + ICMP_BYTES;
  if (!isErrorMessage(bytes, start, icmp, isIp4) || inner + (isIp4 ? 20 : 40) > end) return undefined;
  const innerHeader = isIp4 ? (bytes[inner]! & 15) * 4 : 40;
  const size = isIp4 ? 4 : 16;
  const source = inner + (isIp4 ? 12 : 8);
  if (bytes[inner]! >> 4 !== (isIp4 ? 4 : 6) || !sameBytes(bytes, start + (isIp4 ? 16 : 24), source, size))
    return undefined;
  const protocol = bytes[inner + (isIp4 ? 9 : 6)]!;
  const at = inner + innerHeader;
  const hasPorts = protocol === TCP || protocol === UDP;
  const isLater = isIp4 && (read16(bytes, inner + 6) & 0x1fff) !== 0;
  if (hasPorts && (isLater || at + 4 > end)) return undefined;
  // Turned round: what the server sent to is the client.
  scratch.set(bytes.subarray(source + size, source + 2 * size), 0);
  scratch.set(bytes.subarray(source, source + size), size);
  if (hasPorts) {
    scratch.set(bytes.subarray(at + 2, at + 4), 2 * size);
    scratch.set(bytes.subarray(at, at + 2), 2 * size + 2);
  }
  flow.protocol = protocol;
  flow.port = hasPorts ? read16(bytes, at) : 0;
  flow.isIp4 = isIp4;
  flow.hasPorts = hasPorts;
  return flow;
}

/** One for all: the packet path must not allocate. */
const flow = {
  protocol: 0,
  port: 0,
  isIp4: true,
  hasPorts: false,
  hash(srcIpSticky: boolean): number {
    const ports = this.hasPorts && !srcIpSticky ? (this.isIp4 ? 8 : 32) : -1;
    return this.isIp4 ? hash4(scratch, 0, ports) : hash6(scratch, 0, ports);
  },
};

/** The header of the outer packet is taken to be without IPv6 extensions, as everywhere in lb. */
function isErrorMessage(bytes: Uint8Array, ip: number, icmp: number, isIp4: boolean): boolean {
  if (isIp4) return bytes[ip + 9] === ICMP4 && ERRORS4.has(bytes[icmp]!);
  return bytes[ip + 6] === ICMP6 && bytes[icmp]! < FIRST_INFORMATIONAL6;
}

function sameBytes(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
