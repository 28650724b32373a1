import type { DesiredState, ObservedState, Operation, Plan } from "../bridge/index.ts";
import type { Failures, Repeats } from "./failures.ts";
import type { Journal } from "./journal.ts";
import { paceOperations } from "./pace.ts";

export interface Selected {
  readonly now: Operation[];
  /** Waits for its step or its next attempt. */
  readonly later: Operation[];
}

/** Chooses of a plan's operations those that are to be tried now: not too soon after a failure, and by the pace. */
export class Selection {
  readonly #journal: Journal;
  readonly #failures: Failures;
  #nextPaceMs = 0;

  constructor(journal: Journal, failures: Failures) {
    this.#journal = journal;
    this.#failures = failures;
  }

  /** When the next step of a paced change is due. */
  get nextPaceMs(): number {
    return this.#nextPaceMs;
  }

  /** The next step is due at once. */
  restartPace(): void {
    this.#nextPaceMs = 0;
  }

  select(plan: Plan, desired: DesiredState, observed: ObservedState, repeats: Repeats, nowMs: number): Selected {
    const { due, later } = this.#due(plan, repeats, nowMs);
    const pace = desired.maxDisruption?.pace;
    const pacing = this.#pacingOf(plan);
    if (pace === undefined || pacing.size === 0) return { now: due, later };
    // Never longer than the interval, even where the clock was set back.
    const waits = nowMs < this.#nextPaceMs && this.#nextPaceMs - nowMs <= pace.intervalMs;
    const paced = waits ? splitPaced(due, pacing) : paceOperations(due, pacing, pace.step, observed);
    if (!waits && paced.later.length > 0) this.#nextPaceMs = nowMs + pace.intervalMs;
    return { now: paced.now, later: [...later, ...paced.later] };
  }

  #due(plan: Plan, repeats: Repeats, nowMs: number): { due: Operation[]; later: Operation[] } {
    const due: Operation[] = [];
    const later: Operation[] = [];
    const held = new Set<string>();
    for (const operation of plan.operations) {
      if (repeats.tooOften(operation)) {
        this.#failures.record(operation, "VPP accepts it, and does not show it afterwards", nowMs);
      }
      if (this.#failures.isDue(operation, nowMs) && !operation.dependsOn.some((id) => held.has(id))) {
        due.push(operation);
      } else {
        held.add(operation.id);
        later.push(operation);
      }
    }
    return { due, later };
  }

  /** VIPs in the middle of a paced change; one that has nothing left to do is through. */
  #pacingOf(plan: Plan): ReadonlySet<string> {
    const { pacing } = this.#journal;
    const busy = new Set(plan.operations.filter((one) => one.kind === "server").map((one) => one.object));
    for (const key of pacing) if (!busy.has(key)) pacing.delete(key);
    return pacing;
  }
}

function splitPaced(operations: readonly Operation[], pacing: ReadonlySet<string>): Selected {
  const isPaced = (operation: Operation) => operation.kind === "server" && pacing.has(operation.object);
  return { now: operations.filter((one) => !isPaced(one)), later: operations.filter(isPaced) };
}
