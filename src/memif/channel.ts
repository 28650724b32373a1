import { POLLHUP } from "../sys/constants.ts";
import { SysError } from "../sys/errors.ts";
import { receiveWithFds, sendWithFds } from "../sys/fdpass.ts";
import { watchReadable, type Watch } from "../sys/notifier.ts";
import { pollFd } from "../sys/poll.ts";
import { closeFd } from "../sys/sockets.ts";
import { MemifError } from "./errors.ts";
import { decodeMessage, encodeMessage, type Message } from "./protocol.ts";

/** Messages read in a row before others have their turn. */
const MESSAGES_PER_TURN = 32;
/** A full socket is tried again after this. */
const RETRY_MS = 5;
/** Messages that wait for room: more than a handshake has. */
const MAX_QUEUED = 256;

export interface ChannelHandlers {
  /** A message; `fd` is the one descriptor that came with it, now the handler's. Whatever it throws ends the channel. */
  message(message: Message, fd: number | undefined): void;
  /** The channel has ended, by itself: called once, not after `close`. */
  ended(error: MemifError): void;
}

/** One end of a control connection. Owns the socket. */
export class Channel {
  readonly #fd: number;
  readonly #handlers: ChannelHandlers;
  readonly #watch: Watch;
  readonly #queue: { readonly bytes: Uint8Array; readonly fd: number | undefined }[] = [];
  #retry: NodeJS.Timeout | undefined;
  #open = true;

  /** Takes over a connected non-blocking socket. */
  constructor(fd: number, handlers: ChannelHandlers) {
    this.#fd = fd;
    this.#handlers = handlers;
    this.#watch = watchReadable(fd, () => this.#read());
  }

  get fd(): number {
    return this.#fd;
  }

  /** Whether the peer has gone, though nobody may have read so yet. */
  get isHungUp(): boolean {
    return this.#open && (pollFd(this.#fd, 0, 0) & POLLHUP) !== 0;
  }

  /** Sends a message, with a descriptor that stays the caller's and stays open until the channel ends. */
  send(message: Message, fd?: number): void {
    if (!this.#open) return;
    if (this.#queue.length >= MAX_QUEUED) return this.end(new MemifError("PROTOCOL", "peer does not read"));
    this.#queue.push({ bytes: encodeMessage(message), fd });
    if (this.#retry === undefined) this.#write();
  }

  /** Tells the peer why, closes, and reports it. */
  end(error: MemifError): void {
    if (!this.#open) return;
    this.#sayWhy(error);
    this.close();
    this.#handlers.ended(error);
  }

  /** Closes without a word to anybody; idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#retry);
    this.#queue.length = 0;
    this.#watch.close();
    closeFd(this.#fd);
  }

  #sayWhy(error: MemifError): void {
    if (error.code === "CLOSED" || error.code === "REJECTED") return;
    try {
      sendWithFds(this.#fd, encodeMessage({ type: "disconnect", code: 0, reason: error.reason }), []);
    } catch {
      // He is gone, or does not read: closing tells him too.
    }
  }

  #write(): void {
    this.#retry = undefined;
    try {
      for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
        sendWithFds(this.#fd, next.bytes, next.fd === undefined ? [] : [next.fd]);
        this.#queue.shift();
      }
    } catch (error) {
      if (SysError.is(error, "EAGAIN")) this.#retry = setTimeout(() => this.#write(), RETRY_MS);
      // The reader hears of it too, with what the peer said last.
      else if (!SysError.is(error, "EPIPE", "ECONNRESET")) this.end(closed(error));
    }
  }

  #read(): void {
    for (let left = MESSAGES_PER_TURN; left > 0 && this.#open; left -= 1) {
      let received: ReturnType<typeof receiveWithFds>;
      try {
        received = receiveWithFds(this.#fd);
      } catch (error) {
        // Told once where the peer closed without having read all of ours; what he said last comes after it.
        if (SysError.is(error, "ECONNRESET")) continue;
        return this.end(closed(error));
      }
      if (received === undefined) return;
      const [fd, ...rest] = received.fds;
      rest.forEach(closeFd);
      if (received.data.length === 0) {
        if (fd !== undefined) closeFd(fd);
        return this.end(closed());
      }
      this.#handle(received.data, fd);
    }
  }

  #handle(bytes: Uint8Array, fd: number | undefined): void {
    let message: Message;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (fd !== undefined) closeFd(fd);
      return this.end(asMemifError(error));
    }
    try {
      this.#handlers.message(message, fd);
    } catch (error) {
      this.end(asMemifError(error));
    }
  }
}

function closed(cause?: unknown): MemifError {
  // "disconnected" is VPP's word for it.
  return new MemifError("CLOSED", "disconnected", { hint: "the peer closed the connection", cause });
}

/** What went wrong on our side is named to the peer too, without details. */
export function asMemifError(error: unknown): MemifError {
  if (error instanceof MemifError) return error;
  const reason = error instanceof SysError ? `${error.syscall} failed` : "internal error";
  return new MemifError("REGION", reason, {
    cause: error,
    hint: error instanceof Error ? error.message : String(error),
  });
}
