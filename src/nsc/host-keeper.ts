import type { Host, HostResult } from "../target/host.ts";
import type { HostWish } from "../target/host-plan.ts";
import { TargetError } from "../target/errors.ts";

export interface HostKeeperOptions {
  readonly host: Host;
  /** What is wanted now; asked for before each look at the host. */
  readonly wish: () => Promise<HostWish>;
  /** Of those who will have a wish: until each was heard of, nothing of a former life is taken back. */
  readonly expected: Iterable<string>;
  /** Default 5,000. */
  readonly repairMs?: number;
  /** Hears of each look at the host. */
  readonly onDone: (look: HostLook) => void;
}

export interface HostLook extends HostResult {
  readonly wish: HostWish;
  /** It is another wish than the last. */
  readonly anew: boolean;
}

const REPAIR_MS = 5000;
const RETRY_MS = 1000;
/** A look takes at most this part of the time: many VIPs are looked at less often. */
const MAX_SHARE = 0.05;
/** Whoever was not heard of by then is not waited for any longer. */
const EXPECTED_MS = 30_000;

/** Brings the host to what is wanted: when it is told to, and from time to time. One look after another. */
export class HostKeeper {
  readonly host: Host;
  readonly #options: HostKeeperOptions;
  readonly #expected: Set<string>;
  readonly #begun = performance.now();
  #tail: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #last = "";
  #closed = false;

  constructor(options: HostKeeperOptions) {
    this.host = options.host;
    this.#options = options;
    this.#expected = new Set(options.expected);
  }

  /** It was heard of: it has a wish now, or will not have one soon. */
  settle(id: string): void {
    this.#expected.delete(id);
  }

  /** Settles once the host was looked at after this call. Never rejects. */
  run(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    this.#next = this.#tail.then(() => {
      this.#next = undefined;
      return this.#look();
    });
    this.#tail = this.#next;
    return this.#next;
  }

  /** Whatever happens to the host from now on is neither put right nor told. */
  stop(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Takes everything back. @throws TargetError SETUP */
  async close(): Promise<void> {
    this.stop();
    await this.#tail;
    await this.host.close();
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const { repairMs = REPAIR_MS, onDone } = this.#options;
    const begun = performance.now();
    let result: HostResult;
    let anew = false;
    let wish: HostWish = { links: [] };
    try {
      wish = await this.#options.wish();
      const text = JSON.stringify(wish);
      anew = text !== this.#last;
      this.#last = text;
      const keepOthers = this.#expected.size > 0 && performance.now() - this.#begun < EXPECTED_MS;
      result = await this.host.update(wish, { keepOthers });
    } catch (error) {
      const failure = error instanceof TargetError ? error : new TargetError("SETUP", (error as Error).message, error);
      result = { changed: false, errors: [failure] };
    }
    if (this.#closed) return;
    const leastMs = (performance.now() - begun) / MAX_SHARE;
    const waitMs = Math.max(leastMs, result.errors.length > 0 ? RETRY_MS : repairMs);
    this.#timer = setTimeout(() => void this.run(), waitMs);
    this.#timer.unref();
    onDone({ ...result, wish, anew });
  }
}
