import { Subject, type Observable } from "rxjs";
import {
  makePlan,
  observe,
  routeTables,
  prepare,
  type DesiredState,
  type ObservedState,
  type Operation,
  type Plan,
} from "../bridge/index.ts";
import type { VipDisruption } from "../bridge/index.ts";
import type { StateFile } from "../history/index.ts";
import { adopt } from "./adopt.ts";
import { messageOf } from "./errors.ts";
import { Failures, Repeats } from "./failures.ts";
import { Garbage } from "./garbage.ts";
import type { Journal } from "./journal.ts";
import type { VppLink, VppSession } from "./link.ts";
import { Meter } from "./meter.ts";
import { liveDrains, nextDeadline, withDrains } from "./overrides.ts";
import { judgeProposal, noteAccepted, type Proposal } from "./proposal.ts";
import { runPlan } from "./run-plan.ts";
import { Selection } from "./selection.ts";
import type { ControllerEvent, SyncState } from "./types.ts";
import { announcement, FIRST_VIEW, settledState, settledText, type RunReport, type View } from "./view.ts";

/** Observe, plan, apply, and again until the plan is empty: so often at most in one go. */
const MAX_ROUNDS = 12;
const OBSERVE_RETRY_MS = 1000;

/**
 * Makes VPP hold what is desired. One run at a time; each begins by looking at VPP, so that half-done work of whoever
 * was before is no special case.
 */
export class Reconciler {
  readonly journal: Journal;
  readonly failures = new Failures();
  readonly meter = new Meter();
  readonly #link: VppLink;
  readonly #state: StateFile;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly #events = new Subject<ControllerEvent>();
  readonly #selection: Selection;
  readonly #garbage: Garbage;
  #desired: DesiredState | undefined;
  #candidate: Proposal | undefined;
  #queued: Promise<RunReport> | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #session: VppSession | undefined;
  #view: View = FIRST_VIEW;

  constructor(link: VppLink, journal: Journal, state: StateFile, options: { signal: AbortSignal; now?: () => number }) {
    this.#link = link;
    this.journal = journal;
    this.#state = state;
    this.#signal = options.signal;
    this.#now = options.now ?? Date.now;
    this.#selection = new Selection(journal, this.failures);
    this.#garbage = new Garbage(this.#now());
  }

  get events$(): Observable<ControllerEvent> {
    return this.#events.asObservable();
  }

  get view(): View {
    return this.#view;
  }

  /** Accepted, without drains. */
  get desired(): DesiredState | undefined {
    return this.#desired;
  }

  /** What VPP should hold right now. */
  get effective(): DesiredState | undefined {
    return this.#desired && withDrains(this.#desired, this.journal.drains, this.#now());
  }

  emit(event: ControllerEvent): void {
    this.#events.next(event);
  }

  /** Proposes a new desired state; it is judged when VPP is there to judge by, in the run that this begins. */
  propose(desired: DesiredState, force: boolean): Promise<RunReport> {
    this.#candidate = { desired, force };
    return this.kick("configuration changed");
  }

