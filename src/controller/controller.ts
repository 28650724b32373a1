import { asyncScheduler, debounceTime, filter, merge, observeOn, Subscription, timer, type Observable } from "rxjs";
import { observe, type DesiredState, type Diagnostic } from "../bridge/index.ts";
import type { SocketTrust } from "vpp-api-ts";
import type { RunCause } from "./cause.ts";
import { CounterReader, type VppCounters } from "./counters.ts";
import { ConfigFile } from "./config-file.ts";
import { foreseen, toOrder, type DrainOrder } from "./drain.ts";
import { HistoryQueries } from "./history-queries.ts";
import { ControllerError, messageOf } from "./errors.ts";
import { StateFile, type Actor, type Cause, type OpenedState, type Retention } from "../history/index.ts";
import { Journal, readOldJournal } from "./journal.ts";
import { VppLink, type LinkState, type VppSession } from "./link.ts";
import type { Measurement } from "./meter.ts";
import { toReplanned, type Overlay, type Replanned } from "./overlay.ts";
import { Queries, type KnownCounters } from "./queries.ts";
import { Replicas } from "./replicas.ts";
import { Reconciler } from "./reconciler.ts";
import { EMPTY_PLAN, errorText, NOTHING_APPLIED, toApplyResult, withDeadline } from "./results.ts";
import { statusOf } from "./status.ts";
import type {
  ApplyOptions,
  ApplyResult,
  ControllerApi,
  ControllerEvent,
  ControllerStatus,
  DrainOptions,
  DrainResult,
  ExplainResult,
  Flow,
  GetOptions,
  HistoryEntry,
  HistoryQuery,
  PastExplanation,
  ParsedDesired,
  PlanResult,
  Row,
  RowKind,
  Snapshot,
} from "./types.ts";
import type { RunReport } from "./view.ts";

export interface ControllerOptions {
  /** VPP's API socket. */
  readonly socket: string;
  /** By which VPP and other controllers of it know this one. Default: process id and host. */
  readonly name?: string;
  /** Default 5000. */
  readonly requestTimeoutMs?: number;
  /** State file: what is ours in VPP, and the history. One controller at a time uses it. */
  readonly journal: string;
  /** How much of the history is kept. Default: 90 days, 10,000 entries, 64 MiB. */
  readonly retention?: Retention;
  /** VPP is looked at and put right each so long. Default 10,000. */
  readonly repairPeriodMs?: number;
  /** Reads a lb.yaml; config's `parseLbYaml`. */
  readonly parse: (yaml: string) => ParsedDesired;
  /** The same of the file itself, where more is said of it than of plans and proposals. Default: `parse`. */
  readonly parseFile?: (yaml: string) => ParsedDesired;
  /** Shown in the status. */
  readonly file?: string;
  /** Closes the controller. */
  readonly signal?: AbortSignal;
  /** Whom VPP's socket is trusted to. Default: a warning where it is open to others. */
  readonly trust?: SocketTrust;
}

const DEFAULT_PERIOD_MS = 10_000;
const DEFAULT_APPLY_MS = 30_000;
const EVENT_SETTLE_MS = 100;

/**
 * Keeps a VPP as desired: connects, and connects again; looks at it on connection, on change of configuration, on
 * interface events and each period; writes only what differs.
 */
export class Controller implements ControllerApi {
  readonly #options: ControllerOptions;
  readonly #link: VppLink;
  readonly #reconciler: Reconciler;
  readonly #state: StateFile;
  readonly #queries: Queries;
  readonly #counters = new CounterReader();
  readonly #past: HistoryQueries;
  readonly #abort = new AbortController();
  readonly #subscriptions = new Subscription();
  readonly #config: ConfigFile;
  readonly #replicas = new Replicas(this.#abort.signal);
  readonly #startedMs = Date.now();
  /** What was found wrong with the state file at the start. */
  readonly #stateWarnings: readonly string[];
  #next: Subscription | undefined;
  #vppSince = new Date().toISOString();
  #vppState: LinkState["state"] = "closed";

