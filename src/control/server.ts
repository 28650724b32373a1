import { mkdirSync, statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { dirname } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import type { ControllerApi } from "../controller/types.ts";
import { DEFAULT_CONTROL_SOCKET } from "./defaults.ts";
import { ControlError } from "./errors.ts";
import { implementation } from "./handlers.ts";
import { controlPackage, controlService } from "./proto.ts";

export interface ControlServerOptions {
  /** Default /run/vpplb/control.sock; its directory is made where it is missing. Mode 0600: for this user and root. */
  readonly socket?: string;
  /** Connections at a time. Default 64. */
  readonly maxConnections?: number;
  /** Whoever is silent for so long is asked, and cut off after half as long without an answer. Default 10,000. */
  readonly keepaliveMs?: number;
}

export interface ControlServer {
  readonly socket: string;
  /** Ends calls and connections and removes the socket. Idempotent. */
  close(): Promise<void>;
}

const MAX_PATH_BYTES = 107;
const PROBE_MS = 1000;
const DRAIN_MS = 500;
const MAX_MESSAGE_BYTES = 32 << 20;

/**
 * Serves the controller on a unix socket until `close` or the signal.
 * @throws ControlError IN_USE where another controller answers on the socket; SOCKET
 */
export async function startControlServer(
  api: ControllerApi,
  options: ControlServerOptions = {},
  signal?: AbortSignal,
): Promise<ControlServer> {
  signal?.throwIfAborted();
  const { socket = DEFAULT_CONTROL_SOCKET, maxConnections = 64, keepaliveMs = 10_000 } = options;
  await clearStale(socket);
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    // Else a few clients that began a connection and stopped would shut out all others.
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveMs / 2,
  });
  const stopping = new AbortController();
  server.addService(controlService().service, implementation(api, stopping.signal));
  new ReflectionService(controlPackage()).addToServer(server);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const listener = createServer((connection) => injector.injectConnection(connection));
  listener.maxConnections = maxConnections;
  await listenPrivately(listener, socket);

  let closing: Promise<void> | undefined;
  const close = () => (closing ??= stop());
  const stop = async (): Promise<void> => {
    signal?.removeEventListener("abort", onAbort);
    stopping.abort();
    // Node removes the socket's file with its listener.
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
    injector.drain(DRAIN_MS);
    injector.destroy();
    server.forceShutdown();
    await closed;
  };
  const onAbort = () => void close();
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return { socket, close };
}

/** A socket file that nobody serves is removed; one that somebody serves, or anything else, is left alone. */
async function clearStale(socket: string): Promise<void> {
  // Node cuts a longer path instead of refusing it (struct sockaddr_un holds 108 bytes with its NUL).
  if (Buffer.byteLength(socket) > MAX_PATH_BYTES) {
    throw new ControlError("SOCKET", `the path of a unix socket has at most ${MAX_PATH_BYTES} bytes: ${socket}`);
  }
  try {
    mkdirSync(dirname(socket), { recursive: true, mode: 0o755 });
    const found = statSync(socket, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) throw new ControlError("SOCKET", `${socket} exists and is no socket: name another path`);
    if (await answers(socket)) {
      throw new ControlError("IN_USE", `a controller already serves ${socket}: stop it, or name another socket`);
    }
    unlinkSync(socket);
  } catch (cause) {
    if (cause instanceof ControlError) throw cause;
    throw new ControlError("SOCKET", `cannot make the control socket ${socket}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const finish = (answer: boolean) => {
      clearTimeout(timer);
      probe.destroy();
      resolve(answer);
    };
    // Connected or full or not allowed: somebody is there. Only a refusal says that nobody is.
    const timer = setTimeout(() => finish(true), PROBE_MS);
    probe.once("connect", () => finish(true));
    probe.once("error", (error: NodeJS.ErrnoException) =>
      finish(!["ECONNREFUSED", "ENOENT"].includes(error.code ?? "")),
    );
  });
}

/** Node binds a path within `listen`, so that the umask holds for exactly that: the socket is never open to others. */
async function listenPrivately(listener: Server, socket: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    listener.once("error", (cause) =>
      reject(new ControlError("SOCKET", `cannot serve the control socket ${socket}: ${cause.message}`, { cause })),
    );
    const umask = process.umask(0o177);
    try {
      listener.listen(socket, () => {
        listener.removeAllListeners("error");
        listener.on("error", () => undefined);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}
