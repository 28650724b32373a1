import {
  Call,
  FORWARDER_SERVICE,
  newEndpoint,
  newService,
  NsmError,
  serviceName,
  type createForwarder,
  type EndpointInfo,
  type memoryRegistries,
  type NetworkServiceInfo,
  type NetworkServiceRequest,
  type ServiceHandlers,
} from "@networkservicemesh/sdk-ts";
import { onAbort } from "../sys/on-abort.ts";
import type { MeshCall, MeshEvent, OnMeshEvent } from "./events.ts";

/**
 * Tells of entries and connections that come and go; renewals are not told.
 * @returns what is registered, as it is at any time
 */
export function follow(
  registries: ReturnType<typeof memoryRegistries>,
  monitor: ReturnType<typeof createForwarder>["monitor"],
  signal: AbortSignal,
  onEvent: (event: MeshEvent) => void,
): {
  readonly services: ReadonlyMap<string, NetworkServiceInfo>;
  readonly endpoints: ReadonlyMap<string, EndpointInfo>;
} {
  const call = new Call({ signal });
  const services = new Map<string, NetworkServiceInfo>();
  const endpoints = new Map<string, EndpointInfo>();
  const connections = new Map<string, true>();
  void registries.services.watch(newService(), call, ({ info, deleted }) => {
    if (isNews(services, info.name, info, deleted))
      onEvent({ type: deleted ? "service-unregistered" : "service-registered", service: info });
  });
  void registries.endpoints.watch(newEndpoint(), call, ({ info, deleted }) => {
    if (info.networkServiceNames.includes(FORWARDER_SERVICE)) return;
    if (isNews(endpoints, info.name, info, deleted))
      onEvent({ type: deleted ? "endpoint-unregistered" : "endpoint-registered", endpoint: info });
  });
  const end = monitor.listen({ pathSegments: [] }, ({ type, connections: told }) => {
    for (const connection of Object.values(told)) {
      const gone = type === "DELETE";
      const news = isNews(connections, connection.id, true, gone);
      if (news) onEvent({ type: gone ? "disconnected" : "connected", connection });
      else if (!gone) onEvent({ type: "refreshed", connection });
    }
  });
  onAbort(signal, end);
  return { services, endpoints };
}

function isNews<T>(known: Map<string, T>, name: string, info: T, gone: boolean): boolean {
  const there = known.has(name);
  if (gone) known.delete(name);
  else known.set(name, info);
  return there === gone;
}

/** How each call ended, and which Requests failed, whatever refused them. */
export function tellCalls(
  services: readonly ServiceHandlers[],
  onEvent: OnMeshEvent,
  onCall: (call: MeshCall) => void,
): ServiceHandlers[] {
  return services.map((handlers) => {
    const service = serviceName(handlers.definition).split(".").at(-1) ?? "";
    const methods = Object.entries(handlers.methods).map(([method, handler]) => {
      if (handler.kind !== "unary") return [method, handler] as const;
      const run: typeof handler.run = async (message, call, headers) => {
        const startedMs = performance.now();
        const tell = (code: string) => onCall({ service, method, code, durationMs: performance.now() - startedMs });
        try {
          const answer = await handler.run(message, call, headers);
          tell("OK");
          return answer;
        } catch (error) {
          tell(NsmError.from(error).code);
          if (method === "Request") {
            const { connection } = message as NetworkServiceRequest;
            onEvent({ type: "request-failed", connection: connection ?? undefined, error: error as Error });
          }
          throw error;
        }
      };
      return [method, { kind: "unary", run }] as const;
    });
    return { ...handlers, methods: Object.fromEntries(methods) };
  });
}
