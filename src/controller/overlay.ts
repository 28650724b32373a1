import type { DesiredState, ObservedState } from "../bridge/index.ts";
import type { DrainRecord } from "./journal.ts";
import type { RunReport } from "./view.ts";

/**
 * What is desired beyond the file, by somebody in this process who knows: application servers that come and go. It is
 * laid over what the file or `apply` says and under the drains.
 */
export interface Overlay {
  /** Changes nothing of its own: it depends on its arguments and on what it was told. */
  apply(desired: DesiredState, drains: readonly DrainRecord[]): DesiredState;
  /** After each look at VPP, before anything is planned by it. `fresh`: the first at a VPP that holds nothing of ours. */
  look(observed: ObservedState, fresh: boolean): void;
  /** What the file or `apply` says was taken over: without overlay and drains. */
  accepted(desired: DesiredState): void;
  /** When `apply` will give something else by itself, ms since 1970. */
  nextMs(nowMs: number): number | undefined;
}

/** What came of a run that an overlay asked for. */
export interface Replanned {
  /** A VPP was there, and was looked at. */
  readonly seen: boolean;
  /** Operations that failed and are tried again: id and error. */
  readonly failed: readonly { readonly id: string; readonly sentence: string; readonly error: string }[];
  /** What cannot be had. */
  readonly problems: readonly string[];
  /** Why VPP could not be looked at. */
  readonly error?: string;
}

export function toReplanned(report: RunReport): Replanned {
  return {
    seen: report.state !== "waiting" && report.error === undefined,
    failed: report.failed.map(({ id, sentence, error }) => ({ id, sentence, error })),
    problems: (report.plan?.problems ?? []).map((problem) => problem.message),
    ...(report.error === undefined ? {} : { error: report.error }),
  };
}
