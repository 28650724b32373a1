import { Subject } from "rxjs";
import type { NetworkServiceInfo } from "@networkservicemesh/sdk-ts";
import { readServices, startMesh, type Mesh, type MeshCall, type MeshEvent, type MeshOptions } from "../mesh/index.ts";
import type { LogEntry } from "../observe/events.ts";
import type { HttpServer } from "../observe/http.ts";
import { parseListen } from "../observe/listen.ts";
import type { MeshSource } from "../observe/sources.ts";
import { aborted } from "./aborted.ts";
import { openIdentity, type IdentityOptions, type NsmIdentity } from "./nsm-identity.ts";
import { NsmLinks } from "./nsm-links.ts";
import { meshEntry } from "./nsm-log.ts";

export interface NsmRoleOptions {
  /** Of this machine, the same over restarts. */
  readonly name: string;
  readonly listen: readonly string[];
  readonly identity: Omit<IdentityOptions, "name">;
  readonly services: readonly NetworkServiceInfo[];
  /** File of network services; read again on `reload`. */
  readonly servicesFile?: string;
  readonly excludedPrefixes?: readonly string[];
  readonly maxRegistrationMs?: number;
  readonly dialTimeoutMs?: number;
  /** A VPP through which KERNEL and MEMIF are joined. Absent: they are not. */
  readonly vpp?: {
    /** Its API socket. */
    readonly socket: string;
    readonly memifFolder: string;
    readonly netns?: string;
  };
  /** SPIFFE IDs that are told of all connections, beside this process's own. */
  readonly observers?: readonly string[];
  /** Permissions of unix sockets. */
  readonly mode?: number;
  /** Address of /metrics, /healthz and /readyz (see `parseListen`). Default: none. */
  readonly http?: string;
  readonly log?: (entry: LogEntry) => void;
  /** Called once everything is served. */
  readonly ready?: (urls: readonly string[], http?: string) => void;
  /** Calls back each time the file of services is to be read again. */
  readonly onReload?: (reload: () => void) => void;
}

/**
 * `vpplb nsm`: registry, manager and forwarder of one machine until the signal fires. What is wired stays wired:
 * connections live on, and are taken over by the next start.
 * @throws MeshError, SpiffeError, ObserveError
 */
export async function runNsm(options: NsmRoleOptions, signal: AbortSignal): Promise<void> {
  const log = options.log ?? (() => undefined);
  const given = () => [
    ...options.services,
    ...(options.servicesFile === undefined ? [] : readServices(options.servicesFile)),
  ];
  const services = given();
  if (options.http !== undefined) parseListen(options.http);
  const links = new NsmLinks(options, log);
  const identity = await openIdentity({ ...options.identity, name: `nsm-${options.name}` }, signal);
  const told = new Told(links, identity);
  try {
    await links.start();
    const http = await told.serve(options.http);
    const onEvent = (event: MeshEvent) => {
      log(meshEntry(event));
      told.events$.next(event);
    };
    const onCall = (call: MeshCall) => told.calls$.next(call);
    const mesh = await startMesh({ ...meshOptions(options, identity, links), services, onEvent, onCall }, signal);
    told.mesh = mesh;
    links.endGone((id) => mesh.end(id));
    log(readyEntry(mesh.urls, identity.id, http));
    options.onReload?.(() => {
      void reload(() => mesh.setServices(given()), log);
    });
    options.ready?.(mesh.urls, http);
    await aborted(signal);
    log({ event: "mesh-stopping", message: "told to stop; what is wired stays", connections: mesh.connections.size });
    await mesh.close();
  } finally {
    await told.close();
    links.close();
    identity.close();
  }
}

function meshOptions(options: NsmRoleOptions, identity: NsmIdentity, links: NsmLinks): MeshOptions {
  const { name, listen, excludedPrefixes, maxRegistrationMs, dialTimeoutMs, mode } = options;
  return {
    name,
    listen,
    tokens: identity.tokens,
    authorize: identity.authorize,
    ...(identity.clientCredentials === undefined ? {} : { clientCredentials: identity.clientCredentials }),
    ...(identity.serverCredentials === undefined ? {} : { serverCredentials: identity.serverCredentials }),
    ...(excludedPrefixes === undefined ? {} : { excludedPrefixes }),
    ...(maxRegistrationMs === undefined ? {} : { maxRegistrationMs }),
    ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
    ...(mode === undefined ? {} : { mode }),
    mayObserve: (id) => id === identity.id || options.observers?.includes(id) === true,
    wirings: links.wirings,
    interfaceBefore: (id) => links.interfaceBefore(id),
  };
}

function readyEntry(listen: readonly string[], identity: string | undefined, http: string | undefined): LogEntry {
  const who = identity ?? "nobody: clear text without identities";
  const pages = http === undefined ? "" : `, metrics on ${http}`;
  return { event: "mesh-ready", message: `ready: ${listen.join(", ")} as ${who}${pages}`, listen, identity, http };
}

/** What metrics and health are made of. They are served before the mesh: not ready, until it is there. */
class Told implements MeshSource {
  readonly events$ = new Subject<MeshEvent>();
  readonly calls$ = new Subject<MeshCall>();
  mesh: Mesh | undefined;
  readonly #links: NsmLinks;
  readonly #identity: NsmIdentity;
  #http: HttpServer | undefined;

  constructor(links: NsmLinks, identity: NsmIdentity) {
    this.#links = links;
    this.#identity = identity;
  }

  /** Loaded only where it is wanted: metrics take a few MB. @returns where @throws ObserveError LISTEN */
  async serve(listen: string | undefined): Promise<string | undefined> {
    if (listen === undefined) return undefined;
    const { serveNsmHttp } = await import("./nsm-http.ts");
    this.#http = await serveNsmHttp(this, listen);
    return this.#http.address;
  }

  urls = () => this.mesh?.urls ?? [];
  services = () => this.mesh?.services ?? new Map<string, never>();
  endpoints = () => this.mesh?.endpoints ?? new Map<string, never>();
  connections = () => this.mesh?.connections ?? new Map<string, never>();
  monitors = () => this.mesh?.monitors ?? 0;
  links = () => this.#links.counts();
  awaited = () => this.#links.awaited();
  vpp = () => this.#links.vpp();
  svidExpiresMs = () => this.#identity.expiresMs;

  async close(): Promise<void> {
    await this.#http?.close();
  }
}

async function reload(work: () => Promise<void>, log: (entry: LogEntry) => void): Promise<void> {
  try {
    await work();
  } catch (error) {
    log({ event: "config-refused", message: `network services stay as they are: ${(error as Error).message}` });
  }
}
