import { checksum } from "../graph/checksum.ts";
import { read16, write16, type Nodes, type Packet } from "../graph/context.ts";
import type { ReassemblyCounters } from "./counters.ts";
import type { Waiting, WaitingTable } from "./table.ts";

const MORE_FRAGMENTS = 0x2000;
const OFFSET = 0x1fff;
/** A datagram with its header is at most so long; VPP allows for 20 bytes of header. */
const MAX_PAYLOAD = 0xffff - 20;
/** RFC 791: every fragment but the last carries at least so much. */
const LEAST_PAYLOAD = 8;

export function isFragment4(bytes: Uint8Array, ip: number): boolean {
  return (read16(bytes, ip + 6) & (MORE_FRAGMENTS | OFFSET)) !== 0;
}

/** Fragment offset and length of the payload, or undefined for what can't be one (ip4_full_reass_inline). */
export function fragment4Of(p: Packet): { first: number; length: number; more: boolean } | undefined {
  const { bytes, start } = p;
  const word = read16(bytes, start + 6);
  const first = (word & OFFSET) * 8;
  const more = (word & MORE_FRAGMENTS) !== 0;
  const length = read16(bytes, start + 2) - (bytes[start]! & 15) * 4;
  if (length <= 0 || first + length > MAX_PAYLOAD || (length < LEAST_PAYLOAD && more)) return undefined;
  return { first, length, more };
}

/** Source, destination, identification and protocol, in one table of the FIB. */
export function key4(p: Packet): string {
  const { bytes, start } = p;
  const end = start + 20;
  let key = `${p.rx.fibIndex4}|${read16(bytes, start + 4)}|${bytes[start + 9]}|`;
  for (let at = start + 12; at < end; at += 2) key += `${read16(bytes, at)},`;
  return key;
}

/**
 * ip4-full-reassembly and its like: false where the fragment was kept or dropped; true where `p` goes on, which is then
 * the whole datagram. Its identification and TTL are the first fragment's.
 */
export function reassemble4(n: Nodes, p: Packet, table: WaitingTable, counters: ReassemblyCounters): boolean {
  counters.received.count += 1;
  const fragment = fragment4Of(p);
  if (fragment === undefined) return refuse(n, p, counters.malformed);
  const { bytes, start } = p;
  const waiting = table.obtain(key4(p), p.rx, p.end - start);
  if (waiting === undefined) return refuse(n, p, counters.limit);
  const data = start + (bytes[start]! & 15) * 4;
  const copy = bytes.slice(start, data + fragment.length);
  const header = copy.subarray(0, data - start);
  const payload = copy.subarray(data - start);
  const added = waiting.ranges.addTrimmed(header, payload, fragment.first, !fragment.more);
  if (added === "kept") {
    waiting.fragments += 1;
    table.hold(waiting, copy.length);
  }
  if (waiting.ranges.isComplete) return finish(n, p, table, waiting, counters);
  if (added === "duplicate") return refuse(n, p, counters.duplicate);
  if (waiting.fragments > table.settings.maxFragments) {
    counters.tooLong.count += 1;
    table.remove(waiting);
  }
  return false;
}

function finish(n: Nodes, p: Packet, table: WaitingTable, waiting: Waiting, counters: ReassemblyCounters): boolean {
  const { ranges } = waiting;
  const [first] = ranges.list;
  table.remove(waiting);
  if (first === undefined || first.first !== first.origin) return refuse(n, p, counters.internal);
  const { header } = first;
  const length = header.length + ranges.length;
  if (length > 0xffff) return refuse(n, p, counters.internal);
  const whole = n.allocate(length, p.rx);
  whole.bytes.set(header, whole.start);
  ranges.copyTo(whole.bytes, whole.start + header.length);
  write16(whole.bytes, whole.start + 2, length);
  write16(whole.bytes, whole.start + 6, 0);
  write16(whole.bytes, whole.start + 10, 0);
  write16(whole.bytes, whole.start + 10, checksum(whole.bytes, whole.start, header.length));
  counters.success.count += 1;
  counters.reassembled.count += waiting.fragments;
  become(p, whole);
  return true;
}

/** The packet goes on with other bytes. */
export function become(p: Packet, other: Packet): void {
  p.memory = other.memory;
  p.bytes = other.bytes;
  p.view = other.view;
  p.start = other.start;
  p.end = other.end;
  p.floor = other.floor;
}

function refuse(n: Nodes, p: Packet, counter: ReassemblyCounters["limit"]): false {
  n.drop(p, counter, p.rx);
  return false;
}
