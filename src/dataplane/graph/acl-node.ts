import type { AclMain } from "../acl/acl.ts";
import { EPOCH_IS_INPUT } from "../acl/interface-lists.ts";
import type { AclSession } from "../acl/session.ts";
import { timeoutType } from "../acl/session.ts";
import { FiveTuple } from "../acl/tuple.ts";
import { AclAction } from "../acl/types.ts";
import type { Feature } from "../features.ts";
import { NO_INDEX, type ErrorCounter, type Interface } from "../model.ts";
import type { ErrorCounters } from "../trace/errors.ts";
import { l3Of } from "./bridge.ts";
import { read16, type Nodes, type Packet } from "./context.ts";

/** What the trace tells of a packet of a known session (dataplane_node.c). */
const KNOWN_SESSION = 0x80000000;
/** A later fragment matched by addresses and protocol: VPP has one bit for both. */
const BY_FRAGMENT = KNOWN_SESSION;
const STALE_SESSION = 0x40000000;
const SESSION_ACTION = 3;

interface NodeKind {
  readonly name: string;
  readonly isInput: boolean;
  readonly isIp4: boolean;
  readonly isL2: boolean;
}

const KINDS: readonly NodeKind[] = [true, false].flatMap((isInput) =>
  [true, false].flatMap((isIp4) =>
    [true, false].map((isL2) => ({
      name: `acl-plugin-${isInput ? "in" : "out"}-${isIp4 ? "ip4" : "ip6"}-${isL2 ? "l2" : "fa"}`,
      ...{ isInput, isIp4, isL2 },
    })),
  ),
);

/** Counters of one node, in VPP's words. */
function countersOf(errors: ErrorCounters, node: string) {
  const counter = (reason: string): ErrorCounter => errors.register(node, reason);
  return {
    deny: counter("ACL deny packets"),
    permit: counter("ACL permit packets"),
    added: counter("new sessions added"),
    existing: counter("existing session packets"),
    checked: counter("checked packets"),
    restarted: counter("restart session timer"),
    tooMany: counter("too many sessions to add new"),
  };
}

/** The nodes of the acl plugin by name, with counters of their own. */
export function aclNodes(errors: ErrorCounters): ReadonlyMap<string, Feature> {
  const features = KINDS.map((kind) => aclNode(errors, kind));
  for (const isInput of [true, false]) features.push(etherTypeNode(errors, isInput));
  return new Map(features.map((feature) => [feature.node, feature]));
}

interface Verdict {
  action: number;
  lcIndex: number;
  aclIndex: number;
  ruleIndex: number;
  traceBits: number;
  refusal: ErrorCounter;
}

function aclNode(errors: ErrorCounters, kind: NodeKind): Feature {
  const counters = countersOf(errors, kind.name);
  const tuple = new FiveTuple();
  const verdict: Verdict = {
    ...{ action: 0, lcIndex: 0, aclIndex: 0, ruleIndex: 0, traceBits: 0, refusal: counters.deny },
  };
  const run = (n: Nodes, p: Packet): boolean => {
    const { acl } = n.dp;
    const iface = kind.isInput ? p.rx : p.tx!;
    tuple.fill(p.bytes, kind.isL2 ? l3Of(p) : p.start, p.end, kind.isIp4);
    counters.checked.count += 1;
    verdict.action = AclAction.deny;
    verdict.refusal = counters.deny;
    verdict.traceBits = 0;
    verdict.lcIndex = NO_INDEX;
    verdict.aclIndex = NO_INDEX;
    verdict.ruleIndex = NO_INDEX;
    const session = acl.sessions.find(p.bytes, tuple, iface.swIfIndex, kind.isInput);
    if (session === undefined || !passKnown(acl, session, kind, counters, tuple, verdict))
      check(acl, p, iface, kind, counters, tuple, verdict);
    if (p.trace !== undefined) trace(n, p, iface, kind, tuple, verdict);
    if (verdict.action !== AclAction.deny) return true;
    n.drop(p, verdict.refusal, p.rx);
    return false;
  };
  return { node: kind.name, run };
}

/** @returns false where the session is stale: then the lists decide anew */
function passKnown(
  acl: AclMain,
  session: AclSession,
  kind: NodeKind,
  counters: ReturnType<typeof countersOf>,
  tuple: FiveTuple,
  verdict: Verdict,
): boolean {
  const before = timeoutType(session);
  counters.existing.count += 1;
  verdict.traceBits = KNOWN_SESSION;
  if (acl.sessions.track(session, tuple, kind.isInput, acl.now())) {
    counters.restarted.count += 1;
    verdict.traceBits |= 0x00010000 + (before << 8) + timeoutType(session);
  }
  const epoch = (kind.isInput ? acl.input : acl.output).epochOf(session.swIfIndex);
  const sameDirection = ((epoch ^ session.epoch) & EPOCH_IS_INPUT) === 0;
  if (acl.reclassifySessions && sameDirection && epoch !== session.epoch) {
    acl.sessions.delete(session);
    verdict.traceBits |= STALE_SESSION;
    return false;
  }
  verdict.action = SESSION_ACTION;
  return true;
}

