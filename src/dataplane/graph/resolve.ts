import { DpoKind, type Adjacency } from "../fib/types.ts";
import type { ErrorCounter } from "../model.ts";
import { sendArpRequest, sourceAddress4 } from "./arp.ts";
import { read32, type Nodes, type Packet } from "./context.ts";
import { sourceAddress6 } from "./icmp6.ts";
import { traceIp } from "./ip4.ts";
import { sendSolicitation } from "./nd.ts";

/** VPP asks for one address at most so often (ip4_neighbor.c: arp_throttle). */
const THROTTLE_S = 1e-3;
/** Addresses remembered for throttling; more than that within a millisecond share slots. */
const THROTTLE_SLOTS = 512;

/** When each slot's address was last asked for. */
export class Throttle {
  readonly #lastS = new Float64Array(THROTTLE_SLOTS).fill(-1);
  readonly #keys = new Float64Array(THROTTLE_SLOTS);

  /** Whether to hold back. */
  check(key: number, nowS: number): boolean {
    const slot = (Math.imul(key | 0, 0x9e3779b1) >>> 16) & (THROTTLE_SLOTS - 1);
    if (this.#keys[slot] === key && nowS - this.#lastS[slot]! < THROTTLE_S) return true;
    this.#keys[slot] = key;
    this.#lastS[slot] = nowS;
    return false;
  }
}

/** ip4-glean, ip4-arp, ip6-glean, ip6-discover-neighbor: ask for the neighbour and drop the packet. */
export function resolve(n: Nodes, throttle: Throttle, p: Packet, adjacency: Adjacency, isIp4: boolean): void {
  const isGlean = adjacency.kind === DpoKind.glean;
  const counter = isIp4 ? resolve4(n, throttle, p, adjacency, isGlean) : resolve6(n, throttle, p, adjacency, isGlean);
  n.drop(p, counter, p.rx);
}

function resolve4(n: Nodes, throttle: Throttle, p: Packet, adjacency: Adjacency, isGlean: boolean): ErrorCounter {
  const { counters } = n;
  const { iface } = adjacency;
  if (p.trace !== undefined) traceIp(n, p, isGlean ? "ip4-glean" : "ip4-arp", adjacency.index);
  const target = isGlean ? read32(p.bytes, p.start + 16) : (adjacency.nextHop as number);
  const source = isGlean && adjacency.nextHop !== 0 ? (adjacency.nextHop as number) : sourceAddress4(iface, target);
  if (source === undefined) return isGlean ? counters.arpNoSource : counters.arpIncompleteNoSource;
  if (throttle.check(target + iface.swIfIndex * 0x100000000, n.dp.now()))
    return isGlean ? counters.arpThrottled : counters.arpIncompleteThrottled;
  sendArpRequest(n, iface, source, target);
  return isGlean ? counters.arpRequestsSent : counters.arpIncompleteSent;
}

function resolve6(n: Nodes, throttle: Throttle, p: Packet, adjacency: Adjacency, isGlean: boolean): ErrorCounter {
  const { counters } = n;
  const { iface } = adjacency;
  if (p.trace !== undefined) traceIp(n, p, isGlean ? "ip6-glean" : "ip6-discover-neighbor", adjacency.index);
  const target = isGlean ? p.bytes.slice(p.start + 24, p.start + 40) : (adjacency.nextHop as Uint8Array);
  const source = sourceAddress6(iface, target);
  if (source === undefined) return counters.ip6Drop;
  const key = read32(target, 12) + (read32(target, 8) & 0xfff) * 0x100000000;
  if (throttle.check(key, n.dp.now())) return isGlean ? counters.ndThrottled : counters.ndIncompleteThrottled;
  sendSolicitation(n, iface, source, target);
  return isGlean ? counters.ndRequestsSent : counters.ndIncompleteSent;
}
