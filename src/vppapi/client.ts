import { BehaviorSubject, Subject, defer, switchMap } from "rxjs";
import type { Observable } from "rxjs";
import { builtinSchema } from "./codec/builtin.ts";
import type { Input } from "./codec/input.ts";
import type { Fields } from "./codec/message.ts";
import type { ApiSchema } from "./codec/schema.ts";
import { VppError } from "./errors.ts";
import type { Dumps, Events, Replies, Requests, Streams } from "./generated/index.ts";
import { settingsOf } from "./options.ts";
import type { Settings, VppClientOptions } from "./options.ts";
import { crashGuards } from "./quirks/guards.ts";
import type { Guard } from "./quirks/guards.ts";
import { openConnection } from "./transport/connection.ts";
import type { Connection } from "./transport/connection.ts";
import { dumpAll, dumpEach, dumpIterable, dumpObservable } from "./transport/dump.ts";
import type { DumpOptions } from "./transport/dump.ts";
import { Engine } from "./transport/engine.ts";
import type { RequestOptions } from "./transport/engine.ts";
import { backoffMs, goodbye, sleep, toVppError } from "./transport/lifecycle.ts";
import { startProbe } from "./transport/probe.ts";
import type { ConnectionState } from "./transport/state.ts";
import { inspectSocket } from "./transport/socket-check.ts";
import { MessageTable } from "./transport/table.ts";
import { retvalError } from "./transport/waiters.ts";

export interface CallOptions extends RequestOptions {
  /** Sends what would be refused because it crashes VPP. For tests. Default false. */
  readonly unguarded?: boolean | undefined;
}
/** Names that `dump` takes: `x_dump`, and `x_get` with a stream. */
export type DumpName = (keyof Dumps & keyof Requests) | (keyof Streams & keyof Requests);
export type DetailsOf<N extends DumpName> = N extends keyof Dumps
  ? Dumps[N]
  : N extends keyof Streams
    ? Streams[N]
    : never;

type Untyped = Readonly<Fields>;

interface Live {
  readonly connection: Connection;
  readonly engine: Engine;
  readonly stopProbe: () => void;
}

/**
 * A client of VPP's binary API. {@link connect} once; after a loss it connects again by itself (unless `reconnect` is
 * false). Requests fail with CLOSED while there is no connection: they are never replayed. Events have to be asked for
 * again after each loss: watch {@link state$}.
 */
export class VppClient {
  readonly #settings: Settings;
  readonly #schema: ApiSchema;
  readonly #guards: ReadonlyMap<string, Guard>;
  readonly #state = new BehaviorSubject<ConnectionState>({ status: "closed" });
  readonly #events = new Map<string, Subject<Fields>>();
  #live: Live | undefined;
  #table: ReadonlyMap<string, number> = new Map();
  #pid = 0;
  #version = "(version not known)";
  #socketWarnings: readonly string[] = [];
  #retryTimer: NodeJS.Timeout | undefined;
  /** Ends the attempts of the current life. */
  #life: AbortController | undefined;

  constructor(options: VppClientOptions) {
    this.#settings = settingsOf(options);
    this.#schema = options.schema ?? builtinSchema();
    this.#guards = options.guards ?? crashGuards;
  }

  get state(): ConnectionState {
    return this.#state.value;
  }
  /** Every state from now on, the current one first. */
  get state$(): Observable<ConnectionState> {
    return this.#state.asObservable();
  }
  /** VPP's message table: name and CRC → id. Empty before the first connection. */
  get table(): ReadonlyMap<string, number> {
    return this.#table;
  }
  get schema(): ApiSchema {
    return this.#schema;
  }
  /** VPP's process id, from its control_ping (0 before the first connection). */
  get pid(): number {
    return this.#pid;
  }
  /** "26.06-release" */
  get version(): string {
    return this.#version;
  }
  /** What is wrong with the owner and permissions of VPP's socket, as it was at the last attempt to connect. */
  get socketWarnings(): readonly string[] {
    return this.#socketWarnings;
  }
  get clientIndex(): number {
    return this.#live?.connection.clientIndex ?? 0;
  }
  /** Requests that await their answer, here or with VPP. */
  get pendingCount(): number {
    return this.#live?.engine.pendingCount ?? 0;
  }
  /** What came too late, or in an unknown definition, on this connection. */
  get counters(): Engine["counters"] {
    return this.#live?.engine.counters ?? { late: 0, unknown: 0, undecodable: 0 };
  }

