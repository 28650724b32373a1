import { isDeepStrictEqual } from "node:util";
import { Subject, type Observable } from "rxjs";
import type { Namespace } from "../kernel/namespace.ts";
import { Host } from "../target/host.ts";
import type { HostWish } from "../target/host-plan.ts";
import { Asker, type AskerOptions } from "./asker.ts";
import { countConnections } from "./connections.ts";
import type { NscSettings } from "./environment.ts";
import type { NscEvent, ServiceStatus, TellNsc } from "./events.ts";
import { HostKeeper, type HostLook } from "./host-keeper.ts";
import { offerOf, type Offer } from "./offer.ts";
import { otherAddresses } from "./resume.ts";
import type { Service } from "./service.ts";
import type { StateFile } from "./state-file.ts";
import { pause } from "./wait.ts";

export interface NscOptions {
  readonly settings: NscSettings;
  /** Who this is: see roles/nsm-identity. */
  readonly identity: AskerOptions["identity"];
  /** Where the interfaces come to be; it stays the caller's. */
  readonly namespace: Namespace;
  /** Path of that namespace, for the forwarder. Default: this process's own. */
  readonly netns?: string;
  readonly host?: Omit<HostWish, "links">;
  readonly state?: StateFile;
  readonly retryMs?: AskerOptions["retryMs"];
  /** The host is looked at so often, in case that somebody changed it. Default 5,000. */
  readonly repairMs?: number;
}

export interface NscStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly problems: readonly string[];
  readonly draining: boolean;
  /** How GRE is taken off; undefined: not at all yet. */
  readonly gre: string | undefined;
  /** Packets that we took out of GRE ourselves. */
  readonly decapsulated: { readonly packets: number; readonly dropped: number };
  readonly services: readonly ServiceStatus[];
}

const DRAIN_LOOK_MS = 200;

/** Asks for network services, sets the host up as an application server behind them, and keeps both so. */
export class NscAgent {
  readonly #options: NscOptions;
  readonly #asker: Asker;
  readonly #keeper: HostKeeper;
  readonly #events = new Subject<NscEvent>();
  #errors: readonly string[] = [];
  #ready = false;
  #draining = false;

