import type { Call } from "../call.ts";
import { CallKey } from "../call.ts";
import type { ChainElement, NetworkService } from "../chain.ts";
import { NsmError } from "../errors.ts";
import {
  clone,
  fromTimestamp,
  newEndpoint,
  newService,
  type Connection,
  type EndpointInfo,
  type NetworkServiceInfo,
  type NetworkServiceRequest,
} from "../messages.ts";
import { isSubset, own, selectEndpoints } from "../registry/match.ts";
import type { Registries } from "../registry/registry.ts";
import { NEXT_NAME, NEXT_URL } from "./remote.ts";
import { storeOf } from "./store.ts";

/** The service under which forwarders register. */
export const FORWARDER_SERVICE = "forwarder";
/** What a forwarder is labelled with unless the service asks for others. */
const DEFAULT_FORWARDER_LABELS: Readonly<Record<string, string>> = { p2p: "true" };

const FORWARDER = new CallKey<string>("forwarder of the connection");

/**
 * A manager's: sends the call to a forwarder that fits the service, the one that has the connection already, if any; on
 * a reselection to any (sdk pkg/networkservice/common/discoverforwarder).
 */
export function discoverForwarder(registries: Registries): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = request.connection!;
      const service = await findService(registries, connection.networkService, call);
      connection.payload ||= service.payload || "IP";
      const store = storeOf(call);
      const reselects = connection.state === "RESELECT_REQUESTED";
      const bound = reselects ? undefined : store.get(FORWARDER);
      const query = newEndpoint({ name: bound ?? "", networkServiceNames: [FORWARDER_SERVICE] });
      const found = forwardersFor(connection, service, alive(await registries.endpoints.find(query, call)));
      if (found.length === 0)
        throw new NsmError(
          "NOT_FOUND",
          bound === undefined ? "no forwarder is registered" : `forwarder ${bound} is gone`,
        );
      const candidates = reselects ? found : preferred(connection, found);
      return tryEach(candidates, request, call, next, (chosen) => store.set(FORWARDER, chosen.name));
    },
    async close(connection, call) {
      const { index, pathSegments } = connection.path ?? { index: 0, pathSegments: [] };
      const name = storeOf(call).get(FORWARDER) ?? pathSegments[index + 1]?.name ?? "";
      await next.close(connection, await towards(registries, name, call));
    },
  });
}

function forwardersFor(connection: Connection, service: NetworkServiceInfo, all: EndpointInfo[]): EndpointInfo[] {
  if (service.matches.length === 0) return all;
  const match = service.matches.find((each) => isSubset(connection.labels, each.sourceSelector, connection.labels));
  const wanted = match?.metadata?.labels ?? DEFAULT_FORWARDER_LABELS;
  return all.filter((forwarder) =>
    isSubset(own(forwarder.networkServiceLabels, FORWARDER_SERVICE)?.labels ?? {}, wanted, connection.labels),
  );
}

/** The forwarder that the path names, after a restart of this manager, comes first. */
function preferred(connection: Connection, found: readonly EndpointInfo[]): EndpointInfo[] {
  const { index, pathSegments } = connection.path ?? { index: 0, pathSegments: [] };
  const name = pathSegments[index + 1]?.name;
  return [...found].sort((a, b) => Number(b.name === name) - Number(a.name === name));
}

/**
 * A forwarder's: sends the call to an endpoint of the service that fits the client's labels, in turn; to the one that is
 * named, if one is (sdk pkg/networkservice/common/{discover,roundrobin}).
 */
export function discoverEndpoint(registries: Registries): ChainElement {
  const turns = new Map<string, number>();
  return (next) => ({
    async request(request, call) {
      const connection = request.connection!;
      if (call.get(NEXT_URL) !== undefined) return next.request(request, call);
      const { networkServiceEndpointName: named } = connection;
      if (named !== "") {
        const endpoint = await findEndpoint(registries, named, call);
        if (endpoint === undefined) throw new NsmError("NOT_FOUND", `endpoint ${named} is not registered`);
        return next.request(request, to(endpoint, call));
      }
      const service = await findService(registries, connection.networkService, call);
      connection.payload = service.payload || connection.payload;
      const query = newEndpoint({ networkServiceNames: [service.name] });
      const fitting = selectEndpoints(connection.labels, service, alive(await registries.endpoints.find(query, call)));
      if (fitting.length === 0)
        throw new NsmError(
          "NOT_FOUND",
          `no endpoint of ${service.name} fits the labels ${JSON.stringify(connection.labels)}`,
        );
      const turn = turns.get(service.name) ?? 0;
      turns.set(service.name, (turn + 1) % Number.MAX_SAFE_INTEGER);
      const ordered = fitting.map((_, i) => fitting[(turn + i) % fitting.length]!);
      return tryEach(ordered, request, call, next, () => undefined, true);
    },
    async close(connection, call) {
      const { networkServiceEndpointName: named } = connection;
      await next.close(connection, await towards(registries, named, call));
    },
  });
}

/** A Close goes on also where the next hop is not known any more: what is held here must go. */
async function towards(registries: Registries, name: string, call: Call): Promise<Call> {
  if (name === "" || call.get(NEXT_URL) !== undefined) return call;
  const endpoint = await findEndpoint(registries, name, call).catch(() => undefined);
  return endpoint === undefined ? call : to(endpoint, call);
}

function to({ name, url }: EndpointInfo, call: Call): Call {
  return call.with(NEXT_URL, url).with(NEXT_NAME, name);
}

async function tryEach(
  candidates: readonly EndpointInfo[],
  request: NetworkServiceRequest,
  call: Call,
  next: NetworkService,
  onChosen: (chosen: EndpointInfo) => void,
  named = false,
): Promise<Connection> {
  const failures: string[] = [];
  let last: unknown;
  for (const candidate of candidates) {
    if (call.signal.aborted) throw NsmError.fromAbort(call.signal);
    const attempt = clone(request);
    if (named) attempt.connection!.networkServiceEndpointName = candidate.name;
    try {
      const connection = await next.request(attempt, to(candidate, call));
      onChosen(candidate);
      return connection;
    } catch (error) {
      last = error;
      failures.push(`${candidate.name}: ${NsmError.from(error).message}`);
    }
  }
  if (failures.length === 1) throw NsmError.from(last);
  throw new NsmError(NsmError.from(last).code, `every candidate failed: ${failures.join("; ")}`, { cause: last });
}

async function findService(registries: Registries, name: string, call: Call): Promise<NetworkServiceInfo> {
  const found = await registries.services.find(newService({ name }), call);
  const service = found.find((each) => each.name === name);
  if (service === undefined)
    throw new NsmError("NOT_FOUND", `network service ${JSON.stringify(name)} is not registered`);
  return service;
}

async function findEndpoint(registries: Registries, name: string, call: Call): Promise<EndpointInfo | undefined> {
  const found = await registries.endpoints.find(newEndpoint({ name }), call);
  return found.find((each) => each.name === name);
}

function alive(endpoints: readonly EndpointInfo[]): EndpointInfo[] {
  return endpoints.filter((each) => (fromTimestamp(each.expirationTime) ?? Infinity) > Date.now());
}
