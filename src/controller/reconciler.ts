import { Subject, type Observable } from "rxjs";
import {
  isOurVip,
  makePlan,
  neighborKey,
  observe,
  routeKey,
  vipKey,
  type DesiredState,
  type ObservedState,
  type Operation,
  type Plan,
  type VipDisruption,
} from "../bridge/index.ts";
import { messageOf } from "./errors.ts";
import { Failures, Repeats } from "./failures.ts";
import { judge, vipDigest, type Verdict } from "./gate.ts";
import type { Journal } from "./journal.ts";
import type { VppLink, VppSession } from "./link.ts";
import { liveDrains, nextDeadline, withDrains } from "./overrides.ts";
import { paceOperations } from "./pace.ts";
import { runPlan } from "./run-plan.ts";
import type { ControllerEvent, FailedOperation, SyncState } from "./types.ts";

/** Observe, plan, apply, and again until the plan is empty: so often at most in one go. */
const MAX_ROUNDS = 12;
const GARBAGE_PERIOD_MS = 60_000;
const OBSERVE_RETRY_MS = 1000;

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

interface Candidate {
  readonly desired: DesiredState;
  readonly force: boolean;
}

/** What is known of VPP and of what is to be done. */
export interface View {
  readonly observed: ObservedState | undefined;
  readonly plan: Plan | undefined;
  readonly state: SyncState;
  readonly pending: readonly Operation[];
  readonly error: string | undefined;
  readonly refused: string | undefined;
  readonly lastObservedMs: number | undefined;
  readonly lastAppliedMs: number | undefined;
  readonly operations: number;
}

/**
 * Makes VPP hold what is desired. One run at a time; each begins by looking at VPP, so that half-done work of whoever
 * was before is no special case.
 */
