import { hostname } from "node:os";
import type { AddressInfo, Server, Socket } from "node:net";
import { watchReadable, type Watch } from "../sys/notifier.ts";
import { openDatagramSocket, type DatagramSocket } from "./datagrams.ts";
import { reasonOf, TrafficError } from "./errors.ts";
import { NAME_BYTES, nameBlock } from "./protocol.ts";
import { listenTcp, within } from "./sockets.ts";

/**
 * What a TCP connection gets.
 * - `auto`: an echo with the name in its first 64 bytes; whoever ends its side or is silent for `silenceMs` without
 *   having sent a byte gets the name as a line, and the connection is closed.
 * - `echo`: the echo only, as ctraffic.
 * - `line`: the name as a line, at once, as `nc -lk -p 5001 -e hostname`.
 */
export type ServerMode = "auto" | "echo" | "line";

export interface TrafficServerOptions {
  /** What it answers. Default: the host's name. At most 63 bytes are sent in an echo. */
  readonly name?: string;
  /** Default 5001; 0: the kernel chooses (the same for every address and protocol is then not promised). */
  readonly port?: number;
  /** Addresses to bind. Default: any address, IPv4 and IPv6. */
  readonly listen?: readonly string[];
  /** Default both. */
  readonly protocols?: readonly ("tcp" | "udp")[];
  readonly mode?: ServerMode;
  /** For `auto`. Default 2,000. */
  readonly silenceMs?: number;
  /** A TCP connection without traffic for so long is closed. Default 600,000. */
  readonly idleTimeoutMs?: number;
  /** More TCP connections are closed at once. Default 20,000. */
  readonly maxConnections?: number;
  /** Descriptor of the network namespace to serve in. Default: this process's. */
  readonly netns?: number;
}

export interface TrafficServerStats {
  /** TCP connections accepted so far. */
  readonly accepted: number;
  /** TCP connections open now. */
  readonly open: number;
  /** TCP connections that were reset or timed out. */
  readonly reset: number;
  readonly datagrams: number;
  readonly bytesReceived: number;
}

export interface BoundAddress {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
}

export interface TrafficServer {
  readonly name: string;
  readonly bound: readonly BoundAddress[];
  stats(): TrafficServerStats;
  /** Resets every connection and stops. Idempotent. */
  close(): Promise<void>;
  /** Resolves once it is closed, by `close` or by the signal. */
  readonly closed: Promise<void>;
}

const DATAGRAMS_PER_TURN = 64;
const LINGER_MS = 5000;

/** Starts a server; it listens when the promise resolves. @throws TrafficError OPTION, LISTEN */
export async function startTrafficServer(
  options: TrafficServerOptions = {},
  signal?: AbortSignal,
): Promise<TrafficServer> {
  signal?.throwIfAborted();
  const server = new RunningServer(options);
  try {
    await server.start();
  } catch (cause) {
    await server.close();
    if (cause instanceof TrafficError) throw cause;
    throw new TrafficError("LISTEN", `cannot serve: ${cause instanceof Error ? cause.message : reasonOf(cause)}`, {
      cause,
    });
  }
  const stop = () => void server.close();
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  void server.closed.then(() => signal?.removeEventListener("abort", stop));
  return server;
}

class RunningServer implements TrafficServer {
  readonly name: string;
  readonly bound: BoundAddress[] = [];
  readonly closed: Promise<void>;
  readonly #options: TrafficServerOptions;
  readonly #block: Buffer;
  readonly #listeners: Server[] = [];
  readonly #datagrams: { socket: DatagramSocket; watch: Watch }[] = [];
  readonly #connections = new Set<Socket>();
  readonly #counts = { accepted: 0, reset: 0, datagrams: 0, bytesReceived: 0 };
  #isClosed: () => void = () => undefined;
  #closing: Promise<void> | undefined;

