import { openSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { VppError } from "../errors.ts";
import { SegmentMemory } from "./memory.ts";

/** A statistic of VPP. Counters are numbers: exact up to 2^53. */
export type Stat =
  | { readonly type: "scalar"; readonly value: number }
  /** `[thread][index]`; index is for example a sw_if_index, or a VIP's index. */
  | { readonly type: "simple"; readonly counters: readonly (readonly number[])[] }
  | {
      readonly type: "combined";
      readonly counters: readonly (readonly { readonly packets: number; readonly bytes: number }[])[];
    }
  | { readonly type: "names"; readonly names: readonly string[] }
  /** Log2 bins by thread (25.10 and later). */
  | { readonly type: "histogram"; readonly bins: readonly (readonly number[])[] }
  | { readonly type: "empty" };

export interface StatsOptions {
  /** VPP's process, in this process' pid namespace (`client.pid`): its descriptor is opened through /proc. */
  readonly pid?: number | undefined;
  /** Gives the segment's descriptor, which the reader then owns: for VPPs of other users or pid namespaces. */
  readonly openStatsFd?: (() => Promise<number>) | undefined;
  /** Attempts where VPP changes the directory meanwhile, a millisecond apart. Default 100. */
  readonly attempts?: number | undefined;
}

/** Which names: a RegExp, a set, or a function. */
export type StatFilter = RegExp | ReadonlySet<string> | ((name: string) => boolean);

interface Entry {
  readonly name: string;
  readonly type: Stat["type"] | "symlink";
  readonly value: bigint;
}

const HEADER_BYTES = 40;
const ENTRY_BYTES = 144;
const LAYOUT_VERSION = 2;

/** vlib/stats/shared.h from 22.06 on. */
const types: readonly (Entry["type"] | undefined)[] = [
  undefined,
  "scalar",
  "simple",
  "combined",
  "names",
  "empty",
  "symlink",
  "histogram",
  "empty", // ring buffer
  "scalar", // gauge
];
/** Up to 22.02 (vpp/stats/stat_segment_shared.h:21): one more type at 4, under the same layout version. */
const oldTypes: typeof types = [undefined, "scalar", "simple", "combined", "scalar", "names", "empty", "symlink"];

/**
 * Reads VPP's statistics segment: layout 2, of 21.06 to 26.10. A read is consistent in names and sizes: it is done again
 * if the directory's epoch changed meanwhile; counters themselves go on counting.
 */
export class StatsReader {
  readonly #memory: SegmentMemory;
  readonly #attempts: number;

  private constructor(memory: SegmentMemory, attempts: number) {
    this.#memory = memory;
    this.#attempts = attempts;
  }

  /** @throws VppError STATS */
  static async open(options: StatsOptions): Promise<StatsReader> {
    const fd = options.openStatsFd === undefined ? openByPid(options.pid ?? 0) : await options.openStatsFd();
    const memory = new SegmentMemory(fd);
    try {
      const version = memory.readAt(0, HEADER_BYTES).readBigUInt64LE(0);
      if (version !== BigInt(LAYOUT_VERSION)) {
        throw new VppError("STATS", `statistics segment of layout ${version}; ${LAYOUT_VERSION} is known here`);
      }
    } catch (error) {
      memory.close();
      throw error;
    }
    return new StatsReader(memory, options.attempts ?? 100);
  }

  close(): void {
    this.#memory.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** @throws VppError STATS */
  async names(filter: StatFilter = /(?:)/): Promise<string[]> {
    return this.#consistent((entries) => entries.map((entry) => entry.name).filter(predicate(filter)));
  }

  /** The statistics whose names pass, by name. @throws VppError STATS */
  async read(filter: StatFilter = /(?:)/): Promise<Map<string, Stat>> {
    const passes = predicate(filter);
    return this.#consistent((entries) => {
      const stats = new Map<string, Stat>();
      // Thousands of symlinks lead to a few vectors (/err/... to /node/errors): each vector is read once.
      const targets = new Map<number, Stat>();
      for (const entry of entries) {
        if (entry.name !== "" && passes(entry.name)) stats.set(entry.name, this.#value(entry, entries, targets));
      }
      return stats;
    });
  }

  /** The protocol of vlib/stats/shared.h: not while `in_progress`, and not across a change of `epoch`. */
  async #consistent<T>(read: (entries: Entry[]) => T): Promise<T> {
    let lastError: unknown;
    for (let attempt = 0; attempt < this.#attempts; attempt++) {
      if (attempt > 0) await sleep(1);
      const before = this.#header();
      if (before.inProgress) continue;
      try {
        this.#memory.base = before.base;
        const result = read(this.#directory(before.directory));
        const after = this.#header();
        if (!after.inProgress && after.epoch === before.epoch) return result;
      } catch (error) {
        // A directory that is being changed can point anywhere: that counts as a change.
        if (!VppError.is(error, "STATS")) throw error;
        lastError = error;
      }
    }
    throw new VppError("STATS", `the statistics' directory was being changed at ${this.#attempts} attempts`, {
      cause: lastError,
    });
  }

  #header(): { base: bigint; epoch: bigint; inProgress: boolean; directory: bigint } {
    const header = this.#memory.readAt(0, HEADER_BYTES);
    return {
      base: header.readBigUInt64LE(8),
      epoch: header.readBigUInt64LE(16),
      inProgress: header.readBigUInt64LE(24) !== 0n,
      directory: header.readBigUInt64LE(32),
    };
  }

  #directory(address: bigint): Entry[] {
    const bytes = this.#memory.vector(address, ENTRY_BYTES);
    const raw: { name: string; type: number; value: bigint }[] = [];
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
      const nul = bytes.indexOf(0, at + 16);
      const end = nul < 0 || nul > at + ENTRY_BYTES ? at + ENTRY_BYTES : nul;
      raw.push({
        type: bytes.readUInt32LE(at),
        value: bytes.readBigUInt64LE(at + 8),
        name: bytes.toString("latin1", at + 16, end),
      });
    }
    const old = raw.find((entry) => entry.name === "/if/names")?.type === oldTypes.indexOf("names");
    return raw.map((entry) => ({ ...entry, type: (old ? oldTypes : types)[entry.type] ?? "empty" }));
  }

  #value(entry: Entry, entries: readonly Entry[], targets: Map<number, Stat>): Stat {
    switch (entry.type) {
      case "scalar":
        return { type: "scalar", value: Number(entry.value) };
      case "simple":
        return { type: "simple", counters: this.#threads(entry.value, 8, (b, at) => Number(b.readBigUInt64LE(at))) };
      case "combined":
        return {
          type: "combined",
          counters: this.#threads(entry.value, 16, (b, at) => ({
            packets: Number(b.readBigUInt64LE(at)),
            bytes: Number(b.readBigUInt64LE(at + 8)),
          })),
        };
      case "histogram":
        return { type: "histogram", bins: this.#threads(entry.value, 8, (b, at) => Number(b.readBigUInt64LE(at))) };
      case "names":
        return { type: "names", names: this.#nameVector(entry.value) };
      case "symlink":
        return this.#symlink(entry.value, entries, targets);
      case "empty":
        return { type: "empty" };
    }
  }

  #threads<T>(address: bigint, elementBytes: number, element: (bytes: Buffer, at: number) => T): T[][] {
    return this.#pointers(address).map((pointer) => {
      const bytes = this.#memory.vector(pointer, elementBytes);
      const out: T[] = [];
      for (let at = 0; at < bytes.length; at += elementBytes) out.push(element(bytes, at));
      return out;
    });
  }

  #pointers(address: bigint): bigint[] {
    const bytes = this.#memory.vector(address, 8);
    return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readBigUInt64LE(8 * i));
  }

  #nameVector(address: bigint): string[] {
    return this.#pointers(address).map((pointer) => {
      const bytes = this.#memory.vector(pointer, 1);
      const nul = bytes.indexOf(0);
      return bytes.toString("latin1", 0, nul < 0 ? bytes.length : nul);
    });
  }

  /** Entry `index1`, and of it the column `index2` over all threads. */
  #symlink(value: bigint, entries: readonly Entry[], targets: Map<number, Stat>): Stat {
    const index = Number(value & 0xffff_ffffn);
    const target = entries[index];
    const column = Number(value >> 32n);
    if (target === undefined || target.type === "symlink") return { type: "empty" };
    const whole = targets.get(index) ?? this.#value(target, entries, targets);
    targets.set(index, whole);
    if (whole.type === "simple") {
      return { type: "simple", counters: whole.counters.map((thread) => thread.slice(column, column + 1)) };
    }
    if (whole.type === "combined") {
      return { type: "combined", counters: whole.counters.map((thread) => thread.slice(column, column + 1)) };
    }
    return whole;
  }
}

