import { watchReadable, type Watch } from "../../sys/notifier.ts";

/** Something with input: a descriptor that becomes readable, and work to do then. */
export interface PollSource {
  readonly fd: number;
  /** Does a bounded piece of work; false if there was none. */
  poll(): boolean;
  /** Called when the loop begins to look by itself: nobody needs to make the descriptor readable any more. */
  wake?(): void;
  /** Called before the loop sleeps: from now on the descriptor must tell. False where there is work already. */
  arm?(): boolean;
  /** Called when the descriptor keeps being readable without work: an error, which this clears. */
  clearError(): void;
}

/** Time that one turn may take before timers and other descriptors have their turn. */
const BUDGET_MS = 2;
/** Looks in vain before going to sleep: a sleep and a wake-up cost 20 us, a look a few ns. */
const IDLE_SPINS = 300;
/** Wake-ups in vain after which a source is taken for broken and looked at only now and then. */
const MAX_EMPTY_WAKES = 8;
const BROKEN_RETRY_MS = 100;

interface Entry {
  readonly source: PollSource;
  readonly watch: Watch;
  emptyWakes: number;
  retry: NodeJS.Timeout | undefined;
}

/**
 * One loop over all interfaces: sleeps on their descriptors, works in bursts while frames come. Costs nothing while idle
 * and never keeps the event loop for longer than its budget.
 */
export class PollLoop {
  readonly #entries = new Set<Entry>();
  readonly #done: () => void;
  #isRunning = false;

  /** `done` is called after each burst, when everything that was received has been worked on. */
  constructor(done: () => void = () => {}) {
    this.#done = done;
  }

  /** Watches a source. Returns the function that ends it. */
  add(source: PollSource): () => void {
    const entry: Entry = {
      source,
      watch: watchReadable(source.fd, () => this.#wake(entry)),
      emptyWakes: 0,
      retry: undefined,
    };
    this.#entries.add(entry);
    if (this.#isRunning) {
      entry.watch.pause();
      source.wake?.();
    } else this.#arm(entry);
    return () => {
      this.#entries.delete(entry);
      clearTimeout(entry.retry);
      entry.watch.close();
    };
  }

  #wake(entry: Entry): void {
    if (this.#isRunning || !this.#entries.has(entry)) return;
    entry.emptyWakes += 1;
    if (entry.emptyWakes > MAX_EMPTY_WAKES) return this.#setAside(entry);
    if (entry.emptyWakes > 1) entry.source.clearError();
    this.#begin();
    this.#run();
  }

  #begin(): void {
    this.#isRunning = true;
    for (const each of this.#entries) {
      each.watch.pause();
      each.source.wake?.();
    }
  }

  #run = (): void => {
    const until = performance.now() + BUDGET_MS;
    let spins = 0;
    while (spins < IDLE_SPINS) {
      let worked = false;
      for (const entry of this.#entries) {
        if (!entry.source.poll()) continue;
        worked = true;
        entry.emptyWakes = 0;
      }
      if (!worked) spins += 1;
      else {
        spins = 0;
        if (performance.now() > until) break;
      }
    }
    this.#done();
    if (spins < IDLE_SPINS) setImmediate(this.#run);
    else this.#sleep();
  };

  #sleep(): void {
    this.#isRunning = false;
    for (const entry of this.#entries) if (entry.retry === undefined) this.#arm(entry);
  }

  /** Waits for the descriptor, unless there is work already: then all are looked at again. */
  #arm(entry: Entry): void {
    if (this.#isRunning) return;
    if (entry.source.arm?.() !== false) return entry.watch.resume();
    this.#begin();
    setImmediate(this.#run);
  }

  /** A device that is gone stays readable for ever. */
  #setAside(entry: Entry): void {
    entry.watch.pause();
    entry.retry ??= setTimeout(() => {
      entry.retry = undefined;
      entry.emptyWakes = 0;
      this.#arm(entry);
    }, BROKEN_RETRY_MS).unref();
  }
}
