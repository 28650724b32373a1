import type { Connection, EndpointInfo, NetworkServiceInfo } from "@networkservicemesh/sdk-ts";

/** What happens in a mesh. */
export type MeshEvent =
  | { readonly type: "service-registered" | "service-unregistered"; readonly service: NetworkServiceInfo }
  | { readonly type: "endpoint-registered" | "endpoint-unregistered"; readonly endpoint: EndpointInfo }
  | { readonly type: "connected" | "refreshed" | "disconnected"; readonly connection: Connection }
  | { readonly type: "request-failed"; readonly connection: Connection | undefined; readonly error: Error };

export type OnMeshEvent = (event: MeshEvent) => void;

/** A call of a client, an endpoint or another part of a mesh, from its arrival to the answer. */
export interface MeshCall {
  /** As gRPC names it, without its package: `NetworkService`, `NetworkServiceEndpointRegistry`. */
  readonly service: string;
  /** `Request`, `Close`, `Register`, `Unregister`. */
  readonly method: string;
  /** NsmError's, or `OK`. */
  readonly code: string;
  readonly durationMs: number;
}

/** Both ends of a connection's path, and what is between, for people. */
export function describeConnection(connection: Connection): {
  readonly client: string;
  readonly endpoint: string;
  readonly service: string;
} {
  const segments = connection.path?.pathSegments ?? [];
  return {
    client: segments[0]?.name ?? "",
    endpoint: connection.networkServiceEndpointName || (segments.at(-1)?.name ?? ""),
    service: connection.networkService,
  };
}
