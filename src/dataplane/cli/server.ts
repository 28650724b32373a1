/**
 * The CLI socket: what `vppctl` connects to (VPP src/vlib/unix/cli.c). A session starts in character mode with VPP's
 * telnet options; a client that calls its terminal `vppctl` gets no banner, prompt or echo, and a NUL after each batch of
 * input, by which vppctl knows that its command is done (cli.c:2645).
 */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { mayAccess, peerOf, type AccessList, type Peer } from "../../sys/peer.ts";
import { listenUnix, socketInode, UnixListenError, type UnixListenOptions } from "../../sys/unix-listener.ts";
import { CliError } from "./errors.ts";
import { LineEditor } from "./line-editor.ts";
import { GREETING, TelnetDecoder } from "./telnet.ts";

export interface CliSession {
  readonly interactive: boolean;
  readonly ansi: boolean;
  readonly width: number;
  readonly height: number;
  readonly history: readonly string[];
  /** Closes the session after the output so far. */
  quit(): void;
}

export interface CliServerOptions {
  /** Path of the unix socket; a socket file that nobody listens on is replaced. */
  readonly path: string;
  /** Of the socket's file. Default: mode 0660. */
  readonly file?: UnixListenOptions;
  /** Who may connect beside root and this process's user. */
  readonly access?: AccessList;
  /** Hears of a peer that was turned away. */
  readonly onRefused?: (peer: Peer | undefined) => void;
  /** Runs lines, writes their output; must not reject. `signal` fires when the session ends or a key is pressed. */
  readonly execute: (
    text: string,
    io: { readonly out: (text: string) => void; readonly signal: AbortSignal; readonly session: CliSession },
  ) => Promise<number>;
  readonly complete: (text: string) => readonly string[];
  /** Default `vpp# `. */
  readonly prompt?: string;
  /** Sessions at a time; one more is told so and closed. Default 64. */
  readonly maxSessions?: number;
  /** How long a client may take to name its terminal before it gets the banner. VPP: 1,000. */
  readonly negotiationTimeoutMs?: number;
  /** A program's line without a newline at its end is taken as complete after this. Default 50. */
  readonly partialLineMs?: number;
}

const BANNER = [
  ["    _______    _     ", "   _   _____  ___ \n"],
  [" __/ __/ _ \\  (_)__ ", "   | | / / _ \\/ _ \\\n"],
  [" _/ _// // / / / _ \\", "   | |/ / ___/ ___/\n"],
  [" /_/ /____(_)_/\\___/", "   |___/_/  /_/    \n"],
] as const;

/** Input that a session may hold while a command runs; an `lb as` line of 10,000 IPv6 addresses is 400 kB. */
const MAX_PENDING_INPUT_BYTES = 4 << 20;
/** Output that a session may leave unread before it is closed. */
const MAX_PENDING_OUTPUT_BYTES = 32 << 20;
/** How long unread output may hold up a session's next command. */
const DRAIN_TIMEOUT_MS = 30_000;
/** A program's line without a newline at its end is taken as complete after this (vppctl cuts a script every 100 bytes). */
const PARTIAL_LINE_MS = 50;
/** \0, \n, \r */
const LINE_ENDS: ReadonlySet<number> = new Set([0, 10, 13]);

export class CliServer {
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  readonly #options: CliServerOptions;
  #inode: number | undefined;

