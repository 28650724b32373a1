import type { Dataplane } from "../dataplane.ts";
import type { Adjacency, LbDpo, LoadBalance } from "../fib/types.ts";
import type { ErrorCounter, FrameMemory, Interface, TracedPacket } from "../model.ts";
import type { TraceData } from "../trace/trace.ts";
import type { Counters } from "./counters.ts";

/** A packet on its way: a window [start, end) of a frame memory. One object serves packet after packet. */
export class Packet {
  memory: FrameMemory;
  bytes: Uint8Array;
  view: DataView;
  /** First byte of what the present node looks at: Ethernet header in L2 nodes, IP header in L3 nodes. */
  start = 0;
  end = 0;
  /** Where the frame began that it came in. */
  l2 = 0;
  /** What is before it belongs to others: headers are prepended only down to here. */
  floor = 0;
  /** The interface that it came in by; a BVI for what was bridged to it. */
  rx: Interface;
  /** Where it leaves: known to output features only. */
  tx: Interface | undefined = undefined;
  flowHash = 0;
  /** Made here: its TTL is not decremented. */
  local = false;
  trace: TracedPacket | undefined = undefined;

  constructor(memory: FrameMemory, rx: Interface) {
    this.memory = memory;
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.rx = rx;
  }
}

/** Bytes before a generated packet's first header, for encapsulation and rewrite. */
export const HEADROOM = 128;

/**
 * The nodes as they see each other: each is a function of this object, so that modules need not import each other. A
 * packet runs to completion through them; batches exist where frames come in and go out.
 */
export interface Nodes {
  readonly dp: Dataplane;
  readonly counters: Counters;
  /** Sticky table's time of this burst; -1 until the first lb packet needs it. */
  lbTime: number;

  ethernetInput(p: Packet): void;
  l2Input(p: Packet): void;
  ip4Input(p: Packet): void;
  ip4Lookup(p: Packet): void;
  ip6Input(p: Packet): void;
  ip6Lookup(p: Packet): void;
  /** Goes on where a load-balance leads; `node` names it in the trace. */
  forward(p: Packet, lb: LoadBalance, isIp4: boolean, node: string): void;
  lbInput(p: Packet, dpo: LbDpo, isIp4: boolean): void;
  rewrite(p: Packet, adjacency: Adjacency, isIp4: boolean): void;
  ip4Local(p: Packet): void;
  ip6Local(p: Packet): void;
  arpInput(p: Packet): void;
  /** Sends a packet to an adjacency, known or not. */
  forwardTo(p: Packet, adjacency: Adjacency): void;
  /** Asks for the neighbour of an incomplete or glean adjacency; the packet is dropped. */
  resolve(p: Packet, adjacency: Adjacency, isIp4: boolean): void;
  icmp4Error(p: Packet, type: number, code: number, data: number): void;
  icmp6Error(p: Packet, type: number, code: number, data: number, dropped?: ErrorCounter): void;
  /** Transmits a frame (start at its Ethernet header, with all tags) on an interface. */
  output(p: Packet, iface: Interface): void;
  /** The same of a frame that lacks the tags of a sub-interface, which go in. */
  outputUntagged(p: Packet, iface: Interface): void;
  drop(p: Packet, counter: ErrorCounter, iface?: Interface): void;
  record(p: Packet, node: string, data: TraceData): void;
  /** A packet of `length` bytes in the graph's own memory, with {@link HEADROOM} before it. */
  allocate(length: number, rx: Interface): Packet;
}

/** What a trace record keeps of a packet. */
export function snapshot(p: Packet, from = p.start): Uint8Array {
  return p.bytes.slice(from, Math.min(p.end, from + 128));
}

export function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** u32 in network order. */
export function read32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
}

/** Writes an IPv4 address (number) or an IPv6 address. */
export function writeAddress(bytes: Uint8Array, at: number, address: number | Uint8Array): void {
  if (typeof address === "number") write32(bytes, at, address);
  else bytes.set(address, at);
}
