import { Observable } from "rxjs";
import type { Fields } from "../codec/message.ts";
import { VppError } from "../errors.ts";
import type { Engine, RequestOptions } from "./engine.ts";

export interface DumpOptions extends RequestOptions {
  /** Most messages that may wait for their consumer. Default 1,000,000; more end the dump with QUEUE_FULL. */
  readonly maxBuffered?: number | undefined;
}

const MAX_BUFFERED = 1_000_000;

/** Runs a dump, or a stream to its last cursor, into callbacks. @returns a function that gives up */
export function runDump(
  engine: Engine,
  name: string,
  fields: Readonly<Fields>,
  options: DumpOptions,
  sink: { next(details: Fields): void; done(): void; fail(error: VppError): void },
): () => void {
  let cancelled = false;
  let cancelPart: () => void = () => undefined;
  const part = (cursor: unknown): void => {
    const entry = engine.table.entry(name);
    const asked = cursor === undefined ? fields : { ...fields, cursor };
    cancelPart = engine.dump(entry, asked, options, {
      next: (details) => {
        if (!cancelled) sink.next(details);
      },
      done: (next) => {
        if (cancelled) return;
        if (next === undefined) sink.done();
        else if (next === cursor) sink.fail(stuck(name));
        else part(next);
      },
      fail: (error) => {
        if (!cancelled) sink.fail(error);
      },
    });
  };
  part(undefined);
  return () => {
    cancelled = true;
    cancelPart();
  };
}

function stuck(name: string): VppError {
  return new VppError("DECODE", `${name}: VPP gives the same cursor again`, { messageName: name });
}

/** All details at once: the fastest form. */
export function dumpAll(
  engine: Engine,
  name: string,
  fields: Readonly<Fields>,
  options: DumpOptions,
): Promise<Fields[]> {
  return new Promise((resolve, reject) => {
    const all: Fields[] = [];
    const most = options.maxBuffered ?? MAX_BUFFERED;
    const cancel = runDump(engine, name, fields, options, {
      next: (details) => {
        if (all.push(details) > most) {
          cancel();
          reject(overflow(name, most));
        }
      },
      done: () => resolve(all),
      fail: reject,
    });
  });
}

/** Each of the details as it comes; what `next` throws ends the dump. */
export function dumpEach(
  engine: Engine,
  name: string,
  fields: Readonly<Fields>,
  next: (details: Fields) => void,
  options: DumpOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = runDump(engine, name, fields, options, {
      next: (details) => {
        try {
          next(details);
        } catch (error) {
          cancel();
          reject(error as Error);
        }
      },
      done: resolve,
      fail: reject,
    });
  });
}

type Row = IteratorResult<Fields, undefined>;
const END: Row = { done: true, value: undefined };

/** Details as they come. The dump is sent at the first `next()`; leaving the loop gives it up. */
export function dumpIterable(
  start: () => Engine,
  name: string,
  fields: Readonly<Fields>,
  options: DumpOptions,
): AsyncIterable<Fields> {
  return { [Symbol.asyncIterator]: () => new DumpIterator(start, name, fields, options) };
}

/** By hand rather than as an async generator: that takes three turns of the microtask queue for each row, this one. */
class DumpIterator implements AsyncIterator<Fields, undefined> {
  readonly #begin: () => () => void;
  readonly #name: string;
  readonly #most: number;
  #rows: Fields[] = [];
  #at = 0;
  #cancel: (() => void) | undefined;
  #ended = false;
  #error: unknown;
  #asking: { resolve: (row: Row) => void; reject: (error: unknown) => void }[] = [];

  constructor(start: () => Engine, name: string, fields: Readonly<Fields>, options: DumpOptions) {
    this.#name = name;
    this.#most = options.maxBuffered ?? MAX_BUFFERED;
    this.#begin = () =>
      runDump(start(), name, fields, options, {
        next: (details) => this.#row(details),
        done: () => this.#end(undefined),
        fail: (error) => this.#end(error),
      });
  }

  next(): Promise<Row> {
    if (this.#at < this.#rows.length) return Promise.resolve({ done: false, value: this.#rows[this.#at++] as Fields });
    if (this.#ended) return this.#last();
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      if (this.#cancel !== undefined) return;
      this.#cancel = () => undefined;
      try {
        this.#cancel = this.#begin();
      } catch (error) {
        this.#end(error);
      }
    });
  }

  return(): Promise<Row> {
    this.#cancel?.();
    this.#rows = [];
    this.#end(undefined);
    return Promise.resolve(END);
  }

  /** An error is told once. */
  #last(): Promise<Row> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve(END) : Promise.reject(error as Error);
  }

  #row(details: Fields): void {
    const asking = this.#asking.shift();
    if (asking !== undefined) return asking.resolve({ done: false, value: details });
    if (this.#at === this.#rows.length && this.#at > 0) [this.#rows, this.#at] = [[], 0];
    if (this.#rows.push(details) - this.#at > this.#most) {
      this.#cancel?.();
      this.#end(overflow(this.#name, this.#most));
    }
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const asking of this.#asking.splice(0)) this.#last().then(asking.resolve, asking.reject);
  }
}

/** Details as an Observable; unsubscribing gives the dump up. */
export function dumpObservable(
  start: () => Engine,
  name: string,
  fields: Readonly<Fields>,
  options: DumpOptions,
): Observable<Fields> {
  return new Observable((subscriber) => {
    try {
      return runDump(start(), name, fields, options, {
        next: (details) => subscriber.next(details),
        done: () => subscriber.complete(),
        fail: (error) => subscriber.error(error),
      });
    } catch (error) {
      subscriber.error(error);
      return undefined;
    }
  });
}

function overflow(name: string, most: number): VppError {
  return new VppError("QUEUE_FULL", `${name}: more than ${most} messages wait to be read`, { messageName: name });
}
