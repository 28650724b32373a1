import * as grpc from "@grpc/grpc-js";
import { Call, CallKey, type Peer } from "./call.ts";
import { TransportCredentials, type Transport } from "./credentials.ts";
import { NsmError } from "./errors.ts";
import type { DescriptorSocket } from "./fd/socket.ts";
import { writeToken, type TokenGenerator } from "./token.ts";

export interface ChannelOptions {
  /** Default clear text. */
  readonly credentials?: grpc.ChannelCredentials;
  /** Tokens that go with each call. Absent: none do. */
  readonly tokens?: TokenGenerator;
  /** How long a connection may take to come up. Default 5,000. */
  readonly dialTimeoutMs?: number;
}

type Method = grpc.MethodDefinition<object, object>;

const DEFAULT_DIAL_MS = 5000;
const DEFAULT_CALL_MS = 15_000;
const MAX_MESSAGE_BYTES = 4 << 20;

const GRPC_OPTIONS: grpc.ChannelOptions = {
  // The next hop comes back under the same name within seconds, or another is chosen: long back-offs only delay healing.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.enable_retries": 0,
};

/**
 * A gRPC channel to one NSM hop. It connects when it is first used and again when it lost its connection.
 * Urls: `unix:///path`, `unix://@name` (abstract), `tcp://host:port`.
 */
export class Channel {
  readonly url: string;
  readonly #client: grpc.Client;
  readonly #options: ChannelOptions;
  #transport: Transport | undefined;

  /** @throws NsmError INVALID (the url) */
  constructor(url: string, options: ChannelOptions = {}) {
    this.url = url;
    this.#options = options;
    const credentials = new TransportCredentials(
      options.credentials ?? grpc.credentials.createInsecure(),
      (transport) => (this.#transport = transport),
    );
    this.#client = new grpc.Client(grpcTarget(url), credentials, GRPC_OPTIONS);
  }

  /** Of the connection as it is; undefined before the first, and where descriptors cannot pass. */
  get descriptors(): DescriptorSocket | undefined {
    const descriptors = this.#transport?.descriptors;
    return descriptors?.destroyed === true ? undefined : descriptors;
  }

  get peer(): Peer | undefined {
    return this.#transport?.peer;
  }

  /** Settles when it is connected. @throws NsmError UNAVAILABLE, TIMEOUT, CANCELLED */
  async ready(call: Call = new Call()): Promise<void> {
    const dialMs = Math.min(this.#options.dialTimeoutMs ?? DEFAULT_DIAL_MS, call.remainingMs() ?? Infinity);
    await new Promise<void>((resolve, reject) => {
      const cancelled = () => reject(new NsmError("CANCELLED", `dialling ${this.url} was given up`));
      if (call.signal.aborted) return cancelled();
      call.signal.addEventListener("abort", cancelled, { once: true });
      this.#client.waitForReady(Date.now() + dialMs, (error) => {
        call.signal.removeEventListener("abort", cancelled);
        if (error === undefined) resolve();
        else
          reject(
            new NsmError("UNAVAILABLE", `${this.url} cannot be reached within ${Math.round(dialMs)} ms`, {
              cause: error,
            }),
          );
      });
    });
  }

  /** One request, one answer. @throws NsmError */
  async unary<Req, Res>(method: Method, request: Req, call: Call): Promise<Res> {
    return (await this.unaryWithMetadata<Req, Res>(method, request, call)).response;
  }

  /**
   * One request, a stream of answers until the server ends it or the signal fires.
   * @throws NsmError UNAVAILABLE, CANCELLED; later failures come as the stream's errors
   */
  async stream<Req>(
    method: Method,
    request: Req,
    call: Call,
    extra?: grpc.Metadata,
  ): Promise<grpc.ClientReadableStream<object>> {
    await this.ready(call);
    const metadata = await this.#metadata();
    if (extra !== undefined) metadata.merge(extra);
    const stream = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request as object,
      metadata,
    );
    const cancel = () => stream.cancel();
    call.signal.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => call.signal.removeEventListener("abort", cancel));
    stream.on("end", () => call.signal.removeEventListener("abort", cancel));
    if (call.signal.aborted) cancel();
    return stream;
  }

  /** A unary call with metadata both ways: what the registries need. @throws NsmError */
  async unaryWithMetadata<Req, Res>(
    method: Method,
    request: Req,
    call: Call,
    extra?: grpc.Metadata,
  ): Promise<{ response: Res; headers: grpc.Metadata }> {
    await this.ready(call);
    const metadata = await this.#metadata();
    if (extra !== undefined) metadata.merge(extra);
    return new Promise((resolve, reject) => {
      let headers = new grpc.Metadata();
      const deadline = call.deadlineMs ?? Date.now() + DEFAULT_CALL_MS;
      const grpcCall = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request as object,
        metadata,
        { deadline },
        (error, response) => {
          call.signal.removeEventListener("abort", cancel);
          if (error !== null) reject(NsmError.from(error, this.url));
          else resolve({ response: response as Res, headers });
        },
      );
      grpcCall.on("metadata", (received) => (headers = received));
      const cancel = () => grpcCall.cancel();
      call.signal.addEventListener("abort", cancel, { once: true });
      if (call.signal.aborted) cancel();
    });
  }

  close(): void {
    this.#client.close();
    this.#transport?.descriptors?.destroy();
  }

  async #metadata(): Promise<grpc.Metadata> {
    const metadata = new grpc.Metadata();
    const token = await this.#options.tokens?.(this.#transport?.peer);
    if (token !== undefined) writeToken(metadata, token);
    return metadata;
  }
}

/** The channel to the next hop, for the call that goes there. */
export const CHANNEL = new CallKey<Channel>("channel");

/** An NSM url as gRPC names it. @throws NsmError INVALID */
export function grpcTarget(url: string): string {
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})$/.exec(url);
  if (tcp !== null) return `dns:${tcp[1]!}:${tcp[2]!}`;
  const abstract = /^unix:(?:\/\/)?@(.+)$/.exec(url);
  if (abstract !== null) return `unix-abstract:${abstract[1]!}`;
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(url);
  if (unix !== null) return `unix:${unix[1]!}`;
  throw new NsmError("INVALID", `${JSON.stringify(url)} is no url of NSM: unix:///path or tcp://host:port`);
}

/** Channels by url, shared among those who use them, closed when the last lets go. */
export class ChannelPool {
  readonly #options: ChannelOptions;
  readonly #channels = new Map<string, { channel: Channel; users: number }>();

  constructor(options: ChannelOptions = {}) {
    this.#options = options;
  }

  get size(): number {
    return this.#channels.size;
  }

  /** @throws NsmError INVALID (the url) */
  take(url: string): Channel {
    const entry = this.#channels.get(url) ?? { channel: new Channel(url, this.#options), users: 0 };
    entry.users += 1;
    this.#channels.set(url, entry);
    return entry.channel;
  }

  release(channel: Channel): void {
    const entry = this.#channels.get(channel.url);
    if (entry?.channel !== channel) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#channels.delete(channel.url);
    channel.close();
  }

  close(): void {
    for (const { channel } of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}
