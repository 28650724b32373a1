import { X509Certificate } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import { onAbort } from "../sys/on-abort.ts";
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

/** Credentials whose certificate changes with time: connections made with an older one are left for new ones. */
export interface RotatingCredentials {
  /** Whether a connection made now would use this certificate (DER). */
  isCurrent(certificate: Uint8Array): boolean;
}

type Method = grpc.MethodDefinition<object, object>;

const DEFAULT_DIAL_MS = 5000;
const DEFAULT_CALL_MS = 15_000;
const LEAST_CALL_MS = 1000;
const IDLE_MS = 2000;
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
  readonly #closers: (() => void)[] = [];
  #transport: Transport | undefined;
  #leaveAtMs = Infinity;
  #isStale = false;
  #isRetired = false;

  /** @throws NsmError INVALID (the url) */
  constructor(url: string, options: ChannelOptions = {}) {
    this.url = url;
    this.#options = options;
    const credentials = new TransportCredentials(
      options.credentials ?? grpc.credentials.createInsecure(),
      (transport) => this.#connected(transport),
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

  /**
   * Whether what follows should go over a new channel: our certificate or the peer's is another by now, so that tokens
   * signed with new keys do not fit this connection. What goes on here may go on.
   */
  get stale(): boolean {
    const certificate = this.#transport?.peer.localCertificate;
    if (this.#isStale || certificate === undefined) return this.#isStale;
    return Date.now() >= this.#leaveAtMs || rotatingOf(this.#options)?.isCurrent(certificate) === false;
  }

  /** What the peer signed is not signed with the key of its certificate here. @returns what to throw */
  notSigned(message: string): StaleChannelError {
    this.#isStale = true;
    return new StaleChannelError("DENIED", message);
  }

  get connected(): boolean {
    return this.#client.getChannel().getConnectivityState(false) === grpc.connectivityState.READY;
  }

  /** Settles when it is connected. @throws NsmError UNAVAILABLE, TIMEOUT, CANCELLED */
  async ready(call: Call = new Call()): Promise<void> {
    const dialMs = Math.min(this.#options.dialTimeoutMs ?? DEFAULT_DIAL_MS, call.remainingMs() ?? Infinity);
    await new Promise<void>((resolve, reject) => {
      const cancelled = () => reject(new NsmError("CANCELLED", `dialling ${this.url} was given up`));
      if (call.signal.aborted) return cancelled();
      const forget = onAbort(call.signal, cancelled);
      this.#client.waitForReady(Date.now() + dialMs, (error) => {
        forget();
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
    const { metadata } = await this.#metadata();
    if (extra !== undefined) metadata.merge(extra);
    const stream = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request as object,
      metadata,
    );
    const cancel = () => stream.cancel();
    const forget = onAbort(call.signal, cancel);
    stream.once("close", forget);
    stream.once("end", forget);
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
    const { metadata, expiresMs } = await this.#metadata();
    if (extra !== undefined) metadata.merge(extra);
    return new Promise((resolve, reject) => {
      let headers = new grpc.Metadata();
      const deadline = Math.min(call.deadlineMs ?? Date.now() + DEFAULT_CALL_MS, latestDeadline(expiresMs));
      const grpcCall = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request as object,
        metadata,
        { deadline },
        (error, response) => {
          forget();
          // gRPC says of a call that we end ourselves only that it was cancelled, not that its time was over.
          if (error?.code === grpc.status.CANCELLED && call.signal.aborted) reject(NsmError.fromAbort(call.signal));
          else if (error !== null) reject(NsmError.from(error, this.url));
          else resolve({ response: response as Res, headers });
        },
      );
      grpcCall.on("metadata", (received) => (headers = received));
      const cancel = () => grpcCall.cancel();
      const forget = onAbort(call.signal, cancel);
      if (call.signal.aborted) cancel();
    });
  }

  /** Calls back when it is closed. */
  onClose(callback: () => void): void {
    this.#closers.push(callback);
  }

  close(): void {
    for (const closer of this.#closers.splice(0)) closer();
    this.retire();
    this.#transport?.descriptors?.destroy();
  }

  /** Takes no more calls; those that it has go on to their ends. */
  retire(): void {
    this.#isRetired = true;
    this.#client.close();
  }

  /** @returns whether it is wanted still */
  #connected(transport: Transport): boolean {
    if (this.#isRetired) return false;
    this.#transport = transport;
    const { certificate } = transport.peer;
    if (certificate !== undefined) this.#leaveHalfwayOf(certificate);
    return true;
  }

  #leaveHalfwayOf(certificate: Uint8Array): void {
    // Halfway to its end the peer has a newer one: SPIFFE's agents rotate then.
    const nowMs = Date.now();
    this.#leaveAtMs = nowMs + (Date.parse(new X509Certificate(certificate).validTo) - nowMs) / 2;
  }

  async #metadata(): Promise<{ metadata: grpc.Metadata; expiresMs: number | undefined }> {
    const metadata = new grpc.Metadata();
    const token = await this.#options.tokens?.(this.#transport?.peer);
    if (token !== undefined) writeToken(metadata, token);
    return { metadata, expiresMs: token?.expiresMs };
  }
}

/**
 * The Go SDK gives what a call made the time until its token expires, less the time that the call had: with as much as
 * the token lives, it would end at once (sdk pkg/networkservice/common/timeout, pkg/registry/common/expire).
 */
function latestDeadline(expiresMs: number | undefined): number {
  const nowMs = Date.now();
  return expiresMs === undefined ? Infinity : nowMs + Math.max(LEAST_CALL_MS, (expiresMs - nowMs) / 2);
}

function rotatingOf({ credentials }: ChannelOptions): RotatingCredentials | undefined {
  return credentials !== undefined && "isCurrent" in credentials
    ? (credentials as unknown as RotatingCredentials)
    : undefined;
}

/** Over a new connection it may be as it should. */
export class StaleChannelError extends NsmError {}

/** The channel to the next hop, for the call that goes there. */
export const CHANNEL = new CallKey<Channel>("channel");

/** An NSM url as gRPC names it. @throws NsmError INVALID */
export function grpcTarget(url: string): string {
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]*):(\d{1,5})$/.exec(url);
  if (tcp !== null) return `dns:${tcp[1]! || "localhost"}:${tcp[2]!}`;
  const abstract = /^unix:(?:\/\/)?@(.+)$/.exec(url);
  if (abstract !== null) return `unix-abstract:${abstract[1]!}`;
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(url);
  if (unix !== null) return `unix:${unix[1]!}`;
  throw new NsmError("INVALID", `${JSON.stringify(url)} is no url of NSM: unix:///path or tcp://host:port`);
}