  private constructor(options: CliServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens; refuses where another process answers on the path. */
  static async listen(options: CliServerOptions): Promise<CliServer> {
    const server = new CliServer(options);
    try {
      await listenUnix(server.#server, options.path, options.file);
    } catch (cause) {
      if (!(cause instanceof UnixListenError)) throw cause;
      throw new CliError(`CLI socket: ${cause.message}`, { code: "SERVER", cause });
    }
    server.#inode = socketInode(options.path);
    return server;
  }

  /** Sessions that are open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Ends every session and removes the socket. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.close();
    if (socketInode(this.#options.path) === this.#inode) rmSync(this.#options.path, { force: true });
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    if (!this.#isAllowed(socket)) {
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    if (this.#sessions.size >= (this.#options.maxSessions ?? 64)) {
      socket.on("error", () => undefined);
      // Not left to the client, which may hold its end open for ever.
      socket.end("too many CLI sessions\r\n", () => socket.destroy());
      return;
    }
    const session = new Session(socket, this.#options);
    this.#sessions.add(session);
    socket.once("close", () => this.#sessions.delete(session));
  }

  #isAllowed(socket: Socket): boolean {
    let peer: Peer | undefined;
    try {
      peer = peerOf(socket);
    } catch {
      // Gone already.
    }
    if (peer !== undefined && mayAccess(peer, this.#options.access)) return true;
    this.#options.onRefused?.(peer);
    return false;
  }
}

class Session implements CliSession {
  interactive = true;
  ansi = false;
  width = 80;
  height = 24;
  readonly #socket: Socket;
  readonly #options: CliServerOptions;
  readonly #prompt: string;
  readonly #telnet = new TelnetDecoder();
  readonly #editor: LineEditor;
  readonly #aborted = new AbortController();
  readonly #queue: { readonly text: string; readonly acknowledge: boolean }[] = [];
  #queuedBytes = 0;
  #partial = "";
  #partialTimer: NodeJS.Timeout | undefined;
  #welcomeTimer: NodeJS.Timeout | undefined;
  #running: AbortController | undefined;
  #started = false;
  #quitting = false;

  constructor(socket: Socket, options: CliServerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#prompt = options.prompt ?? "vpp# ";
    this.#editor = new LineEditor({
      echo: (text) => this.#write(text),
      complete: options.complete,
      prompt: this.#prompt,
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => this.close());
    socket.on("end", () => this.#flushPartial());
    socket.once("close", () => this.#end());
    socket.write(GREETING);
    this.#welcomeTimer = setTimeout(() => this.#welcome(), options.negotiationTimeoutMs ?? 1000);
  }

  get history(): readonly string[] {
    return this.#editor.history;
  }

  quit(): void {
    this.#quitting = true;
    this.#queue.length = 0;
  }

  close(): void {
    this.#socket.destroy();
  }

  #end(): void {
    clearTimeout(this.#welcomeTimer);
    clearTimeout(this.#partialTimer);
    this.#queue.length = 0;
    this.#quitting = true;
    this.#aborted.abort();
    this.#running?.abort();
  }

  #receive(chunk: Buffer): void {
    if (!this.interactive) return this.#receiveBatch(chunk);
    for (const event of this.#telnet.push(chunk)) {
      if (event.kind === "terminal") this.#terminal(event.name);
      else if (event.kind === "size") {
        this.width = Math.min(event.width, 512) || 80;
        this.height = Math.min(event.height, 512) || 24;
      } else if (event.kind === "are-you-there") this.#write("fd.io VPP\n");
      else if (this.interactive) this.#receiveKeys(event.bytes);
      else this.#receiveBatch(event.bytes);
    }
  }

  #terminal(name: string): void {
    const lower = name.toLowerCase();
    this.ansi = ["xterm", "xterm-color", "xterm-256color", "screen", "screen-256color", "ansi"].includes(lower);
    if (lower === "vppctl") this.interactive = false;
    this.#welcome();
  }

  #welcome(): void {
    clearTimeout(this.#welcomeTimer);
    if (this.#started) return;
    this.#started = true;
    if (!this.interactive) return;
    const [red, reset] = this.ansi ? ["\x1b[1;31m", "\x1b[0m"] : ["", ""];
    const banner = BANNER.map(([logo, name]) => `${red}${logo}${reset}${name}`).join("");
    this.#write(`\r${banner}\n${this.#prompt}`);
  }

  #receiveKeys(bytes: Uint8Array): void {
    // A key ends a running ping, as in VPP; what is typed meanwhile is kept for the next line.
    this.#running?.abort();
    for (const line of this.#editor.push(Buffer.from(bytes).toString("latin1"))) {
      this.#enqueue(Buffer.from(line, "latin1").toString("utf8"), false);
    }
  }

  #receiveBatch(bytes: Uint8Array): void {
    clearTimeout(this.#partialTimer);
    this.#partial += Buffer.from(bytes).toString("latin1");
    if (this.#partial.length > MAX_PENDING_INPUT_BYTES) return this.#refuse("input line too long");
    // Of the piece: looking at the whole would copy it each time.
    if (LINE_ENDS.has(bytes.at(-1)!)) this.#flushPartial();
    else this.#partialTimer = setTimeout(() => this.#flushPartial(), this.#options.partialLineMs ?? PARTIAL_LINE_MS);
  }

  #flushPartial(): void {
    clearTimeout(this.#partialTimer);
    if (this.#partial === "") return;
    const text = Buffer.from(this.#partial, "latin1").toString("utf8");
    this.#partial = "";
    const pieces = text.split("\0").filter((piece) => piece !== "");
    for (const [i, piece] of pieces.entries()) this.#enqueue(piece, i === pieces.length - 1);
    if (pieces.length === 0) this.#enqueue("", true);
  }

  #enqueue(text: string, acknowledge: boolean): void {
    if (this.#quitting) return;
    this.#queuedBytes += text.length;
    if (this.#queuedBytes > MAX_PENDING_INPUT_BYTES) return this.#refuse("too much input waiting");
    this.#queue.push({ text, acknowledge });
    if (this.#running === undefined) void this.#work();
  }

  #refuse(reason: string): void {
    this.#quitting = true;
    this.#queue.length = 0;
    this.#write(`${reason}: session closed\n`);
    this.#socket.end();
  }

  async #work(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const running = new AbortController();
      this.#running = running;
      this.#queuedBytes -= next.text.length;
      await this.#options.execute(next.text, {
        out: (text) => this.#out(text),
        signal: running.signal,
        session: this,
      });
      if (!this.#quitting && this.interactive) this.#write(this.#prompt);
      if (!this.interactive && next.acknowledge) this.#socket.write("\0");
      await this.#drained();
    }
    this.#running = undefined;
    if (this.#quitting) this.#socket.end();
  }

  #out(text: string): void {
    if (text !== "") this.#write(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** VPP gives every session, vppctl's too, CR LF at line ends (cli.c:2967). */
  #write(text: string): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.write(text.replaceAll("\n", "\r\n"));
    if (this.#socket.writableLength > MAX_PENDING_OUTPUT_BYTES) this.close();
  }

  async #drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.close();
        resolve();
      }, DRAIN_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(timer);
        this.#aborted.signal.removeEventListener("abort", done);
        this.#socket.removeListener("drain", done);
        resolve();
      };
      this.#socket.once("drain", done);
      this.#aborted.signal.addEventListener("abort", done, { once: true });
    });
  }
}
