import { checksum } from "./checksum.ts";
import { read16, write16, type Nodes, type Packet } from "./context.ts";

const MORE_FRAGMENTS = 0x2000;

let lastId = 0;

/**
 * Splits an IPv4 packet into fragments of at most `mtu` bytes (RFC 791; vnet/ip/ip_frag.c). A packet without an
 * identification gets one: VPP's GRE headers carry 0, and fragments of two packets must not be taken for one.
 */
export function fragment4(n: Nodes, p: Packet, mtu: number, send: (fragment: Packet) => void): void {
  const { bytes, start, end } = p;
  const header = (bytes[start]! & 15) * 4;
  const room = (mtu - header) & ~7;
  if (room < 8) return n.drop(p, n.counters.ip4MtuExceeded);
  const flagsAndOffset = read16(bytes, start + 6);
  let id = read16(bytes, start + 4);
  if (id === 0 && (flagsAndOffset & 0x1fff) === 0) {
    lastId = (lastId % 0xffff) + 1;
    id = lastId;
  }
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
