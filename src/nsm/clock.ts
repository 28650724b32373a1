import { onAbort } from "../sys/on-abort.ts";

/** Time as elements see it, so that tests can turn it. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Calls back once after `delayMs`, unless the signal fires before. Does not keep the process alive. */
  after(delayMs: number, signal: AbortSignal, callback: () => void): void;
}

/** setTimeout's limit; what lies beyond is waited for in pieces. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, signal, callback) {
    if (signal.aborted) return;
    const wait = Math.min(Math.max(0, delayMs), MAX_DELAY_MS);
    const timer = setTimeout(() => {
      forget();
      if (delayMs > MAX_DELAY_MS) systemClock.after(delayMs - MAX_DELAY_MS, signal, callback);
      else callback();
    }, wait);
    timer.unref();
    const forget = onAbort(signal, () => clearTimeout(timer));
  },
};