  /**
   * Connects, retrying with back-off until `deadlineMs` (default 10,000; with `reconnect: false` one attempt).
   * @throws VppError CONNECT, INSECURE, ABORTED
   */
  async connect(options: { signal?: AbortSignal | undefined; deadlineMs?: number | undefined } = {}): Promise<void> {
    if (this.#state.value.status === "ready") return;
    this.#life?.abort();
    clearTimeout(this.#retryTimer);
    const life = new AbortController();
    this.#life = life;
    const endMs = performance.now() + (options.deadlineMs ?? 10_000);
    const signal = options.signal === undefined ? life.signal : AbortSignal.any([life.signal, options.signal]);
    let lastError: VppError | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(attempt, lastError, Math.max(1, endMs - performance.now()), signal);
      } catch (error) {
        lastError = toVppError(error);
        const delayMs = this.#delayMs(attempt);
        const last = delayMs === undefined || lastError.code === "ABORTED" || performance.now() + delayMs > endMs;
        if (this.#life === life)
          this.#setState({ status: "failed", error: lastError, retryInMs: last ? undefined : delayMs });
        if (last) throw lastError;
        await sleep(delayMs, signal);
      }
    }
  }

  /** Says goodbye to VPP and fails what is pending with CLOSED. The client may connect again. */
  close(): void {
    this.#life?.abort();
    this.#life = undefined;
    clearTimeout(this.#retryTimer);
    const live = this.#live;
    this.#live = undefined;
    if (live !== undefined) {
      live.stopProbe();
      live.engine.fail(new VppError("CLOSED", "the client was closed"));
      live.connection.close(goodbye(live.connection, live.engine));
    }
    if (this.#state.value.status !== "closed") this.#setState({ status: "closed" });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Has VPP this message: by name (in a version known here), or by name and CRC (`lb_conf_get_51077d14`)? */
  has(nameOrNameCrc: string): boolean {
    return this.#live?.engine.table.has(nameOrNameCrc) ?? this.#table.has(nameOrNameCrc);
  }

  /**
   * Sends a request, resolves with its reply.
   * @throws VppError RETVAL where VPP refuses; TIMEOUT, CLOSED, ABORTED, UNKNOWN_MESSAGE, ENCODE, DECODE, QUEUE_FULL,
   * REFUSED (an input that is known to crash VPP)
   */
  request<N extends keyof Requests & keyof Replies>(
    name: N,
    fields?: Input<Requests[N]>,
    options?: CallOptions,
  ): Promise<Replies[N]> {
    return this.requestUntyped(name, fields as Untyped | undefined, options) as Promise<unknown> as Promise<Replies[N]>;
  }

  /** As {@link request}, for messages of a schema of your own, or names that are not known when this is compiled. */
  requestUntyped(name: string, fields: Untyped = {}, options: CallOptions = {}): Promise<Fields> {
    try {
      const { engine } = this.#ready(name);
      const entry = engine.table.entry(name);
      const guard = options.unguarded === true ? undefined : this.#guards.get(entry.name);
      const checked = guard?.(fields, this);
      if (checked === undefined) return engine.request(entry, fields, options);
      return checked.then(
        () => this.#ready(name).engine.request(entry, fields, options),
        (error: unknown) => this.#refused(name, error),
      );
    } catch (error) {
      return this.#refused(name, error);
    }
  }

  /** The details of a dump, or of a `_get` stream, as they come; sent when the iteration begins. */
  dump<N extends DumpName>(
    name: N,
    fields?: Input<Requests[N]>,
    options: DumpOptions = {},
  ): AsyncIterable<DetailsOf<N>> {
    const values = (fields ?? {}) as Untyped;
    const guard = this.#guards.get(name);
    const plain = dumpIterable(() => this.#ready(name).engine, name, values, options);
    const rows = guard === undefined ? plain : checkedRows(() => guard(values, this), plain);
    return rows as AsyncIterable<unknown> as AsyncIterable<DetailsOf<N>>;
  }

  /** All details of a dump at once: the fastest form. */
  dumpAll<N extends DumpName>(
    name: N,
    fields?: Input<Requests[N]>,
    options: DumpOptions = {},
  ): Promise<DetailsOf<N>[]> {
    return this.dumpUntyped(name, fields as Untyped | undefined, options) as Promise<unknown> as Promise<
      DetailsOf<N>[]
    >;
  }

  /** As {@link dumpAll}, for messages of a schema of your own. */
  async dumpUntyped(name: string, fields: Untyped = {}, options: DumpOptions = {}): Promise<Fields[]> {
    await this.#guards.get(name)?.(fields, this);
    return dumpAll(this.#ready(name).engine, name, fields, options);
  }

  /**
   * Hands each of a dump's details to `next` as it comes and keeps none: the least memory for long dumps. What `next`
   * throws ends the dump.
   */
  async dumpEach(
    name: string,
    fields: Untyped,
    next: (details: Fields) => void,
    options: DumpOptions = {},
  ): Promise<void> {
    await this.#guards.get(name)?.(fields, this);
    return dumpEach(this.#ready(name).engine, name, fields, next, options);
  }

  /** A dump as an Observable: sent at subscription; unsubscribing gives it up. */
  dump$<N extends DumpName>(name: N, fields?: Input<Requests[N]>, options: DumpOptions = {}): Observable<DetailsOf<N>> {
    const values = (fields ?? {}) as Untyped;
    const plain = dumpObservable(() => this.#ready(name).engine, name, values, options);
    const guard = this.#guards.get(name);
    const rows = guard === undefined ? plain : defer(async () => guard(values, this)).pipe(switchMap(() => plain));
    return rows as Observable<unknown> as Observable<DetailsOf<N>>;
  }

  /**
   * Messages that VPP sends unasked, from every connection of this client. Ask for them first, after each "ready":
   * `client.request("want_interface_events", { enable_disable: 1, pid: process.pid })`.
   */
  events<N extends keyof Events>(name: N): Observable<Events[N]> {
    let subject = this.#events.get(name);
    if (subject === undefined) this.#events.set(name, (subject = new Subject<Fields>()));
    return subject.asObservable() as Observable<unknown> as Observable<Events[N]>;
  }

  /**
   * Output of a debug CLI command.
   * @throws VppError RETVAL with VPP's text in the message and as `output`; REFUSED for commands that hang VPP
   */
  async cli(command: string, options: CallOptions = {}): Promise<string> {
    const { engine } = this.#ready("cli_inband");
    const fields = { cmd: command };
    try {
      if (options.unguarded !== true) await this.#guards.get("cli_inband")?.(fields, this);
    } catch (error) {
      return this.#refused("cli_inband", error);
    }
    const reply = await engine.request(engine.table.entry("cli_inband"), fields, options, true);
    const text = String(reply["reply"]).replace(/\0+$/, "");
    const retval = Number(reply["retval"]);
    if (retval < 0) throw retvalError("cli_inband", retval, fields, text.trim());
    return text;
  }

  /** What is refused here is told to `onRequest` as well. */
  #refused(name: string, error: unknown): Promise<never> {
    if (VppError.is(error, "REFUSED")) this.#settings.onRequest?.({ name, result: "REFUSED", durationMs: 0 });
    return Promise.reject(error as Error);
  }

  #ready(name: string): Live {
    if (this.#live === undefined || this.#state.value.status !== "ready") {
      const { status } = this.#state.value;
      throw new VppError("CLOSED", `${name}: not connected to VPP (${this.#settings.socket}: ${status})`, {
        messageName: name,
      });
    }
    return this.#live;
  }

  async #attempt(attempt: number, lastError: VppError | undefined, leftMs: number, signal: AbortSignal): Promise<void> {
    this.#setState({ status: "connecting", attempt, lastError });
    this.#inspect([]);
    const timeoutMs = Math.min(this.#settings.requestTimeoutMs, leftMs);
    let live: Live | undefined;
    const connection = await openConnection({
      socket: this.#settings.socket,
      name: this.#settings.name,
      timeoutMs,
      signal,
      onPayload: (buffer, start, end) => live?.engine.receive(buffer, start, end),
      onLost: (error) => {
        if (live !== undefined) this.#lost(live, error);
      },
      onDrain: () => live?.engine.pump(),
      onConnected: (socket) => this.#inspect([this.#settings.trust.checkPeer?.(socket) ?? []].flat()),
    });
    try {
      const table = new MessageTable(this.#schema, connection.table, () => this.#version);
      const engine = new Engine(connection, table, this.#settings, (name, message) => this.#event(name, message));
      live = {
        connection,
        engine,
        stopProbe: startProbe(engine, connection, this.#settings.probe, (error) => this.#lost(live, error)),
      };
      this.#table = connection.table;
      await this.#introduce(live, { timeoutMs, signal });
      // close() or another connect() while VPP introduced itself: this connection has no owner any more.
      if (signal.aborted) throw new VppError("ABORTED", "connecting to VPP was aborted");
    } catch (error) {
      live?.stopProbe();
      live?.engine.fail(toVppError(error));
      connection.close();
      throw error;
    }
    this.#live = live;
    this.#setState({ status: "ready", pid: this.#pid, version: this.#version, clientIndex: connection.clientIndex });
  }

  /** @throws VppError INSECURE */
  #inspect(ofPeer: readonly string[]): void {
    const { socket, trust } = this.#settings;
    if (trust.check === "off") return;
    const found = [...inspectSocket(socket, trust.owners), ...ofPeer];
    this.#socketWarnings = found;
    if (trust.check === "refuse" && found.length > 0) {
      throw new VppError("INSECURE", `VPP's socket is not trusted: ${found.join("; ")}`);
    }
  }

  async #introduce({ engine }: Live, options: RequestOptions): Promise<void> {
    const [ping, version] = await Promise.all([
      engine.request(engine.table.entry("control_ping"), {}, options),
      engine.request(engine.table.entry("show_version"), {}, options),
    ]);
    this.#pid = Number(ping["vpe_pid"]);
    this.#version = String(version["version"]);
  }

  #lost(live: Live | undefined, error: VppError): void {
    if (live === undefined) return;
    live.stopProbe();
    live.connection.close();
    live.engine.fail(new VppError("CLOSED", `connection to VPP lost: ${error.message}`, { cause: error }));
    if (this.#live !== live) return;
    this.#live = undefined;
    const delayMs = this.#delayMs(1);
    this.#setState({ status: "failed", error, retryInMs: delayMs });
    if (delayMs !== undefined && this.#life !== undefined) this.#retry(1, delayMs, this.#life);
  }

  /** Attempts without end, until close() or a new connect(). */
  #retry(attempt: number, delayMs: number, life: AbortController): void {
    const state = this.#state.value;
    const lastError = state.status === "failed" ? state.error : undefined;
    this.#retryTimer = setTimeout(() => {
      if (life.signal.aborted) return;
      this.#attempt(attempt, lastError, this.#settings.requestTimeoutMs, life.signal).catch((error: unknown) => {
        if (life.signal.aborted) return;
        const next = this.#delayMs(attempt + 1);
        this.#setState({ status: "failed", error: toVppError(error), retryInMs: next });
        if (next !== undefined) this.#retry(attempt + 1, next, life);
      });
    }, delayMs);
  }

  #delayMs(attempt: number): number | undefined {
    const { reconnect } = this.#settings;
    return reconnect === undefined ? undefined : backoffMs(attempt, reconnect.minMs, reconnect.maxMs);
  }

  #event(name: string, message: () => Fields): void {
    const subject = this.#events.get(name);
    if (subject?.observed === true) subject.next(message());
  }

  #setState(state: ConnectionState): void {
    this.#state.next(state);
  }
}

/** The rows once `check` has let them; it is called for each iteration. */
function checkedRows(check: () => Promise<void> | undefined, rows: AsyncIterable<Fields>): AsyncIterable<Fields> {
  return {
    async *[Symbol.asyncIterator]() {
      await check();
      yield* rows;
    },
  };
}
