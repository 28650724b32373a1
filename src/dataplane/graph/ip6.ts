import { runFeatures, runFeaturesAfter, type Feature } from "../features.ts";
import { read16, type Nodes, type Packet } from "./context.ts";
import { traceIp } from "./ip4.ts";

/** ip6-input: the checks of vnet/ip/ip6_input.h, then lookup. */
export function ip6Input(n: Nodes, p: Packet): void {
  const { bytes, start } = p;
  const { counters } = n;
  if (p.trace !== undefined) traceIp(n, p, "ip6-input", 0);
  const available = p.end - start;
  if (available < 40) return n.drop(p, counters.ip6TooShort);
  if (bytes[start]! >> 4 !== 6) return n.drop(p, counters.ip6Version);
  const length = 40 + read16(bytes, start + 4);
  if (length > available) return n.drop(p, counters.ip6BadLength);
  if (bytes[start + 7] === 0) return n.icmp6Error(p, 3, 0, 0);
  p.end = start + length;
  const features = p.rx.features.ip6Unicast;
  if (features !== undefined && bytes[start + 24] !== 0xff && !runFeatures(n, p, features)) return;
  ip6AfterFeatures(n, p);
}

/** The end of ip6-unicast: also for a fragment that a feature kept for a while. */
export function ip6AfterFeatures(n: Nodes, p: Packet): void {
  if (!p.rx.ip6Enabled) return n.drop(p, n.counters.ip6NotEnabled, p.rx);
  n.ip6Lookup(p);
}

/** Lets a packet go that `feature` kept: on with the features after it. */
export function ip6Resume(n: Nodes, p: Packet, feature: Feature): void {
  if (runFeaturesAfter(n, p, p.rx.features.ip6Unicast, feature)) ip6AfterFeatures(n, p);
}

/** ip6-lookup: multicast and link-local are for this node only, the rest goes by the table. */
export function ip6Lookup(n: Nodes, p: Packet): void {
  const { bytes, start } = p;
  const first = bytes[start + 24]!;
  if (first === 0xff) return n.ip6Local(p);
  if (first === 0xfe && (bytes[start + 25]! & 0xc0) === 0x80 && !p.local) {
    if (!equal16(bytes, start + 24, p.rx.linkLocal)) return n.drop(p, n.counters.ip6Drop);
    return n.ip6Local(p);
  }
  const table = n.dp.fib.tables6.get(p.rx.fibIndex6);
  const index = table === undefined ? -1 : table.forwarding6.lookup(bytes, start + 24);
  if (index < 0) return n.drop(p, n.counters.ip6Drop);
  const lb = n.dp.fib.loadBalanceAt[index]!;
  lb.toPackets += 1;
  lb.toBytes += p.end - start;
  p.flowHash = 0;
  n.forward(p, lb, false, "ip6-lookup");
}

export function equal16(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  for (let i = 15; i >= 0; i -= 1) if (bytes[at + i] !== address[i]) return false;
  return true;
}