/**
 * Channels by url, shared among those who use them. What nobody uses any more stays connected for a moment: the next
 * connection to the same hop comes soon, or never.
 */
export class ChannelPool {
  readonly #options: ChannelOptions;
  readonly #current = new Map<string, Channel>();
  readonly #users = new Map<Channel, number>();
  readonly #idle = new Map<Channel, NodeJS.Timeout>();

  constructor(options: ChannelOptions = {}) {
    this.#options = options;
  }

  /** Channels that are used, stale ones included. */
  get size(): number {
    return this.#users.size;
  }

  /** Never a stale one. @throws NsmError INVALID (the url) */
  take(url: string): Channel {
    const known = this.#current.get(url);
    const isGone = known === undefined || known.stale || (this.#idle.has(known) && !known.connected);
    const channel = isGone ? new Channel(url, this.#options) : known;
    if (known !== undefined) this.#wake(known, channel);
    this.#current.set(url, channel);
    this.#users.set(channel, (this.#users.get(channel) ?? 0) + 1);
    return channel;
  }

  release(channel: Channel): void {
    const users = this.#users.get(channel);
    if (users === undefined) return;
    if (users > 1) {
      this.#users.set(channel, users - 1);
      return;
    }
    this.#users.delete(channel);
    if (this.#current.get(channel.url) === channel && channel.connected && !channel.stale)
      this.#idle.set(channel, setTimeout(() => this.#forget(channel), IDLE_MS).unref());
    else this.#forget(channel);
  }

  close(): void {
    for (const channel of [...this.#users.keys(), ...this.#idle.keys()]) this.#forget(channel);
    this.#users.clear();
  }

  /** An idle one is used again, or another has taken its place. */
  #wake(idle: Channel, instead: Channel): void {
    if (!this.#idle.has(idle)) return;
    if (idle !== instead) return this.#forget(idle);
    clearTimeout(this.#idle.get(idle));
    this.#idle.delete(idle);
  }

  #forget(channel: Channel): void {
    clearTimeout(this.#idle.get(channel));
    this.#idle.delete(channel);
    if (this.#current.get(channel.url) === channel) this.#current.delete(channel.url);
    channel.close();
  }
}
