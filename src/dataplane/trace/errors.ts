import type { ErrorCounter, Severity } from "../model.ts";

/** Counters of drops and events by node and reason, as `show errors` lists them. */
export class ErrorCounters {
  readonly #counters: ErrorCounter[] = [];

  /** A counter that the packet path holds and increments. */
  register(node: string, reason: string, severity: Severity = "error"): ErrorCounter {
    const known = this.#counters.find((counter) => counter.node === node && counter.reason === reason);
    if (known !== undefined) return known;
    const counter: ErrorCounter = { node, reason, severity, count: 0 };
    this.#counters.push(counter);
    return counter;
  }

  /** All counters, in order of registration, zero ones included. */
  all(): readonly ErrorCounter[] {
    return this.#counters;
  }

  clear(): void {
    for (const counter of this.#counters) counter.count = 0;
  }
}
