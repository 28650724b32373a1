import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { Call, CallKey, type Peer } from "./call.ts";
import { peerOfCertificate } from "./credentials.ts";
import { NsmError } from "./errors.ts";
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
}

export interface NsmServerOptions {
  /** `unix:///path` or `tcp://host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly services: readonly ServiceHandlers[];
  /** Default clear text. Called for each unix connection, so that rotated certificates are used. */
  readonly credentials?: () => grpc.ServerCredentials;
  /** Unix connections at once; more are refused. Default 1,000. */
  readonly maxConnections?: number;
  /** Permissions of a unix socket. Default 0o660. */
  readonly mode?: number;
  /** Calls without a deadline of their own get this one. Default 15,000. */
  readonly callTimeoutMs?: number;
}

export interface NsmServer {
  /** As others dial it. */
  readonly url: string;
  /** Ends every call and connection. */
  close(): Promise<void>;
}

/** setTimeout's limit. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const SERVER_OPTIONS: grpc.ServerOptions = {
  "grpc.max_receive_message_length": 4 << 20,
  "grpc.max_concurrent_streams": 10_000,
};

/** Serves NSM's services on a unix socket, where descriptors pass, or on TCP. @throws NsmError INVALID, CONFLICT */
export async function serveNsm(options: NsmServerOptions): Promise<NsmServer> {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(options.listen)?.[1];
  if (path !== undefined) return serveUnix(path, options);
  const address = /^tcp:\/\/((?:\[[0-9a-fA-F:]+\]|[^:/]*):\d{1,5})$/.exec(options.listen)?.[1];
  if (address === undefined)
    throw new NsmError("INVALID", `${options.listen} is no url to listen on: unix:///path or tcp://host:port`);
  return serveTcp(address, options);
}

async function serveTcp(address: string, options: NsmServerOptions): Promise<NsmServer> {
  const server = makeServer(options, undefined);
  const credentials = options.credentials?.() ?? grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new NsmError("CONFLICT", `cannot listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
  const host = address.slice(0, address.lastIndexOf(":"));
  return {
    url: `tcp://${host}:${port}`,
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** One gRPC server for each connection: only so a handler knows which socket a call came on. */
async function serveUnix(path: string, options: NsmServerOptions): Promise<NsmServer> {
  const open = new Map<net.Socket, () => void>();
  const listener = net.createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const descriptors = new DescriptorSocket(socket);
    descriptors.on("error", () => undefined);
    const server = makeServer(options, descriptors);
    const injector = server.createConnectionInjector(
      options.credentials?.() ?? grpc.ServerCredentials.createInsecure(),
    );
    const end = () => {
      open.delete(socket);
      injector.destroy();
      server.forceShutdown();
      descriptors.destroy();
    };
    open.set(socket, end);
    socket.once("close", end);
    injector.injectConnection(descriptors);
  });
  listener.maxConnections = options.maxConnections ?? 1000;
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    listener.once("error", (error) =>
      reject(new NsmError("CONFLICT", `cannot listen on ${path}: ${error.message}`, { cause: error })),
    );
    listener.listen(path, resolve);
  });
  chmodSync(path, options.mode ?? 0o660);
  return {
    url: `unix://${path}`,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const end of [...open.values()]) end();
      }),
  };
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

function makeServer(options: NsmServerOptions, descriptors: DescriptorSocket | undefined): grpc.Server {
  const server = new grpc.Server(SERVER_OPTIONS);
  for (const { definition, methods } of options.services) {
    const implementation: grpc.UntypedServiceImplementation = {};
    for (const [name, handler] of Object.entries(methods))
      implementation[name] = toImplementation(handler, options, descriptors);
    server.addService(definition, implementation);
  }
  return server;
}

function toImplementation(
  handler: UnaryHandler | StreamHandler,
  options: NsmServerOptions,
  descriptors: DescriptorSocket | undefined,
): grpc.UntypedHandleCall {
  if (handler.kind === "stream")
    return ((call: grpc.ServerWritableStream<never, object>) => {
      void runStream(handler, call, descriptors);
    }) as grpc.UntypedHandleCall;
  return ((call: grpc.ServerUnaryCall<never, object>, done: grpc.sendUnaryData<object>) => {
    void runUnary(handler, call, done, options, descriptors);
  }) as grpc.UntypedHandleCall;
}

async function runUnary(
  handler: UnaryHandler,
  grpcCall: grpc.ServerUnaryCall<never, object>,
  done: grpc.sendUnaryData<object>,
  options: NsmServerOptions,
  descriptors: DescriptorSocket | undefined,
): Promise<void> {
  const { call, end } = toCall(grpcCall, options.callTimeoutMs ?? 15_000, descriptors);
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
  descriptors: DescriptorSocket | undefined,
): Promise<void> {
  const { call, end } = toCall(grpcCall, undefined, descriptors);
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
  descriptors: DescriptorSocket | undefined,
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
    peer: peerOf(grpcCall),
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

function peerOf(grpcCall: AnyCall): Peer {
  return peerOfCertificate(grpcCall.getPeer(), grpcCall.getAuthContext().sslPeerCertificate?.raw);
}