  private constructor(options: ControllerOptions, state: StateFile, journal: Journal, warnings: readonly string[]) {
    this.#options = options;
    this.#state = state;
    this.#stateWarnings = warnings;
    this.#link = new VppLink({
      socket: options.socket,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: options.requestTimeoutMs }),
      ...(options.trust === undefined ? {} : { trust: options.trust }),
      onRequest: (request) => this.#reconciler.meter.tell({ type: "request", ...request }),
    });
    this.#reconciler = new Reconciler(this.#link, journal, state, {
      signal: this.#abort.signal,
      ...(options.retention === undefined ? {} : { retention: options.retention }),
    });
    this.#past = new HistoryQueries(state);
    this.#queries = new Queries(this.#reconciler, () => this.#session());
    this.#config = new ConfigFile(options.parseFile ?? options.parse, options.file);
  }

  /** Opens the state file and begins to connect. Rejects with ControllerError JOURNAL. */
  static start(options: ControllerOptions): Promise<Controller> {
    const { state, journal: sections, warnings } = openState(options.journal);
    const { journal, warning } = Journal.of(sections);
    const controller = new Controller(
      options,
      state,
      journal,
      warning === undefined ? warnings : [...warnings, warning],
    );
    controller.#open();
    return Promise.resolve(controller);
  }

  get events$(): Observable<ControllerEvent> {
    return this.#reconciler.events$;
  }

  /** What is counted and timed. Hot; no replay. */
  get measurements$(): Observable<Measurement> {
    return this.#reconciler.meter.measurements$;
  }

  /** What is known without asking VPP: as desired, as last seen, and what is to be done about the difference. */
  snapshot(): Snapshot {
    const { view, intent } = this.#reconciler;
    const { effective } = intent;
    const { observed, plan } = view;
    return {
      ...(effective === undefined ? {} : { desired: effective }),
      ...(observed === undefined ? {} : { observed }),
      ...(plan === undefined ? {} : { plan }),
      traffic: this.#link.traffic,
    };
  }

  /** Rows as `get` gives them, of what was last seen: VPP is not asked. */
  known(kind: RowKind, counters?: KnownCounters): readonly Row[] {
    return this.#queries.known(kind, counters);
  }

  /** VPP's own counters as they are now; undefined where no VPP is connected. Rejects where VPP has to be asked and fails. */
  async counters(): Promise<VppCounters | undefined> {
    const { session } = this.#link;
    if (session === undefined) return undefined;
    const counters = await this.#counters.read(session, this.#reconciler.view.observed);
    // VPP has to be asked for these; what the segment tells is good without.
    const routes = await this.#queries.routeCounters().catch(() => undefined);
    return { ...counters, ...(routes === undefined ? {} : { routes }) };
  }

  #open(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) return void this.close();
    signal?.addEventListener("abort", () => void this.close(), { once: true });
    const ready$ = this.#link.state$.pipe(filter((state) => state.state === "ready"));
    const touched$ = this.#link.interfaceEvents$.pipe(debounceTime(EVENT_SETTLE_MS));
    this.#subscriptions.add(this.#link.state$.subscribe((state) => this.#onLink(state)));
    this.#subscriptions.add(
      merge(ready$, touched$)
        .pipe(observeOn(asyncScheduler))
        .subscribe((cause) => this.#kick(cause === undefined ? "an interface changed" : "VPP connected")),
    );
    this.#link.open();
  }

  #kick(reason: string): void {
    void this.#run(() => this.#reconciler.kick({ cause: "drift", reason }));
  }

  /** Every run sets the time of the next. */
  async #run(run: () => Promise<RunReport>): Promise<RunReport> {
    const report = await run();
    const { urls = [], periodMs = 0 } = this.#reconciler.intent.accepted?.replicas ?? {};
    this.#replicas.watch(urls, periodMs);
    this.#next?.unsubscribe();
    if (!this.#abort.signal.aborted) {
      const inMs = this.#reconciler.nextRunInMs(this.#options.repairPeriodMs ?? DEFAULT_PERIOD_MS);
      this.#next = timer(inMs).subscribe(() => this.#kick("repair"));
    }
    return report;
  }

  #onLink(state: LinkState): void {
    const at = new Date().toISOString();
    if (state.state !== this.#vppState) this.#vppSince = at;
    this.#vppState = state.state;
    const message =
      state.state === "ready"
        ? `connected to VPP ${state.session.features.version}, pid ${state.session.incarnation.pid}`
        : state.state === "failed"
          ? state.error
          : `${state.state} ${this.#link.socket}`;
    const who =
      state.state === "ready" ? { version: state.session.features.version, pid: state.session.incarnation.pid } : {};
    this.#reconciler.emit({ type: "vpp", at, state: state.state, message, ...who });
  }

  /** Ends all work; what VPP holds stays. */
  close(): Promise<void> {
    this.#abort.abort();
    this.#next?.unsubscribe();
    this.#subscriptions.unsubscribe();
    this.#link.close();
    this.#counters.close();
    return this.#reconciler.close().finally(() => this.#state.close());
  }

  /** The file's text as it is now. A bad one changes nothing; the status says why. */
  async load(text: string): Promise<void> {
    const loaded = this.#config.load(text);
    const { result, message } = loaded;
    this.#tellConfig(result, message);
    if (result !== "ok" || loaded.proposal === undefined) return;
    const { desired, cause } = loaded.proposal;
    const { refused } = await this.#run(() => this.#reconciler.propose(desired, false, cause));
    if (refused !== undefined) this.#config.refused(text);
  }

  /** The file cannot be read: what is applied stays. */
  fileFailed(message: string): void {
    this.#config.failed(message);
    this.#tellConfig("unreadable", message);
  }

  #tellConfig(result: "ok" | "invalid" | "unreadable", message: string): void {
    this.#reconciler.meter.tell({ type: "load", result });
    this.#reconciler.emit({ type: "config", at: new Date().toISOString(), ok: result === "ok", message });
  }

  status(): ControllerStatus {
    return statusOf({
      startedMs: this.#startedMs,
      vppSince: this.#vppSince,
      config: this.#config.status,
      link: this.#link,
      reconciler: this.#reconciler,
      replicas: this.#replicas,
      stateWarnings: [...this.#stateWarnings, ...(this.#state.problem === undefined ? [] : [this.#state.problem])],
    });
  }

  get(kind: RowKind, options: GetOptions = {}): Promise<Row[]> {
    return this.#queries.get(kind, options);
  }

  async plan(yaml?: string): Promise<PlanResult> {
    const { desired, diagnostics } = this.#read(yaml);
    if (desired === undefined) return { ...EMPTY_PLAN, diagnostics, refused: errorText(diagnostics) };
    return { ...(await this.#queries.plan(desired)), diagnostics };
  }

  history(query: HistoryQuery = {}): Promise<HistoryEntry[]> {
    return this.#past.history(query);
  }

  explainAt(flow: Flow, at: string): Promise<PastExplanation> {
    return this.#past.explainAt(flow, at);
  }

  async apply(yaml?: string, opts: ApplyOptions = {}): Promise<ApplyResult> {
    const { desired, diagnostics } = this.#read(yaml);
    if (desired === undefined) return { ...NOTHING_APPLIED, diagnostics, refused: errorText(diagnostics) };
    this.#session();
    const cause = asked("operator", `apply${opts.force === true ? " with force" : ""}`, opts.by);
    const run = this.#run(() => this.#reconciler.propose(desired, opts.force === true, cause));
    const report = await withDeadline(run, opts.timeoutMs ?? DEFAULT_APPLY_MS);
    return toApplyResult(report, diagnostics);
  }

  /** What is desired beyond the file from now on. Before the first `load`: it is part of the first plan. */
  setOverlay(overlay: Overlay): void {
    this.#reconciler.intent.setOverlay(overlay);
  }

  /** Looks at VPP and puts it right: the overlay has changed. Calls that come together share a run. Never rejects. */
  async replan(reason: string): Promise<Replanned> {
    return toReplanned(await this.#run(() => this.#reconciler.kick({ cause: "connection", reason })));
  }

  /** Whether a VPP is connected. */
  get ready(): boolean {
    return this.#link.session !== undefined;
  }

  async drain(server: string, opts: DrainOptions = {}): Promise<DrainResult> {
    const order = toOrder(this.#reconciler, server, opts);
    const { address, drain } = order;
    const { port, features } = this.#session();
    const before = await observe(port, features);
    this.#setDrain(order);
    const moved = foreseen(this.#reconciler, order, before);
    const cause = asked("drain", `drain of ${address}${drain === undefined ? " ended" : ""}`, opts.by);
    const report = await this.#run(() => this.#reconciler.kick(cause));
    return {
      server: address,
      undone: drain === undefined,
      ...(drain?.deadlineMs === undefined ? {} : { deadlineAt: new Date(drain.deadlineMs).toISOString() }),
      vips: moved,
      apply: toApplyResult(report, []),
    };
  }

  #setDrain({ address, key, drain }: DrainOrder): void {
    const { journal } = this.#reconciler;
    const others = journal.drains.filter((one) => one.server !== address || (key !== undefined && one.vip !== key));
    journal.drains = drain === undefined ? others : [...others, drain];
    const message = drain === undefined ? `drain of ${address} ended` : `draining ${address}`;
    const at = new Date().toISOString();
    this.#reconciler.emit({ type: "drain", at, server: address, message, ended: drain === undefined });
  }

  vppctl(command: string): Promise<{ retval: number; output: string }> {
    return this.#queries.vppctl(command);
  }

  explain(flow: Flow): Promise<ExplainResult> {
    return this.#queries.explain(flow);
  }

  /** @throws ControllerError NO_VPP */
  #session(): VppSession {
    if (this.#abort.signal.aborted) fail("CLOSED", "the controller is closed");
    const { session } = this.#link;
    if (session !== undefined) return session;
    const state = this.#link.state;
    const why = state.state === "failed" ? state.error : state.state;
    return fail("NO_VPP", `no VPP at ${this.#link.socket} since ${this.#vppSince}: ${why}`);
  }

  #read(yaml: string | undefined): { desired?: DesiredState; diagnostics: readonly Diagnostic[] } {
    if (yaml !== undefined) {
      const { state, diagnostics } = this.#options.parse(yaml);
      return { ...(state === undefined ? {} : { desired: state }), diagnostics };
    }
    const desired = this.#config.latest ?? this.#reconciler.intent.accepted;
    return { desired: desired ?? fail("NO_CONFIG", "no configuration is loaded"), diagnostics: [] };
  }
}

function asked(cause: Cause, reason: string, by: Actor | undefined): RunCause {
  return { cause, reason, ...(by === undefined ? {} : { by }) };
}

function fail(code: ConstructorParameters<typeof ControllerError>[0], message: string): never {
  throw new ControllerError(code, message);
}

/** @throws ControllerError JOURNAL */
function openState(path: string): OpenedState {
  try {
    return StateFile.open(path, { readOld: readOldJournal });
  } catch (error) {
    throw new ControllerError("JOURNAL", messageOf(error), { cause: error });
  }
}
