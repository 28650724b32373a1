import type { Observable } from "rxjs";
import type { TableDigest } from "../bridge/index.ts";
import type { ReplicaStatus } from "./replicas.ts";
import type { DesiredState, Diagnostic, ObservedState, Plan, PlanProblem, VipDisruption } from "../bridge/types.ts";
import type { Actor, HistoryEntry, HistoryQuery, RecordedVpp } from "../history/types.ts";

export type { Actor, HistoryEntry, HistoryQuery } from "../history/types.ts";

/** Where the controller stands with VPP. Times are ISO 8601 in UTC. */
export interface VppStatus {
  readonly state: "closed" | "connecting" | "ready" | "failed";
  readonly socket: string;
  readonly version?: string;
  readonly pid?: number;
  /** Since when the state is what it is. */
  readonly since: string;
  /** Connections made since the controller started: more than one means that VPP or its socket came back. */
  readonly connects: number;
  readonly error?: string;
  /** What is wrong with the owner and permissions of VPP's socket. */
  readonly warnings: readonly string[];
}

export interface ConfigStatus {
  readonly file?: string;
  readonly loadedAt?: string;
  /** Why the file as it is now is not what is applied: the old state is kept. */
  readonly error?: string;
  readonly warnings: readonly string[];
}

/**
 * - `waiting`: no VPP, or no configuration yet.
 * - `in-sync`: the last look at VPP found nothing to do.
 * - `applying`: operations are on their way.
 * - `paced`: the rest of a change waits for its next step.
 * - `drift`: VPP differs and a repair is due.
 * - `error`: an operation failed or the plan has problems; retried with back-off.
 */
export type SyncState = "waiting" | "in-sync" | "applying" | "paced" | "drift" | "error";

export interface FailedOperation {
  readonly id: string;
  readonly sentence: string;
  readonly error: string;
  readonly attempts: number;
  readonly nextAttemptAt?: string;
}

export interface SyncStatus {
  readonly state: SyncState;
  readonly lastObservedAt?: string;
  readonly lastAppliedAt?: string;
  /** Sentences of operations planned and not done. */
  readonly pending: readonly string[];
  readonly failed: readonly FailedOperation[];
  readonly problems: readonly PlanProblem[];
  /** What stays other than desired on purpose. */
  readonly warnings: readonly string[];
  readonly foreign: readonly string[];
}

export interface DrainStatus {
  readonly server: string;
  /** Key of the VIP; absent: of all VIPs. */
  readonly vip?: string;
  readonly since: string;
  readonly deadlineAt?: string;
  readonly flush: boolean;
}

/** What the controller knows without asking VPP. */
export interface Snapshot {
  /** With drains. Absent: nothing is desired yet. */
  readonly desired?: DesiredState;
  /** As last seen. Absent: VPP has not been seen yet. */
  readonly observed?: ObservedState;
  /** The latest. */
  readonly plan?: Plan;
  /** Of the API connection: requests under way, and messages that came too late or are not understood. */
  readonly traffic: {
    readonly pending: number;
    readonly late: number;
    readonly unknown: number;
    readonly undecodable: number;
  };
}

export interface Counts {
  readonly vips: number;
  readonly streams: number;
  /** Flows of the file: rules that send packets to streams. */
  readonly flowRules: number;
  readonly servers: number;
  readonly interfaces: number;
  readonly bridges: number;
  readonly routes: number;
  /** Sticky flows over all of our VIPs. */
  readonly flows: number;
  /** Operations done since the controller started. */
  readonly operations: number;
}

export interface ControllerStatus {
  readonly startedAt: string;
  readonly uptimeS: number;
  readonly vpp: VppStatus;
  readonly config: ConfigStatus;
  readonly sync: SyncStatus;
  readonly drains: readonly DrainStatus[];
  readonly counts: Counts;
  /** What decides where new flows go, per VIP and stream of ours, as VPP was last seen. */
  readonly tables: readonly TableDigest[];
  /** Other controllers of the same VIPs. */
  readonly replicas: readonly ReplicaStatus[];
}

export type RowKind =
  "vips" | "streams" | "flows" | "servers" | "interfaces" | "bridges" | "routes" | "memifs" | "tables" | "acls";

