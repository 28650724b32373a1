import { checksum, update16 } from "./checksum.ts";
import { read16, read32, snapshot, write16, write32, type Nodes, type Packet } from "./context.ts";
import { sourceAddress4 } from "./arp.ts";
import { traceIp } from "./ip4.ts";

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO_REQUEST = 8;
const TIME_EXCEEDED = 11;
/** An error carries as much of the packet as fits (RFC 1812, 4.3.2.3). */
const ERROR_BYTES = 576;

/** ip4-local: packets for an own address. */
export function ip4Local(n: Nodes, p: Packet): void {
  const { bytes, start } = p;
  const { counters } = n;
  if (p.trace !== undefined) traceIp(n, p, "ip4-local", 0);
  if ((read16(bytes, start + 6) & 0x3fff) !== 0) {
    if (n.dp.reassembly.local(n, p, 4)) n.ip4Input(p);
    return;
  }
  if (!p.local && isOwnAddress(n, p, read32(bytes, start + 12))) return n.drop(p, counters.ip4Spoofed, p.rx);
  const protocol = bytes[start + 9]!;
  if (protocol === 1) return icmp4Input(n, p);
  if (protocol === 17) return n.icmp4Error(p, UNREACHABLE, 3, 0);
  p.rx.counters.punts += 1;
  n.drop(p, counters.ip4UnknownProtocol, p.rx);
}

function icmp4Input(n: Nodes, p: Packet): void {
  const { bytes, start } = p;
  const icmp = start + (bytes[start]! & 15) * 4;
  if (p.trace !== undefined) traceIp(n, p, "ip4-icmp-input", 0);
  if (p.end - icmp < 8) return n.drop(p, n.counters.icmp4UnknownType, p.rx);
  const type = bytes[icmp]!;
  if (type === ECHO_REQUEST) return echo(n, p, icmp);
  if (type === ECHO_REPLY && n.dp.graph.echoReply(p, icmp)) return;
  p.rx.counters.punts += 1;
  n.drop(p, n.counters.icmp4UnknownType, p.rx);
}

/** ip4-icmp-echo-request: the packet itself goes back (plugins/ping/ping.c). */
function echo(n: Nodes, p: Packet, icmp: number): void {
  const { bytes, start } = p;
  if (p.trace !== undefined) traceIp(n, p, "ip4-icmp-echo-request", 0);
  n.counters.icmp4EchoReplies.count += 1;
  bytes[icmp] = ECHO_REPLY;
  write16(bytes, icmp + 2, update16(read16(bytes, icmp + 2), ECHO_REQUEST << 8, 0));
  const source = read32(bytes, start + 12);
  write32(bytes, start + 12, read32(bytes, start + 16));
  write32(bytes, start + 16, source);
  const old = read16(bytes, start + 8);
  bytes[start + 8] = 64;
  write16(bytes, start + 10, update16(read16(bytes, start + 10), old, read16(bytes, start + 8)));
  p.local = true;
  n.ip4Lookup(p);
}

/** ip4-icmp-error: tells the sender, at most so often, and drops the packet. Never about an ICMP error or a fragment. */
export function icmp4Error(n: Nodes, p: Packet, type: number, code: number, data: number): void {
  const { counters } = n;
  const dropped =
    type === TIME_EXCEEDED
      ? counters.ip4TimeExpired
      : code === 4
        ? counters.ip4MtuExceeded
        : counters.icmp4UnreachableSent;
  const source = sourceAddress4(p.rx, read32(p.bytes, p.start + 12));
  if (p.local || isError(p) || source === undefined) return n.drop(p, dropped, p.rx);
  if (!n.dp.graph.mayComplain()) return n.drop(p, counters.icmp4Throttled, p.rx);
  const quoted = Math.min(p.end - p.start, ERROR_BYTES - 28);
  const error = n.allocate(28 + quoted, p.rx);
  const { bytes, start } = error;
  bytes.set(p.bytes.subarray(p.start, p.start + quoted), start + 28);
  writeHeader4(bytes, start, 28 + quoted, 255, source, read32(p.bytes, p.start + 12));
  bytes[start + 20] = type;
  bytes[start + 21] = code;
  write16(bytes, start + 22, 0);
  write32(bytes, start + 24, data);
  write16(bytes, start + 22, checksum(bytes, start + 20, 8 + quoted));
  (type === TIME_EXCEEDED ? counters.icmp4ExpiredSent : counters.icmp4UnreachableSent).count += 1;
  error.local = true;
  error.trace = p.trace;
  if (p.trace !== undefined)
    n.record(p, "ip4-icmp-error", { kind: "frame", swIfIndex: p.rx.swIfIndex, data: snapshot(p) });
  n.drop(p, dropped, p.rx);
  n.ip4Lookup(error);
}

/** An IPv4 header for an ICMP message. */
export function writeHeader4(
  bytes: Uint8Array,
  at: number,
  length: number,
  ttl: number,
  source: number,
  destination: number,
): void {
  write16(bytes, at, 0x4500);
  write16(bytes, at + 2, length);
  write32(bytes, at + 4, 0);
  bytes[at + 8] = ttl;
  bytes[at + 9] = 1;
  write16(bytes, at + 10, 0);
  write32(bytes, at + 12, source);
  write32(bytes, at + 16, destination);
  write16(bytes, at + 10, checksum(bytes, at, 20));
}

/** RFC 1122, 3.2.2: no error about an error, a fragment other than the first, or a packet without a single sender. */
function isError(p: Packet): boolean {
  const { bytes, start } = p;
  if ((read16(bytes, start + 6) & 0x1fff) !== 0) return true;
  const source = bytes[start + 12]!;
  if (source === 0 || source === 127 || source >= 224) return true;
  if (bytes[start + 9] !== 1) return false;
  const type = bytes[start + (bytes[start]! & 15) * 4]!;
  return type !== ECHO_REQUEST && type !== ECHO_REPLY && type < 13;
}

function isOwnAddress(n: Nodes, p: Packet, address: number): boolean {
  const entry = n.dp.fib.lookup(p.rx.fibIndex4, address);
  return entry?.sources[0]?.flags.has("local") === true;
}
