import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import net from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { Call, CallKey, type Peer } from "./call.ts";
import { peerOf } from "./credentials.ts";
import { NsmError } from "./errors.ts";
import { healthHandlers } from "./health.ts";
import { DescriptorSocket } from "./fd/socket.ts";

/** Where the caller's connection carries descriptors: the socket. */
export const CALLER_DESCRIPTORS = new CallKey<DescriptorSocket>("the caller's descriptors");

export interface UnaryHandler {
  readonly kind: "unary";
  /** May set response headers. Rejects with NsmError. */
  run(request: never, call: Call, headers: grpc.Metadata): Promise<object>;
}

export interface StreamHandler {
  readonly kind: "stream";
  /** Sends until the call's signal fires or it settles. `send` is false where the client is slow: its queue is full. */
  run(request: never, call: Call, send: (message: object) => boolean, headers: grpc.Metadata): Promise<void>;
}

export interface ServiceHandlers {
  readonly definition: grpc.ServiceDefinition;
  /** By method name. */
  readonly methods: Readonly<Record<string, UnaryHandler | StreamHandler>>;
  /** Lets go of what they hold, when a server that serves them closes. */
  close?(): void;
}

export interface NsmServerOptions {
  /** `unix:///path` or `tcp://host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly services: readonly ServiceHandlers[];
  /** What secures each connection; TLS with ALPN `h2`. Default: nothing, clear text. */
  readonly credentials?: ServerSecurity;
  /** Connections at once; more are refused. Default 1,000. */
  readonly maxConnections?: number;
  /** Permissions of a unix socket. Default 0o660. */
  readonly mode?: number;
  /** Calls without a deadline of their own get this one. Default 15,000. */
  readonly callTimeoutMs?: number;
}

/**
 * Does the server's side of the handshake on a connection that came in, with the certificate of its moment; settles when
 * the peer is authenticated. Rejects, and destroys the socket, where it is not.
 */
export type ServerSecurity = (socket: Duplex) => Promise<TLSSocket>;

export interface NsmServer {
  /** As others dial it. */
  readonly url: string;
  /** Ends every call and connection. */
  close(): Promise<void>;
}

/** setTimeout's limit. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_PORT = 65_535;

const SERVER_OPTIONS: grpc.ServerOptions = {
  "grpc.max_receive_message_length": 4 << 20,
  "grpc.max_concurrent_streams": 10_000,
};

/**
 * Serves NSM's services, and grpc.health.v1 over them, on a unix socket, where descriptors pass, or on TCP.
 * @throws NsmError INVALID, CONFLICT
 */
export async function serveNsm(given: NsmServerOptions): Promise<NsmServer> {
  const options = { ...given, services: [...given.services, healthHandlers(given.services)] };
  const server = await serveOn(options);
  return {
    url: server.url,
    close: async () => {
      await server.close();
      for (const handlers of options.services) handlers.close?.();
    },
  };
}

async function serveOn(options: NsmServerOptions): Promise<NsmServer> {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(options.listen)?.[1];
  if (path !== undefined) {
    await removeStale(path);
    const server = await listen({ path }, options);
    chmodSync(path, options.mode ?? 0o660);
    return { url: `unix://${path}`, close: server.close };
  }
  const tcp = /^tcp:\/\/(?:\[([0-9a-fA-F:]+)\]|([^:/]*)):(\d{1,5})$/.exec(options.listen);
  const port = Number(tcp?.[3]);
  if (tcp === null || port > MAX_PORT)
    throw new NsmError("INVALID", `${options.listen} is no url to listen on: unix:///path or tcp://host:port`);
  const host = tcp[1] ?? tcp[2] ?? "";
  const server = await listen({ port, ...(host === "" ? {} : { host }) }, options);
  return { url: `tcp://${tcp[1] === undefined ? host : `[${host}]`}:${server.port}`, close: server.close };
}

/** One gRPC server for each connection: only so a handler knows which connection a call came on. */
async function listen(
  where: net.ListenOptions,
  options: NsmServerOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const open = new Map<net.Socket, () => void>();
  const isUnix = where.path !== undefined;
  const listener = net.createServer({ pauseOnConnect: isUnix, noDelay: true }, (socket) => {
    const connection = new Incoming(socket, isUnix, options);
    open.set(socket, () => connection.end());
    socket.once("close", () => {
      open.delete(socket);
      connection.end();
    });
    void connection.run();
  });
  listener.maxConnections = options.maxConnections ?? 1000;
  await new Promise<void>((resolve, reject) => {
    listener.once("error", (error) =>
      reject(new NsmError("CONFLICT", `cannot listen on ${options.listen}: ${error.message}`, { cause: error })),
    );
    listener.listen(where, resolve);
  });
  return {
    port: isUnix ? 0 : (listener.address() as net.AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const end of [...open.values()]) end();
      }),
  };
}

/** One connection that came in. */
class Incoming {
  readonly #socket: net.Socket;
  readonly #descriptors: DescriptorSocket | undefined;
  readonly #options: NsmServerOptions;
  #transport: Duplex | undefined;
  #shutdown: (() => void) | undefined;
  #ended = false;

  constructor(socket: net.Socket, isUnix: boolean, options: NsmServerOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("error", () => socket.destroy());
    this.#descriptors = isUnix ? new DescriptorSocket(socket) : undefined;
    this.#descriptors?.on("error", () => undefined);
  }

