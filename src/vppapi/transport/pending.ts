import { VppError } from "../errors.ts";
import type { MessageCodec } from "../codec/message.ts";

/** Somebody who waits for the messages that carry one context. */
export interface Waiter {
  /** Request that is waited for: for messages of errors. */
  readonly name: string;
  /** On the clock of performance.now(); may be moved on while the answer is arriving. */
  deadlineMs: number;
  readonly timeoutMs: number;
  /** A message with its context. @returns true when nothing more is expected */
  receive(codec: MessageCodec, buffer: Uint8Array, start: number, end: number): boolean;
  fail(error: VppError): void;
}

/**
 * The requests in flight, by context. A ring of slots, so that a request costs no map entry; a context is never reused
 * while its request is pending, and a reply that comes after its deadline finds another context, or none, and is dropped.
 * One timer serves all deadlines.
 */
export class PendingTable {
  readonly #waiters: (Waiter | undefined)[];
  readonly #contexts: Uint32Array;
  readonly #mask: number;
  #next = 1;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;
  /** Told when deadlines have freed places. */
  readonly #onExpired: () => void;

  constructor(capacity: number, onExpired: () => void) {
    let size = 16;
    while (size < 2 * capacity) size *= 2;
    this.#waiters = new Array<Waiter | undefined>(size).fill(undefined);
    this.#contexts = new Uint32Array(size);
    this.#mask = size - 1;
    this.#onExpired = onExpired;
  }

  get count(): number {
    return this.#count;
  }

  /** @returns the context for this waiter; the caller keeps `count` below the capacity */
  add(waiter: Waiter): number {
    let context = this.#next;
    while (this.#waiters[context & this.#mask] !== undefined) context = (context + 1) >>> 0;
    this.#next = (context + 1) >>> 0;
    this.#waiters[context & this.#mask] = waiter;
    this.#contexts[context & this.#mask] = context;
    this.#count++;
    if (waiter.deadlineMs < this.#timerAtMs) this.#arm(waiter.deadlineMs);
    return context;
  }

  get(context: number): Waiter | undefined {
    const slot = context & this.#mask;
    return this.#contexts[slot] === context ? this.#waiters[slot] : undefined;
  }

  remove(context: number): void {
    if (this.get(context) === undefined) return;
    this.#waiters[context & this.#mask] = undefined;
    this.#count--;
    // The timer is left to run out: rearming it for every reply would cost more than its one look at the table.
  }

  /** Ends all waits. */
  failAll(error: VppError): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    const waiters = this.#waiters.filter((waiter) => waiter !== undefined);
    this.#waiters.fill(undefined);
    this.#count = 0;
    for (const waiter of waiters) waiter.fail(error);
  }

  #arm(atMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(atMs - performance.now())));
    // The socket keeps the process alive while it is connected; a deadline alone must not.
    this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    const nowMs = performance.now();
    let earliestMs = Infinity;
    const late: Waiter[] = [];
    for (let slot = 0; slot <= this.#mask; slot++) {
      const waiter = this.#waiters[slot];
      if (waiter === undefined) continue;
      if (waiter.deadlineMs > nowMs) earliestMs = Math.min(earliestMs, waiter.deadlineMs);
      else {
        this.#waiters[slot] = undefined;
        this.#count--;
        late.push(waiter);
      }
    }
    if (earliestMs < Infinity) this.#arm(earliestMs);
    for (const waiter of late) waiter.fail(timeoutError(waiter));
    if (late.length > 0) this.#onExpired();
  }
}

function timeoutError(waiter: Waiter): VppError {
  return new VppError(
    "TIMEOUT",
    `${waiter.name}: no answer from VPP within ${waiter.timeoutMs} ms; is VPP running, and not stopped in a debugger?`,
    { messageName: waiter.name },
  );
}
