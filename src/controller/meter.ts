import { Subject, type Observable } from "rxjs";
import type { DesiredState, Operation } from "../bridge/index.ts";
import type { VppSession } from "./link.ts";

/**
 * What is counted and timed, as it happens. Durations in ms.
 * - `request`: one message of VPP's API came to its end: `ok`, VPP's name of the retval, or an error's code.
 * - `observe`, `plan`, `apply`: a step of a run.
 * - `run`: one go of observe, plan, apply until nothing is left; `state` is where it ended.
 * - `operation`: one operation of a plan was done or failed.
 * - `drift`: VPP was found other than it was left, though nothing else was asked for; `operations` would put it right.
 * - `repair`: so many of those were done.
 * - `restart`: VPP is another process than before.
 * - `load`: a configuration came: taken, refused by its own limits, wrong, or not to be read.
 */
export type Measurement =
  | { readonly type: "request"; readonly name: string; readonly result: string; readonly durationMs: number }
  | { readonly type: "observe" | "plan" | "apply"; readonly durationMs: number }
  | { readonly type: "run"; readonly state: string; readonly durationMs: number }
  | { readonly type: "operation"; readonly kind: string; readonly verb: string; readonly ok: boolean }
  | { readonly type: "drift" | "repair"; readonly kind: string; readonly operations: number }
  | { readonly type: "restart" }
  | { readonly type: "load"; readonly result: "ok" | "refused" | "invalid" | "unreadable" };

/** Where VPP was last seen to be as desired. */
interface Settled {
  readonly session: VppSession;
  readonly effective: DesiredState;
}

/** Tells measurements to whoever counts; costs next to nothing while nobody does. */
export class Meter {
  readonly #measurements = new Subject<Measurement>();
  #session: VppSession | undefined;
  #settled: Settled | undefined;
  /** Ids of operations that put drift right, in the run under way. */
  #drift: ReadonlySet<string> = new Set();

  get measurements$(): Observable<Measurement> {
    return this.#measurements.asObservable();
  }

  tell(measurement: Measurement): void {
    this.#measurements.next(measurement);
  }

  /** Does the work and tells how long it took, also where it fails. */
  async timed<T>(type: "observe" | "plan" | "apply", work: () => T | Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.tell({ type, durationMs: performance.now() - startMs });
    }
  }

  /** A run begins with this VPP. @param same the VPP that the journal knows */
  met(session: VppSession, same: boolean): void {
    if (this.#session !== undefined && session !== this.#session && !same) this.tell({ type: "restart" });
    this.#session = session;
    this.#drift = new Set();
  }

  /** A run found these to do. */
  found(session: VppSession, effective: DesiredState, operations: readonly Operation[]): void {
    const before = this.#settled;
    this.#settled = undefined;
    if (before?.session !== session || operations.length === 0 || !sameState(before.effective, effective)) return;
    this.#drift = new Set(operations.map((operation) => operation.id));
    this.#count("drift", operations);
  }

  did(operation: Operation, ok: boolean): void {
    const { kind, verb, id } = operation;
    this.tell({ type: "operation", kind, verb, ok });
    if (ok && this.#drift.has(id)) this.#count("repair", [operation]);
  }

  /** Nothing is left to do. */
  settled(session: VppSession, effective: DesiredState): void {
    this.#settled = { session, effective };
  }

  #count(type: "drift" | "repair", operations: readonly Operation[]): void {
    for (const kind of new Set(operations.map((operation) => operation.kind))) {
      this.tell({ type, kind, operations: operations.filter((one) => one.kind === kind).length });
    }
  }
}

/** Only where something is to do: the texts are long. */
function sameState(one: DesiredState, other: DesiredState): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
