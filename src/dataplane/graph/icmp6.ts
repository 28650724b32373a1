import { covers, hostPrefix, prefix6 } from "../fib/prefix.ts";
import type { ErrorCounter, Interface } from "../model.ts";
import { checksum, fold, pseudo6, sum16, update16 } from "./checksum.ts";
import { read16, snapshot, write16, write32, type Nodes, type Packet } from "./context.ts";
import { equal16 } from "./ip6.ts";
import { traceIp } from "./ip4.ts";
import { neighborAdvertisement, neighborSolicitation } from "./nd.ts";

const UNREACHABLE = 1;
const TOO_BIG = 2;
const TIME_EXCEEDED = 3;
const PARAMETER_PROBLEM = 4;
const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const ICMP6 = 58;
/** Next header: fragment (RFC 8200, 4.5). */
const FRAGMENT = 44;
/** Least MTU of IPv6, hence the most of an error message (RFC 4443, 2.4c). */
const ERROR_BYTES = 1280;

/** ip6-local: own addresses and the multicast groups that every node is in. */
export function ip6Local(n: Nodes, p: Packet): void {
  const { bytes, start } = p;
  const { counters } = n;
  if (p.trace !== undefined) traceIp(n, p, "ip6-local", 0);
  const protocol = bytes[start + 6]!;
  const isMulticast = bytes[start + 24] === 0xff;
  if (protocol === FRAGMENT) {
    if (n.dp.reassembly.local(n, p, 6)) n.ip6Input(p);
    return;
  }
  if (protocol !== ICMP6) {
    if (protocol === 17 && !isMulticast) return n.icmp6Error(p, UNREACHABLE, 4, 0);
    return n.drop(p, counters.ip6UnknownProtocol, p.rx);
  }
  const icmp = start + 40;
  if (p.end - icmp < 8) return n.drop(p, counters.icmp6TooShort, p.rx);
  if (fold(sum16(bytes, icmp, p.end - icmp, pseudo6(bytes, start, ICMP6, p.end - icmp))) !== 0xffff)
    return n.drop(p, counters.ip6IcmpChecksum, p.rx);
  if (p.trace !== undefined) traceIp(n, p, "ip6-icmp-input", 0);
  const type = bytes[icmp]!;
  if (type === SOLICITATION) return neighborSolicitation(n, p, icmp);
  if (type === ADVERTISEMENT) return neighborAdvertisement(n, p, icmp);
  if (type === ECHO_REQUEST && !isMulticast) return echo(n, p, icmp);
  if (type === ECHO_REPLY && n.dp.graph.echoReply(p, icmp)) return;
  n.drop(p, counters.icmp6UnknownType, p.rx);
}

function echo(n: Nodes, p: Packet, icmp: number): void {
  const { bytes, start } = p;
  n.counters.icmp6EchoReplies.count += 1;
  bytes[icmp] = ECHO_REPLY;
  write16(bytes, icmp + 2, update16(read16(bytes, icmp + 2), ECHO_REQUEST << 8, ECHO_REPLY << 8));
  const source = bytes.slice(start + 8, start + 24);
  bytes.copyWithin(start + 8, start + 24, start + 40);
  bytes.set(source, start + 24);
  bytes[start + 7] = 64;
  p.local = true;
  if (isLinkLocal(source)) return sendToLink(n, p, source);
  n.ip6Lookup(p);
}

/** Link-local destinations have no table: the neighbour is on the interface that the packet came by. */
export function sendToLink(n: Nodes, p: Packet, destination: Uint8Array): void {
  const adjacency = n.dp.fib.adjacencies.neighbor(6, p.rx, destination);
  n.forwardTo(p, adjacency);
  n.dp.fib.adjacencies.release(adjacency);
}

/** ip6-icmp-error. `dropped` counts the packet where the type alone does not say why. */
export function icmp6Error(
  n: Nodes,
  p: Packet,
  type: number,
  code: number,
  data: number,
  dropped: ErrorCounter = droppedBy(n, type),
): void {
  const { counters } = n;
  const destination = p.bytes.slice(p.start + 8, p.start + 24);
  const source = sourceAddress6(p.rx, destination);
  if (p.local || isError(p) || source === undefined) return n.drop(p, dropped, p.rx);
  if (!n.dp.graph.mayComplain()) return n.drop(p, counters.icmp6Throttled, p.rx);
  const quoted = Math.min(p.end - p.start, ERROR_BYTES - 48);
  const error = n.allocate(48 + quoted, p.rx);
  const { bytes, start } = error;
  bytes.set(p.bytes.subarray(p.start, p.start + quoted), start + 48);
  write32(bytes, start + 44, data);
  finishIcmp6(bytes, start, 48 + quoted, type, code, source, destination);
  sentOf(n, type).count += 1;
  error.local = true;
  error.trace = p.trace;
  if (p.trace !== undefined)
    n.record(p, "ip6-icmp-error", { kind: "frame", swIfIndex: p.rx.swIfIndex, data: snapshot(p) });
  n.drop(p, dropped, p.rx);
  if (isLinkLocal(destination)) sendToLink(n, error, destination);
  else n.ip6Lookup(error);
}

function droppedBy({ counters }: Nodes, type: number): ErrorCounter {
  if (type === TIME_EXCEEDED) return counters.ip6TimeExpired;
  return type === TOO_BIG ? counters.ip6MtuExceeded : counters.icmp6UnreachableSent;
}

function sentOf({ counters }: Nodes, type: number): ErrorCounter {
  if (type === TIME_EXCEEDED) return counters.icmp6ExpiredSent;
  if (type === TOO_BIG) return counters.icmp6TooBigSent;
  return type === PARAMETER_PROBLEM ? counters.icmp6ProblemSent : counters.icmp6UnreachableSent;
}

/** Writes the IPv6 header and the ICMPv6 type, code and checksum of a packet whose body is in place. */
export function finishIcmp6(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  code: number,
  source: Uint8Array,
  destination: Uint8Array,
): void {
  write32(bytes, at, 0x60000000);
  write16(bytes, at + 4, length - 40);
  bytes[at + 6] = ICMP6;
  bytes[at + 7] = 255;
  bytes.set(source, at + 8);
  bytes.set(destination, at + 24);
  bytes[at + 40] = type;
  bytes[at + 41] = code;
  write16(bytes, at + 42, 0);
  write16(bytes, at + 42, checksum(bytes, at + 40, length - 40, pseudo6(bytes, at, ICMP6, length - 40)));
}

export function isLinkLocal(address: Uint8Array): boolean {
  return address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
}

/** The interface's address for talking to `target`: link-local to link-local, of its subnet, else the first. */
export function sourceAddress6(iface: Interface, target: Uint8Array): Uint8Array | undefined {
  if (!iface.ip6Enabled) return undefined;
  if (isLinkLocal(target)) return iface.linkLocal;
  const near = iface.addresses6.find((own) => covers(prefix6(own.address, own.length), hostPrefix(target)));
  return near?.address ?? iface.addresses6[0]?.address ?? iface.linkLocal;
}

/** RFC 4443, 2.4e: no error about an error or to a sender that is not one node. */
function isError(p: Packet): boolean {
  const { bytes, start } = p;
  if (bytes[start + 8] === 0xff || equal16(bytes, start + 8, ZERO)) return true;
  if (bytes[start + 24] === 0xff) return true;
  return bytes[start + 6] === ICMP6 && p.end - start > 40 && bytes[start + 40]! < 128;
}

const ZERO = new Uint8Array(16);
