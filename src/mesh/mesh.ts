import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type * as grpc from "@grpc/grpc-js";
import {
  Call,
  clone,
  createForwarder,
  createManager,
  expiringEndpoints,
  FORWARDER_SERVICE,
  memoryRegistries,
  newEndpoint,
  newService,
  parseRange,
  serveNsm,
  type Connection,
  type EndpointInfo,
  type NetworkServiceInfo,
  type NsmServer,
  type Registries,
  type ServerSecurity,
  type ServiceHandlers,
  type TokenGenerator,
  type Wiring,
} from "@networkservicemesh/sdk-ts";
import { MeshError } from "./errors.ts";
import type { MeshCall, OnMeshEvent } from "./events.ts";
import { implicitServices } from "./implicit.ts";
import { follow, tellCalls } from "./tell.ts";

export interface MeshOptions {
  /** Of this machine: manager and forwarder are `nsmgr-NAME` and `forwarder-NAME`. The same over restarts. */
  readonly name: string;
  /** `unix:///path` or `tcp://host:port`, one at least. */
  readonly listen: readonly string[];
  readonly tokens: TokenGenerator;
  readonly clientCredentials?: grpc.ChannelCredentials;
  readonly serverCredentials?: ServerSecurity;
  readonly authorize?: boolean;
  /** With `authorize`: whether a SPIFFE ID is told of all connections, not of its own alone. Default: none is. */
  readonly mayObserve?: (spiffeId: string) => boolean;
  readonly services?: readonly NetworkServiceInfo[];
  /** The longest that an endpoint stays registered without renewing. Default 60,000. */
  readonly maxRegistrationMs?: number;
  readonly excludedPrefixes?: readonly string[];
  readonly wirings: readonly Wiring[];
  /** See ForwarderOptions. */
  readonly interfaceBefore?: (connectionId: string) => string | undefined;
  /** Permissions of unix sockets. Default 0o660. */
  readonly mode?: number;
  readonly dialTimeoutMs?: number;
  readonly onEvent?: OnMeshEvent;
  readonly onCall?: (call: MeshCall) => void;
}

export interface Mesh {
  /** As clients and endpoints dial it. */
  readonly urls: readonly string[];
  /** Of the forwarder, which only the manager calls. */
  readonly forwarderUrl: string;
  /** Live connections. */
  readonly connections: ReadonlyMap<string, Connection>;
  /** What is registered, by name; endpoints without the forwarder. */
  readonly services: ReadonlyMap<string, NetworkServiceInfo>;
  readonly endpoints: ReadonlyMap<string, EndpointInfo>;
  /** Streams on which others watch connections. */
  readonly monitors: number;
  /** Registers these, and takes back those of before that are no longer among them. */
  setServices(services: readonly NetworkServiceInfo[]): Promise<void>;
  /** Closes a connection whose client is gone. @param id as the forwarder's wirings know it @throws NsmError */
  end(id: string): Promise<void>;
  /** Ends every call; what was wired stays. */
  close(): Promise<void>;
}

/**
 * Registry, manager and forwarder of one machine in one process. The manager reaches the forwarder by a socket of its
 * own, so that descriptors pass and identities are checked as between machines.
 * @throws MeshError INPUT, LISTEN
 */
export async function startMesh(options: MeshOptions, parent: AbortSignal): Promise<Mesh> {
  if (options.listen.length === 0) throw new MeshError("INPUT", "nothing to listen on");
  for (const prefix of options.excludedPrefixes ?? []) checkPrefix(prefix);
  const stop = new AbortController();
  const signal = AbortSignal.any([parent, stop.signal]);
  const onEvent = options.onEvent ?? (() => undefined);
  const memory = memoryRegistries();
  const { maxRegistrationMs } = options;
  const registries = implicitServices({
    services: memory.services,
    endpoints: expiringEndpoints(
      memory.endpoints,
      signal,
      maxRegistrationMs === undefined ? {} : { maxLifetimeMs: maxRegistrationMs },
    ),
  });
  const parts = makeParts(options, registries, signal);
  const place = forwarderPlace(options.listen);
  const servers: NsmServer[] = [];
  try {
    const serve = async (listen: string, services: readonly ServiceHandlers[]) => {
      const server = await serveOne(listen, services, options);
      servers.push(server);
      return server.url;
    };
    const forwarderUrl = await serve(place.url, parts.forwarder.services);
    await memory.endpoints.register(
      newEndpoint({
        name: forwarderName(options.name),
        url: forwarderUrl,
        networkServiceNames: [FORWARDER_SERVICE],
        networkServiceLabels: { [FORWARDER_SERVICE]: { labels: { p2p: "true" } } },
      }),
    );
    const services = new Services(registries);
    await services.set(options.services ?? []);
    const registered = follow(memory, parts.forwarder.monitor, signal, onEvent);
    const urls: string[] = [];
    const told = tellCalls(parts.manager.services, onEvent, options.onCall ?? (() => undefined));
    for (const listen of options.listen) urls.push(await serve(listen, told));
    return {
      ...registered,
      get monitors() {
        return parts.manager.monitor.listeners;
      },
      urls,
      forwarderUrl,
      connections: parts.forwarder.monitor.connections,
      setServices: (wanted) => services.set(wanted),
      end: (id) => endConnection(parts, id),
      close: async () => {
        stop.abort();
        await Promise.all(servers.map((server) => server.close()));
        parts.shutdown();
        place.remove();
      },
    };
  } catch (error) {
    stop.abort();
    await Promise.all(servers.map((server) => server.close()));
    parts.shutdown();
    place.remove();
    throw error;
  }
}

