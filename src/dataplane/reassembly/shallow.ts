import { read16, type Nodes, type Packet } from "../graph/context.ts";
import type { ErrorCounter } from "../model.ts";
import type { ReassemblyCounters } from "./counters.ts";
import { fragment4Of, isFragment4, key4 } from "./full4.ts";
import { key6, refused6 } from "./full6.ts";
import { findFragmentHeader } from "./ip6-extensions.ts";
import type { Waiting, WaitingTable } from "./table.ts";

const ICMP4 = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;

/** Sends a packet on that was held back, `bytes` from its IP header. */
export type Resume = (bytes: Uint8Array, waiting: Waiting) => void;

/**
 * ip4-sv-reassembly: fragments wait until the first one came, then pass in the order of their arrival. False where the
 * packet was kept or dropped.
 */
export function shallow4(
  n: Nodes,
  p: Packet,
  table: WaitingTable,
  counters: ReassemblyCounters,
  resume: Resume,
): boolean {
  if (!isFragment4(p.bytes, p.start)) return true;
  const fragment = fragment4Of(p);
  if (fragment === undefined) return refuse(n, p, counters.malformed);
  const waiting = table.obtain(key4(p), p.rx, p.end - p.start);
  if (waiting === undefined) return refuse(n, p, counters.limit);
  if (waiting.isKnown) return true;
  if (fragment.first !== 0) return hold(p, table, waiting, counters);
  return known(table, waiting, hasPorts4(p), counters, resume);
}

/** ip6-sv-reassembly. A whole packet whose ports it can't tell is dropped, as in VPP. */
export function shallow6(
  n: Nodes,
  p: Packet,
  table: WaitingTable,
  counters: ReassemblyCounters,
  resume: Resume,
): boolean {
  const found = findFragmentHeader(p.bytes, p.start, p.end);
  const word = found === undefined ? 0 : read16(p.bytes, found.at + 2);
  if (found === undefined || (word & 0xfff9) === 0) return hasPorts6(p) || refuse(n, p, counters.unsupported);
  if (refused6(n, p, found, { missingUpper: counters.missingUpper, size: counters.invalidLength })) return false;
  const waiting = table.obtain(key6(p, found, p.bytes[p.start + 6]!), p.rx, p.end - p.start);
  if (waiting === undefined) return refuse(n, p, counters.limit);
  if (waiting.isKnown) return true;
  if (p.end - found.at === 8) {
    counters.invalidLength.count += 1;
    table.remove(waiting);
    return false;
  }
  if ((word & 0xfff8) !== 0) return hold(p, table, waiting, counters);
  return known(table, waiting, hasPorts6(p), counters, resume);
}

function hold(p: Packet, table: WaitingTable, waiting: Waiting, counters: ReassemblyCounters): false {
  const copy = p.bytes.slice(p.start, p.end);
  waiting.held.push(copy);
  table.hold(waiting, copy.length);
  if (waiting.held.length > table.settings.maxFragments) {
    counters.tooLong.count += 1;
    table.remove(waiting);
  }
  return false;
}

/** The first fragment: what waited goes, then itself. */
function known(
  table: WaitingTable,
  waiting: Waiting,
  hasPorts: boolean,
  counters: ReassemblyCounters,
  resume: Resume,
): boolean {
  if (!hasPorts) {
    counters.unsupported.count += 1;
    table.remove(waiting);
    return false;
  }
  waiting.isKnown = true;
  const held = [...waiting.held];
  table.release(waiting);
  for (const bytes of held) resume(bytes, waiting);
  return true;
}

/** ip4_get_port: neither may be 0; only headers without options have any. */
function hasPorts4({ bytes, start, end }: Packet): boolean {
  if (bytes[start] !== 0x45) return false;
  const at = start + 20;
  const protocol = bytes[start + 9]!;
  if (protocol === TCP || protocol === UDP) return read16(bytes, at) !== 0 && read16(bytes, at + 2) !== 0;
  if (protocol !== ICMP4) return false;
  const type = bytes[at]!;
  if (type === 0 || type === 8) return read16(bytes, at + 4) !== 0;
  const isError = type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
  return isError && end - start >= 56 && bytes[at + 8 + 9] !== undefined && innerPorts4(bytes, at + 8);
}

function innerPorts4(bytes: Uint8Array, ip: number): boolean {
  const protocol = bytes[ip + 9]!;
  if (protocol === TCP || protocol === UDP) return read16(bytes, ip + 20) !== 0 && read16(bytes, ip + 22) !== 0;
  const type = bytes[ip + 20]!;
  return protocol === ICMP4 && (type === 0 || type === 8) && read16(bytes, ip + 24) !== 0;
}

/** ip6_get_port: whether it can tell, whatever the ports are. */
function hasPorts6({ bytes, start, end }: Packet): boolean {
  const upper = upperHeader(bytes, start, end);
  if (upper === undefined) return false;
  const left = end - upper.at;
  if (upper.protocol === TCP) return left >= 20;
  if (upper.protocol === UDP) return left >= 8;
  return upper.protocol !== ICMP6 || left >= 4;
}

/** What is behind hop-by-hop, fragment and the other headers that ip6_parse passes over. */
function upperHeader(bytes: Uint8Array, start: number, end: number): { protocol: number; at: number } | undefined {
  let protocol = bytes[start + 6]!;
  let at = start + 40;
  for (let depth = 0; depth < 4; depth += 1) {
    if (at > end) return undefined;
    if (protocol !== 0 && protocol !== 43 && protocol !== 44 && protocol !== 60) return { protocol, at };
    if (at + 8 > end) return undefined;
    const isFragment = protocol === 44;
    protocol = bytes[at]!;
    at += isFragment ? 8 : (bytes[at + 1]! + 1) * 8;
  }
  return undefined;
}

function refuse(n: Nodes, p: Packet, counter: ErrorCounter): false {
  n.drop(p, counter, p.rx);
  return false;
}
