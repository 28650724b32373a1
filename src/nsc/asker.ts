import {
  clone,
  KERNEL,
  kernelMechanism,
  memifMechanism,
  newContext,
  NsmClient,
  NsmError,
  type ChainElement,
  type Connection,
  type HealEvent,
  type NsmClientOptions,
} from "@networkservicemesh/sdk-ts";
import type { Namespace } from "../kernel/namespace.ts";
import type { NscSettings } from "./environment.ts";
import type { TellNsc } from "./events.ts";
import { Liveness } from "./liveness.ts";
import { EXTRA } from "./offer.ts";
import { clearPlace, findFormer } from "./resume.ts";
import { Service } from "./service.ts";
import { pause, settledWithin } from "./wait.ts";

export interface AskerOptions {
  readonly settings: NscSettings;
  readonly identity: Pick<NsmClientOptions, "tokens" | "credentials" | "authorize">;
  readonly namespace: Namespace;
  /** Path of the namespace, for the forwarder. Default: this process's own. */
  readonly netns?: string | undefined;
  /** Between attempts: the first, doubled up to the last. Default 250 and 5,000. */
  readonly retryMs?: { readonly first: number; readonly last: number } | undefined;
  /** Interfaces of a former life, by name: their indices. */
  readonly formerDevices: Readonly<Record<string, number>>;
  readonly tell: TellNsc;
  /** Something of a service is another now. Settles once the host follows. */
  readonly changed: (service: Service) => Promise<void>;
}

const RETRY = { first: 250, last: 5000 };
/** A Request that is on its way at the end gets so long to be answered, so that it can be closed. */
const GRACE_MS = 2000;

/** Asks the mesh for the services until they are there, keeps them, and says what has become of each. */
export class Asker {
  readonly services: readonly Service[];
  readonly #options: AskerOptions;
  readonly #client: NsmClient;
  readonly #liveness: Liveness;
  readonly #stop = new AbortController();
  /** Ends Requests that are on their way. */
  readonly #abort = new AbortController();
  #asking: Promise<unknown> = Promise.resolve();
  #drain = "";

