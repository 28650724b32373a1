import { covers, hostPrefix, prefix6 } from "../fib/prefix.ts";
import type { Interface } from "../model.ts";
import { write16, write32, type Nodes, type Packet } from "./context.ts";
import { equal16 } from "./ip6.ts";
import { checksum, pseudo6 } from "./checksum.ts";

const SOURCE_LINK_LAYER = 1;
const TARGET_LINK_LAYER = 2;
const OPTION_BYTES = 8;
/** IPv6 header, ICMPv6 header with target, one option. */
const MESSAGE_BYTES = 40 + 24 + OPTION_BYTES;
const FLAG_SOLICITED = 0x40000000;
const FLAG_OVERRIDE = 0x20000000;

/** icmp6-neighbor-solicitation (RFC 4861, 7.2.3): learn the asker, answer for own addresses. */
export function neighborSolicitation(n: Nodes, p: Packet, icmp: number): void {
  const { bytes, start, rx } = p;
  const { counters } = n;
  if (bytes[start + 7] !== 255) return n.drop(p, counters.icmp6BadHopLimit, rx);
  if (p.end - icmp < 24) return n.drop(p, counters.icmp6TooShort, rx);
  const source = bytes.slice(start + 8, start + 24);
  const target = bytes.slice(icmp + 8, icmp + 24);
  const isProbe = source.every((byte) => byte === 0);
  if (!isProbe && !isOnLink(rx, source)) return n.drop(p, counters.ndSolicitations, rx);
  if (!isOwn(rx, target)) return n.drop(p, counters.ndUnknownTarget, rx);
  const mac = linkLayerOption(p, icmp + 24, SOURCE_LINK_LAYER);
  if (!isProbe && mac !== undefined) n.dp.neighbors.add(rx.swIfIndex, source, mac);
  counters.ndAdvertisementsSent.count += 1;
  // To a duplicate-address probe the answer goes to all nodes.
  const destination = isProbe ? ALL_NODES : source;
  const frameMac = isProbe ? multicastMac(ALL_NODES) : (mac ?? bytes.slice(p.l2 + 6, p.l2 + 12));
  send(n, p.rx, 136, isProbe ? FLAG_OVERRIDE : FLAG_SOLICITED | FLAG_OVERRIDE, target, destination, target, frameMac);
}

/** icmp6-neighbor-advertisement: learn who is asked for or known. */
export function neighborAdvertisement(n: Nodes, p: Packet, icmp: number): void {
  const { bytes, start, rx } = p;
  if (bytes[start + 7] !== 255) return n.drop(p, n.counters.icmp6BadHopLimit, rx);
  if (p.end - icmp < 24) return n.drop(p, n.counters.icmp6TooShort, rx);
  const target = bytes.slice(icmp + 8, icmp + 24);
  const mac = linkLayerOption(p, icmp + 24, TARGET_LINK_LAYER);
  if (mac !== undefined && isOnLink(rx, target) && !isOwn(rx, target)) n.dp.neighbors.add(rx.swIfIndex, target, mac);
  n.drop(p, n.counters.ndAdvertisementsReceived, rx);
}

/** Asks for a neighbour: to its solicited-node group, from an own address. */
export function sendSolicitation(n: Nodes, iface: Interface, source: Uint8Array, target: Uint8Array): void {
  const group = SOLICITED_NODE.slice();
  group.set(target.subarray(13), 13);
  send(n, iface, 135, 0, source, group, target, multicastMac(group));
}

/** An unsolicited advertisement of an own address, to all nodes (`arping` on IPv6). */
export function sendUnsolicitedAdvertisement(n: Nodes, iface: Interface, address: Uint8Array): void {
  send(n, iface, 136, FLAG_OVERRIDE, address, ALL_NODES, address, multicastMac(ALL_NODES));
}

function send(
  n: Nodes,
  iface: Interface,
  type: number,
  flags: number,
  source: Uint8Array,
  destination: Uint8Array,
  target: Uint8Array,
  mac: Uint8Array,
): void {
  const p = n.allocate(14 + MESSAGE_BYTES, iface);
  const { bytes, start } = p;
  bytes.set(mac, start);
  bytes.set(iface.mac, start + 6);
  write16(bytes, start + 12, 0x86dd);
  const ip = start + 14;
  write32(bytes, ip, 0x60000000);
  write16(bytes, ip + 4, MESSAGE_BYTES - 40);
  bytes[ip + 6] = 58;
  bytes[ip + 7] = 255;
  bytes.set(source, ip + 8);
  bytes.set(destination, ip + 24);
  const icmp = ip + 40;
  write32(bytes, icmp, type * 0x1000000);
  write32(bytes, icmp + 4, flags);
  bytes.set(target, icmp + 8);
  bytes[icmp + 24] = type === 135 ? SOURCE_LINK_LAYER : TARGET_LINK_LAYER;
  bytes[icmp + 25] = 1;
  bytes.set(iface.mac, icmp + 26);
  write16(bytes, icmp + 2, checksum(bytes, icmp, MESSAGE_BYTES - 40, pseudo6(bytes, ip, 58, MESSAGE_BYTES - 40)));
  n.outputUntagged(p, iface);
}

/** The MAC address in an option of the message, undefined if there is none. */
function linkLayerOption(p: Packet, from: number, type: number): Uint8Array | undefined {
  const { bytes, end } = p;
  for (let at = from; at + OPTION_BYTES <= end;) {
    const length = bytes[at + 1]! * 8;
    if (length === 0) return undefined;
    if (bytes[at] === type) return bytes.slice(at + 2, at + 8);
    at += length;
  }
  return undefined;
}

function isOwn(iface: Interface, address: Uint8Array): boolean {
  if (equal16(address, 0, iface.linkLocal)) return true;
  return iface.addresses6.some((own) => equal16(address, 0, own.address));
}

function isOnLink(iface: Interface, address: Uint8Array): boolean {
  if (address[0] === 0xfe && (address[1]! & 0xc0) === 0x80) return true;
  return iface.addresses6.some((own) => covers(prefix6(own.address, own.length), hostPrefix(address)));
}

const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const SOLICITED_NODE = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);

/** RFC 2464, 7. */
function multicastMac(group: Uint8Array): Uint8Array {
  return Uint8Array.of(0x33, 0x33, group[12]!, group[13]!, group[14]!, group[15]!);
}
