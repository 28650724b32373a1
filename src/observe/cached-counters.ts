import type { VppCounters } from "../controller/counters.ts";

export interface CachedCountersOptions {
  /** Younger counters are not read again. Default 1,000. */
  readonly maxAgeMs?: number;
  /** So long a scrape waits for fresh ones. Default 250. */
  readonly deadlineMs?: number;
}

/** What became of attempts to read VPP's counters. */
export interface CounterReads {
  readonly ok: number;
  readonly failed: number;
}

/** VPP's counters for whoever scrapes: the latest that could be read, never waited for longer than the deadline. */
export class CachedCounters {
  readonly #source: { counters(): Promise<VppCounters | undefined> };
  readonly #maxAgeMs: number;
  readonly #deadlineMs: number;
  #latest: VppCounters | undefined;
  #readAtMs = -Infinity;
  #reading: Promise<void> | undefined;
  #reads = { ok: 0, failed: 0 };

  constructor(source: { counters(): Promise<VppCounters | undefined> }, options: CachedCountersOptions = {}) {
    this.#source = source;
    this.#maxAgeMs = options.maxAgeMs ?? 1000;
    this.#deadlineMs = options.deadlineMs ?? 250;
  }

  /** Of the last VPP that told them. */
  get latest(): VppCounters | undefined {
    return this.#latest;
  }

  get reads(): CounterReads {
    return this.#reads;
  }

  /** Reads them where they are old, and waits for that until the deadline. Never rejects. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readAtMs < this.#maxAgeMs) return;
    // A read that hangs is the only one: others wait beside it.
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#deadlineMs)));
    await Promise.race([this.#reading, late]);
    clearTimeout(timer);
  }

  async #read(): Promise<void> {
    try {
      this.#latest = (await this.#source.counters()) ?? this.#latest;
      this.#readAtMs = performance.now();
      this.#reads = { ...this.#reads, ok: this.#reads.ok + 1 };
    } catch {
      this.#reads = { ...this.#reads, failed: this.#reads.failed + 1 };
    }
  }
}
