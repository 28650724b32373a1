import { unlink } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import type { ChannelCredentials } from "@grpc/grpc-js";
import { Subject, type Observable } from "rxjs";
import {
  ConnectionMonitor,
  endpointChain,
  fromTimestamp,
  networkServiceHandlers,
  previousSegment,
  receiveDescriptors,
  returnDescriptors,
  serveNsm,
  toTimestamp,
  type Endpoint,
  type NsmServer,
  type NsmServerOptions,
  type TokenGenerator,
} from "@networkservicemesh/sdk-ts";
import type { Controller } from "../controller/index.ts";
import { KernelDevices } from "./devices.ts";
import { messageOf, NseError } from "./errors.ts";
import type { NseCall, NseEvent, RegistrationState, ServedConnection } from "./events.ts";
import { toServed, wholeConnection, type ConnectionRecord } from "./record.ts";
import { measured } from "./measured.ts";
import { ClientNews } from "./news.ts";
import { EndpointRegistration } from "./registration.ts";
import { LbService } from "./service.ts";
import type { NseSettings } from "./settings.ts";
import { ConnectionStore } from "./store.ts";
import { ConnectionTable } from "./table.ts";
import { Teller } from "./teller.ts";

/** Who we are in the mesh. */
export interface NseIdentity {
  readonly tokens: TokenGenerator;
  readonly clientCredentials?: ChannelCredentials;
  readonly serverCredentials?: NonNullable<NsmServerOptions["credentials"]>;
  readonly authorize: boolean;
}

export interface NseAgentOptions {
  readonly settings: NseSettings;
  readonly controller: Pick<Controller, "setOverlay" | "replan" | "ready" | "events$">;
  readonly identity: NseIdentity;
  /** File of the connections. */
  readonly state: string;
  /** Hears everything from the start on, as `events$` does. */
  readonly onEvent?: (event: NseEvent) => void;
  readonly onCall?: (call: NseCall) => void;
  /** An ending connection's interface stays until this settles, which it must; undefined: it goes at once. */
  readonly beforeRemoval?: (connection: ServedConnection) => Promise<void> | undefined;
}

/** A client that could not refresh while the agent was away has so long to do it. */
const RESTORE_GRACE_MS = 15_000;

/**
 * The load-balancer endpoint on a controller: serves a network service, and lays its connections over what VPP should
 * hold. Opened before the controller's first configuration, closed before the controller.
 */
export class NseAgent {
  readonly #options: NseAgentOptions;
  readonly #abort = new AbortController();
  readonly #events = new Subject<NseEvent>();
  readonly #monitor = new ConnectionMonitor();
  readonly #news = new ClientNews(this.#monitor);
  readonly #table: ConnectionTable;
  readonly #store: ConnectionStore;
  readonly #endpoint: Endpoint;
  #devices: KernelDevices | undefined;
  #server: NsmServer | undefined;
  #registration: EndpointRegistration | undefined;
  #lastSaveFailed = false;
  #restored = 0;

