import { randomUUID } from "node:crypto";
import type * as grpc from "@grpc/grpc-js";
import { Call } from "./call.ts";
import { chain, compose, type ChainElement, type NetworkService } from "./chain.ts";
import { ChannelPool } from "./channel.ts";
import { authorizeClient } from "./elements/authorize.ts";
import { begin } from "./elements/begin.ts";
import { passDescriptors } from "./elements/descriptors.ts";
import { heal, type HealOptions } from "./elements/heal.ts";
import { refresh, type RefreshOptions } from "./elements/refresh.ts";
import { dial, remote } from "./elements/remote.ts";
import { connectionStore } from "./elements/store.ts";
import { keepPath } from "./elements/trim-path.ts";
import { updatePath } from "./elements/update-path.ts";
import { clone, newConnection, type Connection, type NetworkServiceRequest } from "./messages.ts";
import type { TokenGenerator } from "./token.ts";

export interface ClientChainOptions {
  /** Name of this hop in paths; unique among those that are alive. Default `client-` and a random id. */
  readonly name?: string;
  /** Of the next hop; absent: the call says (NEXT_URL). */
  readonly url?: string;
  readonly pool: ChannelPool;
  /** false: the Requests that come refresh (managers, forwarders). Default true. */
  readonly refresh?: RefreshOptions | false;
  /** false: who sent the Requests heals. Default: by choosing another endpoint. */
  readonly heal?: HealOptions | false;
  /** Time that a refresh, healing or closing of its own accord has. Default 15,000. */
  readonly timeoutMs?: number;
  /** Tokens of the answer are checked (sdk's OPA policies). Default false: only with identities. */
  readonly authorize?: boolean;
  /** What this client adds: mechanisms, contexts. They come before the next hop is called. */
  readonly elements?: readonly ChainElement[];
}

/** A client's chain as the Go SDK composes it (sdk pkg/networkservice/chains/client). */
export function clientChain(options: ClientChainOptions, signal: AbortSignal): NetworkService {
  return chain(
    updatePath(options.name ?? `client-${randomUUID()}`),
    begin({ merge: true, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) }),
    connectionStore(),
    options.refresh === false ? undefined : refresh(signal, options.refresh),
    dial(options.pool, options.url),
    options.heal === false ? undefined : heal(signal, options.heal),
    compose(...(options.elements ?? [])),
    options.authorize === true ? authorizeClient() : undefined,
    keepPath(),
    // A hop that passes Requests on holds no connection of its own: Closes come, or its process ends.
    passDescriptors(options.refresh === false ? undefined : signal),
    remote(),
  );
}

export interface NsmClientOptions {
  readonly name: string;
  /** Of the manager. */
  readonly url: string;
  readonly credentials?: grpc.ChannelCredentials;
  readonly tokens: TokenGenerator;
  /** A Request or Close takes at most so long. Default 15,000. */
  readonly requestTimeoutMs?: number;
  /** Default 5,000. */
  readonly dialTimeoutMs?: number;
  readonly refresh?: RefreshOptions;
  readonly heal?: HealOptions;
  readonly authorize?: boolean;
  readonly elements?: readonly ChainElement[];
}

/** A client of network services: connections stay, refreshed and healed, until they are closed. */
export class NsmClient {
  readonly #chain: NetworkService;
  readonly #pool: ChannelPool;
  readonly #abort = new AbortController();
  readonly #timeoutMs: number;
  readonly #open = new Map<string, Connection>();

  constructor(options: NsmClientOptions) {
    const { credentials, dialTimeoutMs, tokens, requestTimeoutMs = 15_000 } = options;
    this.#timeoutMs = requestTimeoutMs;
    this.#pool = new ChannelPool({
      tokens,
      ...(credentials === undefined ? {} : { credentials }),
      ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
    });
    const { name, url, refresh, heal, authorize, elements } = options;
    this.#chain = clientChain(
      {
        name,
        url,
        pool: this.#pool,
        timeoutMs: requestTimeoutMs,
        ...(refresh === undefined ? {} : { refresh }),
        ...(heal === undefined ? {} : { heal }),
        ...(authorize === undefined ? {} : { authorize }),
        ...(elements === undefined ? {} : { elements }),
      },
      this.#abort.signal,
    );
  }

  /** Connections as they were answered to `request`; healing may have changed them since. */
  get connections(): readonly Connection[] {
    return [...this.#open.values()];
  }

  /** Asks for a connection, or for a change of one. @throws NsmError */
  async request(request: Partial<NetworkServiceRequest>, signal?: AbortSignal): Promise<Connection> {
    const connection = clone(request.connection ?? newConnection());
    connection.id ||= randomUUID();
    const full = { connection, mechanismPreferences: clone(request.mechanismPreferences ?? []) };
    const made = await Call.within(this.#timeoutMs, (call) => this.#chain.request(full, call), signal);
    this.#open.set(made.id, clone(made));
    return made;
  }

  /** @throws NsmError; the connection is forgotten here all the same */
  async close(connection: Connection, signal?: AbortSignal): Promise<void> {
    this.#open.delete(connection.id);
    await Call.within(this.#timeoutMs, (call) => this.#chain.close(clone(connection), call), signal);
  }

  /**
   * Lets go of everything and tells nobody: connections stay until their tokens expire, or until a client of this name
   * requests them again.
   */
  abandon(): void {
    this.#open.clear();
    this.#abort.abort();
    this.#pool.close();
  }

  /** Closes every connection, as far as the next hop answers in time, and lets go of all. */
  async shutdown(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((connection) => this.close(connection)));
    this.#abort.abort();
    this.#pool.close();
  }
}
