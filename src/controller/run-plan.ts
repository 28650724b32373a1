import { execute, type ExecuteContext, type Operation } from "../bridge/index.ts";

export interface Outcome {
  readonly done: readonly Operation[];
  readonly failed: readonly { readonly operation: Operation; readonly error: unknown }[];
  /** Not tried, because what they depend on failed, or because the run was aborted. */
  readonly held: readonly Operation[];
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Operations on their way at once; more wait here instead of in the binding's queue. Default 64. */
  readonly window?: number;
  readonly onDone?: (operation: Operation) => void;
  readonly onFailed?: (operation: Operation, error: unknown) => void;
}

type Result = "done" | "failed" | "held";

/**
 * Does a plan's operations: stage by stage, all of a stage that do not depend on each other at once, each as soon as
 * what it depends on is done. Never rejects.
 */
export async function runPlan(
  operations: readonly Operation[],
  context: ExecuteContext,
  options: RunOptions = {},
): Promise<Outcome> {
  const run = new PlanRun(context, options);
  for (const stage of [...new Set(operations.map((operation) => operation.stage))].sort((a, b) => a - b)) {
    await Promise.all(
      operations.filter((operation) => operation.stage === stage).map((operation) => run.start(operation)),
    );
  }
  return run.outcome;
}

class PlanRun {
  readonly outcome = {
    done: [] as Operation[],
    failed: [] as { operation: Operation; error: unknown }[],
    held: [] as Operation[],
  } satisfies Outcome;
  readonly #results = new Map<string, Promise<Result>>();
  readonly #context: ExecuteContext;
  readonly #options: RunOptions;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(context: ExecuteContext, options: RunOptions) {
    this.#context = context;
    this.#options = options;
    this.#free = options.window ?? 64;
  }

  start(operation: Operation): Promise<Result> {
    const result = this.#run(operation);
    this.#results.set(operation.id, result);
    return result;
  }

  async #run(operation: Operation): Promise<Result> {
    // A dependency of a later stage has not begun: the operation waits for the next plan.
    const needed = await Promise.all(
      operation.dependsOn.map((id) => this.#results.get(id) ?? Promise.resolve<Result>("held")),
    );
    if (needed.some((result) => result !== "done")) return this.#hold(operation);
    await this.#enter();
    try {
      if (this.#options.signal?.aborted === true) return this.#hold(operation);
      await execute(operation.action, this.#context);
      this.outcome.done.push(operation);
      this.#options.onDone?.(operation);
      return "done";
    } catch (error) {
      this.outcome.failed.push({ operation, error });
      this.#options.onFailed?.(operation, error);
      return "failed";
    } finally {
      this.#leave();
    }
  }

  #hold(operation: Operation): Result {
    this.outcome.held.push(operation);
    return "held";
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
