import type { Observable } from "rxjs";
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
import { Recorder, waysOf, type Retention, type StateFile } from "../history/index.ts";
import { adopt } from "./adopt.ts";
import { Alarms, otherControllers, untrackedPackets } from "./alarms.ts";
import { Board } from "./board.ts";
import { causeOfRun, type Before, type RunCause } from "./cause.ts";
import { messageOf } from "./errors.ts";
import { Failures, Repeats } from "./failures.ts";
import { Garbage } from "./garbage.ts";
import { Intent } from "./intent.ts";
import type { Journal } from "./journal.ts";
import type { VppLink, VppSession } from "./link.ts";
import { Meter } from "./meter.ts";
import { liveDrains, nextDeadline } from "./overrides.ts";
import type { Proposal } from "./proposal.ts";
import { RunLog } from "./run-log.ts";
import { runPlan } from "./run-plan.ts";
import { RunQueue } from "./run-queue.ts";
import { Selection } from "./selection.ts";
import type { ControllerEvent, SyncState } from "./types.ts";
import { announcement, settledState, settledText, type RunReport, type View } from "./view.ts";

/** Observe, plan, apply, and again until the plan is empty: so often at most in one go. */
const MAX_ROUNDS = 12;
const OBSERVE_RETRY_MS = 1000;

export interface ReconcilerOptions {
  readonly signal: AbortSignal;
  readonly now?: () => number;
  /** How much of the history is kept. */
  readonly retention?: Retention;
}

/**
 * Makes VPP hold what is desired. One run at a time; each begins by looking at VPP, so that half-done work of whoever
 * was before is no special case.
 */
