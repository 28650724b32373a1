import { randomUUID } from "node:crypto";
import { Call } from "./call.ts";
import { chain, compose, type ChainElement, type NetworkService } from "./chain.ts";
import { authorizeServer, ConnectionOwners } from "./elements/authorize.ts";
import { begin, CONNECTION_EVENTS, RefusedError, type ConnectionEvents } from "./elements/begin.ts";
import { monitor } from "./elements/monitor.ts";
import { connectionStore } from "./elements/store.ts";
import { timeout } from "./elements/timeout.ts";
import { trimPath } from "./elements/trim-path.ts";
import { updatePath } from "./elements/update-path.ts";
import { updateToken } from "./elements/update-token.ts";
import { validate } from "./elements/validate.ts";
import { clone, type Connection, type MonitorScopeSelector, type NetworkServiceRequest } from "./messages.ts";
import { ConnectionMonitor, monitorHandlers } from "./monitor.ts";
import { nsmServices } from "./proto.ts";
import { RESTORED } from "./restored.ts";
import type { ServiceHandlers } from "./server.ts";
import type { TokenGenerator } from "./token.ts";

export interface EndpointChainOptions {
  /** Name of this hop in paths. Default `endpoint-` and a random id. */
  readonly name?: string;
  readonly tokens: TokenGenerator;
  /** Callers must prove who they are (sdk's OPA policies). Default false: only with identities. */
  readonly authorize?: boolean;
  /** With `authorize`: whether a SPIFFE ID is told of all connections, not of its own alone. Default: none is. */
  readonly mayObserve?: (spiffeId: string) => boolean;
  /** What this endpoint does for a connection. */
  readonly elements: readonly ChainElement[];
  readonly monitor?: ConnectionMonitor;
}

export interface Endpoint extends NetworkService {
  readonly monitor: ConnectionMonitor;
  /** NetworkService and MonitorConnection, for a server. */
  readonly services: readonly ServiceHandlers[];
  /**
   * Takes up a connection that this endpoint had before a restart, as it was answered last and with our own segment as
   * the path's index: it can be closed, and it ends when the segment before says, unless it is refreshed.
   * @throws NsmError
   */
  restore(connection: Connection): Promise<void>;
  /**
   * Closes a connection although nobody asked for it, as at the end of its client's token: where the client is known to be
   * gone. One that is not there is no error.
   * @param id of this hop's segment @throws NsmError what the next hop answers
   */
  end(id: string): Promise<void>;
}

/** An endpoint's chain as the Go SDK composes it (sdk pkg/networkservice/chains/endpoint). @param signal ends its timers */
export function endpointChain(options: EndpointChainOptions, signal: AbortSignal): Endpoint {
  const hub = options.monitor ?? new ConnectionMonitor();
  const owners = new ConnectionOwners();
  const live = new Map<string, ConnectionEvents>();
  const service = chain(
    validate(),
    updatePath(options.name ?? `endpoint-${randomUUID()}`),
    begin({ undoAbandoned: true }),
    updateToken(options.tokens),
    options.authorize === true ? authorizeServer(owners) : undefined,
    connectionStore(),
    keepEvents(live),
    timeout(signal),
    monitor(hub, signal),
    trimPath(),
    compose(...options.elements),
  );
  const authorizeMonitor = (selector: MonitorScopeSelector, call: Call) => {
    const id = call.peer?.spiffeId;
    if (options.authorize !== true || (id !== undefined && options.mayObserve?.(id) === true)) return;
    owners.authorizeMonitor(selector, call);
  };
  return {
    monitor: hub,
    services: [networkServiceHandlers(service), monitorHandlers(hub, authorizeMonitor)],
    request: (request, call) => service.request(request, call),
    close: (connection, call) => service.close(connection, call),
    restore: async (connection) => {
      const request = { connection: clone(connection), mechanismPreferences: [] };
      await service.request(request, new Call().with(RESTORED, true));
    },
    end: async (id) => live.get(id)?.close(),
  };
}

/** The events of the connections that are there, for who ends one from outside. */
function keepEvents(live: Map<string, ConnectionEvents>): ChainElement {
  return (next) => ({
    async request(request, call) {
      const { id } = request.connection!;
      const connection = await next.request(request, call);
      live.set(id, call.get(CONNECTION_EVENTS)!);
      return connection;
    },
    async close(connection, call) {
      const events = live.get(connection.id);
      live.delete(connection.id);
      try {
        await next.close(connection, call);
      } catch (error) {
        // It is as it was.
        if (error instanceof RefusedError && events !== undefined) live.set(connection.id, events);
        throw error;
      }
    },
  });
}

/** The gRPC service over a chain. */
export function networkServiceHandlers(service: NetworkService): ServiceHandlers {
  return {
    definition: nsmServices().networkService,
    methods: {
      Request: { kind: "unary", run: (request: NetworkServiceRequest, call) => service.request(clone(request), call) },
      Close: {
        kind: "unary",
        run: async (connection: Connection, call) => {
          await service.close(clone(connection), call);
          return {};
        },
      },
    },
  };
}