  constructor(options: AskerOptions) {
    const { settings, identity, namespace } = options;
    this.#options = options;
    this.services = settings.services.map(
      (request) => new Service(request, `${settings.name}-${request.device}-${namespace.netns.inode}`),
    );
    const { liveness } = settings;
    this.#liveness = new Liveness({
      namespace,
      timeoutMs: liveness?.timeoutMs ?? 0,
      changed: (service) => this.#heard(service),
    });
    const check = async (connection: Connection, signal: AbortSignal) => {
      const service = this.#byId(connection.id);
      return service === undefined || this.#liveness.check(service, signal);
    };
    this.#client = new NsmClient({
      name: settings.name,
      url: settings.connectTo,
      dialTimeoutMs: settings.dialTimeoutMs,
      requestTimeoutMs: settings.requestTimeoutMs,
      ...identity,
      heal: {
        onEvent: (event) => this.#healing(event),
        onChange: (connection) => this.#told(connection),
        ...(liveness === undefined
          ? {}
          : {
              livenessCheck: check,
              livenessIntervalMs: liveness.intervalMs,
              livenessTimeoutMs: liveness.patienceMs,
            }),
      },
      elements: [this.#observer()],
    });
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  start(): void {
    this.#asking = Promise.all(this.services.map((service) => this.#ask(service)));
  }

  /** No new flows from now on, after so long (in seconds) no flows at all: docs/nsm.md. */
  async drain(seconds: number): Promise<void> {
    this.#drain = `${seconds}s`;
    await Promise.allSettled(this.services.map((service) => this.#refresh(service)));
  }

  /** Gives a connection back of which nothing can be used, and asks for another later. */
  startOver(service: Service): void {
    const { last } = this.#options.retryMs ?? RETRY;
    const work = async () => {
      service.state = "requesting";
      await this.#client.close(service.connection, this.#abort.signal).catch(() => undefined);
      service.reset();
      await pause(last, this.#stop.signal);
      await this.#ask(service);
    };
    this.#asking = Promise.all([this.#asking, work()]);
  }

  /** Closes every connection, as far as the mesh answers in time. Idempotent. */
  async close(): Promise<void> {
    if (this.stopped) return;
    this.#stop.abort();
    await settledWithin(this.#asking, GRACE_MS);
    this.#abort.abort();
    await this.#asking;
    await this.#client.shutdown();
    for (const service of this.services) {
      const was = service.state;
      service.state = "closed";
      if (was !== "requesting")
        this.#options.tell({ type: "closed", service: service.status(), message: `${service.label} is closed` });
    }
  }

  /** Until it is there. */
  async #ask(service: Service): Promise<void> {
    const { first, last } = this.#options.retryMs ?? RETRY;
    for (let waitMs = first; !this.stopped; waitMs = Math.min(2 * waitMs, last)) {
      try {
        return await this.#askOnce(service);
      } catch (error) {
        if (this.stopped) return;
        this.#failed(service, error);
        void this.#options.changed(service);
        await pause(waitMs, this.#stop.signal);
      }
    }
  }

  async #askOnce(service: Service): Promise<void> {
    const { settings, identity, namespace, netns, formerDevices } = this.#options;
    const { request } = service;
    const hop = { url: settings.connectTo, dialTimeoutMs: settings.dialTimeoutMs, ...identity };
    const former = await findFormer(hop, service, this.#abort.signal);
    const mechanism = request.mechanism === KERNEL ? kernelMechanism(request.device, netns) : memifMechanism();
    if (former !== undefined) service.connection = { ...former, mechanism };
    else if (request.mechanism === KERNEL) await clearPlace(namespace, request.device, formerDevices);
    const asked = { connection: service.connection, mechanismPreferences: [mechanism] };
    await this.#client.request(asked, this.#abort.signal);
  }

  /** Asks for the connection as it is; what has changed comes with the answer. */
  async #refresh(service: Service): Promise<void> {
    if (service.state !== "connected" || this.stopped) return;
    const asked = { connection: clone(service.connection) };
    await this.#client.request(asked, this.#abort.signal).catch((error: unknown) => this.#failed(service, error));
  }

  #failed(service: Service, error: unknown): void {
    const { code, message } = NsmError.from(error);
    if (service.state !== "connected") service.error = message;
    const status = service.status();
    this.#options.tell({ type: "request-failed", code, service: status, message: `${service.label}: ${message}` });
  }

  /** Sees every answer, also those of refreshes and heals, and what is closed to be made anew. */
  #observer(): ChainElement {
    return (next) => ({
      request: async (request, call) => {
        if (request.connection !== null) this.#sayDrain(request.connection);
        const connection = await next.request(request, call);
        this.#answered(clone(connection));
        return connection;
      },
      close: async (connection, call) => {
        const service = this.#byId(connection.id);
        if (service?.state === "healing" && !this.stopped) {
          // Replies move to another load-balancer, where there is one, before the link goes.
          service.usable = false;
          await settledWithin(this.#options.changed(service), GRACE_MS);
        }
        return next.close(connection, call);
      },
    });
  }

  #sayDrain(connection: Connection): void {
    if (this.#drain === "") delete connection.context?.extraContext[EXTRA.drain];
    else (connection.context ??= newContext()).extraContext[EXTRA.drain] = this.#drain;
  }

  #answered(connection: Connection): void {
    const service = this.#byId(connection.id);
    if (service === undefined) return;
    service.answered(connection);
    void this.#options.changed(service);
  }

  #byId(id: string): Service | undefined {
    return this.services.find((service) => service.id === id);
  }

  #healing(event: HealEvent): void {
    const service = this.#byId(event.connection.id);
    if (service === undefined || this.stopped) return;
    const { tell } = this.#options;
    const { type, reselect = false } = event;
    if (type === "failed") return this.#failed(service, event.error);
    if (type === "healed") {
      const by = reselect ? `, from ${service.connection.networkServiceEndpointName}` : "";
      return tell({ type, reselect, service: service.status(), message: `${service.label} is back${by}` });
    }
    service.state = "healing";
    if (type === "healing") {
      const message = `${service.label} is asked for again${reselect ? ", from any endpoint" : ""}`;
      return tell({ type, reselect, service: service.status(), message });
    }
    const what = type === "control-plane-down" ? "control-plane" : "data-plane";
    const why = event.error === undefined ? "" : `: ${NsmError.from(event.error).message}`;
    service.error = what === "control-plane" ? `the next hop lost it${why}` : "its gateway does not answer";
    if (what === "data-plane") service.usable = false;
    tell({ type: "lost", what, service: service.status(), message: `${service.label}: ${service.error}` });
    void this.#options.changed(service);
  }

  /** Its gateway fell silent, or answers again. */
  #heard(service: Service): void {
    if (this.stopped) return;
    if (service.alive === false && service.state === "connected") {
      const message = `${service.label}: its gateway does not answer; the mesh still has it, so it is waited for`;
      this.#options.tell({ type: "silent", service: service.status(), message });
    }
    void this.#options.changed(service);
  }

  /** The next hop tells another context: a Request brings it here, through every hop. */
  #told(connection: Connection): void {
    const service = this.#byId(connection.id);
    if (service === undefined || service.state !== "connected") return;
    const context = JSON.stringify(connection.context);
    // Each once: a hop whose view differs for good would else be asked for ever.
    const isNew = context !== JSON.stringify(service.connection.context) && context !== service.toldContext;
    if (!isNew && connection.state !== "REFRESH_REQUESTED") return;
    service.toldContext = context;
    void this.#refresh(service);
  }
}
