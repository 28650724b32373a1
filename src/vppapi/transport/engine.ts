import type { Fields, MessageCodec } from "../codec/message.ts";
import { VppError } from "../errors.ts";
import type { FinishedRequest } from "../options.ts";
import type { Connection } from "./connection.ts";
import { PendingTable } from "./pending.ts";
import type { MessageTable, RequestEntry } from "./table.ts";
import { DumpWaiter, ReplyWaiter } from "./waiters.ts";
import type { DumpSink } from "./waiters.ts";

export interface RequestOptions {
  /** Ends the wait with ABORTED. VPP may still carry the request out. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline of this request, in ms; of a dump: the longest silence. Default: the client's. */
  readonly timeoutMs?: number | undefined;
}

export interface EngineLimits {
  readonly onRequest?: ((request: FinishedRequest) => void) | undefined;
  readonly window: number;
  readonly queue: number;
  readonly requestTimeoutMs: number;
}

/** Counters of what came in unasked or too late. */
export interface EngineCounters {
  /** Replies whose request had timed out or was aborted. */
  late: number;
  /** Messages whose definition is not known here. */
  unknown: number;
  /** Events that are shorter than their definition. */
  undecodable: number;
}

type AnyWaiter = ReplyWaiter | DumpWaiter;

/**
 * Requests on one connection: at most `window` are with VPP, `queue` more wait here. VPP serves a socket in order, so a
 * control_ping right behind a dump ends it; both carry one context.
 */
export class Engine {
  readonly table: MessageTable;
  readonly counters: EngineCounters = { late: 0, unknown: 0, undecodable: 0 };
  readonly #connection: Connection;
  readonly #limits: EngineLimits;
  readonly #pending: PendingTable;
  readonly #onEvent: (name: string, message: () => Fields) => void;
  readonly #ping: RequestEntry;
  /** Contexts that are not sent yet, from `#head` on. */
  #queue: number[] = [];
  #head = 0;
  #queued = 0;
  #inFlight = 0;
  #dead: VppError | undefined;