/** At the manager, so that every hop hears of it; at the forwarder where the manager does not know it (any more). */
async function endConnection({ manager, forwarder }: ReturnType<typeof makeParts>, id: string): Promise<void> {
  const segments = forwarder.monitor.connections.get(id)?.path?.pathSegments ?? [];
  const before = segments[segments.findIndex((segment) => segment.id === id) - 1];
  if (before !== undefined) await manager.end(before.id);
  await forwarder.end(id);
}

/** What the forwarder of a machine is called in paths. */
export function forwarderName(name: string): string {
  return `forwarder-${name}`;
}

function checkPrefix(prefix: string): void {
  try {
    parseRange(prefix);
  } catch (error) {
    throw new MeshError("INPUT", `excluded prefix ${prefix}: ${(error as Error).message}`, error);
  }
}

function makeParts(options: MeshOptions, registries: Registries, signal: AbortSignal) {
  const { tokens, clientCredentials, authorize = false, dialTimeoutMs, excludedPrefixes = [] } = options;
  const common = {
    tokens,
    registries,
    authorize,
    ...(clientCredentials === undefined ? {} : { credentials: clientCredentials }),
    ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
  };
  const manager = createManager(
    {
      ...common,
      name: `nsmgr-${options.name}`,
      excludedPrefixes: () => excludedPrefixes,
      ...(options.mayObserve === undefined ? {} : { mayObserve: options.mayObserve }),
    },
    signal,
  );
  const forwarder = createForwarder(
    {
      ...common,
      name: forwarderName(options.name),
      wirings: options.wirings,
      offers: ["KERNEL", "MEMIF"],
      ...(options.interfaceBefore === undefined ? {} : { interfaceBefore: options.interfaceBefore }),
    },
    signal,
  );
  return {
    manager,
    forwarder,
    shutdown: () => {
      manager.shutdown();
      forwarder.shutdown();
    },
  };
}

/** Beside the first unix socket, so that both are of one file system and one set of permissions. */
function forwarderPlace(listen: readonly string[]): { readonly url: string; remove(): void } {
  const path = listen.map(unixPath).find((each) => each !== undefined);
  if (path !== undefined)
    return { url: `unix://${join(dirname(path), `forwarder-${basename(path)}`)}`, remove: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), "vpplb-nsm-"));
  return { url: `unix://${folder}/forwarder.sock`, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function unixPath(url: string): string | undefined {
  return /^unix:(?:\/\/)?(\/.+)$/.exec(url)?.[1];
}

async function serveOne(
  listen: string,
  services: readonly ServiceHandlers[],
  { mode, serverCredentials }: MeshOptions,
): Promise<NsmServer> {
  const path = unixPath(listen);
  try {
    if (path !== undefined) mkdirSync(dirname(path), { recursive: true });
    return await serveNsm({
      listen,
      services,
      ...(mode === undefined ? {} : { mode }),
      ...(serverCredentials === undefined ? {} : { credentials: serverCredentials }),
    });
  } catch (error) {
    const code = (error as { code?: unknown }).code === "INVALID" ? "INPUT" : "LISTEN";
    throw new MeshError(code, (error as Error).message, error);
  }
}

/** The services that are given, beside those that endpoints register. */
class Services {
  readonly #registries: Registries;
  #given: readonly string[] = [];

  constructor(registries: Registries) {
    this.#registries = registries;
  }

  async set(wanted: readonly NetworkServiceInfo[]): Promise<void> {
    const call = new Call();
    for (const service of wanted) await this.#registries.services.register(clone(service), call);
    const names = wanted.map(({ name }) => name);
    for (const name of this.#given)
      if (!names.includes(name)) await this.#registries.services.unregister(newService({ name }), call);
    this.#given = names;
  }
}
