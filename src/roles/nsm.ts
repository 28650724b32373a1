import type { ConnectionState } from "vpp-api-ts";
import type { Connection, NetworkServiceInfo } from "@networkservicemesh/sdk-ts";
import { describeConnection, forwarderName, readServices, startMesh, type MeshEvent } from "../mesh/index.ts";
import type { LogEntry } from "../observe/events.ts";
import { DataplaneWiring } from "../wiring/dataplane.ts";
import { KernelWiring } from "../wiring/kernel.ts";
import { Links } from "../wiring/links.ts";
import { MemifHandOver } from "../wiring/memif.ts";
import { StaleLinks } from "../wiring/stale.ts";
import { openIdentity, type IdentityOptions } from "./nsm-identity.ts";

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
  readonly log?: (entry: LogEntry) => void;
  /** Called once everything is served. */
  readonly ready?: (urls: readonly string[]) => void;
  /** Calls back each time the file of services is to be read again. */
  readonly onReload?: (reload: () => void) => void;
}

/**
 * `vpplb nsm`: registry, manager and forwarder of one machine until the signal fires. What is wired stays wired:
 * connections live on, and are taken over by the next start.
 * @throws MeshError, SpiffeError
 */
export async function runNsm(options: NsmRoleOptions, signal: AbortSignal): Promise<void> {
  const log = options.log ?? (() => undefined);
  const given = () => [
    ...options.services,
    ...(options.servicesFile === undefined ? [] : readServices(options.servicesFile)),
  ];
  const services = given();
  const failed = (what: string) => (error: unknown) =>
    log({ event: "mesh-links-failed", message: `${what}: ${(error as Error).message}` });
  const links = new Links(forwarderName(options.name));
  const dataplane: { wiring?: DataplaneWiring } = {};
  const stale = new StaleLinks(links, {
    onFound: ({ size: connections }) => {
      if (connections > 0)
        log({ event: "mesh-links-found", message: `${connections} connections are wired from before`, connections });
    },
    onRemoved: (name, why) => {
      log({ event: "mesh-link-removed", message: `interface ${name} is removed: ${why}`, interface: name, why });
      dataplane.wiring?.sweep().catch(failed("removing stale interfaces from VPP"));
    },
    onError: failed("looking for links"),
  });
  const identity = await openIdentity({ ...options.identity, name: `nsm-${options.name}` }, signal);
  try {
    await stale.start();
    if (options.vpp !== undefined)
      dataplane.wiring = new DataplaneWiring({
        ...options.vpp,
        links,
        isAwaited: (key) => stale.keys.has(key),
        onState: (state) => logVpp(state, log),
        onError: (error, what) => failed(what)(error),
      });
    const { listen, excludedPrefixes, maxRegistrationMs, dialTimeoutMs, mode } = options;
    const mesh = await startMesh(
      {
        name: options.name,
        listen,
        services,
        tokens: identity.tokens,
        authorize: identity.authorize,
        ...(identity.clientCredentials === undefined ? {} : { clientCredentials: identity.clientCredentials }),
        ...(identity.serverCredentials === undefined ? {} : { serverCredentials: identity.serverCredentials }),
        ...(excludedPrefixes === undefined ? {} : { excludedPrefixes }),
        ...(maxRegistrationMs === undefined ? {} : { maxRegistrationMs }),
        ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
        ...(mode === undefined ? {} : { mode }),
        mayObserve: (id) => id === identity.id || options.observers?.includes(id) === true,
        wirings: [
          new KernelWiring(links),
          new MemifHandOver(),
          ...(dataplane.wiring === undefined ? [] : [dataplane.wiring]),
        ],
        interfaceBefore: (id) => stale.endpointNameOf(id),
        onEvent: (event) => log(entryOf(event)),
      },
      signal,
    );
    const who = identity.id ?? "nobody: clear text without identities";
    log({
      event: "mesh-ready",
      message: `ready: ${mesh.urls.join(", ")} as ${who}`,
      listen: mesh.urls,
      identity: identity.id,
    });
    options.onReload?.(() => {
      void reload(() => mesh.setServices(given()), log);
    });
    options.ready?.(mesh.urls);
    await aborted(signal);
    log({ event: "mesh-stopping", message: "told to stop; what is wired stays", connections: mesh.connections.size });
    await mesh.close();
  } finally {
    stale.close();
    dataplane.wiring?.close();
    identity.close();
  }
}

function logVpp(state: ConnectionState, log: (entry: LogEntry) => void): void {
  const { status } = state;
  if (status === "ready")
    log({ event: "vpp-connected", message: `VPP ${state.version}`, version: state.version, pid: state.pid });
  else if (status === "failed") log({ event: "vpp-failed", message: state.error.message });
  else if (status === "connecting") log({ event: "vpp-connecting", message: "connecting to VPP" });
}

async function reload(work: () => Promise<void>, log: (entry: LogEntry) => void): Promise<void> {
  try {
    await work();
  } catch (error) {
    log({ event: "config-refused", message: `network services stay as they are: ${(error as Error).message}` });
  }
}

function entryOf(event: MeshEvent): LogEntry {
  switch (event.type) {
    case "service-registered":
    case "service-unregistered": {
      const { name, payload, matches } = event.service;
      const message = `network service ${name}${event.type === "service-registered" ? "" : " is gone"}`;
      return {
        event: `mesh-${event.type}`,
        message,
        service: name,
        payload: payload || undefined,
        matches: matches.length,
      };
    }
    case "endpoint-registered":
    case "endpoint-unregistered": {
      const { name, url, networkServiceNames: services } = event.endpoint;
      const what = event.type === "endpoint-registered" ? `serves ${services.join(", ")} at ${url}` : "is gone";
      return { event: `mesh-${event.type}`, message: `endpoint ${name} ${what}`, endpoint: name, services, url };
    }
    case "request-failed": {
      const service = event.connection?.networkService ?? "";
      const client = event.connection?.path?.pathSegments[0]?.name ?? "";
      const message = `${client || "somebody"} asked for ${service || "nothing"}: ${event.error.message}`;
      const { code } = event.error as { code?: unknown };
      return { event: "mesh-request-failed", message, client, service, code: String(code ?? "INTERNAL") };
    }
    default:
      return connectionEntry(event.type, event.connection);
  }
}

function connectionEntry(type: "connected" | "refreshed" | "disconnected", connection: Connection): LogEntry {
  const { client, endpoint, service } = describeConnection(connection);
  const verb = { connected: "to", refreshed: "still to", disconnected: "no longer to" }[type];
  const mechanism = connection.mechanism?.type ?? "";
  const message = `${client} ${verb} ${endpoint} (${service}, ${mechanism})`;
  return { event: `mesh-${type}`, message, connection: connection.id, client, endpoint, service, mechanism };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
