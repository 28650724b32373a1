import { runFeatures, runFeaturesAfter, type Feature } from "../features.ts";
import { headerIsRight, update16 } from "./checksum.ts";
import { read16, snapshot, write16, type Nodes, type Packet } from "./context.ts";

/** ip4-input: the checks of vnet/ip/ip4_input.h, then lookup. */
export function ip4Input(n: Nodes, p: Packet): void {
  const { bytes, view, start } = p;
  const { counters } = n;
  if (p.trace !== undefined) traceIp(n, p, "ip4-input", 0);
  const available = p.end - start;
  if (available < 20) return n.drop(p, counters.ip4TooShort);
  const first = bytes[start]!;
  if (first !== 0x45) {
    if (first >> 4 !== 4) return n.drop(p, counters.ip4Version);
    if ((first & 15) < 5) return n.drop(p, counters.ip4HeaderTooShort);
  }
  const length = view.getUint16(start + 2);
  const header = (first & 15) * 4;
  if (length > available || length < header) return n.drop(p, counters.ip4BadLength);
  if (!headerIsRight(view, start, header)) return n.drop(p, counters.ip4BadChecksum);
  if ((view.getUint16(start + 6) & 0x1fff) === 1) return n.drop(p, counters.ip4FragmentOffset);
  if (bytes[start + 8] === 0) return n.icmp4Error(p, 11, 0, 0);
  // What follows the packet is padding of a short Ethernet frame.
  p.end = start + length;
  if (header !== 20) return ip4Options(n, p);
  const features = p.rx.features.ip4Unicast;
  if (features !== undefined && bytes[start + 16]! >> 4 !== 0xe && !runFeatures(n, p, features)) return;
  ip4AfterFeatures(n, p);
}

/** ip4-options: nothing but IGMP's router alert is taken; all else is punted, and nobody takes it (ip4_options.c). */
function ip4Options(n: Nodes, p: Packet): void {
  const { bytes, start } = p;
  if (p.trace !== undefined) n.record(p, "ip4-options", { kind: "options", data: bytes.slice(start + 20, start + 24) });
  const isAlert = (bytes[start + 20]! & 0x7f) === ROUTER_ALERT && bytes[start + 21] === 4;
  if (isAlert && bytes[start + 9] === IGMP) return n.ip4Local(p);
  n.counters.ip4Options.count += 1;
  p.rx.counters.punts += 1;
  if (p.trace === undefined) return;
  n.record(p, "ip4-punt", { kind: "ip4-punt", data: snapshot(p) });
  n.record(p, "error-punt", { kind: "rx", swIfIndex: p.rx.swIfIndex });
  const { node, reason } = n.counters.ip4Options;
  n.record(p, "punt", { kind: "drop", swIfIndex: p.rx.swIfIndex, node, reason });
}

const IGMP = 2;
const ROUTER_ALERT = 20;

/** The end of ip4-unicast: also for a fragment that a feature kept for a while. */
export function ip4AfterFeatures(n: Nodes, p: Packet): void {
  const { counters } = n;
  if (p.rx.addresses4.length === 0) return n.drop(p, counters.ip4NotEnabled, p.rx);
  n.ip4Lookup(p);
}

/** Lets a packet go that `feature` kept: on with the features after it. */
export function ip4Resume(n: Nodes, p: Packet, feature: Feature): void {
  if (runFeaturesAfter(n, p, p.rx.features.ip4Unicast, feature)) ip4AfterFeatures(n, p);
}

/** ip4-lookup of the destination in the receiving interface's table. */
export function ip4Lookup(n: Nodes, p: Packet): void {
  const table = n.dp.fib.tables4.get(p.rx.fibIndex4);
  const index = table === undefined ? -1 : table.forwarding4.lookup(p.view.getUint32(p.start + 16));
  if (index < 0) return n.drop(p, n.counters.ip4Drop);
  const lb = n.dp.fib.loadBalanceAt[index]!;
  lb.toPackets += 1;
  lb.toBytes += p.end - p.start;
  p.flowHash = 0;
  n.forward(p, lb, true, "ip4-lookup");
}

/** One hop less; false if there was none left. */
export function decrementTtl(view: DataView, ip: number): boolean {
  const ttl = view.getUint8(ip + 8);
  if (ttl <= 1) return false;
  view.setUint8(ip + 8, ttl - 1);
  // The TTL is the high byte of its word: the checksum grows by 0x100 (RFC 1141).
  let sum = view.getUint16(ip + 10) + 0x100;
  if (sum >= 0xffff) sum -= 0xffff;
  view.setUint16(ip + 10, sum);
  return true;
}

/** Records an IP packet; nodes that look up name their FIB and load-balance. */
export function traceIp(n: Nodes, p: Packet, node: string, dpoIndex: number): void {
  const fibIndex = node.startsWith("ip4") ? p.rx.fibIndex4 : p.rx.fibIndex6;
  n.record(p, node, { kind: "ip", fibIndex, dpoIndex, flowHash: p.flowHash, data: snapshot(p) });
}

/** Sets a 16-bit word of a header at `ip` and keeps the IPv4 checksum right. */
export function patch16(bytes: Uint8Array, ip: number, at: number, value: number): void {
  const sum = update16(read16(bytes, ip + 10), read16(bytes, at), value);
  write16(bytes, at, value);
  write16(bytes, ip + 10, sum);
}