  constructor(options: NscOptions) {
    const { settings, identity, namespace, netns, state, retryMs, repairMs } = options;
    this.#options = options;
    this.#asker = new Asker({
      ...{ settings, identity, namespace, netns, retryMs, tell: this.#tell },
      formerDevices: state?.former.devices ?? {},
      changed: (service) => this.#changed(service),
    });
    this.#keeper = new HostKeeper({
      host: new Host(namespace, state === undefined ? {} : { journal: state, adopted: state.former.changes }),
      expected: this.#asker.services.map((service) => service.id),
      wish: async () => {
        await this.#judge();
        return this.#wish();
      },
      ...(repairMs === undefined ? {} : { repairMs }),
      onDone: (look) => this.#configured(look),
    });
  }

  get events$(): Observable<NscEvent> {
    return this.#events;
  }

  status(): NscStatus {
    const { greMode, decapsulated } = this.#keeper.host;
    return {
      name: this.#options.settings.name,
      ready: this.#ready,
      problems: this.#problems(),
      draining: this.#draining,
      gre: greMode,
      decapsulated,
      services: this.#asker.services.map((service) => service.status()),
    };
  }

  /** Begins to ask; what happens is told by `events$`. */
  start(): void {
    this.#asker.start();
  }

  /**
   * Asks the load-balancers for no new flows, and waits until no TCP connection to a VIP is left, or for so long.
   * @returns connections that are left
   */
  async drain(timeoutMs: number, signal?: AbortSignal): Promise<number> {
    const until = Date.now() + timeoutMs;
    const left = () => countConnections(this.#options.namespace, this.#vips());
    const seconds = Math.ceil(timeoutMs / 1000);
    this.#draining = true;
    const message = `no new flows; ${left()} connections are left for at most ${seconds} s`;
    this.#tell({ type: "draining", seconds, message });
    await this.#asker.drain(seconds);
    while (Date.now() < until && signal?.aborted !== true && left() > 0)
      await pause(Math.min(DRAIN_LOOK_MS, until - Date.now()), signal);
    const connections = left();
    const what = connections === 0 ? "no connection is left" : `${connections} connections are left`;
    this.#tell({ type: "drained", connections, message: what });
    return connections;
  }

  /** Closes every connection and takes the set-up back. Idempotent. @throws TargetError SETUP: something could not be */
  async close(): Promise<void> {
    // Links go while their connections are closed: that is no failure of the set-up.
    this.#keeper.stop();
    await this.#asker.close();
    try {
      await this.#keeper.close();
    } finally {
      this.#events.complete();
    }
  }

  #vips(): string[] {
    return [...new Set(this.#wish().links.flatMap((link) => link.vips))];
  }

  #wish(): HostWish {
    const { services } = this.#asker;
    const links = services.flatMap(({ offer, usable }) =>
      offer === undefined || offer.socket !== undefined || offer.vips.length === 0
        ? []
        : [{ device: offer.device, gateways: offer.gateways, vips: offer.vips, l3dsr: offer.l3dsr, usable }],
    );
    const offered = [...new Set(services.flatMap((service) => service.offer?.encaps ?? []))];
    return { ...(offered.length > 0 ? { encaps: offered } : {}), ...this.#options.host, links };
  }

  #changed(service: Service): Promise<void> {
    this.#keeper.settle(service.id);
    return this.#keeper.run();
  }

  /** Looks at new answers. */
  async #judge(): Promise<void> {
    const { namespace, settings } = this.#options;
    const fresh = this.#asker.services.filter((service) => service.fresh);
    if (fresh.length === 0) return;
    const devices = new Set(this.#asker.services.map((service) => service.request.device));
    const limits = { vips: settings.vips, hostAddresses: await otherAddresses(namespace, devices) };
    for (const service of fresh) {
      service.fresh = false;
      try {
        this.#accept(service, offerOf(service.connection, service.request, limits));
      } catch (error) {
        service.error = (error as Error).message;
        this.#tell({ type: "refused", service: service.status(), message: service.error });
        if (service.offer === undefined) this.#asker.startOver(service);
      }
    }
  }

  #accept(service: Service, offer: Offer): void {
    const before = service.offer;
    service.offer = offer;
    if (isDeepStrictEqual(offer, before)) return;
    if (before?.endpoint !== offer.endpoint || !isDeepStrictEqual(before.gateways, offer.gateways))
      service.alive = undefined;
    const { endpoint, addresses, gateways, vips, socket, ignored } = offer;
    const own = `${addresses.join(", ") || "no address"} to ${gateways.join(", ") || "no gateway"}`;
    const by = socket === undefined ? "" : `, memif ${socket}`;
    const message = `${service.label} from ${endpoint}: ${own}, VIPs: ${vips.join(", ") || "none"}${by}`;
    this.#tell({ type: before === undefined ? "connected" : "changed", service: service.status(), message });
    for (const text of ignored)
      this.#tell({ type: "ignored", service: service.status(), message: `${service.label}: ${text}` });
  }

  #configured({ changed, anew, errors, wish }: HostLook): void {
    this.#errors = errors.map((error) => error.message);
    this.#rememberDevices();
    for (const message of this.#errors) this.#tell({ type: "setup-failed", message });
    const vips = this.#vips();
    const devices = wish.links.map((link) => link.device);
    if (errors.length === 0 && anew) {
      const message = vips.length === 0 ? "no VIP is set up" : `VIPs ${vips.join(", ")} by ${devices.join(", ")}`;
      this.#tell({ type: "configured", vips, devices, message });
    } else if (errors.length === 0 && changed) {
      this.#tell({
        type: "repaired",
        message: "the set-up of this host was changed by somebody; it is as it was again",
      });
    }
    this.#tellReadiness(vips);
  }

  #tellReadiness(vips: readonly string[]): void {
    // An answer came meanwhile: whether it changes anything is known after the next look, which is due.
    if (this.#asker.services.some((service) => service.fresh)) return;
    const problems = this.#problems();
    if ((problems.length === 0) === this.#ready) return;
    this.#ready = problems.length === 0;
    if (!this.#ready) return this.#tell({ type: "unready", message: problems.join("; ") });
    const gre = this.#keeper.host.greMode ?? "none";
    const devices = this.#asker.services.map((one) => one.request.device).join(", ");
    const message = `ready: ${vips.length === 0 ? "no VIPs" : vips.join(", ")} by ${devices}, GRE: ${gre}`;
    this.#tell({ type: "ready", vips, gre, message });
  }

  #problems(): string[] {
    const services = this.#asker.services.flatMap((service) => {
      const why = service.error === undefined ? "" : ` (${service.error})`;
      // Only the mesh is gone: packets pass as before.
      if (service.state === "healing" && service.usable && service.alive === true) return [];
      if (service.state !== "connected") return [`${service.label} is ${service.state}${why}`];
      if (service.offer === undefined || service.fresh) return [`${service.label} is not set up yet`];
      if (service.alive === false) return [`the gateway of ${service.label} does not answer`];
      return why === "" ? [] : [`${service.label}${why}`];
    });
    return [...services, ...this.#errors];
  }

  #rememberDevices(): void {
    const { state, namespace } = this.#options;
    if (state === undefined) return;
    const indices: Record<string, number> = {};
    for (const { offer } of this.#asker.services) {
      if (offer === undefined || offer.socket !== undefined) continue;
      try {
        indices[offer.device] = namespace.index(offer.device);
      } catch {
        // It is gone: nothing of it is left to be removed.
      }
    }
    state.recordDevices(indices);
  }

  readonly #tell: TellNsc = (event) => this.#events.next({ at: new Date().toISOString(), ...event } as NscEvent);
}
