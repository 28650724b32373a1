import { runFeatures } from "../features.ts";
import { rewriteTags, TAG_BYTES, tagsOf } from "../l2/tag-rewrite.ts";
import { Learned } from "../l2/l2fib.ts";
import type { BridgeDomain, ErrorCounter, Interface, L2FibEntry } from "../model.ts";
import { read16, snapshot, type Nodes, type Packet } from "./context.ts";
import { terminateArp } from "./arp-term.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IP4, ETHERTYPE_IP6, ethernetToL3, sameMac } from "./ethernet.ts";

const ETHERNET_BYTES = 14;

/** l2-input: learn, then forward or flood (vnet/l2/l2_input_node.c, l2_learn.c, l2_fwd.c, l2_flood.c). */
export function l2Input(n: Nodes, p: Packet): void {
  const { rx } = p;
  const domain = rx.l2 === undefined ? undefined : n.dp.bridges.domains.get(rx.l2.bdIndex);
  n.counters.l2Input.count += 1;
  if (p.trace !== undefined) n.record(p, "l2-input", { kind: "l2-input", swIfIndex: rx.swIfIndex, data: snapshot(p) });
  if (rx.features.l2Input && !l2Features(n, p, rx, "l2-input")) return;
  const rewrite = n.dp.bridges.rewriteOf(rx.swIfIndex)?.input;
  if (rewrite !== undefined && rewrite.push + rewrite.pop > 0) {
    const to = rewriteTags(p.bytes, p.start, p.end, rewrite);
    if (to < 0) return n.drop(p, n.counters.l2InputRewrite);
    p.start = to;
  }
  if (rx.xconnect !== undefined) return crossConnect(n, p, rx.xconnect);
  // l2_input_node.c:199: VPP tells a domain's features to its members alone, which a uu-fwd port is not.
  if (domain === undefined || rx.l2!.isDeaf) return n.drop(p, n.counters.l2InputDrop);
  // A BVI's address is static: it neither learns nor moves.
  if (domain.learn && rx.l2!.portType !== "bvi") {
    const refused = learn(n, p, domain);
    if (refused !== undefined) return n.drop(p, refused);
  }
  if ((p.bytes[p.start]! & 1) !== 0) {
    if (domain.arpTerm) {
      const result = terminateArp(n, p, domain);
      if (result === "answered") return l2Output(n, p, rx);
      if (result === "dropped") return;
    }
    if (domain.arpUfwd && isArp(p)) {
      const uuForward = n.dp.interfaces.get(domain.uuFwdSwIfIndex);
      if (uuForward !== undefined && uuForward !== rx) return l2Output(n, p, uuForward);
    }
    if (!domain.flood) return n.drop(p, n.counters.l2InputDrop);
    return flood(n, p, domain);
  }
  if (!domain.forward) return n.drop(p, n.counters.l2InputDrop);
  forward(n, p, domain);
}

function isArp(p: Packet): boolean {
  return read16(p.bytes, l3Of(p) - 2) === ETHERTYPE_ARP;
}

function crossConnect(n: Nodes, p: Packet, to: number): void {
  const out = n.dp.interfaces.get(to);
  if (out === undefined) return n.drop(p, n.counters.l2OutputMapping);
  l2Output(n, p, out);
}

/** @returns why the frame is dropped */
function learn(n: Nodes, p: Packet, domain: BridgeDomain): ErrorCounter | undefined {
  const { counters } = n;
  counters.l2Learn.count += 1;
  // A group address can't be a source.
  if ((p.bytes[p.start + 6]! & 1) !== 0) return undefined;
  const result = n.dp.bridges.fib.learn(domain, p.rx.swIfIndex, p.bytes, p.start + 6);
  if (result === Learned.known) return undefined;
  if (result === Learned.violation) return counters.l2LearnViolation;
  if (result === Learned.filtered) return counters.l2LearnFilter;
  if (result === Learned.added) counters.l2LearnMiss.count += 1;
  else if (result === Learned.moved) counters.l2LearnMove.count += 1;
  else counters.l2LearnLimit.count += 1;
  return undefined;
}

function forward(n: Nodes, p: Packet, domain: BridgeDomain): void {
  const entry = n.dp.bridges.fib.lookup(domain.bdIndex, p.bytes, p.start);
  if (p.trace !== undefined) traceForward(n, p, domain, entry);
  if (entry === undefined) {
    const uuForward = n.dp.interfaces.get(domain.uuFwdSwIfIndex);
    if (uuForward !== undefined && uuForward !== p.rx) return l2Output(n, p, uuForward);
    if (domain.uuFlood) return flood(n, p, domain);
    return n.drop(p, n.counters.l2InputDrop);
  }
  if (entry.filter) return n.drop(p, n.counters.l2FwdFilter);
  const out = n.dp.interfaces.get(entry.swIfIndex);
  if (out === undefined) return n.drop(p, n.counters.l2InputDrop);
  if (entry.bvi) return toBvi(n, p, out);
  if (out === p.rx) return n.drop(p, n.counters.l2FwdReflect);
  l2Output(n, p, out);
}