  /** A run that begins after now; calls that come before it begins share it. Never rejects. */
  kick(reason: string): Promise<RunReport> {
    this.#queued ??= this.#exclusive(() => {
      this.#queued = undefined;
      return this.#run(reason);
    });
    return this.#queued;
  }

  /** When what runs now has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Runs when no run is under way. */
  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#running;
    const mine = before.then(work);
    this.#running = mine.catch(() => undefined);
    return mine;
  }

  /** When the next run is due by itself, in ms from now. */
  nextRunInMs(periodMs: number): number {
    const now = this.#now();
    const times = [
      now + periodMs,
      this.failures.nextAttemptMs,
      nextDeadline(this.journal.drains, now),
      this.#view.state === "paced" ? this.#selection.nextPaceMs : undefined,
      this.#view.error === undefined ? undefined : now + OBSERVE_RETRY_MS,
    ].filter((time) => time !== undefined);
    return Math.max(0, Math.min(...times) - now);
  }

  async #run(reason: string): Promise<RunReport> {
    const startMs = performance.now();
    const report = await this.#tryRun(reason);
    this.meter.tell({ type: "run", state: report.state, durationMs: performance.now() - startMs });
    return report;
  }

  async #tryRun(reason: string): Promise<RunReport> {
    const applied: string[] = [];
    const session = this.#link.session;
    try {
      if (this.#signal.aborted || session === undefined) return this.#report("waiting", applied);
      this.#greet(session);
      return await this.#rounds(session, reason, applied);
    } catch (error) {
      if (this.#link.session !== session) return this.#report("waiting", applied);
      this.#setView({ error: messageOf(error) });
      return { ...this.#report("error", applied), error: messageOf(error) };
    }
  }

  #greet(session: VppSession): void {
    if (session === this.#session) return;
    this.#session = session;
    this.failures.clear();
    const same = this.journal.meet(session.incarnation);
    if (!same) this.#garbage.restart(this.#now());
    this.meter.met(session, same);
  }

  async #rounds(session: VppSession, reason: string, applied: string[]): Promise<RunReport> {
    // Proposals that come while this runs are the next run's, whose report their proposer awaits.
    const proposed = this.#candidate;
    const repeats = new Repeats();
    let refused: string | undefined;
    let disruption: readonly VipDisruption[] | undefined;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const observed = await this.meter.timed("observe", () => this.#observe(session));
      if (round === 0) refused = this.#judgeProposed(proposed, observed);
      const desired = this.effective;
      if (desired === undefined) return this.#report("waiting", applied, refused);
      const plan = await this.meter.timed("plan", () => this.#plan(desired, observed, round === 0));
      disruption ??= plan.disruption;
      const { now, later } = this.#selection.select(plan, desired, observed, repeats, this.#now());
      this.#setView({ plan, pending: [...now, ...later], error: undefined });
      if (round === 0) this.meter.found(session, desired, plan.operations);
      if (now.length === 0) {
        if (later.length === 0) this.meter.settled(session, desired);
        await this.#settle(session, plan, later, observed);
        return { ...this.#report(settledState(plan, later, this.failures), applied, refused), disruption };
      }
      if (round === 0) this.#announce(now, reason);
      const progress = await this.meter.timed("apply", () => this.#apply(session, observed, now, applied, repeats));
      if (!progress && this.#link.session !== session) return this.#report("waiting", applied, refused);
    }
    return { ...this.#report("error", applied, refused), disruption: disruption ?? [] };
  }

  async #observe(session: VppSession): Promise<ObservedState> {
    const tables = routeTables(this.#candidate?.desired ?? this.#desired, this.journal.routes);
    const observed = await observe(session.port, session.features, tables);
    this.#setView({ observed, lastObservedMs: this.#now() });
    return observed;
  }

  #plan(desired: DesiredState, observed: ObservedState, disruption: boolean): Plan {
    const { journal } = this;
    journal.drains = liveDrains(desired, journal.drains);
    const input = prepare({ desired, observed, owned: journal.owned });
    adopt(journal, input);
    const plan = makePlan(input.desired, input.observed, journal.owned, { disruption });
    this.failures.keepOnly(plan.operations);
    return plan;
  }

  /** @returns why it is refused */
  #judgeProposed(proposed: Proposal | undefined, observed: ObservedState): string | undefined {
    if (proposed === undefined) return undefined;
    if (this.#candidate === proposed) this.#candidate = undefined;
    const verdict = judgeProposal(proposed, observed, this.journal, this.#now());
    this.#setView({ refused: verdict.refused });
    if (verdict.refused !== undefined) {
      this.meter.tell({ type: "load", result: "refused" });
      this.emit({ type: "config", at: this.#at(), ok: false, message: `refused: ${verdict.refused}` });
      return verdict.refused;
    }
    this.#desired = proposed.desired;
    this.failures.clear();
    noteAccepted(this.journal, proposed.desired, verdict);
    this.#selection.restartPace();
    return undefined;
  }

  #announce(operations: readonly Operation[], reason: string): void {
    this.#setState("applying", `${reason}: ${operations.length} operations`);
    const message = announcement(operations, reason);
    this.emit({ type: "plan", at: this.#at(), reason, operations: operations.length, message });
  }

  /** @returns whether anything was done */
  async #apply(
    session: VppSession,
    observed: ObservedState,
    operations: readonly Operation[],
    applied: string[],
    repeats: Repeats,
  ): Promise<boolean> {
    const { journal } = this;
    journal.begin(operations);
    this.#save();
    const context = {
      port: session.port,
      features: session.features,
      interfaces: new Map(observed.interfaces.map((one) => [one.name, one.index])),
    };
    const outcome = await runPlan(operations, context, {
      signal: this.#signal,
      onDone: (operation) => {
        journal.done(operation);
        repeats.done(operation);
        applied.push(operation.sentence);
        this.meter.did(operation, true);
        this.#setView({ operations: this.#view.operations + 1 });
        this.emit({ type: "operation", at: this.#at(), id: operation.id, ok: true, message: operation.sentence });
      },
      onFailed: (operation, error) => {
        this.failures.record(operation, error, this.#now());
        this.meter.did(operation, false);
        const message = `${operation.sentence}: ${messageOf(error)}`;
        this.emit({ type: "operation", at: this.#at(), id: operation.id, ok: false, message });
      },
    });
    this.#setView({ lastAppliedMs: this.#now() });
    return outcome.done.length > 0;
  }

  /** Nothing is left to do right now. */
  async #settle(session: VppSession, plan: Plan, later: readonly Operation[], observed: ObservedState): Promise<void> {
    this.#save();
    this.#setState(settledState(plan, later, this.failures), settledText(plan, later, this.failures));
    await this.#garbage.collect(session, this.#desired, observed, this.#now());
  }

  #report(state: SyncState, applied: readonly string[], refused?: string): RunReport {
    this.#setState(state, state === "waiting" ? "no VPP, or nothing desired" : state);
    return {
      state,
      applied,
      failed: this.failures.list(),
      plan: this.#view.plan,
      disruption: [],
      ...(refused === undefined ? {} : { refused }),
    };
  }

  /** A disk that is full is no reason to leave VPP alone: what could not be written is written with the next run. */
  #save(): void {
    const before = this.#state.problem;
    this.#state.saveJournal(this.journal.toSections());
    const { problem } = this.#state;
    if (problem === before) return;
    const message = problem ?? "the state file can be written again";
    this.emit({ type: "state", at: this.#at(), ok: problem === undefined, message });
  }

  #setState(state: SyncState, message: string): void {
    if (this.#view.state === state) return;
    this.#setView({ state });
    this.emit({ type: "sync", at: this.#at(), state, message });
  }

  #setView(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
  }

  #at(): string {
    return new Date(this.#now()).toISOString();
  }
}
