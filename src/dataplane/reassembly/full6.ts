import { read16, read32, write16, type Nodes, type Packet } from "../graph/context.ts";
import type { ErrorCounter } from "../model.ts";
import type { ReassemblyCounters } from "./counters.ts";
import { become } from "./full4.ts";
import { findFragmentHeader, type FragmentHeader } from "./ip6-extensions.ts";
import type { Waiting, WaitingTable } from "./table.ts";

const HEADER_BYTES = 8;
const PARAMETER_PROBLEM = 4;
/** RFC 7112, 5. */
const INCOMPLETE_CHAIN = 3;
const PAYLOAD_LENGTH_AT = 4;

interface Fault {
  readonly code: number;
  readonly pointer: number;
  readonly isMissing: boolean;
}

/** The checks of ip6_full_reassembly_inline and ip6_sv_reassembly_inline, in their order. */
function faultOf({ bytes, start, end }: Packet, { at, hasUpper }: FragmentHeader): Fault | undefined {
  const word = read16(bytes, at + 2);
  const length = end - at - HEADER_BYTES;
  if ((word & 0xfff8) === 0 && !hasUpper) return { code: INCOMPLETE_CHAIN, pointer: 0, isMissing: true };
  if ((word & 1) !== 0 && length % 8 !== 0) return { code: 0, pointer: PAYLOAD_LENGTH_AT, isMissing: false };
  if ((word & 0xfff8) + length > 0xffff) return { code: 0, pointer: at + 2 - start, isMissing: false };
  return undefined;
}

function isMalformed(p: Packet, found: FragmentHeader): boolean {
  return faultOf(p, found) !== undefined;
}

/** Whether it was malformed: then its sender was told. */
export function refused6(
  n: Nodes,
  p: Packet,
  found: FragmentHeader,
  counters: { missingUpper: ErrorCounter; size: ErrorCounter },
): boolean {
  const fault = faultOf(p, found);
  if (fault === undefined) return false;
  const counter = fault.isMissing ? counters.missingUpper : counters.size;
  n.icmp6Error(p, PARAMETER_PROBLEM, fault.code, fault.pointer, counter);
  return true;
}

/** Source, destination and identification, in one table of the FIB; VPP's shallow reassembly adds the protocol. */
export function key6(p: Packet, found: FragmentHeader, protocol: number): string {
  const { bytes, start } = p;
  let key = `${p.rx.fibIndex6}|${read32(bytes, found.at + 4)}|${protocol}|`;
  for (let at = start + 8; at < start + 40; at += 4) key += `${read32(bytes, at)},`;
  return key;
}

/**
 * ip6-full-reassembly and its like; see reassemble4. As a feature VPP lets pass what it finds malformed, meant to be
 * answered or not: the answer is only given for own addresses (`isLocal`).
 */
export function reassemble6(
  n: Nodes,
  p: Packet,
  table: WaitingTable,
  counters: ReassemblyCounters,
  isLocal: boolean,
): boolean {
  const found = findFragmentHeader(p.bytes, p.start, p.end);
  if (found === undefined) {
    // VPP counts every whole packet here.
    counters.noHeader.count += 1;
    return true;
  }
  counters.received.count += 1;
  if (isMalformed(p, found)) {
    if (isLocal) refused6(n, p, found, { missingUpper: counters.missingUpper, size: counters.invalidSize });
    return !isLocal;
  }
  const { bytes, start, end } = p;
  const data = found.at + HEADER_BYTES;
  const word = read16(bytes, found.at + 2);
  const isAtomic = (word & 0xfff9) === 0;
  // An atomic fragment (RFC 6946) meets no others.
  const waiting = table.obtain(isAtomic ? `atomic ${(atomics += 1)}` : key6(p, found, 0), p.rx, end - start);
  if (waiting === undefined) return refuse(n, p, counters.limit);
  const copy = bytes.slice(start, end);
  // The fragment header goes: what it names is named in its place.
  const header = copy.slice(0, found.at - start);
  header[found.namedAt - start] = bytes[found.at]!;
  if ((word & 0xfff8) === 0) waiting.first = copy;
  if (data >= end) return giveUp(n, p, table, waiting, counters.invalidLength);
  const added = waiting.ranges.addStrict(header, copy.subarray(data - start), word & 0xfff8, (word & 1) === 0);
  if (added === "overlap") return giveUp(n, p, table, waiting, counters.overlapping);
  if (added === "kept") {
    // VPP counts the first one twice (ip6_full_reass.c ip6_full_reass_update).
    waiting.fragments += waiting.fragments === 0 ? 2 : 1;
    table.hold(waiting, copy.length);
  }
  if (waiting.ranges.isComplete) return finish(n, p, table, waiting, counters);
  if (added === "duplicate") return refuse(n, p, counters.duplicate6);
  if (waiting.fragments > table.settings.maxFragments) {
    counters.tooLong.count += 1;
    table.remove(waiting);
  }
  return false;
}

let atomics = 0;

function finish(n: Nodes, p: Packet, table: WaitingTable, waiting: Waiting, counters: ReassemblyCounters): boolean {
  const { ranges } = waiting;
  const [first] = ranges.list;
  table.remove(waiting);
  if (first === undefined) return refuse(n, p, counters.internal);
  const { header } = first;
  const length = header.length + ranges.length;
  if (length - 40 > 0xffff) return refuse(n, p, counters.internal);
  const whole = n.allocate(length, p.rx);
  whole.bytes.set(header, whole.start);
  ranges.copyTo(whole.bytes, whole.start + header.length);
  write16(whole.bytes, whole.start + 4, length - 40);
  counters.success.count += 1;
  counters.reassembled.count += waiting.fragments;
  become(p, whole);
  return true;
}

function giveUp(n: Nodes, p: Packet, table: WaitingTable, waiting: Waiting, counter: ErrorCounter): false {
  table.remove(waiting);
  return refuse(n, p, counter);
}

function refuse(n: Nodes, p: Packet, counter: ErrorCounter): false {
  n.drop(p, counter, p.rx);
  return false;
}
