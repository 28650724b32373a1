import { isLivedIn, namespacesInUse } from "./in-use.ts";
import type { Links } from "./links.ts";

export interface InUse {
  has(inode: string): boolean;
  /** Whether it is for longer than a moment. Default: it is. */
  isLivedIn?(inode: string): boolean;
}

export interface GoneClientsOptions {
  /** Hears of each connection whose client is gone, again with each look while the link is there. */
  readonly onGone: (connectionId: string, client: string) => void;
  readonly onError?: (error: unknown) => void;
  /** For how long nobody is in a namespace until its client counts as gone: it may be about to start again. Default 5,000. */
  readonly graceMs?: number;
  /** Namespaces in use, by the numbers of their inodes. Default: a look at this machine. */
  readonly inUse?: () => InUse;
  /** ms of a clock that is never set. */
  readonly now?: () => number;
}

/** So many looks in a row find nobody, however long they take. */
const LOOKS = 3;
const PERIOD_MS = 2000;
/** Between looks for new connections. */
const TICK_MS = 250;

/** A client's namespace in which somebody was. */
interface Seen {
  readonly lastMs: number;
  /** Looks since then. */
  readonly missed: number;
}

/**
 * Tells of clients that are gone without a word, with all of their network namespace: no process is in it any more, and
 * it has no name. We hold it by a descriptor ourselves, so the kernel keeps it and the link in it, and the endpoint would
 * go on sending packets there until the client's token expires. A namespace that was never seen in use is none that we
 * can judge (its processes may be out of our sight), and is left alone.
 */
export class GoneClients {
  readonly #links: Links;
  readonly #options: GoneClientsOptions;
  readonly #now: () => number;
  readonly #seen = new Map<string, Seen>();
  #isNews = false;
  #lookedMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(links: Links, options: GoneClientsOptions) {
    this.#links = links;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#isNews || this.#now() - this.#lookedMs >= PERIOD_MS) this.look();
    }, TICK_MS);
    this.#timer.unref();
    this.#links.onClaim = () => {
      this.#isNews = true;
      // Who was never seen cannot be missed. Of many that come at once, the others wait for the timer.
      if (this.#now() - this.#lookedMs >= TICK_MS) setImmediate(() => this.look());
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#links.onClaim = () => undefined;
  }

  /** What the timer does. */
  look(): void {
    this.#isNews = false;
    this.#lookedMs = this.#now();
    const clients = this.#links.clients();
    const live = new Set(clients.map(keyOf));
    for (const key of this.#seen.keys()) if (!live.has(key)) this.#seen.delete(key);
    if (clients.length === 0) return;
    let inUse;
    try {
      inUse = (this.#options.inUse ?? onThisMachine)();
    } catch (error) {
      // Not all could be looked at: nothing is known.
      this.#options.onError?.(error);
      return;
    }
    for (const client of clients)
      if (this.#isGone(keyOf(client), client.inode, inUse)) this.#options.onGone(client.id, client.client);
  }

  #isGone(key: string, inode: string, inUse: InUse): boolean {
    const nowMs = this.#lookedMs;
    const before = this.#seen.get(key);
    const isInUse = inUse.has(inode);
    const isSeen = isInUse && (before !== undefined || inUse.isLivedIn?.(inode) !== false);
    if (isSeen) this.#seen.set(key, { lastMs: nowMs, missed: 0 });
    if (isInUse || before === undefined) return false;
    const missed = before.missed + 1;
    this.#seen.set(key, { ...before, missed });
    return missed >= LOOKS && nowMs - before.lastMs >= (this.#options.graceMs ?? 5000);
  }
}

function onThisMachine(): InUse {
  const paths = namespacesInUse();
  return { has: (inode) => paths.has(inode), isLivedIn: (inode) => isLivedIn(paths.get(inode) ?? "") };
}

const keyOf = ({ id, inode }: { readonly id: string; readonly inode: string }): string => `${inode} ${id}`;