/** The lists decide; what none of them matches is denied. */
function check(
  acl: AclMain,
  p: Packet,
  iface: Interface,
  kind: NodeKind,
  counters: ReturnType<typeof countersOf>,
  tuple: FiveTuple,
  verdict: Verdict,
): void {
  const lists = kind.isInput ? acl.input : acl.output;
  const { swIfIndex } = iface;
  if (p.trace !== undefined) verdict.lcIndex = lists.contexts.get(swIfIndex)?.index ?? NO_INDEX;
  const placed = lists.matchers[swIfIndex]?.match(p.bytes, tuple, acl.matchFragments);
  if (placed === undefined) return;
  verdict.action = placed.rule.action;
  verdict.aclIndex = placed.aclIndex;
  verdict.ruleIndex = placed.ruleIndex;
  if (tuple.nonFirstFragment && placed.rule.protocol !== 0) verdict.traceBits |= BY_FRAGMENT;
  if (verdict.action === AclAction.permit) counters.permit.count += 1;
  if (verdict.action !== AclAction.reflect) return;
  const nowS = acl.now();
  const session = acl.sessions.add(p.bytes, tuple, swIfIndex, kind.isInput, lists.epochOf(swIfIndex), nowS);
  if (session === undefined) {
    verdict.action = AclAction.deny;
    verdict.refusal = counters.tooMany;
    return;
  }
  acl.sessions.track(session, tuple, kind.isInput, nowS);
  counters.added.count += 1;
}

function trace(n: Nodes, p: Packet, iface: Interface, kind: NodeKind, tuple: FiveTuple, verdict: Verdict): void {
  n.record(p, kind.name, {
    kind: "acl",
    swIfIndex: iface.swIfIndex,
    ...{ lcIndex: verdict.lcIndex, action: verdict.action, traceBits: verdict.traceBits >>> 0 },
    ...{ aclIndex: verdict.aclIndex, ruleIndex: verdict.ruleIndex },
    tuple: packedTuple(p, tuple, kind, iface.swIfIndex, verdict.lcIndex),
  });
}

/** VPP's fa_5tuple_t: 48 bytes as they lie in memory of a little-endian machine. */
function packedTuple(p: Packet, tuple: FiveTuple, kind: NodeKind, swIfIndex: number, lcIndex: number): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  const length = kind.isIp4 ? 8 : 32;
  bytes.set(p.bytes.subarray(tuple.addresses, tuple.addresses + length), 32 - length);
  view.setUint16(32, tuple.sourcePort, true);
  view.setUint16(34, tuple.destinationPort, true);
  bytes[36] = tuple.protocol;
  bytes[37] = (kind.isInput ? 1 : 0) | (tuple.slowPath ? 2 : 0);
  view.setUint16(38, swIfIndex & 0xffff, true);
  view.setUint32(40, lcIndex === NO_INDEX ? 0 : lcIndex, true);
  view.setUint16(44, 0xffff, true);
  bytes[46] = tuple.tcpFlags;
  const isTcp = tuple.l4Valid && tuple.protocol === 6;
  bytes[47] = (isTcp ? 1 : 0) | (tuple.l4Valid ? 2 : 0) | (tuple.nonFirstFragment ? 4 : 0) | (kind.isIp4 ? 0 : 8);
  return bytes;
}

/** acl-plugin-in-nonip-l2 and its like: what is neither IPv4 nor IPv6 passes by its EtherType. */
function etherTypeNode(errors: ErrorCounters, isInput: boolean): Feature {
  const node = `acl-plugin-${isInput ? "in" : "out"}-nonip-l2`;
  const where = isInput ? "inbound" : "outbound";
  const dropped = errors.register(node, `dropped ${where} non-whitelisted non-ip packets`);
  const run = (n: Nodes, p: Packet): boolean => {
    const { swIfIndex } = isInput ? p.rx : p.tx!;
    const etherType = read16(p.bytes, l3Of(p) - 2);
    const lists = isInput ? n.dp.acl.input : n.dp.acl.output;
    const passes = lists.isWhitelisted(swIfIndex, etherType);
    if (p.trace !== undefined) n.record(p, node, { kind: "ethertype", swIfIndex, isInput, passes, etherType });
    if (passes) return true;
    n.drop(p, dropped, p.rx);
    return false;
  };
  return { node, run };
}
