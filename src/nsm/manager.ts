import type * as grpc from "@grpc/grpc-js";
import { ChannelPool } from "./channel.ts";
import { clientChain } from "./client.ts";
import { connect } from "./elements/connect.ts";
import { receiveDescriptors, returnDescriptors } from "./elements/descriptors.ts";
import { discoverForwarder } from "./elements/discover.ts";
import { excludePrefixes } from "./elements/exclude-prefixes.ts";
import { endpointChain, type Endpoint } from "./endpoint.ts";
import type { Registries } from "./registry/registry.ts";
import { registryHandlers } from "./registry/server.ts";
import type { ServiceHandlers } from "./server.ts";
import type { TokenGenerator } from "./token.ts";

export interface ManagerOptions {
  readonly name: string;
  readonly tokens: TokenGenerator;
  readonly registries: Registries;
  /** For calls to forwarders. Default clear text. */
  readonly credentials?: grpc.ChannelCredentials;
  readonly authorize?: boolean;
  /** See EndpointChainOptions. */
  readonly mayObserve?: (spiffeId: string) => boolean;
  /** Prefixes that no endpoint may hand out. */
  readonly excludedPrefixes?: () => readonly string[];
  readonly dialTimeoutMs?: number;
}

export interface Manager extends Endpoint {
  /** NetworkService, MonitorConnection and both registries. */
  readonly services: readonly ServiceHandlers[];
  /** Lets go of its channels. */
  shutdown(): void;
}

/**
 * The manager of one machine: where clients and endpoints of it call, and what finds forwarders for them
 * (sdk pkg/networkservice/chains/nsmgr). @param signal ends its timers
 */
export function createManager(options: ManagerOptions, signal: AbortSignal): Manager {
  const { name, tokens, registries, credentials, authorize = false, dialTimeoutMs = 3000 } = options;
  const pool = new ChannelPool({ tokens, dialTimeoutMs, ...(credentials === undefined ? {} : { credentials }) });
  const client = clientChain({ name, pool, refresh: false, heal: false, authorize }, signal);
  const endpoint = endpointChain(
    {
      name,
      tokens,
      authorize,
      ...(options.mayObserve === undefined ? {} : { mayObserve: options.mayObserve }),
      elements: [
        receiveDescriptors(),
        returnDescriptors(),
        discoverForwarder(registries),
        excludePrefixes(options.excludedPrefixes ?? (() => [])),
        connect(client),
      ],
    },
    signal,
  );
  return {
    ...endpoint,
    services: [...endpoint.services, ...registryHandlers(registries, { tokens, authorize })],
    shutdown: () => pool.close(),
  };
}