  private constructor(options: NseAgentOptions) {
    this.#options = options;
    const { settings, controller, identity, state } = options;
    this.#table = new ConnectionTable(settings, {
      tell: (event) => this.#tell(event),
      offerChanged: () => this.#tellOffer(),
      dirty: () => void this.#save().catch(() => undefined),
      renewed: (record) => this.#news.askAgain(record),
      freed: (filename) => void unlink(filename).catch(() => undefined),
    });
    const kept = () => ({ live: this.#table.live.values(), leaving: this.#table.leaving });
    this.#store = new ConnectionStore(state, kept, (error) => this.#saved(error));
    const service = new LbService({
      settings,
      table: this.#table,
      ready: () => controller.ready,
      replan: (reason) => controller.replan(reason),
      save: () => this.#save(),
      tell: (event) => this.#tell(event),
      watch: () => this.#devices?.touch(),
      beforeRemoval: (connection) => options.beforeRemoval?.(connection),
    });
    this.#endpoint = endpointChain(
      {
        name: settings.name,
        tokens: identity.tokens,
        authorize: identity.authorize,
        monitor: this.#monitor,
        elements: [service.guard(), receiveDescriptors(), returnDescriptors(), service.serve()],
      },
      this.#abort.signal,
    );
  }

  /**
   * Takes up what the last agent left and becomes the controller's overlay.
   * @throws NseError STATE, INPUT; KernelError
   */
  static async open(options: NseAgentOptions): Promise<NseAgent> {
    const agent = new NseAgent(options);
    try {
      await agent.#open();
      return agent;
    } catch (error) {
      await agent.close();
      throw error;
    }
  }

  /** Hot; no replay. */
  get events$(): Observable<NseEvent> {
    return this.#events.asObservable();
  }

  /** Connections as they are now. */
  get connections(): readonly ServedConnection[] {
    return [...this.#table.live.values()].map((record) => toServed(record, this.#table.standing(record)));
  }

  /** VIPs that clients serve. */
  get vips(): readonly string[] {
    return (this.#table.offer?.vips ?? []).map((vip) => vip.prefix);
  }

  /** What is in use: for metrics, and for tests that nothing stays. */
  get counts(): {
    readonly connections: number;
    readonly leaving: number;
    readonly addresses: number;
    readonly monitors: number;
  } {
    const { live, leaving, book } = this.#table;
    return {
      connections: live.size,
      leaving: leaving.length,
      addresses: book.taken - this.#options.settings.networks.length,
      monitors: this.#monitor.listeners,
    };
  }

  get registration(): RegistrationState {
    return this.#registration?.state ?? { registered: false };
  }

  /** Where it serves; after `serve`. */
  get url(): string | undefined {
    return this.#server?.url;
  }

  async #open(): Promise<void> {
    const { settings, controller, state } = this.#options;
    const { live, leaving } = ConnectionStore.load(state);
    const lost = this.#table.restore(live, leaving);
    for (const { client, addresses } of lost)
      this.#tell({
        type: "registration_failed",
        at: now(),
        message: `the connection of ${client} cannot be kept: ${addresses.join(", ")} is not of nsm.prefixes any more`,
      });
    if (settings.mechanisms.includes("MEMIF")) makeFolder(settings.memifDirectory);
    if (settings.mechanisms.includes("KERNEL")) {
      const teller = new Teller(this.#table, (event) => this.#tell(event));
      this.#devices = new KernelDevices({
        netns: settings.netns,
        mtu: settings.mtu,
        records: () => this.#table.live.values(),
        changed: async (reason) => {
          void this.#save().catch(() => undefined);
          await controller.replan(reason);
        },
        failed: (record, message) => teller.attachFailed(record, message),
      });
      await this.#devices.restore();
    }
    for (const record of [...this.#table.live.values()]) await this.#restore(record);
    this.#restored = this.#table.live.size;
    controller.setOverlay(this.#table);
  }

  /** Serves, and registers once VPP is there. @throws NsmError CONFLICT: somebody listens there */
  async serve(): Promise<void> {
    const { settings, identity } = this.#options;
    this.#server = await serveNsm({
      listen: settings.listen,
      services: [
        networkServiceHandlers(measured(this.#endpoint, (call) => this.#options.onCall?.(call))),
        ...this.#endpoint.services.slice(1),
      ],
      callTimeoutMs: settings.requestTimeoutMs,
      ...(identity.serverCredentials === undefined ? {} : { credentials: identity.serverCredentials }),
    });
    this.#devices?.touch();
    void this.#register(this.#server.url);
  }

  /** Unregisters and ends; connections and VPP stay as they are. */
  async close(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    const registered = this.#registration !== undefined;
    await this.#registration?.close();
    await this.#server?.close();
    await this.#devices?.close();
    await this.#save().catch(() => undefined);
    await this.#store.settled();
    const { name } = this.#options.settings;
    if (registered)
      this.#tell({ type: "endpoint_stopped", at: now(), name, message: `endpoint ${name} is unregistered` });
    this.#events.complete();
  }

  async #register(url: string): Promise<void> {
    await this.#offered();
    if (this.#abort.signal.aborted) return;
    const { settings, identity } = this.#options;
    this.#registration = new EndpointRegistration({
      settings,
      url,
      tokens: identity.tokens,
      ...(identity.clientCredentials === undefined ? {} : { credentials: identity.clientCredentials }),
      failed: (message) => this.#tell({ type: "registration_failed", at: now(), message }),
      registered: (name) => this.#tellStarted(name, url),
    });
  }

  /** VPP was seen, with a configuration. Clients that come before would be refused. */
  #offered(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#table.offer === undefined && !this.#abort.signal.aborted) return;
        clearInterval(timer);
        resolve();
      };
      const timer = setInterval(check, 20);
      check();
    });
  }

  #tellStarted(name: string, url: string): void {
    const { service } = this.#options.settings;
    const { vips } = this;
    const message = `endpoint ${name} of ${service} is registered, serving on ${url}`;
    this.#tell({ type: "endpoint_started", at: now(), name, service, url, vips, restored: this.#restored, message });
  }

  async #restore(record: ConnectionRecord): Promise<void> {
    const connection = wholeConnection(record);
    const before = previousSegment(connection);
    const expiresMs = fromTimestamp(before?.expires) ?? 0;
    if (before !== undefined) before.expires = toTimestamp(Math.max(expiresMs, Date.now() + RESTORE_GRACE_MS));
    await this.#endpoint.restore(connection);
  }

  #tellOffer(): void {
    const { offer, live } = this.#table;
    if (offer !== undefined) this.#news.offer(live.values(), offer);
  }

  #tell(event: NseEvent): void {
    this.#options.onEvent?.(event);
    this.#events.next(event);
  }

  #save(): Promise<void> {
    return this.#store.save();
  }

  #saved(error: unknown): void {
    const failed = error !== undefined;
    if (failed === this.#lastSaveFailed) return;
    this.#lastSaveFailed = failed;
    const message = failed
      ? `${this.#options.state} cannot be written: ${messageOf(error)}; a restart of the agent would forget connections`
      : `${this.#options.state} can be written again`;
    this.#tell({ type: "state", at: now(), ok: !failed, message });
  }
}

/** @throws NseError INPUT */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new NseError("INPUT", `nsm.memifDirectory: ${messageOf(cause)}`, { cause });
  }
}

function now(): string {
  return new Date().toISOString();
}
