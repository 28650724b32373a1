import { fstatSync } from "node:fs";
import type net from "node:net";
import { Duplex } from "node:stream";
import { onAbort } from "../../sys/on-abort.ts";
import { sendWithFds } from "../../sys/fdpass.ts";
import { FdStreamReader, closeAll } from "../../sys/fdstream.ts";
import { watchReadable, type Watch } from "../../sys/notifier.ts";
import { closeFd, duplicateFd } from "../../sys/sockets.ts";
import { SysError } from "../../sys/errors.ts";
import { NsmError } from "../errors.ts";
import { KeptDescriptors } from "./kept.ts";

/** Descriptors of one sendmsg; the kernel takes 253. */
const MAX_AT_ONCE = 16;
/** Between attempts to write to a full socket. */
const FULL_RETRY_MS = 2;
/** Reads before others get their turn. */
const READS_AT_ONCE = 16;

/** libuv's handle under a connected unix socket. */
interface StreamHandle {
  readonly fd: number;
  readStop(): number;
}

/** The name that NSM gives to an open file: its device and inode (grpcfd). */
export function inodeUrl(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `inode://${dev}/${ino}`;
}

/**
 * A connected unix stream socket as a stream that carries descriptors too: each queued one travels with the next byte
 * that is written (SCM_RIGHTS), each received one is kept under its inode URL until the call that names it takes it. Node's own reading
 * of the socket is stopped: it would lose descriptors.
 */
export class DescriptorSocket extends Duplex {
  readonly #socket: net.Socket;
  readonly #fd: number;
  readonly #reader = new FdStreamReader();
  readonly #watch: Watch;
  readonly #outgoing: number[] = [];
  readonly #kept = new KeptDescriptors();
  /** Who waits for each, the first to come first. */
  readonly #wanted = new Map<string, Set<(fd: number) => void>>();
  #ended = false;

  /** @throws NsmError UNSUPPORTED: this socket has no descriptor of its own (not a unix socket of Node's) */
  constructor(socket: net.Socket) {
    super({ allowHalfOpen: false });
    const handle = (socket as unknown as { _handle?: StreamHandle | null })._handle;
    if (handle == null || handle.fd < 0) throw new NsmError("UNSUPPORTED", "descriptors travel on unix sockets only");
    this.#socket = socket;
    this.#fd = handle.fd;
    socket.pause();
    const early = socket.read() as Buffer | null;
    // Last: read() sets libuv's reading going again.
    handle.readStop();
    if (early !== null) this.push(early);
    this.setMaxListeners(0);
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    this.#watch = watchReadable(this.#fd, () => this.#receive(), { ref: false });
  }

  /** Sends a duplicate of the descriptor ahead of what is written next. @returns its inode URL @throws SysError */
  send(fd: number): string {
    const url = inodeUrl(fd);
    this.#outgoing.push(duplicateFd(fd));
    return url;
  }

  /** The descriptor under this URL where it has come already: once each time that it came. The caller owns it. */
  received(url: string): number | undefined {
    return this.#kept.take(url);
  }

  /** It is named again by who has it already: what came for that is not needed. */
  letGo(url: string): void {
    const fd = this.#kept.take(url);
    if (fd !== undefined) closeFd(fd);
  }

  /**
   * The descriptor that the peer sent under this URL, once each time that it was sent; the caller owns it.
   * @throws NsmError TIMEOUT, CANCELLED: the signal fired before it came
   */
  receive(url: string, signal: AbortSignal): Promise<number> {
    const kept = this.received(url);
    if (kept !== undefined) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      const waiters = this.#wanted.get(url) ?? new Set();
      this.#wanted.set(url, waiters);
      const end = () => {
        forget();
        this.off("close", fail);
        waiters.delete(done);
        if (waiters.size === 0) this.#wanted.delete(url);
      };
      const done = (fd: number) => {
        end();
        resolve(fd);
      };
      const fail = () => {
        end();
        reject(new NsmError("TIMEOUT", `the descriptor of ${url} did not come`));
      };
      waiters.add(done);
      this.once("close", fail);
      const forget = onAbort(signal, fail);
      if (signal.aborted || this.destroyed) fail();
    });
  }

  override _read(): void {
    if (!this.#ended) this.#watch.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#outgoing.length === 0) {
      this.#socket.write(chunk, callback);
      return;
    }
    this.#writeWithDescriptors(chunk, callback);
  }

  /** HTTP/2 writes many small pieces: they go as one. */
  override _writev(chunks: readonly { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "buffer" as BufferEncoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#ended = true;
    this.#watch.close();
    this.#reader.close();
    closeAll(this.#outgoing.splice(0));
    this.#kept.close();
    this.#socket.destroy();
    callback(error);
  }

  #writeWithDescriptors(chunk: Buffer, callback: (error?: Error | null) => void): void {
    if (this.destroyed) return callback(new NsmError("CLOSED", "the connection is closed"));
    const fds = this.#outgoing.slice(0, MAX_AT_ONCE);
    try {
      // The stream hands out one chunk at a time, so nothing of ours is before this byte in libuv's queue.
      sendWithFds(this.#fd, chunk.subarray(0, 1), fds);
    } catch (error) {
      if (!SysError.is(error, "EAGAIN")) return callback(error as Error);
      setTimeout(() => this.#writeWithDescriptors(chunk, callback), FULL_RETRY_MS);
      return;
    }
    closeAll(this.#outgoing.splice(0, fds.length));
    const rest = chunk.subarray(1);
    if (rest.length === 0) callback();
    else this._write(rest, "buffer" as BufferEncoding, callback);
  }

  #receive(): void {
    try {
      for (let i = 0; i < READS_AT_ONCE; i++) {
        const read = this.#reader.read(this.#fd);
        if (read === undefined) return;
        read.fds.forEach((fd) => this.#keep(fd));
        if (read.data.length === 0) return this.#end();
        const goesOn = this.push(read.data);
        // Whoever got it may have destroyed this, and with it the memory that is read into.
        if (this.#ended) return;
        if (!goesOn) return this.#watch.pause();
      }
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /**
   * The peer is gone: once all that came was read, so are we. An end of reading alone would have Node shut the writing
   * side down, and an HTTP/2 session that still writes ends the process then (js_stream_socket's assertion).
   */
  #end(): void {
    this.#ended = true;
    if (this.destroyed) return;
    this.#watch.pause();
    if (this.readableLength === 0) this.destroy();
    else setTimeout(() => this.#end(), 1).unref();
  }

  #keep(fd: number): void {
    const url = inodeUrl(fd);
    const [waiter] = this.#wanted.get(url) ?? [];
    if (waiter === undefined) this.#kept.add(url, fd);
    else waiter(fd);
  }
}
