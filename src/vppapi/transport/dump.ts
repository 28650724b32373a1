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

/** Details as they come. The dump is sent at the first `next()`; leaving the loop gives it up. */
export async function* dumpIterable(
  start: () => Engine,
  name: string,
  fields: Readonly<Fields>,
  options: DumpOptions,
): AsyncGenerator<Fields, void, undefined> {
  const most = options.maxBuffered ?? MAX_BUFFERED;
  let batch: Fields[] = [];
  let ended: { error?: VppError } | undefined;
  let wake: () => void = () => undefined;
  const cancel = runDump(start(), name, fields, options, {
    next: (details) => {
      if (batch.push(details) > most) {
        cancel();
        ended = { error: overflow(name, most) };
      }
      wake();
    },
    done: () => {
      ended = {};
      wake();
    },
    fail: (error) => {
      ended = { error };
      wake();
    },
  });
  try {
    for (;;) {
      const ready = batch;
      batch = [];
      yield* ready;
      if (batch.length > 0) continue;
      const end = ended as { error?: VppError } | undefined;
      if (end?.error !== undefined) throw end.error;
      if (end !== undefined) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    cancel();
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