/** Copies to every other member outside the split-horizon group; the BVI comes last and may change its copy. */
function flood(n: Nodes, p: Packet, domain: BridgeDomain): void {
  const { rx, start } = p;
  n.counters.l2FloodPackets.count += 1;
  if (p.trace !== undefined) n.record(p, "l2-flood", { kind: "l2-flood", swIfIndex: rx.swIfIndex, data: snapshot(p) });
  const shg = rx.l2?.shg ?? 0;
  let bvi: Interface | undefined;
  let copies = 0;
  for (let i = domain.members.length - 1; i >= 0; i -= 1) {
    const member = domain.members[i]!;
    if (!member.floods || member.swIfIndex === rx.swIfIndex || (shg !== 0 && member.shg === shg)) continue;
    const out = n.dp.interfaces.get(member.swIfIndex);
    if (out === undefined || !out.adminUp) continue;
    copies += 1;
    if (member.flags === "bvi") bvi = out;
    else {
      // What is changed in place must be a copy.
      const isChanged = n.dp.bridges.rewriteOf(out.swIfIndex) !== undefined;
      l2Output(n, isChanged ? clone(n, p) : p, out);
      p.start = start;
    }
  }
  if (copies === 0) return n.drop(p, n.counters.l2FloodNoMembers);
  if (bvi !== undefined) toBvi(n, copies === 1 ? p : clone(n, p), bvi);
}

/** The transmit queues still refer to the flooded bytes: what may be changed in place must be a copy. */
function clone(n: Nodes, p: Packet): Packet {
  const copy = n.allocate(p.end - p.start, p.rx);
  copy.bytes.set(p.bytes.subarray(p.start, p.end), copy.start);
  copy.trace = p.trace;
  return copy;
}

/** A frame for the bridge's own IP interface (l2_bvi.h l2_to_bvi). */
function toBvi(n: Nodes, p: Packet, bvi: Interface): void {
  if ((p.bytes[p.start]! & 1) === 0 && !sameMac(p.bytes, p.start, bvi.mac)) return n.drop(p, n.counters.bviBadMac);
  p.rx = bvi;
  p.l2 = p.start;
  bvi.counters.rxPackets += 1;
  bvi.counters.rxBytes += p.end - p.start;
  if (!bvi.adminUp) return n.drop(p, n.counters.rxDown);
  ethernetToL3(n, p);
}

function l2Output(n: Nodes, p: Packet, out: Interface): void {
  n.counters.l2Output.count += 1;
  if (p.trace !== undefined)
    n.record(p, "l2-output", { kind: "l2-output", swIfIndex: out.swIfIndex, data: snapshot(p) });
  if (out.l2 === undefined && out.xconnect === undefined) return n.drop(p, n.counters.l2OutputMapping);
  const rewrite = n.dp.bridges.rewriteOf(out.swIfIndex)?.output;
  if (rewrite !== undefined && rewrite.push + rewrite.pop > 0) {
    const to = rewriteTags(p.bytes, p.start, p.end, rewrite);
    if (to < 0) return n.drop(p, n.counters.l2OutputRewrite);
    p.start = to;
  }
  const shg = p.rx.l2?.shg ?? 0;
  if (shg !== 0 && out.l2?.shg === shg) return n.drop(p, n.counters.l2OutputShg);
  if (out.features.l2Output && !l2Features(n, p, out, "l2-output")) return;
  n.output(p, out);
}

/** Where a bridged frame's payload begins, behind its tags. */
export function l3Of({ bytes, start, end }: Packet): number {
  return start + ETHERNET_BYTES + TAG_BYTES * tagsOf(bytes, start, end);
}

/** l2-input-feat-arc and l2-output-feat-arc: one arc each for IPv4, IPv6 and the rest (vnet/l2/l2_in_out_feat_arc.c). */
function l2Features(n: Nodes, p: Packet, iface: Interface, which: "l2-input" | "l2-output"): boolean {
  const etherType = read16(p.bytes, l3Of(p) - 2);
  const proto = etherType === ETHERTYPE_IP4 ? "ip4" : etherType === ETHERTYPE_IP6 ? "ip6" : "nonip";
  const chain = iface.features.chain(`${which}-${proto}`);
  if (chain === undefined) return true;
  p.tx = which === "l2-output" ? iface : undefined;
  return runFeatures(n, p, chain);
}

function traceForward(n: Nodes, p: Packet, domain: BridgeDomain, entry: L2FibEntry | undefined): void {
  n.record(p, "l2-fwd", {
    kind: "l2-fwd",
    swIfIndex: p.rx.swIfIndex,
    bdIndex: domain.bdIndex,
    resultSwIfIndex: entry?.swIfIndex ?? -1,
    resultStatic: entry?.static ?? false,
    resultBvi: entry?.bvi ?? false,
    resultFilter: entry?.filter ?? false,
    resultSequence: entry === undefined ? 0 : (entry.bdSeqNum << 8) | entry.ifSeqNum,
    data: snapshot(p),
  });
}
