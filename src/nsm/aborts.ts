import { onAbort } from "../sys/on-abort.ts";

/**
 * Controllers that a longer-lived signal aborts too. One listener serves them all and none outlives its use, which
 * AbortSignal.any does not promise for long-lived signals.
 */
export class Aborts {
  readonly #live = new Set<AbortController>();
  readonly #parent: AbortSignal;

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    onAbort(parent, () => this.#abortAll());
  }

  /** @returns aborted already where the parent is */
  create(): AbortController {
    const controller = new AbortController();
    if (this.#parent.aborted) controller.abort(this.#parent.reason);
    else this.#live.add(controller);
    return controller;
  }

  /** Aborts one and forgets it. */
  end(controller: AbortController | undefined): void {
    if (controller === undefined) return;
    this.#live.delete(controller);
    controller.abort();
  }

  #abortAll(): void {
    for (const controller of this.#live) controller.abort(this.#parent.reason);
    this.#live.clear();
  }
}

/** A signal that fires after a time or with the parent, whichever comes first, unless `end` is called before. */
export interface BoundedSignal {
  readonly signal: AbortSignal;
  /** It never fires any more; timer and listener are gone. Idempotent. */
  end(): void;
}

export function signalWithin(timeoutMs: number, parent?: AbortSignal): BoundedSignal {
  const controller = new AbortController();
  const end = () => {
    clearTimeout(timer);
    forget?.();
  };
  const abort = () => {
    end();
    controller.abort(parent?.reason);
  };
  const timer = setTimeout(() => {
    end();
    controller.abort(new DOMException(`${timeoutMs} ms have passed`, "TimeoutError"));
  }, timeoutMs);
  timer.unref();
  const forget = parent === undefined || parent.aborted ? undefined : onAbort(parent, abort);
  if (parent?.aborted === true) abort();
  return { signal: controller.signal, end };
}

/** Waits, or until the signal fires; never rejects and does not keep the process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const { signal: over, end } = signalWithin(ms, signal);
    const done = () => {
      end();
      resolve();
    };
    if (over.aborted) done();
    else over.addEventListener("abort", done, { once: true });
  });
}