export interface GetOptions {
  /** Tell also what streams and flows are made of inside VPP. Default false. */
  readonly internals?: boolean;
}

/** One object: what is desired of it and what VPP holds. JSON. */
export interface Row {
  readonly key: string;
  /** `ours`, or `foreign`: in VPP and left alone. */
  readonly owner: "ours" | "foreign";
  /** `ok`, `missing` (desired, not in VPP), `extra` (ours, not desired), `differs`, `draining`, `down`, `foreign`. */
  readonly state: string;
  readonly desired?: Readonly<Record<string, unknown>>;
  readonly observed?: Readonly<Record<string, unknown>>;
  /** For the columns of a table: name, prefix, encap, buckets, flows, weight… */
  readonly columns: Readonly<Record<string, string | number | boolean>>;
}

export interface PlanResult extends Plan {
  /** Errors in the given configuration: no plan was made. */
  readonly diagnostics: readonly Diagnostic[];
  /** Why `apply` would refuse this plan (maxDisruption, problems). */
  readonly refused?: string;
}

export interface ApplyOptions {
  /** Apply also what maxDisruption refuses. Default false. */
  readonly force?: boolean;
  /** Give up waiting for VPP to be as desired. Default 30,000. */
  readonly timeoutMs?: number;
  /** Who asks, for the history. */
  readonly by?: Actor;
}

export interface ApplyResult {
  /** VPP was seen to be as desired. */
  readonly ok: boolean;
  /** Sentences of what was done, in order. */
  readonly applied: readonly string[];
  readonly failed: readonly FailedOperation[];
  readonly problems: readonly PlanProblem[];
  readonly disruption: readonly VipDisruption[];
  readonly diagnostics: readonly Diagnostic[];
  /** Why nothing was applied. */
  readonly refused?: string;
  /** The rest comes in steps. */
  readonly paced?: boolean;
}

export interface DrainOptions {
  /** Key of one VIP; default all VIPs that have the server. */
  readonly vip?: string;
  /** After so long the drain ends: with `flush` the flows that are left are flushed. Default: no end. */
  readonly deadlineMs?: number;
  /**
   * At the deadline, or now where none is given, flush the server's flows: their connections move or break.
   * Default: true with a deadline, false without.
   */
  readonly flush?: boolean;
  /** End the drain: the server takes new flows again. */
  readonly undo?: boolean;
  /** Who asks, for the history. */
  readonly by?: Actor;
}

export interface DrainResult {
  readonly server: string;
  readonly undone: boolean;
  readonly deadlineAt?: string;
  /** Each VIP concerned with the share of its slots that moved and the sticky flows that the server still holds. */
  readonly vips: readonly { readonly vip: string; readonly moved: number; readonly flows: number }[];
  readonly apply: ApplyResult;
}

/** Where a new flow went in a time past. */
export interface PastPlace {
  /** ISO 8601. */
  readonly from: string;
  readonly until?: string;
  /** Absent: no server, the packet was dropped or routed like any other. */
  readonly server?: string;
}

/** Which server a flow had at a time past. */
export interface PastExplanation {
  readonly flow: Flow;
  readonly at: string;
  /**
   * - `certain`: the tables are known for that time, and every time the flow may have begun it had the same server.
   * - `new-flows`: where a flow that began then went is certain; an older one may have been elsewhere (`candidates`).
   * - `presumed`: no controller watched VPP then; what it was before and after is the same.
   * - `unclear`: the table was changing at that very time, see `candidates`.
   * - `unknown`: the history does not reach so far, or VPP was not there.
   */
  readonly certainty: "certain" | "new-flows" | "presumed" | "unclear" | "unknown";
  /** Where a flow that began then went. */
  readonly server?: string;
  readonly vip?: string;
  /** The flow rule that took it, and the stream that it went to. */
  readonly rule?: string;
  readonly stream?: string;
  readonly hash?: number;
  readonly slot?: number;
  readonly tableSize?: number;
  /** Where the flow was, by when it began (or went on after a pause of `flowTimeoutS`); newest first. */
  readonly candidates: readonly PastPlace[];
  /** Idle flows were forgotten after so long. */
  readonly flowTimeoutS: number;
  readonly vpp?: RecordedVpp;
  /** For people. */
  readonly steps: readonly string[];
}

