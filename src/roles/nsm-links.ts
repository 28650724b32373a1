import type { ConnectionState } from "vpp-api-ts";
import type { Wiring } from "@networkservicemesh/sdk-ts";
import { forwarderName } from "../mesh/index.ts";
import type { LogEntry } from "../observe/events.ts";
import { DataplaneWiring } from "../wiring/dataplane.ts";
import { GoneClients } from "../wiring/gone.ts";
import { KernelWiring } from "../wiring/kernel.ts";
import { Links } from "../wiring/links.ts";
import { MemifHandOver } from "../wiring/memif.ts";
import { StaleLinks } from "../wiring/stale.ts";
import { vppEntry } from "./nsm-log.ts";
import type { NsmRoleOptions } from "./nsm.ts";

/** What joins clients and endpoints of one machine, and what an earlier start has left. */
export class NsmLinks {
  readonly #links: Links;
  readonly #stale: StaleLinks;
  readonly #kernel: KernelWiring;
  readonly #memif = new MemifHandOver();
  readonly #options: NsmRoleOptions;
  readonly #log: (entry: LogEntry) => void;
  #dataplane: DataplaneWiring | undefined;
  #gone: GoneClients | undefined;
  #vpp: ConnectionState | undefined;

  constructor(options: NsmRoleOptions, log: (entry: LogEntry) => void) {
    this.#options = options;
    this.#log = log;
    this.#links = new Links(forwarderName(options.name));
    this.#kernel = new KernelWiring(this.#links);
    this.#stale = new StaleLinks(this.#links, {
      onFound: ({ size: connections }) => {
        if (connections > 0)
          log({ event: "mesh-links-found", message: `${connections} connections are wired from before`, connections });
      },
      onRemoved: (name, why) => {
        log({ event: "mesh-link-removed", message: `interface ${name} is removed: ${why}`, interface: name, why });
        this.#dataplane?.sweep().catch(this.#failed("removing stale interfaces from VPP"));
      },
      onError: this.#failed("looking for links"),
    });
  }

  /** Looks for what is there; then VPP is connected to. */
  async start(): Promise<void> {
    await this.#stale.start();
    if (this.#options.vpp === undefined) return;
    this.#dataplane = new DataplaneWiring({
      ...this.#options.vpp,
      links: this.#links,
      isAwaited: (key) => this.#stale.keys.has(key),
      onState: (state) => {
        this.#vpp = state;
        const entry = vppEntry(state);
        if (entry !== undefined) this.#log(entry);
      },
      onError: (error, what) => this.#failed(what)(error),
    });
  }

  /** Ends connections whose clients are gone with their network namespaces. */
  endGone(end: (connectionId: string) => Promise<void>): void {
    this.#gone = new GoneClients(this.#links, {
      onGone: (id, client) => {
        const message = `nobody is left in the network namespace of ${client || "a client"}: its connection is ended`;
        this.#log({ event: "mesh-client-gone", message, connection: id, client });
        end(id).catch(this.#failed(`ending the connection of ${client}`));
      },
      onError: this.#failed("looking for clients that are gone"),
    });
    this.#gone.start();
  }

  /** Once it was started. */
  get wirings(): readonly Wiring[] {
    return [this.#kernel, this.#memif, ...(this.#dataplane === undefined ? [] : [this.#dataplane])];
  }

  /** Name of the endpoint's interface of a connection that is wired from before. */
  interfaceBefore(connectionId: string): string | undefined {
    return this.#stale.endpointNameOf(connectionId);
  }

  /** How many are wired, by what joins them. */
  counts(): Readonly<Record<string, number>> {
    const vpp = this.#dataplane === undefined ? {} : { vpp: this.#dataplane.size };
    return { veth: this.#kernel.size, socket: this.#memif.size, ...vpp };
  }

  /** Connections that are wired from before, and that no client has taken up. */
  awaited(): number {
    return [...this.#stale.keys].filter((key) => !this.#links.isLive(key)).length;
  }

  /** Of the VPP that was given. */
  vpp(): { readonly ready: boolean; readonly message: string } | undefined {
    if (this.#options.vpp === undefined) return undefined;
    const state = this.#vpp;
    const why = state?.status === "failed" ? `: ${state.error.message}` : "";
    const version = state?.status === "ready" ? ` ${state.version}` : "";
    return { ready: state?.status === "ready", message: `${state?.status ?? "connecting"}${version}${why}` };
  }

  /** What is wired stays. */
  close(): void {
    this.#gone?.close();
    this.#stale.close();
    this.#dataplane?.close();
  }

  #failed(what: string): (error: unknown) => void {
    return (error) => this.#log({ event: "mesh-links-failed", message: `${what}: ${(error as Error).message}` });
  }
}