export class Reconciler {
  readonly journal: Journal;
  readonly failures = new Failures();
  readonly #link: VppLink;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly #events = new Subject<ControllerEvent>();
  #desired: DesiredState | undefined;
  #candidate: Candidate | undefined;
  #queued: Promise<RunReport> | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #session: VppSession | undefined;
  #nextPaceMs = 0;
  #lastGarbageMs: number;
  #view: View = {
    observed: undefined,
    plan: undefined,
    state: "waiting",
    pending: [],
    error: undefined,
    refused: undefined,
    lastObservedMs: undefined,
    lastAppliedMs: undefined,
    operations: 0,
  };

  constructor(link: VppLink, journal: Journal, options: { signal: AbortSignal; now?: () => number }) {
    this.#link = link;
    this.journal = journal;
    this.#signal = options.signal;
    this.#now = options.now ?? Date.now;
    this.#lastGarbageMs = this.#now();
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
      this.#view.state === "paced" ? this.#nextPaceMs : undefined,
      this.#view.error === undefined ? undefined : now + OBSERVE_RETRY_MS,
    ].filter((time) => time !== undefined);
    return Math.max(0, Math.min(...times) - now);
  }

  async #run(reason: string): Promise<RunReport> {
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
    if (!this.journal.meet(session.incarnation)) this.#lastGarbageMs = this.#now();
  }

  async #rounds(session: VppSession, reason: string, applied: string[]): Promise<RunReport> {
    // Proposals that come while this runs are the next run's, whose report their proposer awaits.
    const proposed = this.#candidate;
    const repeats = new Repeats();
    let refused: string | undefined;
    let disruption: readonly VipDisruption[] | undefined;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const observed = await this.#observe(session);
      if (round === 0) refused = this.#judgeProposed(proposed, observed);
      const desired = this.effective;
      if (desired === undefined) return this.#report("waiting", applied, refused);
      const plan = this.#plan(desired, observed, round === 0);
      disruption ??= plan.disruption;
      const { now, later } = this.#select(plan, desired, observed, repeats);
      this.#setView({ plan, pending: [...now, ...later], error: undefined });
      if (now.length === 0) {
        await this.#settle(session, plan, later, observed);
        return { ...this.#report(this.#stateOf(plan, later), applied, refused), disruption };
      }
      if (round === 0) this.#announce(now, reason);
      const progress = await this.#apply(session, observed, now, applied, repeats);
      if (!progress && this.#link.session !== session) return this.#report("waiting", applied, refused);
    }
    return { ...this.#report("error", applied, refused), disruption: disruption ?? [] };
  }

  async #observe(session: VppSession): Promise<ObservedState> {
    const tables = new Set([
      0,
      ...((this.#candidate?.desired ?? this.#desired)?.routes.map((route) => route.table) ?? []),
    ]);
    const observed = await observe(session.port, session.features, [...tables]);
    this.#setView({ observed, lastObservedMs: this.#now() });
    return observed;
  }

  #plan(desired: DesiredState, observed: ObservedState, disruption: boolean): Plan {
    this.#adopt(desired, observed);
    const plan = makePlan(desired, observed, this.journal.owned, { disruption });
    this.failures.keepOnly(plan.operations);
    return plan;
  }

  /** Notes as ours what is there and in the file, and forgets what is neither. */
  #adopt(desired: DesiredState, observed: ObservedState): void {
    const { journal } = this;
    const input = { desired, observed, owned: journal.owned };
    const adopt = (owned: Set<string>, wanted: string[], there: string[]) => {
      const [isWanted, isThere] = [new Set(wanted), new Set(there)];
      for (const key of owned) if (!isWanted.has(key) && !isThere.has(key)) owned.delete(key);
      for (const key of isWanted) if (isThere.has(key)) owned.add(key);
    };
    const ourVips = observed.vips.filter((vip) => isOurVip(vip, input)).map(vipKey);
    adopt(journal.vips, desired.vips.map(vipKey), ourVips);
    adopt(journal.routes, desired.routes.map(routeKey), observed.routes.map(routeKey));
    adopt(journal.neighbors, desired.neighbors.map(neighborKey), observed.neighbors.map(neighborKey));
    const tagged = new Set(observed.interfaces.filter((one) => one.tag !== "").map((one) => one.name));
    const wanted = new Set(desired.interfaces.map((one) => one.name));
    const there = new Set(observed.interfaces.map((one) => one.name));
    for (const name of journal.pendingInterfaces) {
      if (tagged.has(name) || (!wanted.has(name) && !there.has(name))) journal.pendingInterfaces.delete(name);
    }
    journal.drains = liveDrains(desired, journal.drains);
  }

  #judge(desired: DesiredState, observed: ObservedState): Verdict {
    const { drains, owned, accepted } = this.journal;
    return judge(desired, makePlan(withDrains(desired, drains, this.#now()), observed, owned), accepted);
  }

  /** @returns why it is refused */
  #judgeProposed(proposed: Candidate | undefined, observed: ObservedState): string | undefined {
    if (proposed === undefined) return undefined;
    if (this.#candidate === proposed) this.#candidate = undefined;
    const { desired, force } = proposed;
    const { journal } = this;
    const verdict: Verdict =
      force || desired.maxDisruption === undefined ? { pace: [] } : this.#judge(desired, observed);
    this.#setView({ refused: verdict.refused });
    if (verdict.refused !== undefined) {
      this.emit({ type: "config", at: this.#at(), ok: false, message: `refused: ${verdict.refused}` });
      return verdict.refused;
    }
    this.#desired = desired;
    this.failures.clear();
    journal.accepted.clear();
    for (const vip of desired.vips) journal.accepted.set(vipKey(vip), vipDigest(vip));
    journal.pacing.clear();
    for (const key of verdict.pace) journal.pacing.add(key);
    this.#nextPaceMs = 0;
    return undefined;
  }

  /** Of a plan's operations those that are to be tried now, and those that wait for their step or their next attempt. */
  #select(
    plan: Plan,
    desired: DesiredState,
    observed: ObservedState,
    repeats: Repeats,
  ): { now: Operation[]; later: Operation[] } {
    const nowMs = this.#now();
    const due: Operation[] = [];
    const later: Operation[] = [];
    for (const operation of plan.operations) {
      if (repeats.tooOften(operation)) {
        this.failures.record(operation, "VPP accepts it, and does not show it afterwards", nowMs);
      }
      const held = operation.dependsOn.some((id) => later.some((other) => other.id === id));
      (this.failures.isDue(operation, nowMs) && !held ? due : later).push(operation);
    }
    const pace = desired.maxDisruption?.pace;
    const pacing = this.#pacingOf(plan);
    if (pace === undefined || pacing.size === 0) return { now: due, later };
    // Never longer than the interval, even where the clock was set back.
    const waits = nowMs < this.#nextPaceMs && this.#nextPaceMs - nowMs <= pace.intervalMs;
    const paced = waits ? splitPaced(due, pacing) : paceOperations(due, pacing, pace.step, observed);
    if (!waits && paced.later.length > 0) this.#nextPaceMs = nowMs + pace.intervalMs;
    return { now: paced.now, later: [...later, ...paced.later] };
  }

  /** VIPs in the middle of a paced change; one that has nothing left to do is through. */
  #pacingOf(plan: Plan): ReadonlySet<string> {
    const busy = new Set(plan.operations.filter((one) => one.kind === "server").map((one) => one.object));
    for (const key of this.journal.pacing) if (!busy.has(key)) this.journal.pacing.delete(key);
    return this.journal.pacing;
  }

  #announce(operations: readonly Operation[], reason: string): void {
    this.#setState("applying", `${reason}: ${operations.length} operations`);
    const message = `${reason}: ${operations
      .slice(0, 3)
      .map((one) => one.sentence)
      .join("; ")}${operations.length > 3 ? "; …" : ""}`;
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
    await journal.save();
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
        this.#setView({ operations: this.#view.operations + 1 });
        this.emit({ type: "operation", at: this.#at(), id: operation.id, ok: true, message: operation.sentence });
      },
      onFailed: (operation, error) => {
        this.failures.record(operation, error, this.#now());
        const message = `${operation.sentence}: ${messageOf(error)}`;
        this.emit({ type: "operation", at: this.#at(), id: operation.id, ok: false, message });
      },
    });
    this.#setView({ lastAppliedMs: this.#now() });
    return outcome.done.length > 0;
  }

  /** Nothing is left to do right now. */
  async #settle(session: VppSession, plan: Plan, later: readonly Operation[], observed: ObservedState): Promise<void> {
    await this.journal.save();
    this.#setState(this.#stateOf(plan, later), this.#explain(plan, later));
    await this.#collectGarbage(session, observed);
  }

  #stateOf(plan: Plan, later: readonly Operation[]): SyncState {
    if (this.failures.size > 0 || plan.problems.length > 0) return "error";
    return later.length > 0 ? "paced" : "in-sync";
  }

  #explain(plan: Plan, later: readonly Operation[]): string {
    const parts = [
      ...this.failures.list().map((failed) => `${failed.sentence}: ${failed.error}`),
      ...plan.problems.map((problem) => problem.message),
    ];
    if (parts.length > 0) return parts.join("; ");
    return later.length > 0 ? `${later.length} operations wait for their step` : "VPP holds what is desired";
  }

  /**
   * Up to 26.06 removed VIPs and servers are collected only when the CLI is used (plugins/lb/cli.c:136,263,333), and
   * only where nothing refers to them and a minute after the last time (lb.c:292): asking more often is no use.
   */
  async #collectGarbage(session: VppSession, observed: ObservedState): Promise<void> {
    const due = Math.abs(this.#now() - this.#lastGarbageMs) >= GARBAGE_PERIOD_MS;
    const mayConf = this.#desired?.lbConf !== undefined;
    if (!session.features.garbageByCli || observed.garbage.collectable === 0 || !due || !mayConf) return;
    this.#lastGarbageMs = this.#now();
    await session.port.cli(`lb conf ip4-src-address ${observed.lbConf.ip4Source}`);
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

function splitPaced(
  operations: readonly Operation[],
  pacing: ReadonlySet<string>,
): { now: Operation[]; later: Operation[] } {
  const isPaced = (operation: Operation) => operation.kind === "server" && pacing.has(operation.object);
  return { now: operations.filter((one) => !isPaced(one)), later: operations.filter(isPaced) };
}
