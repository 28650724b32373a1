import { NsmError, type Connection } from "@networkservicemesh/sdk-ts";
import { NamespacePool, type HeldNamespace } from "./namespaces.ts";
import { keyOf, ownerOf, type Side } from "./tag.ts";

/** A named interface in a namespace. */
export interface Place {
  readonly inode: string;
  readonly name: string;
  readonly side: Side;
}

interface Entry {
  readonly id: string;
  readonly client: string;
  readonly places: readonly Place[];
  /** Takes the link away. */
  readonly remove: () => Promise<void>;
}

/** Without a token's time: as long as tokens live by default. */
const DEFAULT_LIFETIME_MS = 600_000;

/**
 * What the wirings of one forwarder share: its namespaces, and which connection has which interface. Interfaces are
 * marked with the forwarder's name, by which its next life knows them.
 */
export class Links {
  readonly owner: string;
  readonly namespaces = new NamespacePool();
  readonly #entries = new Map<string, Entry>();
  /** Hears of each claim. */
  onClaim: () => void = () => undefined;

  /** @param forwarder its name, the same over restarts */
  constructor(forwarder: string) {
    this.owner = ownerOf(forwarder);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Connections whose clients have an interface in a namespace, and the number of its inode. */
  clients(): { readonly id: string; readonly client: string; readonly inode: string }[] {
    return [...this.#entries.values()].flatMap(({ id, client, places }) =>
      places
        .filter(({ side }) => side === "c")
        .map((place) => ({ id, client, inode: place.inode.slice(place.inode.indexOf("/") + 1) })),
    );
  }

  isLive(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * Claims interfaces for a connection. An earlier connection of the same client gives way: it is one that the client has
   * forgotten, as after a crash.
   * @throws NsmError CONFLICT
   */
  async claim(entry: Entry): Promise<void> {
    for (const other of this.#others(entry)) {
      if (other.client !== entry.client || entry.client === "")
        throw new NsmError(
          "CONFLICT",
          `interface ${entry.places.map(({ name }) => name).join(" or ")} belongs to a connection of ${other.client || "another client"}`,
        );
      await other.remove();
    }
    // While others were removed, somebody may have come.
    const [late] = this.#others(entry);
    if (late !== undefined) throw new NsmError("CONFLICT", `the interface was taken by ${late.client} meanwhile`);
    this.#entries.set(keyOf(entry.id), entry);
    this.onClaim();
  }

  release(id: string): void {
    this.#entries.delete(keyOf(id));
  }

  #others({ id, places }: Entry): Entry[] {
    return [...this.#entries.values()].filter(
      (other) =>
        other.id !== id &&
        other.places.some((place) => places.some((one) => one.inode === place.inode && one.name === place.name)),
    );
  }
}

/** When nobody will have refreshed the connection: the earliest end of its tokens. ms since 1970. */
export function expiryOf(connection: Connection, nowMs = Date.now()): number {
  const times = (connection.path?.pathSegments ?? [])
    .map(({ expires }) => (expires === null ? NaN : Number(expires.seconds) * 1000))
    .filter((time) => time > nowMs);
  return times.length === 0 ? nowMs + DEFAULT_LIFETIME_MS : Math.min(...times);
}

/** Name of the client, as it says itself. */
export function clientOf(connection: Connection): string {
  return connection.path?.pathSegments[0]?.name ?? "";
}

export type { HeldNamespace };