  constructor(
    connection: Connection,
    table: MessageTable,
    limits: EngineLimits,
    onEvent: (name: string, message: () => Fields) => void,
  ) {
    this.#connection = connection;
    this.table = table;
    this.#limits = limits;
    this.#onEvent = onEvent;
    this.#pending = new PendingTable(limits.window + limits.queue, () => {
      this.#recount();
      this.pump();
    });
    this.#ping = table.entry("control_ping");
  }

  /** Requests that wait for VPP, and here. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  request(entry: RequestEntry, fields: Readonly<Fields>, options: RequestOptions, readFailed = false): Promise<Fields> {
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? this.#limits.requestTimeoutMs;
      const timing = { nowMs: performance.now(), timeoutMs, readFailed };
      this.#submit(new ReplyWaiter(entry, fields, timing, resolve, reject), options.signal);
    });
  }

  /** @returns a function that gives up: the rest of the answer is then dropped */
  dump(entry: RequestEntry, fields: Readonly<Fields>, options: RequestOptions, sink: DumpSink): () => void {
    const timeoutMs = options.timeoutMs ?? this.#limits.requestTimeoutMs;
    const waiter = new DumpWaiter(entry, fields, { nowMs: performance.now(), timeoutMs }, sink);
    const context = this.#submit(waiter, options.signal);
    return () => {
      if (context !== undefined) this.#remove(context);
    };
  }

  #submit(waiter: AnyWaiter, signal: AbortSignal | undefined): number | undefined {
    const { onRequest } = this.#limits;
    if (onRequest !== undefined) {
      const startMs = performance.now();
      waiter.ended = (result) => onRequest({ name: waiter.name, result, durationMs: performance.now() - startMs });
    }
    if (this.#dead !== undefined) waiter.fail(this.#dead);
    else if (signal?.aborted === true) waiter.fail(abortedError(waiter.name));
    else if (this.#pending.count >= this.#limits.window + this.#limits.queue)
      waiter.fail(fullError(waiter.name, this.#limits));
    else return this.#accept(waiter, signal);
    return undefined;
  }

  #accept(waiter: AnyWaiter, signal: AbortSignal | undefined): number | undefined {
    const context = this.#pending.add(waiter);
    if (signal !== undefined) {
      const onAbort = (): void => {
        this.#remove(context);
        waiter.fail(abortedError(waiter.name));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiter.release = () => signal.removeEventListener("abort", onAbort);
    }
    if (this.#queued === 0 && this.#mayWrite()) return this.#write(context, waiter) ? context : undefined;
    this.#queue.push(context);
    this.#queued++;
    return context;
  }

  #mayWrite(): boolean {
    return this.#inFlight < this.#limits.window && !this.#connection.sender.blocked;
  }

  #write(context: number, waiter: AnyWaiter): boolean {
    const { sender, clientIndex } = this.#connection;
    try {
      sender.append(waiter.entry.codec, waiter.entry.id, clientIndex, context, waiter.fields);
      if (waiter.entry.kind === "dump") sender.append(this.#ping.codec, this.#ping.id, clientIndex, context, {});
    } catch (error) {
      this.#pending.remove(context);
      waiter.fail(VppError.is(error) ? error : new VppError("ENCODE", String(error), { cause: error }));
      return false;
    }
    waiter.sent = true;
    this.#inFlight++;
    return true;
  }

  /** Sends what waits, as far as window and socket allow. */
  pump(): void {
    while (this.#queued > 0 && this.#mayWrite()) {
      const context = this.#queue[this.#head++] as number;
      this.#queued--;
      const waiter = this.#pending.get(context) as AnyWaiter | undefined;
      if (waiter !== undefined) this.#write(context, waiter);
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
    }
  }

  #remove(context: number): void {
    const waiter = this.#pending.get(context) as AnyWaiter | undefined;
    if (waiter === undefined) return;
    this.#pending.remove(context);
    waiter.release?.();
    if (waiter.sent) this.#inFlight--;
    if (this.#queued > 0) this.pump();
  }

  /** Deadlines take waiters out behind our back. */
  #recount(): void {
    this.#queue = this.#queue.slice(this.#head).filter((context) => this.#pending.get(context) !== undefined);
    this.#head = 0;
    this.#queued = this.#queue.length;
    this.#inFlight = this.#pending.count - this.#queued;
  }

  /** A message from VPP, `[start, end)` of a buffer that is valid during the call. */
  receive(b: Uint8Array, start: number, end: number): void {
    const id = ((b[start] as number) << 8) | (b[start + 1] as number);
    const codec = this.table.byId[id];
    if (codec === undefined) {
      this.counters.unknown++;
    } else if (codec.header === "event") {
      this.#event(codec, b, start, end);
    } else {
      // Some details have a client_index too (sw_interface_tx_placement_details).
      const at = start + (codec.header === "request" ? 6 : 2);
      if (at + 4 > end) return;
      const context =
        (((b[at] as number) << 24) |
          ((b[at + 1] as number) << 16) |
          ((b[at + 2] as number) << 8) |
          (b[at + 3] as number)) >>>
        0;
      this.#answer(codec, context, b, start, end);
    }
  }

  #event(codec: MessageCodec, b: Uint8Array, start: number, end: number): void {
    try {
      this.#onEvent(codec.name, () => codec.decodeAt(b, start, end));
    } catch (error) {
      // Nobody waits for an event that could be told.
      if (!VppError.is(error, "DECODE")) throw error;
      this.counters.undecodable++;
    }
  }

  #answer(codec: RequestEntry["codec"], context: number, b: Uint8Array, start: number, end: number): void {
    const waiter = this.#pending.get(context) as AnyWaiter | undefined;
    if (waiter === undefined) {
      this.counters.late++;
      return;
    }
    let done: boolean;
    try {
      done = waiter.receive(codec, b, start, end);
    } catch (error) {
      done = true;
      waiter.fail(VppError.is(error) ? error : new VppError("DECODE", String(error), { cause: error }));
    }
    if (!done) waiter.deadlineMs = this.#connection.lastReceivedMs() + waiter.timeoutMs;
    else if (this.#pending.get(context) === waiter) this.#remove(context);
  }

  /** Ends every wait; later requests get the same error. */
  fail(error: VppError): void {
    this.#dead = error;
    this.#queue = [];
    this.#head = 0;
    this.#queued = 0;
    this.#inFlight = 0;
    this.#pending.failAll(error);
  }
}

function abortedError(name: string): VppError {
  return new VppError("ABORTED", `${name}: aborted by its caller; VPP may still have carried it out`, {
    messageName: name,
  });
}

function fullError(name: string, limits: EngineLimits): VppError {
  return new VppError(
    "QUEUE_FULL",
    `${name}: ${limits.window} requests are with VPP and ${limits.queue} wait; await some, or raise "queue"`,
    { messageName: name },
  );
}
