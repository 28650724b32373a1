import { createServer, type Socket } from "node:net";
import * as grpc from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import type { ControllerApi } from "../controller/types.ts";
import { mayAccess, peerOf, type AccessList, type Peer } from "../sys/peer.ts";
import { listenUnix, UnixListenError } from "../sys/unix-listener.ts";
import { markPeer } from "./actor.ts";
import { DEFAULT_CONTROL_SOCKET } from "./defaults.ts";
import { ControlError } from "./errors.ts";
import { implementation } from "./handlers.ts";
import { controlPackage, controlService, MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES } from "./proto.ts";

export interface ControlServerOptions {
  /** Default /run/vpplb/control.sock; its directory is made where it is missing. */
  readonly socket?: string;
  /**
   * Who may connect beside root and this process's user. The first group owns the socket's file (0660); where users are
   * named the file is open to all (0666). Whoever connects is asked for by SO_PEERCRED before a byte of his is read.
   */
  readonly access?: AccessList;
  /** Which lines of VPP's CLI are run: those that only look, or any where the caller means it. Default `read-only`. */
  readonly vppctl?: VppctlPermission;
  /** Hears of a peer that was turned away. */
  readonly onRefused?: (peer: Peer | undefined) => void;
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

export type VppctlPermission = "read-only" | "write";

const DRAIN_MS = 500;
/** Calls at once on one connection; more wait with the client. */
const MAX_CALLS = 32;

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
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_concurrent_streams": MAX_CALLS,
    // Else a few clients that began a connection and stopped would shut out all others.
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveMs / 2,
  });
  const stopping = new AbortController();
  server.addService(controlService().service, implementation(api, stopping.signal, options.vppctl));
  new ReflectionService(controlPackage()).addToServer(server);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const listener = createServer((connection) => {
    if (!admit(connection, options)) return;
    injector.injectConnection(connection);
  });
  listener.maxConnections = maxConnections;
  try {
    await listen(listener, socket, options.access ?? {});
  } catch (error) {
    injector.destroy();
    server.forceShutdown();
    throw error;
  }

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

/** Turns away whoever may not, before anything of him is read. */
function admit(connection: Socket, { access, onRefused }: ControlServerOptions): boolean {
  let peer: Peer | undefined;
  try {
    peer = peerOf(connection);
  } catch {
    // Gone already.
  }
  if (peer !== undefined && mayAccess(peer, access)) {
    markPeer(connection, peer);
    return true;
  }
  connection.on("error", () => undefined);
  connection.destroy();
  onRefused?.(peer);
  return false;
}

async function listen(listener: ReturnType<typeof createServer>, socket: string, access: AccessList): Promise<void> {
  const gid = access.gids?.[0];
  const mode = (access.uids ?? []).length > 0 ? 0o666 : 0o660;
  try {
    await listenUnix(listener, socket, { mode, ...(gid === undefined ? {} : { gid }), makeDirectory: true });
    listener.on("error", () => undefined);
  } catch (cause) {
    if (!(cause instanceof UnixListenError)) throw cause;
    if (cause.code === "IN_USE") {
      const message = `a controller already serves ${socket}: stop it, or name another socket`;
      throw new ControlError("IN_USE", message, { cause });
    }
    throw new ControlError("SOCKET", `cannot serve the control socket: ${cause.message}`, { cause });
  }
}
