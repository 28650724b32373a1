/** Frames for the packet suites: UDP datagrams of both families, whole and in pieces. */
import { hex, ip46, ip4Frame, macOf, referenceChecksum, udp, unhex } from "../dataplane/support.ts";

export interface Datagram {
  readonly src: string;
  readonly dst: string;
  readonly id: number;
  readonly srcPort?: number;
  readonly dstPort?: number;
  /** UDP payload bytes. */
  readonly bytes: number;
  readonly ttl?: number;
}

/** Bytes that tell where they belong. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 0xff);
}

/** The UDP datagram without its IP header; checksum 0 in IPv4, computed over IPv6. */
export function udpOf(datagram: Datagram): Uint8Array<ArrayBufferLike> {
  const { srcPort = 1000, dstPort = 2000, bytes, id, src, dst } = datagram;
  const segment = udp(srcPort, dstPort, pattern(bytes, id));
  if (!src.includes(":")) return segment;
  const pseudo = new Uint8Array(40 + segment.length);
  pseudo.set(ip46(src), 0);
  pseudo.set(ip46(dst), 16);
  new DataView(pseudo.buffer).setUint32(32, segment.length);
  pseudo[39] = 17;
  pseudo.set(segment, 40);
  new DataView(segment.buffer).setUint16(6, referenceChecksum(pseudo) || 0xffff);
  return segment;
}

/** One IPv4 fragment: `payload` of the datagram at `offset` (a multiple of 8). */
export function fragment4(
  macs: { readonly dst: string; readonly src: string },
  datagram: Datagram,
  offset: number,
  payload: Uint8Array,
  more: boolean,
): Uint8Array {
  const { src, dst, id, ttl = 64 } = datagram;
  const frame = ip4Frame(macs.dst, macs.src, { src, dst, id, ttl, payload });
  const view = new DataView(frame.buffer);
  view.setUint16(14 + 6, (more ? 0x2000 : 0) | (offset >> 3));
  view.setUint16(14 + 10, 0);
  view.setUint16(14 + 10, referenceChecksum(frame.subarray(14, 34)));
  return frame;
}

/** An IPv6 packet with any extension headers already in `payload`. */
export function ip6Frame(
  macs: { readonly dst: string; readonly src: string },
  packet: { readonly src: string; readonly dst: string; readonly next: number; readonly hopLimit?: number },
  payload: Uint8Array,
): Uint8Array {
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x60000000);
  view.setUint16(4, payload.length);
  header[6] = packet.next;
  header[7] = packet.hopLimit ?? 64;
  header.set(ip46(packet.src), 8);
  header.set(ip46(packet.dst), 24);
  return Uint8Array.from([...macOf(macs.dst), ...macOf(macs.src), 0x86, 0xdd, ...header, ...payload]);
}

export function fragment6(
  macs: { readonly dst: string; readonly src: string },
  datagram: Datagram,
  offset: number,
  payload: Uint8Array,
  more: boolean,
): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  header[0] = 17;
  view.setUint16(2, offset | (more ? 1 : 0));
  view.setUint32(4, datagram.id);
  return ip6Frame(macs, { ...datagram, next: 44 }, Uint8Array.from([...header, ...payload]));
}

/** The datagram in fragments of at most `size` payload bytes, a multiple of 8. */
export function fragments(
  macs: { readonly dst: string; readonly src: string },
  datagram: Datagram,
  size: number,
): Uint8Array[] {
  const payload = udpOf(datagram);
  const make = datagram.src.includes(":") ? fragment6 : fragment4;
  const made: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const part = payload.subarray(at, at + size);
    made.push(make(macs, datagram, at, part, at + size < payload.length));
  }
  return made;
}

/** The frame with tags put in, `81000064` for VLAN 100. */
export function tagged(frame: Uint8Array, tags: string): Uint8Array {
  return unhex(hex(frame.subarray(0, 12)) + tags.replace(/\s/g, "") + hex(frame.subarray(12)));
}
