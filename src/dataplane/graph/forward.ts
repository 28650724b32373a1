import { runFeatures, type Feature } from "../features.ts";
import { DpoKind, type Adjacency, type Dpo, type LbDpo, type LoadBalance } from "../fib/types.ts";
import { snapshot, read16, type Nodes, type Packet } from "./context.ts";
import { flowHash4, flowHash6 } from "./flow-hash.ts";
import { fragment4, fragment6 } from "./fragment.ts";
import { decrementTtl, traceIp } from "./ip4.ts";

/** vnet_sw_interface_get_mtu of an interface without one, as sub-interfaces are at first. */
const DEFAULT_MTU = 9000;
/** Without tags. */
const ETHERNET_BYTES = 14;
/** Load-balances within load-balances beyond this are a loop. */
const MAX_RECURSION = 16;

/** Follows a load-balance to what it leads to (ip4-lookup, ip4-load-balance and their IPv6 likes). */
export function forward(n: Nodes, p: Packet, first: LoadBalance, isIp4: boolean, node: string): void {
  let lb = first;
  for (let depth = 0; depth < MAX_RECURSION; depth += 1) {
    const dpo = lb.buckets.length === 1 ? lb.buckets[0]! : lb.buckets[hashOf(p, isIp4) & lb.mask]!;
    if (p.trace !== undefined)
      traceIp(n, p, depth === 0 ? node : isIp4 ? "ip4-load-balance" : "ip6-load-balance", dpo.index);
    switch (dpo.kind) {
      case DpoKind.rewrite:
        return n.rewrite(p, dpo as Adjacency, isIp4);
      case DpoKind.lb:
        return n.lbInput(p, dpo as LbDpo, isIp4);
      case DpoKind.receive:
        return isIp4 ? n.ip4Local(p) : n.ip6Local(p);
      case DpoKind.glean:
      case DpoKind.incomplete:
        return n.resolve(p, dpo as Adjacency, isIp4);
      case DpoKind.loadBalance:
        lb = dpo as LoadBalance;
        lb.viaPackets += 1;
        lb.viaBytes += p.end - p.start;
        continue;
      default:
        return n.drop(p, n.counters.blackholed, p.rx);
    }
  }
  n.drop(p, isIp4 ? n.counters.ip4Drop : n.counters.ip6Drop);
}

/** Goes on where a policy leads: as from its node in VPP, so that a load-balance counts what came via it. */
export function forwardDpo(n: Nodes, p: Packet, dpo: Dpo, isIp4: boolean): void {
  p.flowHash = 0;
  switch (dpo.kind) {
    case DpoKind.loadBalance: {
      const lb = dpo as LoadBalance;
      lb.viaPackets += 1;
      lb.viaBytes += p.end - p.start;
      return forward(n, p, lb, isIp4, isIp4 ? "ip4-load-balance" : "ip6-load-balance");
    }
    case DpoKind.rewrite:
      return n.rewrite(p, dpo as Adjacency, isIp4);
    case DpoKind.lb:
      return n.lbInput(p, dpo as LbDpo, isIp4);
    case DpoKind.receive:
      return isIp4 ? n.ip4Local(p) : n.ip6Local(p);
    case DpoKind.glean:
    case DpoKind.incomplete:
      return n.resolve(p, dpo as Adjacency, isIp4);
    default:
      return n.drop(p, n.counters.blackholed, p.rx);
  }
}

/** Each level of recursion uses other bits, or the choices would follow each other. */
function hashOf(p: Packet, isIp4: boolean): number {
  if (p.flowHash !== 0) p.flowHash >>>= 1;
  else p.flowHash = isIp4 ? flowHash4(p.bytes, p.start) : flowHash6(p.bytes, p.start);
  return p.flowHash;
}

/** ip4-rewrite, ip6-rewrite: hop limit, MTU, Ethernet header, output. */
export function rewrite(n: Nodes, p: Packet, adjacency: Adjacency, isIp4: boolean): void {
  const { iface } = adjacency;
  const { bytes, start } = p;
  if (!p.local) {
    if (isIp4) {
      if (!decrementTtl(p.view, start)) return n.icmp4Error(p, 11, 0, 0);
    } else if (bytes[start + 7]! <= 1) return n.icmp6Error(p, 3, 0, 0);
    else bytes[start + 7] = bytes[start + 7]! - 1;
  }
  const mtu = (isIp4 ? iface.mtu.ip4 : iface.mtu.ip6) || iface.mtu.l3 || DEFAULT_MTU;
  if (p.end - start > mtu) return tooBig(n, p, adjacency, isIp4, mtu);
  sendRewritten(n, p, adjacency, isIp4);
}

/** Prepends the adjacency's Ethernet header and transmits. */
export function sendRewritten(n: Nodes, p: Packet, adjacency: Adjacency, isIp4: boolean): void {
  const { features } = adjacency.iface;
  const chain = isIp4 ? features.ip4Output : features.ip6Output;
  if (chain !== undefined && !outputFeatures(n, p, adjacency, chain)) return;
  const { bytes } = p;
  const { rewrite: header } = adjacency;
  const start = p.start - header.length;
  p.start = start;
  if (header.length === ETHERNET_BYTES) writeEthernet(p.view, start, adjacency.rewriteView);
  else for (let i = 0; i < header.length; i += 1) bytes[start + i] = header[i]!;
  adjacency.packets += 1;
  adjacency.bytes += p.end - start;
  if (p.trace !== undefined)
    n.record(p, isIp4 ? "ip4-rewrite" : "ip6-rewrite", {
      kind: "rewrite",
      swIfIndex: adjacency.iface.swIfIndex,
      dpoIndex: adjacency.index,
      flowHash: p.flowHash,
      data: snapshot(p),
    });
  n.output(p, adjacency.iface);
}

function writeEthernet(to: DataView, at: number, header: DataView): void {
  to.setInt32(at, header.getInt32(0));
  to.setInt32(at + 4, header.getInt32(4));
  to.setInt32(at + 8, header.getInt32(8));
  to.setInt16(at + 12, header.getInt16(12));
}

/** Runs an interface's output features, which find the interface in `p.tx`. */
function outputFeatures(n: Nodes, p: Packet, adjacency: Adjacency, chain: readonly Feature[]): boolean {
  p.tx = adjacency.iface;
  return runFeatures(n, p, chain);
}

/** An own IPv6 packet is fragmented by its sender, which is here. */
function tooBigLocal6(n: Nodes, p: Packet, adjacency: Adjacency, mtu: number): void {
  p.bytes[p.start + 7] = p.bytes[p.start + 7]! - 1;
  n.counters.fragmented6.count += 1;
  fragment6(n, p, mtu, (fragment) => {
    n.counters.fragmentsSent6.count += 1;
    sendRewritten(n, fragment, adjacency, false);
  });
}

/** IPv4 without DF is fragmented here, IPv6 only if it was made here. */
function tooBig(n: Nodes, p: Packet, adjacency: Adjacency, isIp4: boolean, mtu: number): void {
  if (!isIp4) return p.local ? tooBigLocal6(n, p, adjacency, mtu) : n.icmp6Error(p, 2, 0, mtu);
  if ((read16(p.bytes, p.start + 6) & 0x4000) !== 0) return n.icmp4Error(p, 3, 4, mtu);
  // Fragments pass ip4-rewrite again, which takes no notice of where they were made.
  if (p.local) decrementTtl(p.view, p.start);
  n.counters.fragmented.count += 1;
  fragment4(n, p, mtu, (fragment) => {
    n.counters.fragmentsSent.count += 1;
    sendRewritten(n, fragment, adjacency, true);
  });
}
