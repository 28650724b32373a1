/**
 * Why something was done.
 * - `start`: the controller started.
 * - `config`: the file changed.
 * - `operator`: `vpplb apply`.
 * - `drain`: a drain began, ended or reached its deadline.
 * - `vpp-restart`: VPP was another one than before.
 * - `connection`: application servers came or went.
 * - `drift`: VPP was not as it had been left.
 * - `pace`: the next step of a change in steps.
 * - `retry`: what had failed before.
 */
export type Cause =
  "start" | "config" | "operator" | "drain" | "vpp-restart" | "connection" | "drift" | "pace" | "retry";

export const CAUSES: readonly Cause[] = [
  "start",
  "config",
  "operator",
  "drain",
  "vpp-restart",
  "connection",
  "drift",
  "pace",
  "retry",
];

/** Who asked: the process at the other end of the control socket, as the kernel tells. */
export interface Actor {
  readonly uid: number;
  readonly pid?: number;
  /** The user's name at that time. */
  readonly user?: string;
}

/**
 * What it came to.
 * - `ok`: VPP was as desired afterwards.
 * - `paced`: the rest comes in steps.
 * - `failed`: an operation failed, or something that is desired cannot be had.
 * - `refused`: a configuration was not taken; nothing was done.
 * - `interrupted`: VPP went away meanwhile.
 */
export type EntryResult = "ok" | "paced" | "failed" | "refused" | "interrupted";

export interface RecordedOperation {
  readonly id: string;
  readonly kind: string;
  readonly object: string;
  readonly verb: string;
  readonly sentence: string;
  readonly result: "done" | "failed";
  readonly error?: string;
}

export interface RecordedDisruption {
  readonly vip: string;
  /** Share 0..1 of the new-flow slots whose server changed. */
  readonly moved: number;
  readonly least: number;
  readonly flowsLost: number;
  readonly recreated?: string;
}

/** One go at VPP. */
export interface HistoryEntry {
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly endedAt: string;
  readonly cause: Cause;
  /** For people: the cause in words. */
  readonly reason: string;
  readonly by?: Actor;
  readonly result: EntryResult;
  /** Why it was refused or failed. */
  readonly message?: string;
  /** How many operations were done and how many failed; all of them, also where the list is cut. */
  readonly done: number;
  readonly failed: number;
  /** The greatest share 0..1 of a VIP's slots that moved. */
  readonly moved: number;
  /** VIPs and servers that operations concerned. */
  readonly vips: readonly string[];
  readonly servers: readonly string[];
  /** So many further attempts came to the same, the last of them then. */
  readonly repeats?: number;
  readonly repeatedAt?: string;
  readonly vpp?: RecordedVpp;
  /** The rest is in one entry that is asked for by its id, and absent in lists. */
  readonly operations?: readonly RecordedOperation[];
  readonly disruption?: readonly RecordedDisruption[];
  readonly problems?: readonly string[];
  /** What VPP was to hold, drains included: the desired state as plain data of the version that wrote it. */
  readonly desired?: unknown;
}

/** One life of a VPP. */
export interface RecordedVpp {
  /** Of this file: 1, 2, … */
  readonly incarnation: number;
  readonly version: string;
  readonly pid: number;
  /** ISO 8601; by VPP's own uptime. */
  readonly startedAt?: string;
}

export interface HistoryQuery {
  /** One entry, in full. */
  readonly id?: number;
  /** ISO 8601, UTC. Entries at or after. */
  readonly since?: string;
  /** Entries before. */
  readonly until?: string;
  /** Key of a VIP, or its prefix. */
  readonly vip?: string;
  readonly server?: string;
  /** Newest first, so many. Default 50, at most 10,000. */
  readonly limit?: number;
}

export interface Retention {
  /** Older entries go, but for what tells how VPP was at the beginning of the rest. Default 90 days. */
  readonly maxAgeMs: number;
  /** Default 10,000. */
  readonly maxEntries: number;
  /** The oldest entries go when the file is longer. Default 64 MiB. */
  readonly maxBytes: number;
}

export const DEFAULT_RETENTION: Retention = { maxAgeMs: 90 * 86_400_000, maxEntries: 10_000, maxBytes: 64 << 20 };
