import { connect } from "node:net";
import type { Socket } from "node:net";
import { FrameReader, encodeFrame } from "../codec/frame.ts";
import { sockclnt } from "../codec/handshake.ts";
import { VppError } from "../errors.ts";
import { Sender } from "./sender.ts";

const READ_BYTES = 256 * 1024;

export interface ConnectOptions {
  readonly socket: string;
  /** Shown by VPP's `show api clients`; 63 bytes at most. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** A payload after the handshake; the buffer is valid during the call only. */
  readonly onPayload: (buffer: Uint8Array, start: number, end: number) => void;
  /** The connection is gone: called once, after the handshake only. */
  readonly onLost: (error: VppError) => void;
  readonly onDrain: () => void;
  /** Looks at the connected socket before anything is sent. @throws VppError INSECURE */
  readonly onConnected: (socket: Socket) => void;
}

/** A socket on which VPP has accepted the client. */
export interface Connection {
  readonly clientIndex: number;
  /** Name and CRC → message id. */
  readonly table: ReadonlyMap<string, number>;
  readonly sender: Sender;
  /** On the clock of performance.now(). */
  readonly lastReceivedMs: () => number;
  /** Sends `last` (a framed goodbye) and closes; onLost is not called. */
  readonly close: (last?: Uint8Array) => void;
}

/** Connects and shakes hands. @throws VppError CONNECT, INSECURE, ABORTED */
export function openConnection(options: ConnectOptions): Promise<Connection> {
  return new Promise((resolve, reject) => new Handshake(options, resolve, reject).start());
}

/** One connection from connect to loss: before the handshake is done errors reject, afterwards they are `onLost`. */
class Handshake {
  readonly #options: ConnectOptions;
  readonly #resolve: (connection: Connection) => void;
  readonly #reject: (error: VppError) => void;
  readonly #reader = new FrameReader();
  #socket!: Socket;
  #sender!: Sender;
  #phase: "handshake" | "open" | "done" = "handshake";
  #timer: NodeJS.Timeout | undefined;
  #lastReceivedMs = 0;
  readonly #onAbort = (): void => this.#end(new VppError("ABORTED", "connecting to VPP was aborted"));

  constructor(options: ConnectOptions, resolve: (c: Connection) => void, reject: (e: VppError) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { socket: path, timeoutMs, signal } = this.#options;
    // One buffer for all reads: the decoder copies what it keeps.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        this.#received(buffer.subarray(0, bytes));
        return true;
      },
    };
    this.#socket = connect({ path, onread });
    this.#sender = new Sender(this.#socket, this.#options.onDrain);
    this.#socket.once("connect", () => this.#connected());
    this.#socket.on("error", (error) => this.#end(connectError(path, error)));
    this.#socket.on("close", () => this.#end(new VppError("CLOSED", `VPP closed the connection (${path})`)));
    this.#timer = setTimeout(() => {
      this.#end(new VppError("CONNECT", `${path}: accepted, but no handshake within ${timeoutMs} ms; is VPP stopped?`));
    }, timeoutMs);
    if (signal?.aborted === true) return this.#onAbort();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  #connected(): void {
    if (this.#phase !== "handshake") return;
    try {
      this.#options.onConnected(this.#socket);
    } catch (error) {
      return this.#end(VppError.is(error) ? error : new VppError("CONNECT", String(error), { cause: error }));
    }
    const hello = sockclnt.create.encode(sockclnt.createId, { context: 0, name: this.#options.name });
    this.#socket.write(encodeFrame(hello));
  }

  #received(chunk: Uint8Array): void {
    this.#lastReceivedMs = performance.now();
    try {
      this.#reader.read(chunk, (buffer, start, end) => {
        if (this.#phase === "open") this.#options.onPayload(buffer, start, end);
        else if (this.#phase === "handshake") this.#welcome(buffer, start, end);
      });
    } catch (error) {
      this.#end(VppError.is(error) ? error : new VppError("FRAME", String(error), { cause: error }));
    }
  }

  #welcome(buffer: Uint8Array, start: number, end: number): void {
    const id = ((buffer[start] as number) << 8) | (buffer[start + 1] as number);
    if (id !== sockclnt.createReplyId) throw new VppError("CONNECT", `message ${id} instead of the handshake's reply`);
    const reply = sockclnt.createReply.decodeAt(buffer, start, end);
    if (Number(reply["response"]) < 0) {
      throw new VppError("CONNECT", `VPP refuses the client: sockclnt_create_reply ${String(reply["response"])}`);
    }
    const table = new Map<string, number>();
    for (const entry of reply["message_table"] as { index: number; name: string }[]) table.set(entry.name, entry.index);
    this.#phase = "open";
    this.#settle();
    this.#resolve({
      clientIndex: reply["index"] as number,
      table,
      sender: this.#sender,
      lastReceivedMs: () => this.#lastReceivedMs,
      close: (last) => this.#close(last),
    });
  }

  #close(last: Uint8Array | undefined): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    this.#settle();
    this.#sender.flush();
    if (last === undefined) this.#socket.destroy();
    else {
      this.#socket.end(last);
      // VPP answers the goodbye and closes; a stopped VPP must not keep the process alive.
      this.#socket.unref();
      setTimeout(() => this.#socket.destroy(), 200).unref();
    }
  }

  #end(error: VppError): void {
    const phase = this.#phase;
    if (phase === "done") return;
    this.#phase = "done";
    this.#settle();
    this.#socket.destroy();
    if (phase === "handshake") this.#reject(error);
    else this.#options.onLost(error);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }
}

function connectError(path: string, error: NodeJS.ErrnoException): VppError {
  const hints: Record<string, string> = {
    ENOENT: 'no such socket; is VPP running, with "socksvr { default }" in its startup.conf?',
    ECONNREFUSED: "nobody listens there; is VPP still starting, or gone?",
    EACCES: 'not permitted; be in the group that "api-segment { gid }" of startup.conf names',
  };
  const hint = hints[error.code ?? ""] ?? error.message;
  return new VppError("CONNECT", `${path}: ${hint}`, { cause: error });
}
