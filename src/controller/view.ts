import type { ObservedState, Operation, Plan, VipDisruption } from "../bridge/index.ts";
import type { Failures } from "./failures.ts";
import type { FailedOperation, SyncState } from "./types.ts";

/** What one run came to. */
export interface RunReport {
  readonly state: SyncState;
  readonly applied: readonly string[];
  readonly failed: readonly FailedOperation[];
  readonly plan: Plan | undefined;
  /** Of the first plan of the run. */
  readonly disruption: readonly VipDisruption[];
  /** Why a proposed configuration was not taken. */
  readonly refused?: string;
  readonly error?: string;
}

/** What is known of VPP and of what is to be done. */
export interface View {
  readonly observed: ObservedState | undefined;
  readonly plan: Plan | undefined;
  readonly state: SyncState;
  readonly pending: readonly Operation[];
  /** Names of other controllers of this VPP. */
  readonly others: readonly string[];
  readonly error: string | undefined;
  readonly refused: string | undefined;
  readonly lastObservedMs: number | undefined;
  readonly lastAppliedMs: number | undefined;
  readonly operations: number;
}

export const FIRST_VIEW: View = {
  observed: undefined,
  plan: undefined,
  state: "waiting",
  pending: [],
  others: [],
  error: undefined,
  refused: undefined,
  lastObservedMs: undefined,
  lastAppliedMs: undefined,
  operations: 0,
};

/** Where VPP stands when nothing is left to do right now. */
export function settledState(plan: Plan, later: readonly Operation[], failures: Failures): SyncState {
  if (failures.size > 0 || plan.problems.length > 0) return "error";
  return later.length > 0 ? "paced" : "in-sync";
}

/** {@link settledState} in words. */
export function settledText(plan: Plan, later: readonly Operation[], failures: Failures): string {
  const parts = [
    ...failures.list().map((failed) => `${failed.sentence}: ${failed.error}`),
    ...plan.problems.map((problem) => problem.message),
  ];
  if (parts.length > 0) return parts.join("; ");
  return later.length > 0 ? `${later.length} operations wait for their step` : "VPP holds what is desired";
}

/** What a run is about to do, on one line. */
export function announcement(operations: readonly Operation[], reason: string): string {
  const sentences = operations.slice(0, 3).map((one) => one.sentence);
  return `${reason}: ${sentences.join("; ")}${operations.length > 3 ? "; …" : ""}`;
}