export class Reconciler {
  readonly journal: Journal;
  readonly intent: Intent;
  readonly failures = new Failures();
  readonly meter = new Meter();
  readonly #link: VppLink;
  readonly #state: StateFile;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly #board: Board;
  readonly #selection: Selection;
  readonly #garbage: Garbage;
  readonly #recorder: Recorder;
  readonly #alarms = new Alarms();
  readonly #queue = new RunQueue<RunReport>(
    (cause) => this.#run(cause),
    () => this.intent.proposal?.cause,
  );
  #lastRunMs: number;
  #session: VppSession | undefined;
  /** The next look is the first at a VPP that holds nothing of ours. */
  #fresh = false;

  constructor(link: VppLink, journal: Journal, state: StateFile, options: ReconcilerOptions) {
    this.#link = link;
    this.journal = journal;
    this.#state = state;
    this.#signal = options.signal;
    this.#now = options.now ?? Date.now;
    this.intent = new Intent(journal, this.#now);
    this.#board = new Board(this.#now);
    this.#selection = new Selection(journal, this.failures);
    this.#garbage = new Garbage(this.#now());
    this.#recorder = new Recorder(state, options.retention);
    this.#lastRunMs = this.#now();
  }

  get events$(): Observable<ControllerEvent> {
    return this.#board.events$;
  }

  get view(): View {
    return this.#board.view;
  }

  emit(event: ControllerEvent): void {
    this.#board.emit(event);
  }

  /** Proposes a new desired state; it is judged when VPP is there to judge by, in the run that this begins. */
  propose(desired: DesiredState, force: boolean, cause: RunCause): Promise<RunReport> {
    this.intent.propose(desired, force, cause);
    return this.kick(cause);
  }

  /** A run that begins after now; calls that come before it begins share it. Never rejects. */
  kick(cause: RunCause): Promise<RunReport> {
    this.intent.touched();
    return this.#queue.kick(cause);
  }

  /** Lets what runs now end, and notes until when VPP was watched. */
  async close(): Promise<void> {
    await this.#queue.settled();
    this.#recorder.close();
  }

  /** When the next run is due by itself, in ms from now. */
  nextRunInMs(periodMs: number): number {
    const now = this.#now();
    const times = [
      now + periodMs,
      this.failures.nextAttemptMs,
      nextDeadline(this.journal.drains, now),
      this.intent.overlay?.nextMs(now),
      this.#board.view.state === "paced" ? this.#selection.nextPaceMs : undefined,
      this.#board.view.error === undefined ? undefined : now + OBSERVE_RETRY_MS,
    ].filter((time) => time !== undefined);
    return Math.max(0, Math.min(...times) - now);
  }

  async #run(cause: RunCause): Promise<RunReport> {
    const startMs = performance.now();
    const log = new RunLog(this.#now());
    const before: Before = {
      failedIds: this.failures.ids,
      pacing: new Set(this.journal.pacing),
      drains: this.journal.drains,
      lastRunMs: this.#lastRunMs,
      nowMs: log.atMs,
    };
    this.#lastRunMs = log.atMs;
    const { session } = this.#link;
    const restarted = session !== undefined && this.#greet(session);
    const why =
      restarted && cause.cause !== "operator" ? { cause: "vpp-restart" as const, reason: "VPP was restarted" } : cause;
    const report = await this.#attempt(session, why, log);
    const { drains } = this.journal;
    const recorded = causeOfRun(why, before, { planned: log.planned, drains, waiting: this.#queue.waiting });
    this.#recorder.ran(log.toRecord(recorded, report, this.intent.effective, this.#now()));
    this.meter.tell({ type: "run", state: report.state, durationMs: performance.now() - startMs });
    return report;
  }

  async #attempt(session: VppSession | undefined, { reason }: RunCause, log: RunLog): Promise<RunReport> {
    const applied: string[] = [];
    try {
      if (this.#signal.aborted || session === undefined) return this.#report("waiting", applied);
      return await this.#rounds(session, reason, applied, log);
    } catch (error) {
      if (this.#link.session !== session) return this.#report("waiting", applied);
      this.#board.set({ error: messageOf(error) });
      this.#board.setState("error", messageOf(error));
      return { ...this.#report("error", applied), error: messageOf(error) };
    }
  }

  /** @returns whether this VPP comes after another one */
  #greet(session: VppSession): boolean {
    if (session === this.#session) return false;
    this.#session = session;
    this.failures.clear();
    const another = this.journal.vpp !== undefined;
    const same = this.journal.meet(session.incarnation);
    if (!same) this.#garbage.restart(this.#now());
    this.#fresh = !same;
    this.meter.met(session, same);
    const { pid, startedAtMs } = session.incarnation;
    const { version } = session.features;
    this.#recorder.met({ version, pid, ...(startedAtMs === undefined ? {} : { startedAtMs }) }, same);
    return another && !same;
  }

  async #rounds(session: VppSession, reason: string, applied: string[], log: RunLog): Promise<RunReport> {
    // Proposals that come while this runs are the next run's, whose report their proposer awaits.
    const { proposal } = this.intent;
    const repeats = new Repeats();
    let refused: string | undefined;
    let disruption: readonly VipDisruption[] | undefined;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const observed = await this.meter.timed("observe", () => this.#observe(session));
      if (round === 0) refused = this.#judge(proposal, observed, log);
      const desired = this.intent.effective;
      if (desired === undefined) return this.#report("waiting", applied, refused);
      const plan = await this.meter.timed("plan", () => this.#plan(desired, observed, round === 0));
      disruption ??= plan.disruption;
      const { now, later } = this.#selection.select(plan, desired, observed, repeats, this.#now());
      this.#board.set({ plan, pending: [...now, ...later], error: undefined });
      if (round === 0) this.meter.found(session, desired, plan.operations);
      if (now.length === 0) {
        if (later.length === 0) this.meter.settled(session, desired);
        await this.#settle(session, plan, later, observed);
        return { ...this.#report(settledState(plan, later, this.failures), applied, refused), disruption };
      }
      if (round === 0) {
        this.#announce(now, reason);
        log.planned.push(...now);
      }
      const progress = await this.meter.timed("apply", () =>
        this.#apply(session, observed, now, { applied, repeats, log }),
      );
      if (!progress && this.#link.session !== session) return this.#report("waiting", applied, refused);
    }
    this.#board.setState("error", "VPP still differs from what is desired, however often it is programmed");
    return { ...this.#report("error", applied, refused), disruption: disruption ?? [] };
  }

  async #observe(session: VppSession): Promise<ObservedState> {
    const tables = this.intent.usesRoutes ? routeTables(this.intent.newest, this.journal.routes) : [];
    const [observed, others] = await Promise.all([
      observe(session.port, session.features, tables),
      otherControllers(session.port, this.#link.name),
    ]);
    const nowMs = this.#now();
    this.intent.overlay?.look(observed, this.#fresh);
    this.#fresh = false;
    this.intent.touched();
    this.#board.set({ observed, others, lastObservedMs: nowMs });
    const seen = {
      untracked: untrackedPackets(observed, this.journal),
      buckets: observed.lbConf.stickyBuckets,
      others,
    };
    for (const event of this.#alarms.look(seen, nowMs)) this.emit(event);
    this.#record(observed, nowMs);
    return observed;
  }

  /** With streams the names of their tables and the ways to them count, too. */
  #record(observed: ObservedState, nowMs: number): void {
    const { weights } = observed.features;
    const desired = this.intent.effective;
    if (desired?.steering === undefined) return this.#recorder.observed(observed.vips, weights, nowMs);
    const input = prepare({ desired, observed, owned: this.journal.owned });
    this.#recorder.observed(input.observed.vips, weights, nowMs, waysOf(input));
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
  #judge(proposal: Proposal | undefined, observed: ObservedState, log: RunLog): string | undefined {
    if (proposal === undefined) return undefined;
    const { refused } = this.intent.decide(proposal, observed);
    this.#board.set({ refused });
    if (refused !== undefined) {
      this.meter.tell({ type: "load", result: "refused" });
      this.emit({ type: "config", at: this.#board.at, ok: false, message: `refused: ${refused}` });
      return refused;
    }
    log.accepted = true;
    this.failures.clear();
    this.#selection.restartPace();
    return undefined;
  }

  #announce(operations: readonly Operation[], reason: string): void {
    this.#board.setState("applying", `${reason}: ${operations.length} operations`);
    const message = announcement(operations, reason);
    this.emit({ type: "plan", at: this.#board.at, reason, operations: operations.length, message });
  }

  /** @returns whether anything was done */
  async #apply(
    session: VppSession,
    observed: ObservedState,
    operations: readonly Operation[],
    { applied, repeats, log }: { applied: string[]; repeats: Repeats; log: RunLog },
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
        log.done(operation);
        this.#recorder.done(operation, this.#now());
        applied.push(operation.sentence);
        this.meter.did(operation, true);
        this.#board.set({ operations: this.#board.view.operations + 1 });
        this.emit({ type: "operation", at: this.#board.at, id: operation.id, ok: true, message: operation.sentence });
      },
      onFailed: (operation, error) => {
        this.failures.record(operation, error, this.#now());
        this.meter.did(operation, false);
        log.failed(operation, error);
        const message = `${operation.sentence}: ${messageOf(error)}`;
        this.emit({ type: "operation", at: this.#board.at, id: operation.id, ok: false, message });
      },
    });
    this.#board.set({ lastAppliedMs: this.#now() });
    return outcome.done.length > 0;
  }

  /** Nothing is left to do right now. */
  async #settle(session: VppSession, plan: Plan, later: readonly Operation[], observed: ObservedState): Promise<void> {
    this.#save();
    this.#board.setState(settledState(plan, later, this.failures), settledText(plan, later, this.failures));
    await this.#garbage.collect(session, this.intent.accepted, observed, this.#now());
  }

  #report(state: SyncState, applied: readonly string[], refused?: string): RunReport {
    this.#board.setState(state, state === "waiting" ? "no VPP, or nothing desired" : state);
    return {
      state,
      applied,
      failed: this.failures.list(),
      plan: this.#board.view.plan,
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
    this.emit({ type: "state", at: this.#board.at, ok: problem === undefined, message });
  }
}
