import { isDeepStrictEqual } from "node:util";
import {
  clone,
  KERNEL,
  kernelMechanism,
  memifMechanism,
  NsmClient,
  NsmError,
  type ChainElement,
  type Connection,
  type HealEvent,
  type Mechanism,
  type NsmClientOptions,
} from "@networkservicemesh/sdk-ts";
import { Subject, type Observable } from "rxjs";
import type { Namespace } from "../kernel/namespace.ts";
import { ping } from "../kernel/ping.ts";
import { Host } from "../target/host.ts";
import type { HostWish } from "../target/host-plan.ts";
import { countConnections } from "./connections.ts";
import type { NscSettings } from "./environment.ts";
import { NscError } from "./errors.ts";
import type { NscEvent, ServiceStatus } from "./events.ts";
import { HostKeeper } from "./host-keeper.ts";
import { EXTRA, offerOf } from "./offer.ts";
import { findFormer, otherAddresses, refuseTaken } from "./resume.ts";
import { Service } from "./service.ts";
import type { StateFile } from "./state-file.ts";
import { pause, settledWithin } from "./wait.ts";

export interface NscOptions {
  readonly settings: NscSettings;
  /** Who this is: see roles/nsm-identity. */
  readonly identity: Pick<NsmClientOptions, "tokens" | "credentials" | "authorize">;
  /** Where the interfaces come to be; it stays the caller's. */
  readonly namespace: Namespace;
  /** Path of that namespace, for the forwarder. Default: this process's own. */
  readonly netns?: string;
  readonly host?: Omit<HostWish, "links">;
  readonly state?: StateFile;
  readonly retryMs?: { readonly first: number; readonly last: number };
  /** The host is looked at so often, in case that somebody changed it. Default 5,000. */
  readonly repairMs?: number;
}

export interface NscStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly problems: readonly string[];
  readonly draining: boolean;
  readonly gre: string | undefined;
  readonly decapsulated: { readonly packets: number; readonly dropped: number };
  readonly services: readonly ServiceStatus[];
}

const RETRY = { first: 250, last: 5000 };
/** A Request that is on its way when the agent ends gets so long to be answered, so that it can be closed. */
const CLOSE_GRACE_MS = 2000;
const DRAIN_LOOK_MS = 200;

type Body<E> = E extends unknown ? Omit<E, "at"> : never;

/** Asks for network services, sets the host up as an application server behind them, and keeps both so. */
export class NscAgent {
  readonly #options: NscOptions;
  readonly #services: readonly Service[];
  readonly #client: NsmClient;
  readonly #keeper: HostKeeper;
  readonly #events = new Subject<NscEvent>();
  readonly #stop = new AbortController();
  /** Ends Requests that are on their way. */
  readonly #abort = new AbortController();
  #asking: Promise<unknown> = Promise.resolve();
  #ready = false;
  #drain = "";
  #errors: readonly string[] = [];

