import { read16 } from "../graph/context.ts";

const TCP = 6;
const UDP = 17;
const ICMP4 = 1;
const ICMP6 = 58;
const FRAGMENT = 44;
/** VPP takes a transport header for present where at least this much of the packet is left (public_inlines.h:40). */
const MIN_L4_BYTES = 8;
/** IPv6 extension headers that VPP looks behind (acl.h foreach_acl_eh). */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60, FRAGMENT, 135, 139, 140]);

/** What rules are matched against, besides the addresses in the packet. One object serves packet after packet. */
export class FiveTuple {
  isIp4 = true;
  /** Offset of the source address; the destination's follows. */
  addresses = 0;
  protocol = 0;
  sourcePort = 0;
  destinationPort = 0;
  tcpFlags = 0;
  /** Ports or type and code were there to be read. */
  l4Valid = false;
  nonFirstFragment = false;
  /** Neither TCP nor UDP: part of VPP's session key. */
  slowPath = false;

  /** acl_fill_5tuple (plugins/acl/public_inlines.h): from the IP header at `ip` of a packet that ends at `end`. */
  fill(bytes: Uint8Array, ip: number, end: number, isIp4: boolean): void {
    this.isIp4 = isIp4;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.tcpFlags = 0;
    this.l4Valid = false;
    this.nonFirstFragment = false;
    this.slowPath = false;
    const l4 = isIp4 ? this.#header4(bytes, ip) : this.#header6(bytes, ip, end);
    if (l4 < 0 || l4 > end - MIN_L4_BYTES) return;
    this.#transport(bytes, l4);
  }

  /** @returns offset of what follows the header, -1 in a later fragment */
  #header4(bytes: Uint8Array, ip: number): number {
    this.addresses = ip + 12;
    this.protocol = bytes[ip + 9]!;
    this.nonFirstFragment = (bytes[ip + 6]! & 0x1f) !== 0 || bytes[ip + 7] !== 0;
    return this.nonFirstFragment ? -1 : ip + (bytes[ip]! & 15) * 4;
  }

  #header6(bytes: Uint8Array, ip: number, end: number): number {
    this.addresses = ip + 8;
    let protocol = bytes[ip + 6]!;
    let at = ip + 40;
    while (EXTENSIONS.has(protocol) && at >= 0 && at <= end - MIN_L4_BYTES) {
      const next = bytes[at]!;
      if (protocol !== FRAGMENT) at += 8 * (1 + bytes[at + 1]!);
      else if (read16(bytes, at + 2) >> 3 === 0) at += 8;
      else {
        this.nonFirstFragment = true;
        at = -1;
      }
      protocol = next;
    }
    this.protocol = protocol;
    return at;
  }

  #transport(bytes: Uint8Array, l4: number): void {
    this.l4Valid = true;
    const { protocol } = this;
    if (protocol === TCP || protocol === UDP) {
      if (protocol === TCP) this.tcpFlags = bytes[l4 + 13]!;
      this.sourcePort = read16(bytes, l4);
      this.destinationPort = read16(bytes, l4 + 2);
      return;
    }
    this.slowPath = true;
    if (protocol !== (this.isIp4 ? ICMP4 : ICMP6)) return;
    this.sourcePort = bytes[l4]!;
    this.destinationPort = bytes[l4 + 1]!;
  }
}
