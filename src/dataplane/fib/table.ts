import { Hash6 } from "./hash6.ts";
import { Mtrie4 } from "./mtrie4.ts";
import { prefixKey, shorten } from "./prefix.ts";
import type { FibEntry, FibPrefix } from "./types.ts";

/** One FIB table (VRF): its entries by prefix, and what the packet path looks up. */
export class FibTable {
  readonly index: number;
  readonly proto: 4 | 6;
  readonly tableId: number;
  readonly name: string;
  readonly forwarding4 = new Mtrie4();
  readonly forwarding6 = new Hash6();
  /** Who holds the table: source -> references. */
  readonly locks = new Map<string, number>();
  readonly #entries = new Map<string, FibEntry>();
  readonly #perLength: Uint32Array;

  constructor(index: number, proto: 4 | 6, tableId: number, name: string) {
    this.index = index;
    this.proto = proto;
    this.tableId = tableId;
    this.name = name;
    this.#perLength = new Uint32Array(proto === 4 ? 33 : 129);
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): Iterable<FibEntry> {
    return this.#entries.values();
  }

  exact(prefix: FibPrefix): FibEntry | undefined {
    return this.#entries.get(prefixKey(prefix));
  }

  /** Longest match of at most `longest` bits; the table's default entry makes it always succeed in practice. */
  match(prefix: FibPrefix, longest = prefix.length): FibEntry | undefined {
    for (let length = longest; length >= 0; length -= 1) {
      if (this.#perLength[length] === 0) continue;
      const entry = this.exact(shorten(prefix, length));
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  lessSpecific(prefix: FibPrefix): FibEntry | undefined {
    return this.match(prefix, prefix.length - 1);
  }

  add(entry: FibEntry): void {
    this.#entries.set(prefixKey(entry.prefix), entry);
    this.#perLength[entry.prefix.length]! += 1;
  }

  /** Makes the packet path find the entry's load-balance. */
  install(entry: FibEntry): void {
    const { address, length } = entry.prefix;
    if (typeof address === "number") this.forwarding4.insert(address, length, entry.loadBalance.index);
    else this.forwarding6.insert(address, length, entry.loadBalance.index);
  }

  /** The packet path then finds the cover. */
  uninstall(entry: FibEntry, cover: FibEntry | undefined): void {
    const { address, length } = entry.prefix;
    if (typeof address === "number")
      this.forwarding4.remove(address, length, cover?.loadBalance.index ?? -1, cover?.prefix.length ?? 0);
    else this.forwarding6.remove(address, length);
  }

  remove(entry: FibEntry): void {
    if (this.#entries.delete(prefixKey(entry.prefix))) this.#perLength[entry.prefix.length]! -= 1;
  }
}
