import type { TracedPacket, TraceRecord } from "../model.ts";

/** Bytes of a frame that a record keeps. */
export const TRACE_DATA_BYTES = 128;
/** Most packets that wait to be shown; VPP's per-node limit is what the user asks for. */
const MAX_PACKETS = 1000;

/** Input nodes that packets can be traced from. */
export const TRACE_INPUT_NODES = ["af-packet-input", "memif-input"] as const;

/**
 * What the records of a node hold, by `kind`:
 * - `acl`, `ethertype`, `abf`: what a filter or policy decided; - `af-packet-input`: the ring's header; - `memif-input`; - `frame`: an Ethernet header (`ethernet-input`, `X-output`); - `ip`: an IP
 *   packet (`ip4-input`, `ip4-lookup` and their like); - `rewrite`; - `lb`; - `l2-input`, `l2-fwd`, `l2-output`,
 *   `l2-flood`; - `tx`; - `arp`; - `drop`: where the packet was dropped, and why.
 */
export type TraceData =
  | {
      readonly kind: "af-packet-input";
      readonly hwIfIndex: number;
      readonly block: number;
      readonly sequence: number;
      readonly packet: number;
      readonly status: number;
      readonly length: number;
      readonly snapLength: number;
      readonly mac: number;
      readonly net: number;
      readonly seconds: number;
      readonly nanoseconds: number;
    }
  | { readonly kind: "memif-input"; readonly hwIfIndex: number; readonly ring: number }
  | { readonly kind: "frame"; readonly swIfIndex: number; readonly data: Uint8Array }
  | {
      readonly kind: "ip";
      readonly fibIndex: number;
      readonly dpoIndex: number;
      readonly flowHash: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "rewrite";
      readonly swIfIndex: number;
      readonly dpoIndex: number;
      readonly flowHash: number;
      /** The frame from its new Ethernet header on. */
      readonly data: Uint8Array;
    }
  | { readonly kind: "lb"; readonly vipIndex: number; readonly asIndex: number }
  | { readonly kind: "l2-input" | "l2-output" | "l2-flood"; readonly swIfIndex: number; readonly data: Uint8Array }
  | {
      readonly kind: "l2-fwd";
      readonly swIfIndex: number;
      readonly bdIndex: number;
      /** -1 = miss. */
      readonly resultSwIfIndex: number;
      readonly resultStatic: boolean;
      readonly resultBvi: boolean;
      readonly resultFilter: boolean;
      /** BSN << 8 | ISN of the entry. */
      readonly resultSequence: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "acl";
      readonly swIfIndex: number;
      readonly lcIndex: number;
      readonly action: number;
      readonly aclIndex: number;
      readonly ruleIndex: number;
      readonly traceBits: number;
      /** VPP's fa_5tuple_t, 48 bytes. */
      readonly tuple: Uint8Array;
    }
  | {
      readonly kind: "ethertype";
      readonly swIfIndex: number;
      readonly isInput: boolean;
      readonly passes: boolean;
      readonly etherType: number;
    }
  /** `next`: the next feature, or the node of the policy's target. */
  | { readonly kind: "abf"; readonly next: "feature" | "dpo"; readonly index: number }
  | { readonly kind: "tx"; readonly hwIfIndex: number; readonly length: number; readonly data: Uint8Array }
  /** error-drop and error-punt: where the packet had come in. */
  | { readonly kind: "rx"; readonly swIfIndex: number }
  | { readonly kind: "options" | "ip4-punt"; readonly data: Uint8Array }
  | { readonly kind: "arp"; readonly data: Uint8Array }
  | { readonly kind: "drop"; readonly swIfIndex: number; readonly node: string; readonly reason: string };

/** Packet trace: `trace add NODE COUNT` arms it, packets keep a record per node that they pass. */
export class TraceBuffer {
  readonly packets: TracedPacket[] = [];
  /** Packets still to be traced, by input node. */
  readonly #armed = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Traces `count` more packets from a node; false for an unknown node. */
  add(node: string, count: number): boolean {
    if (!(TRACE_INPUT_NODES as readonly string[]).includes(node)) return false;
    this.#armed.set(node, (this.#armed.get(node) ?? 0) + count);
    return true;
  }

  clear(): void {
    this.packets.length = 0;
    this.#armed.clear();
  }

  /** Whether any packet would be traced: what the packet path looks at. */
  get armed(): boolean {
    return this.#armed.size > 0;
  }

  /** Begins a packet's trace if its input node is armed. */
  begin(node: string): TracedPacket | undefined {
    const left = this.#armed.get(node);
    if (left === undefined || this.packets.length >= MAX_PACKETS) return undefined;
    if (left <= 1) this.#armed.delete(node);
    else this.#armed.set(node, left - 1);
    const packet: TracedPacket = { records: [] };
    this.packets.push(packet);
    return packet;
  }

  record(packet: TracedPacket, node: string, data: TraceData): void {
    const record: TraceRecord = { node, timeS: this.#now(), data };
    packet.records.push(record);
  }
}