function predicate(filter: StatFilter): (name: string) => boolean {
  if (typeof filter === "function") return filter;
  if (!(filter instanceof RegExp)) return (name) => filter.has(name);
  // A global RegExp remembers where it was.
  const plain = new RegExp(filter.source, filter.flags.replace(/[gy]/g, ""));
  return (name) => plain.test(name);
}

/** Sum over all threads of one index: `total(stats.get("/if/rx"), swIfIndex)`. */
export function total(stat: Stat | undefined, index: number): { packets: number; bytes: number } {
  const sum = { packets: 0, bytes: 0 };
  if (stat?.type === "simple") for (const thread of stat.counters) sum.packets += thread[index] ?? 0;
  if (stat?.type === "combined") {
    for (const thread of stat.counters) {
      sum.packets += thread[index]?.packets ?? 0;
      sum.bytes += thread[index]?.bytes ?? 0;
    }
  }
  return sum;
}

function openByPid(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  try {
    for (const name of readdirSync(directory)) {
      const path = `${directory}/${name}`;
      if (linkOf(path).startsWith("/memfd:stat segment")) return openSync(path, "r");
    }
  } catch (error) {
    throw new VppError(
      "STATS",
      `${directory}: not permitted, or another pid namespace; run as VPP's user there, or give openStatsFd`,
      {
        cause: error,
      },
    );
  }
  throw new VppError("STATS", `process ${pid} has no statistics segment; is it VPP, and in this pid namespace?`);
}

/** Descriptors come and go while we look. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
