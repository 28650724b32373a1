/** What was held back of one text, or of one event. */
export interface HeldBack {
  readonly event: string;
  readonly times: number;
  readonly seconds: number;
}

export interface RepeatLimits {
  /** Default 60,000. */
  readonly windowMs?: number;
  /** The same text comes so often in that time. Default 10: what flaps is seen to. */
  readonly perText?: number;
  /** Of one event so many come in that time. Default 200. */
  readonly perEvent?: number;
}

interface Window {
  startMs: number;
  count: number;
}

/** Texts that are remembered at a time. */
const MAX_TEXTS = 2000;

/**
 * Keeps a log from being flooded: the same text is written a few times in a window, and of one event a bounded number.
 * What was held back is told with the first that comes after the window.
 */
export class Repeats {
  readonly #windowMs: number;
  readonly #perText: number;
  readonly #perEvent: number;
  readonly #texts = new Map<string, Window>();
  readonly #events = new Map<string, Window>();

  constructor({ windowMs = 60_000, perText = 10, perEvent = 200 }: RepeatLimits = {}) {
    this.#windowMs = windowMs;
    this.#perText = perText;
    this.#perEvent = perEvent;
  }

  /** @returns whether it is to be written, and what of before was not */
  offer(event: string, text: string, nowMs: number): { readonly write: boolean; readonly before?: HeldBack } {
    const same = this.#enter(this.#texts, `${event}\0${text}`, this.#perText, nowMs);
    if (!same.write) return { write: false };
    if (this.#texts.size > MAX_TEXTS) this.#forget(nowMs);
    const all = this.#enter(this.#events, event, this.#perEvent, nowMs);
    const heldBack = same.heldBack + all.heldBack;
    if (!all.write || heldBack === 0) return { write: all.write };
    return {
      write: true,
      before: { event, times: heldBack, seconds: Math.round(Math.max(same.sinceMs, all.sinceMs) / 1000) },
    };
  }

  #enter(windows: Map<string, Window>, key: string, most: number, nowMs: number) {
    const window = windows.get(key);
    // A clock that was set back begins a new window too.
    if (window === undefined || nowMs - window.startMs >= this.#windowMs || nowMs < window.startMs) {
      windows.set(key, { startMs: nowMs, count: 1 });
      const heldBack = Math.max(0, (window?.count ?? 0) - most);
      return { write: true, heldBack, sinceMs: nowMs - (window?.startMs ?? nowMs) };
    }
    window.count++;
    return { write: window.count <= most, heldBack: 0, sinceMs: 0 };
  }

  /** The oldest half, and all whose window is over. */
  #forget(nowMs: number): void {
    let left = this.#texts.size - MAX_TEXTS / 2;
    for (const [key, { startMs }] of this.#texts) {
      if (left-- > 0 || nowMs - startMs >= this.#windowMs) this.#texts.delete(key);
    }
  }
}
