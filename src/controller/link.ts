import { readFile } from "node:fs/promises";
import { uptime } from "node:os";
import { BehaviorSubject, Subject, type Observable, type Subscription } from "rxjs";
import { VppClient, type ConnectionState, type FinishedRequest, type SocketTrust } from "vpp-api-ts";
import { observeFeatures, type VppFeatures, type VppPort } from "../bridge/index.ts";
import { controllerName } from "./alarms.ts";
import { messageOf } from "./errors.ts";
import type { Incarnation } from "./journal.ts";

/** A VPP that answers, for as long as it does. */
export interface VppSession {
  readonly port: VppPort;
  readonly features: VppFeatures;
  readonly incarnation: Incarnation;
}

export type LinkState =
  | { readonly state: "closed" }
  | { readonly state: "connecting" }
  | { readonly state: "ready"; readonly session: VppSession }
  | { readonly state: "failed"; readonly error: string };

export interface LinkOptions {
  readonly socket: string;
  /** What `show api clients` calls us. Default: `controllerName()`. */
  readonly name?: string;
  /** Default 5000. */
  readonly requestTimeoutMs?: number;
  /** Whom the socket is trusted to. Default: a warning where it is open to others. */
  readonly trust?: SocketTrust;
  /** Hears of every request that ends. */
  readonly onRequest?: (request: FinishedRequest) => void;
}

/** For ever: a controller outlives any VPP. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** The connection to VPP with what is to be known at its beginning: features, and whether it is the VPP of before. */
export class VppLink {
  readonly socket: string;
  /** By which VPP knows this connection. */
  readonly name: string;
  readonly #client: VppClient;
  readonly #state = new BehaviorSubject<LinkState>({ state: "closed" });
  readonly #interfaceEvents = new Subject<void>();
  readonly #subscriptions: Subscription[] = [];
  /** Counts connections, so that a slow introduction to one that is gone is not mistaken for the present one. */
  #connects = 0;

  constructor({ socket, name = controllerName(), ...options }: LinkOptions) {
    this.socket = socket;
    this.name = name;
    this.#client = new VppClient({ socket, name, ...options, reconnect: { minMs: 50, maxMs: 500 } });
  }

  get state(): LinkState {
    return this.#state.value;
  }

  get state$(): Observable<LinkState> {
    return this.#state.asObservable();
  }

  /** Something happened to an interface of VPP: state, link, deletion. */
  get interfaceEvents$(): Observable<void> {
    return this.#interfaceEvents.asObservable();
  }

  /** What is wrong with the socket's owner and permissions. */
  get socketWarnings(): readonly string[] {
    return this.#client.socketWarnings;
  }

  /** Requests that await VPP's answer, and messages that nobody waited for. */
  get traffic(): { readonly pending: number } & VppClient["counters"] {
    return { pending: this.#client.pendingCount, ...this.#client.counters };
  }

  get connects(): number {
    return this.#connects;
  }

  get session(): VppSession | undefined {
    const state = this.#state.value;
    return state.state === "ready" ? state.session : undefined;
  }

  /** Begins to connect, and connects again after each loss, until `close`. */
  open(): void {
    this.#subscriptions.push(
      this.#client.state$.subscribe((state) => this.#onState(state)),
      this.#client.events("sw_interface_event").subscribe(() => this.#interfaceEvents.next()),
    );
    this.#client.connect({ deadlineMs: NEVER_MS }).catch(() => {
      // Its failures are states; only `close` ends it.
    });
  }

  close(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
    this.#client.close();
    this.#state.next({ state: "closed" });
    this.#state.complete();
    this.#interfaceEvents.complete();
  }

  #onState(state: ConnectionState): void {
    switch (state.status) {
      case "closed":
      case "connecting":
        // What the last attempt failed of is more telling than that there is another one.
        if (this.#state.value.state !== "failed") this.#state.next({ state: state.status });
        return;
      case "failed":
        this.#state.next({ state: "failed", error: state.error.message });
        return;
      case "ready":
        this.#connects++;
        void this.#introduce(state.pid, this.#connects);
    }
  }

  async #introduce(pid: number, connect: number): Promise<void> {
    try {
      const port = portOf(this.#client);
      const [features, start] = await Promise.all([
        observeFeatures(port),
        startOf(port),
        port.request("want_interface_events", { enable_disable: 1, pid: process.pid }).catch(() => undefined),
      ]);
      if (connect !== this.#connects || this.#client.state.status !== "ready") return;
      const incarnation = { pid, ...start };
      this.#state.next({ state: "ready", session: { port, features, incarnation } });
    } catch (error) {
      if (connect !== this.#connects) return;
      this.#state.next({ state: "failed", error: messageOf(error) });
      // Connected and yet not usable: begin again rather than stay half-way.
      this.#client.close();
      setTimeout(() => {
        if (!this.#state.closed && this.#subscriptions.length > 0) {
          this.#client.connect({ deadlineMs: NEVER_MS }).catch(() => undefined);
        }
      }, 500);
    }
  }
}

function portOf(client: VppClient): VppPort {
  return {
    has: (message) => client.has(message),
    request: (message, fields) => client.requestUntyped(message, fields),
    dump: (message, fields) => client.dumpUntyped(message, fields),
    dumpEach: (message, fields, next) => client.dumpEach(message, fields, next),
    cli: (line) => client.cli(line),
  };
}

/** When VPP started, by `show clock`: a process id alone comes again, in a container it is always the same. */
async function startOf(port: VppPort): Promise<Omit<Incarnation, "pid">> {
  const output = await port.cli("show clock").catch(() => "");
  const uptimeS = /Time now ([\d.]+)/.exec(output)?.[1];
  if (uptimeS === undefined) return {};
  const uptimeMs = Number(uptimeS) * 1000;
  const startedAtMs = Math.round(Date.now() - uptimeMs);
  const boot = await bootId();
  if (boot === undefined) return { uptimeMs, startedAtMs };
  return { uptimeMs, startedAtMs, boot, startedAfterBootMs: Math.round(uptime() * 1000 - uptimeMs) };
}

async function bootId(): Promise<string | undefined> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return text.trim() || undefined;
}
