import { checksum } from "./checksum.ts";
import { read16, write16, write32, type Nodes, type Packet } from "./context.ts";

const MORE_FRAGMENTS = 0x2000;

const IP6_BYTES = 40;
const FRAGMENT_HEADER_BYTES = 8;
const NEXT_FRAGMENT = 44;

/** Identification of the next packet that is split here, of either family (ip_frag.c running_fragment_id). */
let nextId = 0;

/**
 * Splits an IPv4 packet into fragments of at most `mtu` bytes (RFC 791; vnet/ip/ip_frag.c). A whole packet gets an
 * identification of ours, whatever it had: VPP's GRE headers all carry 0.
 */
export function fragment4(n: Nodes, p: Packet, mtu: number, send: (fragment: Packet) => void): void {
  const { bytes, start, end } = p;
  const header = (bytes[start]! & 15) * 4;
  const room = (mtu - header) & ~7;
  if (room < 8) return n.drop(p, n.counters.ip4MtuExceeded);
  const flagsAndOffset = read16(bytes, start + 6);
  let id = read16(bytes, start + 4);
  if ((flagsAndOffset & (MORE_FRAGMENTS | 0x1fff)) === 0) id = takeId() & 0xffff;
  for (let at = start + header; at < end; at += room) {
    const length = Math.min(room, end - at);
    const isLast = at + length >= end;
    const fragment = n.allocate(header + length, p.rx);
    fragment.bytes.set(bytes.subarray(start, start + header), fragment.start);
    fragment.bytes.set(bytes.subarray(at, at + length), fragment.start + header);
    fragment.trace = p.trace;
    const offset = (flagsAndOffset & 0x1fff) + (at - start - header) / 8;
    const more = isLast ? flagsAndOffset & MORE_FRAGMENTS : MORE_FRAGMENTS;
    const ip = fragment.start;
    write16(fragment.bytes, ip + 2, header + length);
    write16(fragment.bytes, ip + 4, id);
    write16(fragment.bytes, ip + 6, offset | more);
    write16(fragment.bytes, ip + 10, 0);
    write16(fragment.bytes, ip + 10, checksum(fragment.bytes, ip, header));
    send(fragment);
  }
}

/** Splits an IPv6 packet of our own (RFC 8200, 4.5; vnet/ip/ip_frag.c ip6_frag_do_fragment). */
export function fragment6(n: Nodes, p: Packet, mtu: number, send: (fragment: Packet) => void): void {
  const { bytes, start, end } = p;
  const room = (mtu - IP6_BYTES - FRAGMENT_HEADER_BYTES) & ~7;
  if (room < 8) return n.drop(p, n.counters.ip6MtuExceeded);
  const id = takeId();
  const data = start + IP6_BYTES;
  for (let at = data; at < end; at += room) {
    const length = Math.min(room, end - at);
    const fragment = n.allocate(IP6_BYTES + FRAGMENT_HEADER_BYTES + length, p.rx);
    const ip = fragment.start;
    const header = ip + IP6_BYTES;
    fragment.bytes.set(bytes.subarray(start, data), ip);
    fragment.bytes.set(bytes.subarray(at, at + length), header + FRAGMENT_HEADER_BYTES);
    fragment.trace = p.trace;
    write16(fragment.bytes, ip + 4, FRAGMENT_HEADER_BYTES + length);
    fragment.bytes[ip + 6] = NEXT_FRAGMENT;
    write16(fragment.bytes, header, bytes[start + 6]! << 8);
    write16(fragment.bytes, header + 2, (at - data) | (at + length < end ? 1 : 0));
    write32(fragment.bytes, header + 4, id);
    send(fragment);
  }
}

function takeId(): number {
  const id = nextId;
  nextId = (nextId + 1) >>> 0;
  return id;
}
