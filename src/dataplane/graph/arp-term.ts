import type { BridgeDomain } from "../model.ts";
import { TAG_BYTES, tagsOf } from "../l2/tag-rewrite.ts";
import { checksum, pseudo6 } from "./checksum.ts";
import { read16, read32, write16, write32, type Nodes, type Packet } from "./context.ts";
import { equal16 } from "./ip6.ts";

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IP6 = 0x86dd;
const REQUEST = 1;
const REPLY = 2;
const ICMP6 = 58;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const SOLICITED_OVERRIDE = 0x60000000;
const SOURCE_LINK_LAYER = 1;
const TARGET_LINK_LAYER = 2;
/** ICMPv6 header with target, and one option. */
const SOLICITATION_BYTES = 24 + 8;
/** A VRRP router's ARP may come from its own address (RFC 5798, 7.3). */
const VRRP = Uint8Array.of(0, 0, 0x5e, 0, 1);

/** What became of a frame. */
export type Terminated = "answered" | "dropped" | "not mine";

/**
 * arp-term-l2bd: of a bridge domain with ARP termination, what asks for an address whose MAC is configured is answered
 * instead of flooded. The frame is turned round in place.
 */
export function terminateArp(n: Nodes, p: Packet, domain: BridgeDomain): Terminated {
  // Only local ones: not from a split-horizon group, not our own.
  if ((p.rx.l2?.shg ?? 0) !== 0 || p.rx.l2?.portType === "bvi") return "not mine";
  const { bytes } = p;
  const header = 14 + TAG_BYTES * tagsOf(bytes, p.start, p.end);
  const l3 = p.start + header;
  const etherType = read16(bytes, l3 - 2);
  if (etherType === ETHERTYPE_ARP && p.end - l3 >= 28) return answerArp(n, p, l3, domain);
  if (etherType === ETHERTYPE_IP6 && bytes[l3 + 6] === ICMP6) return answerNd(n, p, l3, domain);
  return "not mine";
}

function answerArp(n: Nodes, p: Packet, arp: number, domain: BridgeDomain): Terminated {
  const { bytes, start } = p;
  const { counters } = n;
  const opcode = read16(bytes, arp + 6);
  if (opcode !== REQUEST && opcode !== REPLY) return "not mine";
  const source = read32(bytes, arp + 14);
  const target = read32(bytes, arp + 24);
  const drop = (counter: typeof counters.arpTermMismatch): Terminated => {
    n.drop(p, source === 0 || source === target ? counters.arpTermGratuitous : counter);
    return "dropped";
  };
  if (read16(bytes, arp) !== 1) return drop(counters.arpTermNotEthernet);
  if (read16(bytes, arp + 2) !== 0x0800) return drop(counters.arpTermNotIp4);
  if (!same(bytes, start + 6, arp + 8, 6) || (bytes[arp + 8]! & 1) !== 0) {
    if (!VRRP.every((byte, i) => bytes[arp + 8 + i] === byte)) return drop(counters.arpTermMismatch);
  }
  if (source >>> 28 === 0xe) return drop(counters.arpTermSource);
  const known = domain.ipMacs.get(target);
  if (known === undefined || source === target) return "not mine";
  write16(bytes, arp + 6, REPLY);
  bytes.copyWithin(arp + 18, arp + 8, arp + 18);
  bytes.set(known.mac, arp + 8);
  write32(bytes, arp + 14, target);
  bytes.copyWithin(start, start + 6, start + 12);
  bytes.set(known.mac, start + 6);
  counters.arpTermReplies.count += 1;
  return "answered";
}

function answerNd(n: Nodes, p: Packet, ip: number, domain: BridgeDomain): Terminated {
  const { bytes, start, end } = p;
  const icmp = ip + 40;
  if (end - icmp < SOLICITATION_BYTES || bytes[icmp] !== SOLICITATION || equal16(bytes, ip + 8, UNSPECIFIED))
    return "not mine";
  const option = icmp + 24;
  if (bytes[option] !== SOURCE_LINK_LAYER || bytes[option + 1] !== 1) return "not mine";
  const known = domain.ipMacs.get(bytes.slice(icmp + 8, icmp + 24));
  if (known === undefined) return "not mine";
  bytes.copyWithin(ip + 24, ip + 8, ip + 24);
  bytes.copyWithin(ip + 8, icmp + 8, icmp + 24);
  bytes[ip + 7] = 255;
  bytes[option] = TARGET_LINK_LAYER;
  bytes.set(known.mac, option + 2);
  bytes[icmp] = ADVERTISEMENT;
  write32(bytes, icmp + 4, SOLICITED_OVERRIDE);
  write16(bytes, icmp + 2, 0);
  const length = read16(bytes, ip + 4);
  if (length <= end - icmp) write16(bytes, icmp + 2, checksum(bytes, icmp, length, pseudo6(bytes, ip, ICMP6, length)));
  bytes.copyWithin(start, start + 6, start + 12);
  bytes.set(known.mac, start + 6);
  n.counters.ndAdvertisementsSent.count += 1;
  return "answered";
}

const UNSPECIFIED = new Uint8Array(16);

function same(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
