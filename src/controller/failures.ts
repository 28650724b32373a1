import type { Operation } from "../bridge/index.ts";
import { messageOf } from "./errors.ts";
import type { FailedOperation } from "./types.ts";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** An operation that VPP takes and that is wanted again so often in one go is not taking effect. */
const MAX_REPEATS = 3;

interface Failure {
  readonly operation: Operation;
  readonly error: string;
  readonly attempts: number;
  readonly nextAttemptMs: number;
}

/** Operations that failed, each with its error, its count and when it is due again. */
export class Failures {
  readonly #failures = new Map<string, Failure>();

  /** Of the operations that failed. */
  get ids(): ReadonlySet<string> {
    return new Set(this.#failures.keys());
  }

  get size(): number {
    return this.#failures.size;
  }

  record(operation: Operation, error: unknown, nowMs: number): void {
    const attempts = (this.#failures.get(operation.id)?.attempts ?? 0) + 1;
    const delayMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
    this.#failures.set(operation.id, { operation, error: messageOf(error), attempts, nextAttemptMs: nowMs + delayMs });
  }

  /** Forgets what is not wanted any more. */
  keepOnly(operations: readonly Operation[]): void {
    const wanted = new Set(operations.map((operation) => operation.id));
    for (const id of this.#failures.keys()) if (!wanted.has(id)) this.#failures.delete(id);
  }

  /** Everything is due at once: after a change of configuration, or a new VPP. */
  clear(): void {
    this.#failures.clear();
  }

  isDue(operation: Operation, nowMs: number): boolean {
    const waitMs = (this.#failures.get(operation.id)?.nextAttemptMs ?? 0) - nowMs;
    // Longer than ever planned: the clock was set back.
    return waitMs <= 0 || waitMs > LAST_RETRY_MS;
  }

  get nextAttemptMs(): number | undefined {
    const times = [...this.#failures.values()].map((failure) => failure.nextAttemptMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  list(): FailedOperation[] {
    return [...this.#failures.values()].map(({ operation, error, attempts, nextAttemptMs }) => ({
      id: operation.id,
      sentence: operation.sentence,
      error,
      attempts,
      nextAttemptAt: new Date(nextAttemptMs).toISOString(),
    }));
  }
}

/** Counts within one run what was done and is wanted again. */
export class Repeats {
  readonly #counts = new Map<string, number>();

  done(operation: Operation): void {
    this.#counts.set(operation.id, (this.#counts.get(operation.id) ?? 0) + 1);
  }

  tooOften(operation: Operation): boolean {
    return (this.#counts.get(operation.id) ?? 0) >= MAX_REPEATS;
  }
}