  constructor(options: NscOptions) {
    const { settings, identity, namespace, state, repairMs } = options;
    this.#options = options;
    const suffix = namespace.netns.inode;
    this.#services = settings.services.map(
      (request) => new Service(request, `${settings.name}-${request.device}-${suffix}`),
    );
    const adopted = state?.adopted ?? [];
    this.#keeper = new HostKeeper({
      host: new Host(namespace, state === undefined ? {} : { journal: state, adopted }),
      expected: this.#services.map((service) => service.id),
      wish: async () => {
        await this.#judge();
        return this.#wish();
      },
      ...(repairMs === undefined ? {} : { repairMs }),
      onDone: (result) => this.#configured(result),
    });
    this.#client = new NsmClient({
      name: settings.name,
      url: settings.connectTo,
      dialTimeoutMs: settings.dialTimeoutMs,
      requestTimeoutMs: settings.requestTimeoutMs,
      ...identity,
      heal: {
        onEvent: (event) => this.#healing(event),
        onChange: (connection) => this.#told(connection),
        ...(settings.liveness === undefined
          ? {}
          : {
              livenessCheck: (connection, signal) => this.#isAlive(connection, signal),
              livenessIntervalMs: settings.liveness.intervalMs,
              livenessTimeoutMs: settings.liveness.timeoutMs,
            }),
      },
      elements: [this.#observer()],
    });
  }

  get events$(): Observable<NscEvent> {
    return this.#events;
  }

  status(): NscStatus {
    const { greMode, decapsulated } = this.#keeper.host;
    const services = this.#services.map((service) => service.status());
    const draining = this.#drain !== "";
    const problems = this.#problems();
    const { name } = this.#options.settings;
    return { name, ready: this.#ready, problems, draining, gre: greMode, decapsulated, services };
  }

  /** Begins to ask; what happens is told by `events$`. */
  start(): void {
    this.#asking = Promise.all(this.#services.map((service) => this.#ask(service)));
  }

  /**
   * Asks the load-balancers for no new flows, and waits until no TCP connection to a VIP is left, or for so long.
   * @returns connections that are left
   */
  async drain(timeoutMs: number, signal?: AbortSignal): Promise<number> {
    const { namespace } = this.#options;
    const until = Date.now() + timeoutMs;
    const left = () =>
      countConnections(
        namespace,
        this.#wish().links.flatMap((link) => link.vips),
      );
    const seconds = Math.ceil(timeoutMs / 1000);
    this.#drain = `${seconds}s`;
    this.#tell({
      type: "draining",
      seconds,
      message: `no new flows; ${left()} connections are left for at most ${seconds} s`,
    });
    await Promise.allSettled(this.#services.map((service) => this.#refresh(service)));
    while (Date.now() < until && signal?.aborted !== true && left() > 0)
      await pause(Math.min(DRAIN_LOOK_MS, until - Date.now()), signal);
    const connections = left();
    this.#tell({
      type: "drained",
      connections,
      message: connections === 0 ? "no connection is left" : `${connections} connections are left`,
    });
    return connections;
  }

  /** Closes every connection and takes the set-up back. Idempotent. @throws TargetError SETUP: something could not be */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await settledWithin(this.#asking, CLOSE_GRACE_MS);
    this.#abort.abort();
    await this.#asking;
    await this.#client.shutdown();
    for (const service of this.#services) {
      if (service.state === "closed") continue;
      const was = service.state;
      service.state = "closed";
      if (was !== "requesting")
        this.#tell({ type: "closed", service: service.status(), message: `${service.label} is closed` });
    }
    try {
      await this.#keeper.close();
    } finally {
      this.#events.complete();
    }
  }

  /* ---- connections ---- */

  /** Until it is there. */
  async #ask(service: Service): Promise<void> {
    const { first, last } = this.#options.retryMs ?? RETRY;
    for (let waitMs = first; !this.#stop.signal.aborted; waitMs = Math.min(2 * waitMs, last)) {
      try {
        await this.#askOnce(service);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const { code, message } = NsmError.from(error);
        service.error = message;
        this.#tell({
          type: "request-failed",
          code,
          service: service.status(),
          message: `${service.label}: ${message}`,
        });
        this.#keeper.settle(service.id);
        await pause(waitMs, this.#stop.signal);
      }
    }
  }

  async #askOnce(service: Service): Promise<void> {
    const { settings, identity, namespace, netns } = this.#options;
    const { request } = service;
    const mechanism: Mechanism =
      request.mechanism === KERNEL ? kernelMechanism(request.device, netns) : memifMechanism();
    const former = await findFormer(
      { url: settings.connectTo, dialTimeoutMs: settings.dialTimeoutMs, ...identity },
      service,
      this.#abort.signal,
    );
    if (former !== undefined) service.connection = { ...former, mechanism };
    else if (request.mechanism === KERNEL) await refuseTaken(namespace, request.device);
    const asked = { connection: service.connection, mechanismPreferences: [mechanism] };
    await this.#client.request(asked, this.#abort.signal);
  }

  /** Asks for the connection as it is; what has changed comes with the answer. */
  async #refresh(service: Service): Promise<void> {
    if (service.state !== "connected" || this.#stop.signal.aborted) return;
    await this.#client
      .request({ connection: clone(service.connection) }, this.#abort.signal)
      .catch((error: unknown) => {
        const { code, message } = NsmError.from(error);
        this.#tell({
          type: "request-failed",
          code,
          service: service.status(),
          message: `${service.label}: ${message}`,
        });
      });
  }

  /** Sees every answer, also those of refreshes and heals, and what is closed to be made anew. */
  #observer(): ChainElement {
    return (next) => ({
      request: async (request, call) => {
        const extra = request.connection?.context?.extraContext;
        if (this.#drain !== "" && request.connection != null) {
          request.connection.context ??= {
            ipContext: null,
            dnsContext: null,
            ethernetContext: null,
            extraContext: {},
            MTU: 0,
          };
          request.connection.context.extraContext[EXTRA.drain] = this.#drain;
        } else if (extra !== undefined) delete extra[EXTRA.drain];
        const connection = await next.request(request, call);
        this.#answered(clone(connection));
        return connection;
      },
      close: async (connection, call) => {
        const service = this.#byId(connection.id);
        if (service?.state === "healing") {
          // Replies move to another load-balancer, where there is one, before the link goes.
          service.usable = false;
          await settledWithin(this.#keeper.run(), CLOSE_GRACE_MS);
        }
        return next.close(connection, call);
      },
    });
  }

  #answered(connection: Connection): void {
    const service = this.#byId(connection.id);
    if (service === undefined) return;
    const wasThere = service.state;
    service.connection = connection;
    service.fresh = true;
    service.usable = true;
    service.error = undefined;
    service.state = "connected";
    if (wasThere === "requesting") service.alive = undefined;
    this.#keeper.settle(service.id);
    void this.#keeper.run();
  }

  #byId(id: string): Service | undefined {
    return this.#services.find((service) => service.id === id);
  }

  #healing(event: HealEvent): void {
    const service = this.#byId(event.connection.id);
    if (service === undefined || this.#stop.signal.aborted) return;
    const reselect = event.reselect ?? false;
    const why = event.error === undefined ? "" : `: ${NsmError.from(event.error).message}`;
    if (event.type === "healed") {
      const message = `${service.label} is back${reselect ? `, by ${service.connection.networkServiceEndpointName}` : ""}`;
      return this.#tell({ type: "healed", reselect, service: service.status(), message });
    }
    if (event.type === "control-plane-down" || event.type === "data-plane-down") {
      const what = event.type === "control-plane-down" ? "control-plane" : "data-plane";
      service.state = "healing";
      service.error =
        what === "control-plane" ? `the next hop lost the connection${why}` : "the gateway does not answer";
      if (what === "data-plane") service.usable = false;
      this.#tell({ type: "lost", what, service: service.status(), message: `${service.label}: ${service.error}` });
      void this.#keeper.run();
      return;
    }
    service.state = "healing";
    if (event.type === "healing") {
      const message = `${service.label} is asked for again${reselect ? ", from any endpoint" : ""}`;
      return this.#tell({ type: "healing", reselect, service: service.status(), message });
    }
    const { code, message } = NsmError.from(event.error);
    service.error = message;
    this.#tell({ type: "request-failed", code, service: service.status(), message: `${service.label}: ${message}` });
  }

  /** The next hop tells another context: a Request brings it here, through every hop. */
  #told(connection: Connection): void {
    const service = this.#byId(connection.id);
    if (service === undefined || service.state !== "connected") return;
    const context = JSON.stringify(connection.context);
    const isNew = context !== JSON.stringify(service.connection.context) && context !== service.toldContext;
    if (!isNew && connection.state !== "REFRESH_REQUESTED") return;
    service.toldContext = context;
    void this.#refresh(service);
  }

  /** A gateway that never answered is not known to answer at all: its silence says nothing. */
  async #isAlive(connection: Connection, signal: AbortSignal): Promise<boolean> {
    const service = this.#byId(connection.id);
    const { offer } = service ?? {};
    if (service === undefined || offer === undefined || offer.gateways.length === 0 || offer.socket !== undefined)
      return true;
    const { device } = offer;
    const ask = async (address: string) => {
      if (await ping(this.#options.namespace, { address, device }, signal)) return true;
      throw new NscError("OFFER", "silent");
    };
    const answered = await Promise.any(offer.gateways.map(ask)).catch(() => false);
    if (answered) service.alive = true;
    else if (service.alive !== undefined) service.alive = false;
    return service.alive ?? true;
  }

  /* ---- the host ---- */

  #wish(): HostWish {
    const links = this.#services.flatMap(({ offer, usable }) =>
      offer === undefined || offer.socket !== undefined || offer.vips.length === 0
        ? []
        : [{ device: offer.device, gateways: offer.gateways, vips: offer.vips, usable }],
    );
    const offered = this.#services.flatMap((service) => service.offer?.encaps ?? []);
    const encaps = offered.length > 0 ? { encaps: [...new Set(offered)] } : {};
    return { ...encaps, ...this.#options.host, links };
  }

  /** Looks at new answers. */
  async #judge(): Promise<void> {
    const devices = new Set(this.#services.map((service) => service.request.device));
    const others = await otherAddresses(this.#options.namespace, devices);
    for (const service of this.#services.filter((one) => one.fresh)) {
      service.fresh = false;
      try {
        const limits = { vips: this.#options.settings.vips, hostAddresses: others };
        const offer = offerOf(service.connection, service.request, limits);
        const before = service.offer;
        service.offer = offer;
        if (isDeepStrictEqual(offer, before)) continue;
        if (before?.endpoint !== offer.endpoint || !isDeepStrictEqual(before.gateways, offer.gateways))
          service.alive = undefined;
        this.#tellOffer(service, before === undefined);
      } catch (error) {
        service.error = (error as Error).message;
        this.#tell({ type: "refused", service: service.status(), message: service.error });
        if (service.offer === undefined) this.#startOver(service);
      }
    }
  }

  #tellOffer(service: Service, first: boolean): void {
    const { endpoint, addresses, gateways, vips, socket, ignored } = service.offer!;
    const by = socket === undefined ? "" : `, memif ${socket}`;
    const what = `${addresses.join(", ") || "no address"} to ${gateways.join(", ") || "no gateway"}, VIPs: ${vips.join(", ") || "none"}${by}`;
    const message = `${service.label} from ${endpoint}: ${what}`;
    this.#tell({ type: first ? "connected" : "changed", service: service.status(), message });
    for (const text of ignored)
      this.#tell({ type: "ignored", service: service.status(), message: `${service.label}: ${text}` });
  }

  /** Nothing of the connection can be used: it is given back, and asked for again later. */
  #startOver(service: Service): void {
    const { last } = this.#options.retryMs ?? RETRY;
    const work = async () => {
      service.state = "requesting";
      await this.#client.close(service.connection, this.#abort.signal).catch(() => undefined);
      service.connection = new Service(service.request, service.id).connection;
      await pause(last, this.#stop.signal);
      await this.#ask(service);
    };
    this.#asking = Promise.all([this.#asking, work()]);
  }

  #configured({ changed, anew, errors, wish }: Configured): void {
    this.#errors = errors.map((error) => error.message);
    const vips = [...new Set(wish.links.flatMap((link) => link.vips))];
    const devices = wish.links.map((link) => link.device);
    for (const message of this.#errors) this.#tell({ type: "setup-failed", message });
    if (errors.length === 0 && (anew || changed)) {
      const what = vips.length === 0 ? "no VIP is set up" : `VIPs ${vips.join(", ")} by ${devices.join(", ")}`;
      if (anew) this.#tell({ type: "configured", vips, devices, message: what });
      else
        this.#tell({
          type: "repaired",
          message: "somebody had changed the set-up of this host; it is as it was again",
        });
    }
    const problems = this.#problems();
    if ((problems.length === 0) === this.#ready) return;
    this.#ready = problems.length === 0;
    if (!this.#ready) return this.#tell({ type: "unready", message: problems.join("; ") });
    const gre = this.#keeper.host.greMode ?? "none";
    const message = `ready: ${vips.length === 0 ? "no VIPs" : vips.join(", ")} by ${this.#services.map((one) => one.request.device).join(", ")}, GRE: ${gre}`;
    this.#tell({ type: "ready", vips, gre, message });
  }

  #problems(): string[] {
    const services = this.#services.flatMap((service) => {
      if (service.state !== "connected")
        return [`${service.label} is ${service.state}${service.error === undefined ? "" : ` (${service.error})`}`];
      if (service.offer === undefined) return [`${service.label} is not set up yet`];
      return service.error === undefined ? [] : [`${service.label}: ${service.error}`];
    });
    return [...services, ...this.#errors];
  }

  #tell(event: Body<NscEvent>): void {
    this.#events.next({ at: new Date().toISOString(), ...event } as NscEvent);
  }
}

type Configured = Parameters<ConstructorParameters<typeof HostKeeper>[0]["onDone"]>[0];
