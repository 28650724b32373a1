import type { Operation } from "../bridge/index.ts";
import type { Actor, Cause } from "../history/index.ts";
import type { DrainRecord } from "./journal.ts";

/** Why a run begins. */
export interface RunCause {
  readonly cause: Cause;
  /** In words. */
  readonly reason: string;
  readonly by?: Actor;
}

/** Of several causes of one run the first of these names it. */
const ORDER: readonly Cause[] = [
  "operator",
  "drain",
  "config",
  "start",
  "vpp-restart",
  "connection",
  "pace",
  "retry",
  "drift",
];

/** What several that asked for the same run asked it for. */
export function mergeCauses(causes: readonly RunCause[]): RunCause {
  const [first = { cause: "drift", reason: "repair" }, ...others] = [...causes].sort(
    (a, b) => ORDER.indexOf(a.cause) - ORDER.indexOf(b.cause),
  );
  const reasons = new Set([first.reason, ...others.filter((one) => one.cause !== "drift").map((one) => one.reason)]);
  return { ...first, reason: [...reasons].join("; ") };
}

/** What a run begins with, by which a mere look at VPP turns out to have had a cause. */
export interface Before {
  readonly failedIds: ReadonlySet<string>;
  readonly pacing: ReadonlySet<string>;
  readonly drains: readonly DrainRecord[];
  readonly lastRunMs: number;
  readonly nowMs: number;
}

/** A periodic look that found something to do: the next attempt, the next step, the end of a drain, or drift. */
export function refineCause(cause: RunCause, operations: readonly Operation[], before: Before): RunCause {
  if (cause.cause !== "drift" || operations.length === 0) return cause;
  const over = before.drains.filter(
    ({ flush, deadlineMs }) =>
      flush && deadlineMs !== undefined && deadlineMs > before.lastRunMs && deadlineMs <= before.nowMs,
  );
  if (over.length > 0) {
    return { cause: "drain", reason: `the drain of ${over.map((one) => one.server).join(", ")} reached its deadline` };
  }
  if (operations.every((one) => before.failedIds.has(one.id))) {
    return { cause: "retry", reason: "the next attempt at what failed" };
  }
  if (operations.some((one) => one.kind === "server" && before.pacing.has(one.object))) {
    return { cause: "pace", reason: "the next step of a change in steps" };
  }
  return cause;
}

/** How a run ended, for the cause that it is recorded with. */
export interface After {
  readonly planned: readonly Operation[];
  readonly drains: readonly DrainRecord[];
  /** Causes of the run that comes next. */
  readonly waiting: readonly RunCause[];
}

/** A drain that was ordered while a look at VPP was under way may have been done by it. */
export function causeOfRun(why: RunCause, before: Before, { planned, drains, waiting }: After): RunCause {
  const ordered = JSON.stringify(before.drains) !== JSON.stringify(drains);
  const late = ordered ? waiting.find((one) => one.cause === "drain") : undefined;
  return refineCause(why.cause === "drift" && late !== undefined ? late : why, planned, before);
}
