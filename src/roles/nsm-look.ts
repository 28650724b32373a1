import { readlinkSync } from "node:fs";
import {
  Call,
  Channel,
  currentConnections,
  fromTimestamp,
  monitorConnections,
  newEndpoint,
  newService,
  NsmError,
  remoteRegistries,
  type Connection,
  type EndpointInfo,
  type NetworkServiceInfo,
  type Registry,
} from "@networkservicemesh/sdk-ts";
import { describeConnection } from "../mesh/index.ts";
import { aborted } from "./aborted.ts";
import { openIdentity, type IdentityOptions } from "./nsm-identity.ts";

/** A manager or registry, and who asks it. */
export interface LookOptions {
  readonly url: string;
  readonly identity: Omit<IdentityOptions, "name">;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

export interface ServiceRow {
  readonly name: string;
  /** As registered; empty is IP. */
  readonly payload: string;
  readonly matches: NetworkServiceInfo["matches"];
  /** Names of the endpoints that serve it. */
  readonly endpoints: readonly string[];
}

export interface EndpointRow {
  readonly name: string;
  readonly services: readonly string[];
  /** By service. */
  readonly labels: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly url: string;
  /** ISO 8601; absent: never. */
  readonly expires?: string;
}

/** Without the tokens of its path: whoever has one speaks for its hop. */
export interface ConnectionRow {
  readonly id: string;
  readonly client: string;
  readonly service: string;
  readonly endpoint: string;
  readonly mechanism: string;
  /** Of the client. */
  readonly interface?: string;
  readonly state: string;
  readonly payload: string;
  /** Of the client, and of the endpoint. */
  readonly addresses: { readonly client: readonly string[]; readonly endpoint: readonly string[] };
  readonly path: readonly string[];
  /** When it ends unless it is refreshed; ISO 8601. */
  readonly expires?: string;
}

/** What `watch` tells. */
export type LookEvent =
  | { readonly kind: "service"; readonly deleted: boolean; readonly service: Omit<ServiceRow, "endpoints"> }
  | { readonly kind: "endpoint"; readonly deleted: boolean; readonly endpoint: EndpointRow }
  | { readonly kind: "connection"; readonly deleted: boolean; readonly connection: ConnectionRow };

const DEFAULT_TIMEOUT_MS = 5000;

/** @throws NsmError, SpiffeError */
export function lookAtServices(options: LookOptions, signal: AbortSignal): Promise<ServiceRow[]> {
  return ask(options, signal, async (channel, call) => {
    const { services, endpoints } = remoteRegistries(() => channel);
    const [found, all] = await Promise.all([services.find(newService(), call), endpoints.find(newEndpoint(), call)]);
    const serving = (name: string) =>
      all.filter((one) => one.networkServiceNames.includes(name)).map((one) => one.name);
    return found.map((one) => ({ ...serviceRow(one), endpoints: serving(one.name).sort() })).sort(byName);
  });
}

/** @param service only those that serve it @throws NsmError, SpiffeError */
export function lookAtEndpoints(options: LookOptions, signal: AbortSignal, service?: string): Promise<EndpointRow[]> {
  return ask(options, signal, async (channel, call) => {
    const query = newEndpoint(service === undefined ? {} : { networkServiceNames: [service] });
    const found = await remoteRegistries(() => channel).endpoints.find(query, call);
    return found.map(endpointRow).sort(byName);
  });
}

/** As the manager sees them. @throws NsmError DENIED: with identities, only observers see all; SpiffeError */
export function lookAtConnections(options: LookOptions, signal: AbortSignal): Promise<ConnectionRow[]> {
  return ask(options, signal, async (channel, call) => {
    const found = await currentConnections(channel, { pathSegments: [] }, call);
    return found.map(connectionRow).sort((a, b) => compare(a.client, b.client) || compare(a.service, b.service));
  });
}

/**
 * Everything that is there, then every change, until the signal fires.
 * @param onReady called when nothing is missed any more
 * @throws NsmError: the manager is gone, or does not let us; SpiffeError
 */
export async function watchMesh(
  options: LookOptions,
  signal: AbortSignal,
  onEvent: (event: LookEvent) => void,
  onReady: () => void,
): Promise<void> {
  await withChannel(options, signal, async (channel) => {
    await Call.within(options.timeoutMs ?? DEFAULT_TIMEOUT_MS, (call) => channel.ready(call), signal);
    const { services, endpoints } = remoteRegistries(() => channel);
    const call = new Call({ signal });
    const told = new Map<string, string>();
    // Renewals change nothing that is worth telling.
    const isNews = (key: string, what: unknown): boolean => {
      const text = JSON.stringify(what);
      if (told.get(key) === text) return false;
      told.set(key, text);
      return true;
    };
    const ended = new Promise<never>((_, reject) => {
      const connections = monitorConnections(channel, { pathSegments: [] }, call, {
        onEvent: ({ type, connections: changed }) => {
          for (const connection of Object.values(changed)) {
            const row = connectionRow(connection);
            const deleted = type === "DELETE";
            if (isNews(`connection ${row.id}`, { ...row, expires: undefined, deleted }))
              onEvent({ kind: "connection", deleted, connection: row });
          }
        },
        onEnd: reject,
      });
      connections.then(onReady, reject);
    });
    const watch = <T>(registry: Registry<T>, query: T, tell: (info: T, deleted: boolean) => void) =>
      registry
        .watch(query, call, ({ info, deleted }) => tell(info, deleted))
        .then(() => {
          if (!signal.aborted) throw new NsmError("UNAVAILABLE", `${options.url} ended its watch`);
        });
    await Promise.race([
      ended,
      aborted(signal),
      watch(services, newService(), (info, deleted) => {
        const service = serviceRow(info);
        if (isNews(`service ${info.name}`, { ...service, deleted })) onEvent({ kind: "service", deleted, service });
      }),
      watch(endpoints, newEndpoint(), (info, deleted) => {
        const endpoint = endpointRow(info);
        if (isNews(`endpoint ${info.name}`, { ...endpoint, expires: undefined, deleted }))
          onEvent({ kind: "endpoint", deleted, endpoint });
      }),
    ]);
  });
}

function serviceRow({ name, payload, matches }: NetworkServiceInfo): Omit<ServiceRow, "endpoints"> {
  return { name, payload, matches };
}

function endpointRow(info: EndpointInfo): EndpointRow {
  const labels = Object.entries(info.networkServiceLabels).map(([service, one]) => [service, one.labels] as const);
  const expiresMs = fromTimestamp(info.expirationTime);
  return {
    name: info.name,
    services: info.networkServiceNames,
    labels: Object.fromEntries(labels),
    url: urlAsRegistered(info.url),
    ...(expiresMs === undefined ? {} : { expires: new Date(expiresMs).toISOString() }),
  };
}

/** A socket that came as a descriptor is a file of this process: said is the name that it has. */
function urlAsRegistered(url: string): string {
  const file = new RegExp(`^unix://(/proc/${process.pid}/fd/\\d+)$`).exec(url)?.[1];
  if (file === undefined) return url;
  try {
    return `unix://${readlinkSync(file)}`;
  } catch {
    return url;
  }
}

function connectionRow(connection: Connection): ConnectionRow {
  const { client, endpoint, service } = describeConnection(connection);
  const { mechanism, context, path } = connection;
  const segments = path?.pathSegments ?? [];
  const name = mechanism?.parameters["name"];
  const times = segments.map((segment) => fromTimestamp(segment.expires)).filter((time) => time !== undefined);
  return {
    id: segments[0]?.id ?? connection.id,
    client,
    service,
    endpoint,
    mechanism: mechanism?.type ?? "",
    ...(name === undefined || name === "" ? {} : { interface: name }),
    state: connection.state,
    payload: connection.payload,
    addresses: { client: context?.ipContext?.srcIpAddrs ?? [], endpoint: context?.ipContext?.dstIpAddrs ?? [] },
    path: segments.map((segment) => segment.name),
    ...(times.length === 0 ? {} : { expires: new Date(Math.min(...times)).toISOString() }),
  };
}

function ask<T>(
  options: LookOptions,
  signal: AbortSignal,
  work: (channel: Channel, call: Call) => Promise<T>,
): Promise<T> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  return withChannel(options, signal, (channel) => Call.within(timeoutMs, (call) => work(channel, call), signal));
}

async function withChannel<T>(
  { url, identity: given, timeoutMs = DEFAULT_TIMEOUT_MS }: LookOptions,
  signal: AbortSignal,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const identity = await openIdentity({ timeoutMs, ...given, name: "vpplb" }, signal);
  try {
    const { tokens, credentials } = identity.client;
    // Earlier than the whole: so the error says what was not there.
    const options = {
      tokens,
      dialTimeoutMs: (timeoutMs * 4) / 5,
      ...(credentials === undefined ? {} : { credentials }),
    };
    const channel = new Channel(url, options);
    // A channel on a unix socket alone does not keep a process alive.
    const alive = setInterval(() => undefined, 60_000);
    try {
      return await work(channel);
    } finally {
      clearInterval(alive);
      channel.close();
    }
  } finally {
    identity.close();
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
