import { openFileLimit } from "../../sys/open-files.ts";
import { closeFd, duplicateFd } from "../../sys/sockets.ts";

/** A descriptor that nobody has taken is closed after so long: the call that names it has come by then, or never does. */
const KEEP_MS = 10_000;
/** Of what a process may have open, so much may wait to be taken. */
const SHARE = 1 / 4;
const LEAST = 512;
const MOST = 4096;

/**
 * How many descriptors that nobody has taken yet a process keeps, over all its connections. A hop carries the calls of
 * all clients over one connection, and a call's descriptors travel ahead of it: as many as calls are under way may wait
 * there at once. So no connection has a bound of its own; where they are too many in all, the one that keeps most loses
 * its oldest.
 */
export class KeptLimit {
  readonly most: number;
  readonly #holders = new Set<KeptDescriptors>();
  #count = 0;

  /** @param most default a quarter of what the process may open, 512 at least and 4,096 at most */
  constructor(most = Math.min(MOST, Math.max(LEAST, Math.floor(openFileLimit() * SHARE)))) {
    this.most = most;
  }

  /** Descriptors that are kept now. */
  get count(): number {
    return this.#count;
  }

  /** One more is kept; another may have to go for it. */
  came(holder: KeptDescriptors): void {
    this.#holders.add(holder);
    this.#count += 1;
    if (this.#count <= this.most) return;
    let largest = holder;
    for (const one of this.#holders) if (one.size > largest.size) largest = one;
    largest.dropOldest();
  }

  /** One that was kept is kept no more. */
  went(holder: KeptDescriptors): void {
    this.#count -= 1;
    if (holder.size === 0) this.#holders.delete(holder);
  }
}

let ofProcess: KeptLimit | undefined;

/** The one of this process. */
export function keptLimit(): KeptLimit {
  return (ofProcess ??= new KeptLimit());
}

interface Kept {
  readonly fd: number;
  /** How often it came: whoever sends a file with each of two calls may close it in between. */
  times: number;
  readonly atMs: number;
}

/** The descriptors that came on one connection, by inode URL, until the call that names each takes it. */
export class KeptDescriptors {
  readonly #limit: KeptLimit;
  /** In the order in which they came. */
  readonly #kept = new Map<string, Kept>();
  #purge: NodeJS.Timeout | undefined;

  constructor(limit: KeptLimit = keptLimit()) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** From now on it is ours. */
  add(url: string, fd: number): void {
    const times = 1 + (this.#kept.get(url)?.times ?? 0);
    this.#drop(url);
    this.#kept.set(url, { fd, times, atMs: performance.now() });
    this.#limit.came(this);
    this.#purge ??= setTimeout(() => this.#dropOld(), KEEP_MS).unref();
  }

  /** Each time that it came it can be taken once. The caller owns it. */
  take(url: string): number | undefined {
    const kept = this.#kept.get(url);
    if (kept === undefined) return undefined;
    if (kept.times > 1) {
      kept.times -= 1;
      return duplicateFd(kept.fd);
    }
    this.#forget(url);
    return kept.fd;
  }

  dropOldest(): void {
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#drop(oldest);
  }

  close(): void {
    for (const url of [...this.#kept.keys()]) this.#drop(url);
  }

  #dropOld(): void {
    this.#purge = undefined;
    const now = performance.now();
    for (const [url, { atMs }] of [...this.#kept]) if (now - atMs >= KEEP_MS) this.#drop(url);
    const [oldest] = this.#kept.values();
    if (oldest !== undefined) this.#purge ??= setTimeout(() => this.#dropOld(), oldest.atMs + KEEP_MS - now).unref();
  }

  #drop(url: string): void {
    const kept = this.#kept.get(url);
    if (kept === undefined) return;
    this.#forget(url);
    closeFd(kept.fd);
  }

  #forget(url: string): void {
    this.#kept.delete(url);
    this.#limit.went(this);
    if (this.#kept.size > 0) return;
    clearTimeout(this.#purge);
    this.#purge = undefined;
  }
}