  async run(): Promise<void> {
    const { remoteAddress = "unix", remotePort } = this.#socket;
    const address = remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
    const plain = this.#descriptors ?? this.#socket;
    let transport: Duplex;
    try {
      transport = (await this.#options.credentials?.(plain)) ?? plain;
    } catch {
      return this.end();
    }
    if (this.#ended) return void transport.destroy();
    this.#transport = transport.on("error", () => undefined);
    const server = makeServer(this.#options, { descriptors: this.#descriptors, peer: peerOf(address, transport) });
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    this.#shutdown = () => {
      injector.destroy();
      server.forceShutdown();
    };
    injector.injectConnection(transport);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // The sockets first: an HTTP/2 session that is destroyed writes its farewell, and Node's own streams under it break
    // where another write is not done.
    this.#transport?.destroy();
    this.#descriptors?.destroy();
    this.#socket.destroy();
    if (this.#shutdown !== undefined) setImmediate(this.#shutdown);
  }
}

/** A socket file that nobody listens on was left by a process that died. @throws NsmError CONFLICT: somebody listens */
async function removeStale(path: string): Promise<void> {
  const code = await new Promise<string | undefined>((resolve) => {
    const probe = net.connect(path, () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  });
  if (code === "ENOENT") return;
  if (code !== "ECONNREFUSED" || !lstatSync(path).isSocket())
    throw new NsmError("CONFLICT", `cannot listen on ${path}: ${code === undefined ? "somebody does" : code}`);
  unlinkSync(path);
}

/** What handlers learn of the connection that a call came on. */
interface Caller {
  readonly descriptors: DescriptorSocket | undefined;
  readonly peer: Peer;
}

function makeServer(options: NsmServerOptions, caller: Caller): grpc.Server {
  const server = new grpc.Server(SERVER_OPTIONS);
  for (const { definition, methods } of options.services) {
    const implementation: grpc.UntypedServiceImplementation = {};
    for (const [name, handler] of Object.entries(methods))
      implementation[name] = toImplementation(handler, options, caller);
    server.addService(definition, implementation);
  }
  return server;
}

function toImplementation(
  handler: UnaryHandler | StreamHandler,
  options: NsmServerOptions,
  caller: Caller,
): grpc.UntypedHandleCall {
  if (handler.kind === "stream")
    return ((call: grpc.ServerWritableStream<never, object>) => {
      void runStream(handler, call, caller);
    }) as grpc.UntypedHandleCall;
  return ((call: grpc.ServerUnaryCall<never, object>, done: grpc.sendUnaryData<object>) => {
    void runUnary(handler, call, done, options, caller);
  }) as grpc.UntypedHandleCall;
}

async function runUnary(
  handler: UnaryHandler,
  grpcCall: grpc.ServerUnaryCall<never, object>,
  done: grpc.sendUnaryData<object>,
  options: NsmServerOptions,
  caller: Caller,
): Promise<void> {
  const { call, end } = toCall(grpcCall, options.callTimeoutMs ?? 15_000, caller);
  const headers = new grpc.Metadata();
  try {
    const response = await handler.run(grpcCall.request, call, headers);
    if (Object.keys(headers.getMap()).length > 0) grpcCall.sendMetadata(headers);
    done(null, response);
  } catch (error) {
    done(NsmError.from(error).toStatus());
  } finally {
    end();
  }
}

async function runStream(
  handler: StreamHandler,
  grpcCall: grpc.ServerWritableStream<never, object>,
  caller: Caller,
): Promise<void> {
  const { call, end } = toCall(grpcCall, undefined, caller);
  const headers = new grpc.Metadata();
  let sent = false;
  const send = (message: object) => {
    if (!sent) grpcCall.sendMetadata(headers);
    sent = true;
    return !grpcCall.destroyed && grpcCall.write(message);
  };
  try {
    await handler.run(grpcCall.request, call, send, headers);
    grpcCall.end();
  } catch (error) {
    grpcCall.emit("error", NsmError.from(error).toStatus());
  } finally {
    end();
  }
}

type AnyCall = grpc.ServerUnaryCall<never, object> | grpc.ServerWritableStream<never, object>;

function toCall(
  grpcCall: AnyCall,
  defaultTimeoutMs: number | undefined,
  { descriptors, peer }: Caller,
): { call: Call; end: () => void } {
  const controller = new AbortController();
  const asked = grpcCall.getDeadline();
  const askedMs = asked instanceof Date ? asked.getTime() : asked;
  const deadlineMs = Number.isFinite(askedMs)
    ? askedMs
    : defaultTimeoutMs === undefined
      ? undefined
      : Date.now() + defaultTimeoutMs;
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(
          () => controller.abort(new NsmError("TIMEOUT", "the deadline has passed")),
          Math.min(deadlineMs - Date.now(), MAX_TIMER_MS),
        );
  grpcCall.once("cancelled", () => controller.abort(new NsmError("CANCELLED", "the caller gave up")));
  if (grpcCall.cancelled) controller.abort(new NsmError("CANCELLED", "the caller gave up"));
  const call = new Call({
    signal: controller.signal,
    deadlineMs,
    metadata: metadataOf(grpcCall.metadata),
    peer,
  });
  return {
    call: descriptors === undefined ? call : call.with(CALLER_DESCRIPTORS, descriptors),
    end: () => clearTimeout(timer),
  };
}

function metadataOf(metadata: grpc.Metadata): ReadonlyMap<string, readonly string[]> {
  const names = Object.keys(metadata.getMap());
  return new Map(names.map((name) => [name, metadata.get(name).map((value) => value.toString())]));
}
