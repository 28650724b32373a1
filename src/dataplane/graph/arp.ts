import type { Fib } from "../fib/fib.ts";
import { hostPrefix, mask4, shorten } from "../fib/prefix.ts";
import type { FibEntry } from "../fib/types.ts";
import type { Interface } from "../model.ts";
import { read16, read32, snapshot, write16, write32, type Nodes, type Packet } from "./context.ts";
import { sameMac } from "./ethernet.ts";

const REQUEST = 1;
const REPLY = 2;
export const ARP_BYTES = 28;
const BROADCAST = new Uint8Array(6).fill(0xff);

/** arp-input and arp-reply (vnet/arp/arp.c): p.start is the ARP header, the Ethernet header is before it. */
export function arpInput(n: Nodes, p: Packet): void {
  const { bytes, start, rx } = p;
  const { counters } = n;
  if (p.trace !== undefined) n.record(p, "arp-input", { kind: "arp", data: snapshot(p) });
  if (p.end - start < ARP_BYTES || read16(bytes, start) !== 1) return n.drop(p, counters.arpNotEthernet);
  if (read16(bytes, start + 2) !== 0x0800) return n.drop(p, counters.arpNotIp4);
  const destination = read32(bytes, start + 24);
  if (destination === 0) return n.drop(p, counters.arpNoDestination);
  if (rx.addresses4.length === 0) return n.drop(p, counters.arpNotEnabled);
  if (p.trace !== undefined) n.record(p, "arp-reply", { kind: "arp", data: snapshot(p) });
  const source = read32(bytes, start + 14);
  const refused = checkSource(n, rx, source);
  if (refused !== undefined) return n.drop(p, refused);
  const target = n.dp.fib.lookup(rx.fibIndex4, destination);
  const known = destinationKind(target);
  if (known === "neighbor" && source === destination && n.dp.neighbors.find(rx.swIfIndex, source) !== undefined) {
    // A gratuitous ARP of somebody we know already.
    learn(n, p, source);
    return n.drop(p, counters.arpLearned);
  }
  if (known !== "connected") return n.drop(p, counters.arpDestinationNotLocal);
  if (!sameMac(bytes, p.l2 + 6, bytes.subarray(start + 8, start + 14))) return n.drop(p, counters.arpMacMismatch);
  answer(n, p, source, destination);
}

function answer(n: Nodes, p: Packet, source: number, destination: number): void {
  const { counters } = n;
  const isOwn = p.rx.addresses4.some((own) => own.address === destination);
  if (read16(p.bytes, p.start + 6) === REPLY) {
    if (!isOwn) return n.drop(p, counters.arpDestinationNotLocal);
    learn(n, p, source);
    return n.drop(p, counters.arpLearned);
  }
  if (!isOwn) return n.drop(p, counters.ethernetNone);
  if (source === destination) return n.drop(p, counters.arpGratuitous);
  learn(n, p, source);
  counters.arpReplies.count += 1;
  const { bytes, start } = p;
  const reply = n.allocate(14 + ARP_BYTES, p.rx);
  reply.trace = p.trace;
  fill(reply, p.rx, REPLY, bytes.subarray(start + 8, start + 14), destination, source);
  n.outputUntagged(reply, p.rx);
}

/** Sends a request for `target` out of an interface. */
export function sendArpRequest(n: Nodes, iface: Interface, source: number, target: number): void {
  const request = n.allocate(14 + ARP_BYTES, iface);
  fill(request, iface, REQUEST, BROADCAST, source, target);
  request.bytes.fill(0, request.start + 32, request.start + 38);
  n.outputUntagged(request, iface);
}

/** A gratuitous ARP: a request for the own address (ip4_neighbor_advertise). */
export function sendGratuitousArp(n: Nodes, iface: Interface, address: number): void {
  const request = n.allocate(14 + ARP_BYTES, iface);
  fill(request, iface, REQUEST, BROADCAST, address, address);
  request.bytes.set(iface.mac, request.start + 32);
  n.outputUntagged(request, iface);
}

function fill(p: Packet, iface: Interface, opcode: number, mac: Uint8Array, source: number, target: number): void {
  const { bytes, start } = p;
  bytes.set(mac, start);
  bytes.set(iface.mac, start + 6);
  write16(bytes, start + 12, 0x0806);
  write32(bytes, start + 14, 0x00010800);
  write16(bytes, start + 18, 0x0604);
  write16(bytes, start + 20, opcode);
  bytes.set(iface.mac, start + 22);
  write32(bytes, start + 28, source);
  bytes.set(mac, start + 32);
  write32(bytes, start + 38, target);
}

/** The sender must be on a subnet of ours, and not be us. */
function checkSource(n: Nodes, rx: Interface, source: number): Nodes["counters"]["arpLearned"] | undefined {
  const fib: Fib = n.dp.fib;
  const table = fib.tables4.get(rx.fibIndex4);
  for (let length = 32; length >= 0 && table !== undefined;) {
    const entry = table.match(shorten(hostPrefix(source), length), length);
    if (entry === undefined) break;
    for (const { flags } of entry.sources) {
      if (flags.has("local")) return n.counters.arpSourceIsLocal;
      if (flags.has("attached") || flags.has("connected")) return undefined;
    }
    length = entry.prefix.length - 1;
  }
  return n.counters.arpSourceNotLocal;
}

/** arp_dst_fib_check. */
function destinationKind(entry: FibEntry | undefined): "connected" | "neighbor" | "none" {
  for (const { source, flags } of entry?.sources ?? []) {
    if (flags.has("connected")) return "connected";
    if (source === "adjacency" && flags.has("attached")) return "neighbor";
  }
  return "none";
}

function learn(n: Nodes, p: Packet, source: number): void {
  n.counters.arpLearned.count += 1;
  n.dp.neighbors.add(p.rx.swIfIndex, source, p.bytes.subarray(p.start + 8, p.start + 14));
}

/** The interface's address for talking to `target`: of its subnet, else the first. */
export function sourceAddress4(iface: Interface, target: number): number | undefined {
  const near = iface.addresses4.find((own) => ((own.address ^ target) & mask4(own.length)) === 0);
  return (near ?? iface.addresses4[0])?.address;
}
