import type { Socket } from "node:net";
import { HEADER_BYTES, OutputChunks } from "./output.ts";

/** The longest request that is read; VPP has no bound. The longest that makes sense is a cli_inband of a few 100 kB. */
const MAX_REQUEST_BYTES = 4 << 20;
/** Input is not read while this much of it waits. */
const MAX_PENDING_INPUT_BYTES = MAX_REQUEST_BYTES + HEADER_BYTES;
/** No request is served while the client leaves this much output unread. */
const MAX_UNREAD_OUTPUT_BYTES = 256 << 10;
/** A client that leaves this much unread (events come unasked) is closed. */
const MAX_QUEUED_OUTPUT_BYTES = 8 << 20;
/** Requests served in a row before packets and other clients get their turn. */
const REQUESTS_PER_TURN = 64;
/** Details of one dump made in a row. */
const DETAILS_PER_TURN = 256;

/** Serves one payload: `undefined` = done, an iterator = details to send as room allows, a promise = not yet done. */
export type Serve = (payload: Uint8Array) => Iterator<Uint8Array> | Promise<void> | undefined;

/**
 * One client's connection: cuts the byte stream into payloads, has them served strictly in order, sends what comes back
 * in as few writes as possible. Input stops while output isn't read, so that a client's memory here is bounded.
 */
export class Session {
  readonly clientIndex: number;
  readonly signal: AbortSignal;
  readonly #socket: Socket;
  readonly #serve: Serve;
  readonly #closed = new AbortController();
  readonly #onClose: () => void;
  #input: Uint8Array = new Uint8Array(0);
  readonly #output = new OutputChunks();
  #dump: Iterator<Uint8Array> | undefined;
  #waiting = false;
  #scheduled = false;
  #serving = false;
  #ending = false;

  constructor(socket: Socket, clientIndex: number, hooks: { serve: Serve; onClose: () => void }) {
    this.#socket = socket;
    this.clientIndex = clientIndex;
    this.#serve = hooks.serve;
    this.#onClose = hooks.onClose;
    this.signal = this.#closed.signal;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("drain", () => this.#work());
    socket.on("error", () => this.close());
    socket.once("close", () => this.#end());
  }

  /** Queues a payload; it leaves with the next flush. */
  send(payload: Uint8Array): void {
    if (this.#ending || this.signal.aborted) return;
    this.#output.push(payload);
    if (this.#output.bytes + this.#socket.writableLength > MAX_QUEUED_OUTPUT_BYTES) this.close();
  }

  /** As `send`, for what comes unasked: leaves by itself, after what is being served now. */
  post(payload: Uint8Array): void {
    this.send(payload);
    if (!this.#waiting && !this.#serving) this.#yield();
  }

  /** Hands everything queued to the kernel. */
  flush(): void {
    if (this.#output.bytes === 0 || this.signal.aborted) return;
    const chunks = this.#output.take();
    if (chunks.length === 1) return void this.#socket.write(chunks[0]!);
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  /** Closes after what is queued; nothing more is read. */
  finish(): void {
    this.flush();
    this.#ending = true;
    this.#input = new Uint8Array(0);
    this.#socket.end(() => this.#socket.destroy());
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #end(): void {
    if (this.signal.aborted) return;
    this.#closed.abort();
    this.#input = new Uint8Array(0);
    this.#output.take();
    this.#dump = undefined;
    this.#onClose();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#ending) return;
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    if (this.#input.length > MAX_PENDING_INPUT_BYTES) this.#socket.pause();
    if (!this.#scheduled) this.#work();
  }

  #work(): void {
    this.#scheduled = false;
    this.#serving = true;
    this.#serveTurn();
    this.#serving = false;
  }

  /** Serves what is there until it is used up, must wait, or had its turn. */
  #serveTurn(): void {
    let turns = REQUESTS_PER_TURN;
    while (!this.#waiting && !this.signal.aborted && !this.#ending) {
      if (this.#isUnread()) return this.#pause();
      if (this.#dump !== undefined) {
        if (!this.#continueDump(this.#dump)) return this.#yield();
        continue;
      }
      if (turns-- === 0) return this.#yield();
      const payload = this.#nextPayload();
      if (payload === undefined) break;
      this.#start(payload);
    }
    this.flush();
    if (!this.#waiting && this.#input.length <= MAX_PENDING_INPUT_BYTES) this.#socket.resume();
  }

  #start(payload: Uint8Array): void {
    const answer = this.#serve(payload);
    if (answer === undefined) return;
    if (!(answer instanceof Promise)) {
      this.#dump = answer;
      return;
    }
    this.#waiting = true;
    void answer.finally(() => {
      this.#waiting = false;
      this.#work();
    });
  }

  /** True when the dump is done. */
  #continueDump(details: Iterator<Uint8Array>): boolean {
    for (let left = DETAILS_PER_TURN; left > 0; left -= 1) {
      const next = details.next();
      if (next.done === true) {
        this.#dump = undefined;
        return true;
      }
      this.send(next.value);
    }
    return false;
  }

  #isUnread(): boolean {
    return this.#socket.writableLength + this.#output.bytes > MAX_UNREAD_OUTPUT_BYTES;
  }

  /** Waits for the client to read: `drain` goes on. */
  #pause(): void {
    this.flush();
    if (this.#socket.writableNeedDrain) this.#socket.pause();
    else this.#yield();
  }

  /** Lets packets and other clients have their turn. */
  #yield(): void {
    this.flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#work());
  }

  /** The next whole payload, or undefined. A length that no request has closes the connection. */
  #nextPayload(): Uint8Array | undefined {
    if (this.#input.length < HEADER_BYTES) return undefined;
    const view = new DataView(this.#input.buffer, this.#input.byteOffset, this.#input.length);
    const length = view.getUint32(8);
    if (length > MAX_REQUEST_BYTES) {
      this.close();
      return undefined;
    }
    const end = HEADER_BYTES + length;
    if (this.#input.length < end) return undefined;
    const payload = this.#input.subarray(HEADER_BYTES, end);
    this.#input = this.#input.subarray(end);
    return payload;
  }
}