  constructor(options: TrafficServerOptions) {
    this.#options = options;
    this.name = options.name ?? hostname();
    if (this.name === "" || /[\0\n]/.test(this.name)) {
      throw new TrafficError("OPTION", "the server's name must not be empty and holds no NUL and no newline");
    }
    this.#block = nameBlock(this.name);
    this.closed = new Promise((resolve) => (this.#isClosed = resolve));
  }

  async start(): Promise<void> {
    const { port = 5001, protocols = ["tcp", "udp"], listen, netns, maxConnections = 20_000 } = this.#options;
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new TrafficError("OPTION", `port ${port} is not 0 to 65535`);
    }
    let tcpPort = port;
    for (const address of listen ?? [undefined]) {
      const where = address === undefined ? {} : { address };
      if (protocols.includes("tcp")) {
        const options = { ...where, port, maxConnections, ...(netns === undefined ? {} : { netns }) };
        const server = await listenTcp(options, (socket) => this.#accept(socket));
        this.#listeners.push(server);
        const bound = server.address() as AddressInfo;
        this.bound.push({ protocol: "tcp", address: bound.address, port: bound.port });
        tcpPort = bound.port;
      }
      if (protocols.includes("udp")) this.#serveUdp(tcpPort, address);
    }
  }

  stats(): TrafficServerStats {
    return { ...this.#counts, open: this.#connections.size };
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    for (const { socket, watch } of this.#datagrams) {
      watch.close();
      socket.close();
    }
    const closing = this.#listeners.map((server) => new Promise<void>((done) => server.close(() => done())));
    for (const socket of this.#connections) socket.resetAndDestroy();
    await Promise.all(closing);
    this.#isClosed();
  }

  #serveUdp(port: number, address: string | undefined): void {
    const socket = within(this.#options.netns, () => openDatagramSocket(port, address));
    const answer = (packet: Uint8Array): number => {
      this.#counts.datagrams += 1;
      this.#counts.bytesReceived += packet.length;
      // Too small to carry a name beside its own bytes: the line, in a datagram of its own (`nc -u`).
      if (packet.length < NAME_BYTES) return writeLine(packet, this.name);
      packet.set(this.#block);
      return packet.length;
    };
    const watch = watchReadable(socket.fd, () => {
      for (let i = 0; i < DATAGRAMS_PER_TURN && socket.serveOne(answer); i++);
    });
    this.#datagrams.push({ socket, watch });
    this.bound.push({ protocol: "udp", address: address ?? "::", port });
  }

  #accept(socket: Socket): void {
    this.#counts.accepted += 1;
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", () => {
      this.#counts.reset += 1;
      socket.destroy();
    });
    socket.setTimeout(this.#options.idleTimeoutMs ?? 600_000, () => socket.resetAndDestroy());
    const { mode = "auto", silenceMs = 2000 } = this.#options;
    if (mode === "line") this.#sendLine(socket);
    else this.#echo(socket, mode === "auto" ? silenceMs : undefined);
  }

  #sendLine(socket: Socket): void {
    socket.resume();
    socket.end(`${this.name}\n`);
    // The peer's end closes the half-open socket; a peer that never ends it is not waited for.
    socket.setTimeout(LINGER_MS);
  }

  #echo(socket: Socket, silenceMs: number | undefined): void {
    let received = 0;
    const silence =
      silenceMs === undefined ? undefined : setTimeout(() => received === 0 && this.#sendLine(socket), silenceMs);
    socket.on("close", () => clearTimeout(silence));
    socket.on("data", (chunk: Buffer) => {
      if (received < NAME_BYTES) this.#block.copy(chunk, 0, received, received + chunk.length);
      received += chunk.length;
      this.#counts.bytesReceived += chunk.length;
      if (socket.writable && !socket.write(chunk)) {
        socket.pause();
        socket.once("drain", () => socket.resume());
      }
    });
    socket.on("end", () => {
      if (received === 0 && silenceMs !== undefined) this.#sendLine(socket);
      else socket.end();
    });
  }
}

/** Writes the line over a datagram's slot, which has room for more than the datagram. */
function writeLine(packet: Uint8Array, name: string): number {
  const line = Buffer.from(`${name}\n`);
  new Uint8Array(packet.buffer, packet.byteOffset, line.length).set(line);
  return line.length;
}
