import type { Link } from "../kernel/links.ts";
import { Namespace } from "../kernel/namespace.ts";
import { removePolicies } from "./context.ts";
import { namespacesInUse } from "./in-use.ts";
import type { Links } from "./links.ts";
import { keyOf, parseTag, type LinkTag } from "./tag.ts";
import { isUnfinished } from "./veth.ts";

export interface StaleOptions {
  /** Hears of what was found at the start, by connection. */
  readonly onFound?: (keys: ReadonlySet<string>) => void;
  /** Hears of an interface that was removed, and why. */
  readonly onRemoved?: (name: string, why: "expired" | "unfinished") => void;
  readonly onError?: (error: unknown) => void;
  /** How long something may be unfinished: another forwarder may be about it. Default 30,000. */
  readonly unfinishedMs?: number;
}

/** setTimeout's limit. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Between two looks through all namespaces. */
const MIN_PAUSE_MS = 1000;

/** An interface that a former life of this forwarder has made. */
interface FoundLink {
  readonly name: string;
  readonly tag: LinkTag;
}

/**
 * What a former life of this forwarder has left in this machine's namespaces: kept until its connections expire, which
 * their clients prevent by refreshing them; then removed.
 */
export class StaleLinks {
  readonly #links: Links;
  readonly #options: StaleOptions;
  readonly #found = new Map<string, FoundLink[]>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(links: Links, options: StaleOptions = {}) {
    this.#links = links;
    this.#options = options;
  }

  /** Looks through the namespaces, and sets the timer for what is to go. */
  async start(): Promise<void> {
    const startMs = Date.now();
    const unfinished = await this.#visit((_namespace, link, tag) => {
      if (tag !== undefined) this.#found.set(tag.key, [...(this.#found.get(tag.key) ?? []), { name: link.name, tag }]);
      return undefined;
    });
    this.#options.onFound?.(new Set(this.#found.keys()));
    this.#schedule(unfinished > 0 ? startMs + this.#graceMs : Infinity);
  }

  /** Keys of connections whose interfaces were found and have not expired. */
  get keys(): ReadonlySet<string> {
    return new Set(this.#found.keys());
  }

  /** What the endpoint's interface of a connection was called. */
  endpointNameOf(connectionId: string): string | undefined {
    return this.#found.get(keyOf(connectionId))?.find(({ tag }) => tag.side === "e")?.name;
  }

  /** Ends the timer; what was found stays where it is. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  get #graceMs(): number {
    return this.#options.unfinishedMs ?? 30_000;
  }

  /** At the next expiry; not too often, where many are close together. */
  #schedule(unfinishedMs: number): void {
    const expiries = [...this.#found.values()].map((links) => Math.max(...links.map(({ tag }) => tag.expiresMs)));
    const nextMs = Math.min(unfinishedMs, ...expiries);
    if (this.#closed || nextMs === Infinity) return;
    const delayMs = Math.min(Math.max(nextMs - Date.now(), MIN_PAUSE_MS), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#sweep(unfinishedMs)
        .catch((error: unknown) => this.#options.onError?.(error))
        .finally(() => this.#schedule(Date.now() < unfinishedMs ? unfinishedMs : Infinity));
    }, delayMs);
    this.#timer.unref();
  }

  /** Looked for anew: processes that led to the namespaces may be gone, and others there. */
  async #sweep(unfinishedMs: number): Promise<void> {
    const nowMs = Date.now();
    for (const [key, links] of this.#found)
      if (links.every(({ tag }) => tag.expiresMs <= nowMs)) this.#found.delete(key);
    await this.#visit(async (namespace, link, tag) => {
      if (tag === undefined) {
        if (nowMs >= unfinishedMs) await this.#remove(namespace, link.name, "unfinished");
      } else if (tag.expiresMs <= nowMs && !this.#links.isLive(tag.key))
        await this.#remove(namespace, link.name, "expired");
    });
  }

  async #remove(namespace: Namespace, name: string, why: "expired" | "unfinished"): Promise<void> {
    await removePolicies(namespace, name);
    if (await namespace.deleteLink(name)) this.#options.onRemoved?.(name, why);
  }

  /** Calls for each interface of this forwarder, and (without a tag) for each unfinished one. @returns how many those are */
  async #visit(
    visit: (namespace: Namespace, link: Link, tag: LinkTag | undefined) => Promise<void> | undefined,
  ): Promise<number> {
    let unfinished = 0;
    for (const path of namespacesInUse().values()) {
      // What has gone meanwhile took its interfaces along.
      const namespace = tryOpen(path);
      if (namespace === undefined) continue;
      try {
        for (const link of await namespace.links()) {
          const tag = parseTag(link.alias);
          if (isUnfinished(link)) {
            unfinished += 1;
            await visit(namespace, link, undefined);
          } else if (tag?.owner === this.#links.owner) await visit(namespace, link, tag);
        }
      } catch (error) {
        this.#options.onError?.(error);
      } finally {
        namespace.close();
      }
    }
    return unfinished;
  }
}

function tryOpen(path: string): Namespace | undefined {
  try {
    return Namespace.open(path);
  } catch {
    return undefined;
  }
}
