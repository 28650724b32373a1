import { parseIp46, type Ip46 } from "./address.ts";
import { MaglevError } from "./errors.ts";
import { xxhash64 } from "./xxhash.ts";

/** An application server as the table sees it. */
export interface MaglevServer {
  readonly address: string;
  /** 0..100, default 100 as VPP's; only the weighted algorithm reads it. 0 gets no slot. */
  readonly weight?: number;
}

/**
 * `plain`: VPP up to 26.06 (plugins/lb/lb.c, lb_vip_update_new_flow_table), weights unknown.
 * `weighted`: VPP 26.10, each server once per unit of weight; equal to `plain` only where every weight is 1.
 */
export type MaglevAlgorithm = "plain" | "weighted";

/** A new-flow table: `slots[hash & (size - 1)]` is an index into `servers`, or -1 where nobody has the slot. */
export interface MaglevTable {
  /** Slots, a power of two. */
  readonly size: number;
  readonly algorithm: MaglevAlgorithm;
  /** Canonical addresses in VPP's order (by 16-byte memcmp), servers of weight 0 included. */
  readonly servers: readonly string[];
  readonly slots: Int32Array;
}

/** Largest table vpplb allows: VPP has no bound and a million slots already stop its main thread for 31 ms a change. */
export const MAX_TABLE_SIZE = 1 << 20;
export const DEFAULT_WEIGHT = 100;
export const MAX_WEIGHT = 100;

/** @throws MaglevError TABLE_SIZE unless `size` is a power of two from 1 to {@link MAX_TABLE_SIZE} */
export function checkTableSize(size: number): void {
  if (!Number.isInteger(size) || size < 1 || size > MAX_TABLE_SIZE || (size & (size - 1)) !== 0) {
    throw new MaglevError(
      "TABLE_SIZE",
      `table size ${size} is not a power of two from 1 to ${MAX_TABLE_SIZE}; take 1024 for up to 10 servers, 65536 for hundreds`,
    );
  }
}

interface Candidate {
  readonly address: Ip46;
  readonly weight: number;
}

/** Permutation states: one per server, or per unit of weight. */
interface Permutations {
  readonly server: Int32Array;
  readonly skip: Uint32Array;
  readonly next: Uint32Array;
}

/**
 * Builds the table that VPP builds for these servers, in whatever order they are given.
 * @throws MaglevError TABLE_SIZE, ADDRESS, WEIGHT or DUPLICATE
 */
export function buildTable(
  servers: readonly MaglevServer[],
  size: number,
  algorithm: MaglevAlgorithm = "plain",
): MaglevTable {
  checkTableSize(size);
  const candidates = servers.map(toCandidate).sort((a, b) => compareBytes(a.address.bytes, b.address.bytes));
  for (let i = 1; i < candidates.length; i++) {
    const text = candidates[i]!.address.text;
    if (text === candidates[i - 1]!.address.text) throw new MaglevError("DUPLICATE", `server ${text} is given twice`);
  }
  const slots = new Int32Array(size).fill(-1);
  fill(slots, permutations(candidates, size, algorithm));
  return { size, algorithm, servers: candidates.map((candidate) => candidate.address.text), slots };
}

function toCandidate(server: MaglevServer): Candidate {
  const weight = server.weight ?? DEFAULT_WEIGHT;
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw new MaglevError(
      "WEIGHT",
      `weight ${weight} of server ${server.address} is not a number from 0 to ${MAX_WEIGHT}`,
    );
  }
  return { address: parseIp46(server.address), weight };
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** Sorted by (replica, address), as lb_pseudorand_compare does; replica 0 alone is the plain algorithm. */
function permutations(candidates: readonly Candidate[], size: number, algorithm: MaglevAlgorithm): Permutations {
  const replicas = (candidate: Candidate) => (algorithm === "plain" ? 1 : candidate.weight);
  const most = Math.max(0, ...candidates.map(replicas));
  // Those beyond `size` never get a slot: the first round fills the table.
  const count = Math.min(
    size,
    candidates.reduce((sum, candidate) => sum + replicas(candidate), 0),
  );
  const result = { server: new Int32Array(count), skip: new Uint32Array(count), next: new Uint32Array(count) };
  const seed = new Uint32Array(2);
  const keys = candidates.map(({ address }) => foldAddress(address.bytes));
  for (let replica = 0, n = 0; replica < most && n < count; replica++) {
    for (let i = 0; i < candidates.length && n < count; i++) {
      if (replicas(candidates[i]!) <= replica) continue;
      xxhash64(keys[i]!.high, keys[i]!.low ^ replica, seed);
      result.server[n] = i;
      result.skip[n] = (seed[1]! | 1) & (size - 1);
      result.next[n] = seed[0]! & (size - 1);
      n++;
    }
  }
  return result;
}

/** `as_u64[0] ^ as_u64[1]` of the address as a little-endian machine loads it. */
function foldAddress(bytes: Uint8Array): { high: number; low: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return {
    low: view.getUint32(0, true) ^ view.getUint32(8, true),
    high: view.getUint32(4, true) ^ view.getUint32(12, true),
  };
}

/**
 * Round robin: each permutation takes its next free slot until the table is full (Maglev paper, 3.4). Looking for the
 * last free slots is most of the work (size * ln(size) looks), hence a map of bits, which a core's first cache holds.
 */
function fill(slots: Int32Array, { server, skip, next }: Permutations): void {
  const size = slots.length;
  const mask = size - 1;
  const count = server.length;
  if (count === 0) return;
  const taken = new Int32Array((size + 31) >> 5);
  for (let done = 0, turn = 0; done < size; done++, turn = turn + 1 === count ? 0 : turn + 1) {
    const step = skip[turn]!;
    let slot = next[turn]!;
    while ((taken[slot >> 5]! & (1 << (slot & 31))) !== 0) slot = (slot + step) & mask;
    taken[slot >> 5]! |= 1 << (slot & 31);
    slots[slot] = server[turn]!;
    next[turn] = (slot + step) & mask;
  }
}

/** The server of a slot, or undefined where the table has none. */
export function serverOfSlot(table: MaglevTable, slot: number): string | undefined {
  return table.servers[table.slots[slot] ?? -1];
}

/** Slots per server, in the order of `table.servers`; servers without a slot are listed with 0. */
export function bucketCounts(table: MaglevTable): Map<string, number> {
  const counts = new Uint32Array(table.servers.length);
  for (const index of table.slots) if (index >= 0) counts[index]!++;
  return new Map(table.servers.map((server, index) => [server, counts[index]!]));
}