/** A flow as it arrives from outside. */
export interface Flow {
  readonly src: string;
  readonly dst: string;
  readonly protocol: "tcp" | "udp" | "icmp" | number;
  readonly srcPort: number;
  readonly dstPort: number;
}

export interface ExplainResult {
  readonly flow: Flow;
  /** Key of the VIP that takes the flow; absent: none does. */
  readonly vip?: string;
  /** The flow of the file that takes it; absent: none does. */
  readonly rule?: string;
  /** The stream that it goes to. */
  readonly stream?: string;
  readonly encap?: string;
  readonly hash?: number;
  readonly slot?: number;
  readonly tableSize?: number;
  /** Where a flow that is not in the sticky table goes. */
  readonly server?: string;
  /** The table was computed from VPP's own servers and weights, and its bucket counts agree with VPP's. */
  readonly checked: boolean;
  /** For people: each step, also why there is no answer. */
  readonly steps: readonly string[];
}

export type ControllerEvent =
  | {
      readonly type: "vpp";
      readonly at: string;
      readonly state: VppStatus["state"];
      readonly message: string;
      /** Of the VPP that is connected. */
      readonly version?: string;
      readonly pid?: number;
    }
  | { readonly type: "config"; readonly at: string; readonly ok: boolean; readonly message: string }
  | {
      readonly type: "plan";
      readonly at: string;
      readonly reason: string;
      readonly operations: number;
      readonly message: string;
    }
  | {
      readonly type: "operation";
      readonly at: string;
      readonly id: string;
      readonly ok: boolean;
      readonly message: string;
    }
  | { readonly type: "sync"; readonly at: string; readonly state: SyncState; readonly message: string }
  | {
      readonly type: "drain";
      readonly at: string;
      readonly server: string;
      readonly message: string;
      readonly ended?: boolean;
    }
  /** Packets of flows that the sticky table had no room for, so far. */
  | { readonly type: "untracked"; readonly at: string; readonly packets: number; readonly message: string }
  /** Other controllers came to this VPP, or went: those that are there now. */
  | { readonly type: "rival"; readonly at: string; readonly others: readonly string[]; readonly message: string }
  /** The state file cannot be written, or can be again. */
  | { readonly type: "state"; readonly at: string; readonly ok: boolean; readonly message: string };

/** What a configuration's text turns into. `state` is absent exactly when a diagnostic is an error. */
export interface ParsedDesired {
  readonly state?: DesiredState;
  readonly diagnostics: readonly Diagnostic[];
}

/** What the control socket and the roles see of the controller. Every method rejects with ControllerError only. */
export interface ControllerApi {
  status(): ControllerStatus;
  get(kind: RowKind, options?: GetOptions): Promise<Row[]>;
  /** What would change for the given lb.yaml, or for the one that is loaded. Writes nothing. */
  plan(yaml?: string): Promise<PlanResult>;
  /** Make the given lb.yaml (default: the loaded one) the desired state, until the file changes, and wait for VPP to be so. */
  apply(yaml?: string, opts?: ApplyOptions): Promise<ApplyResult>;
  drain(server: string, opts?: DrainOptions): Promise<DrainResult>;
  /** One CLI line of VPP. `show lb vips` is answered from the verbose form, which VPP's own up to 26.06 is not. */
  vppctl(command: string): Promise<{ retval: number; output: string }>;
  explain(flow: Flow): Promise<ExplainResult>;
  /** What was done, when and why; newest first. Rejects with INPUT, NOT_FOUND. */
  history(query?: HistoryQuery): Promise<HistoryEntry[]>;
  /** Which server a flow had at a time past (ISO 8601). Rejects with INPUT, NOT_FOUND. */
  explainAt(flow: Flow, at: string): Promise<PastExplanation>;
  /** Hot; no replay. */
  readonly events$: Observable<ControllerEvent>;
}

export type { ReplicaStatus } from "./replicas.ts";
