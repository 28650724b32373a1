import type { Fib } from "../fib/fib.ts";
import { addressKey } from "../fib/prefix.ts";
import type { Interface, Neighbor } from "../model.ts";
import { Pool } from "../pool.ts";

export interface NeighborOptions {
  readonly static?: boolean;
  readonly noFibEntry?: boolean;
}

/** Per family: whoever is on the link may not fill the memory (vnet/ip-neighbor/ip_neighbor.c:124). */
const MAX_NEIGHBORS = 50_000;

/** IP neighbours of both families, ARP's and ND's (vnet/ip-neighbor). They complete adjacencies and make host routes. */
export class Neighbors {
  readonly pool = new Pool<Neighbor>();
  readonly #byKey = new Map<string, Neighbor>();
  readonly #counts = { 4: 0, 6: 0 };
  readonly #fib: Fib;
  readonly #interface: (swIfIndex: number) => Interface | undefined;
  readonly #now: () => number;

  constructor(fib: Fib, interfaceOf: (swIfIndex: number) => Interface | undefined, now: () => number) {
    this.#fib = fib;
    this.#interface = interfaceOf;
    this.#now = now;
  }

  find(swIfIndex: number, address: number | Uint8Array): Neighbor | undefined {
    return this.#byKey.get(keyOf(swIfIndex, address));
  }

  /**
   * ip_neighbor_add: what is learned never replaces a static entry's address. Adding the same again refreshes it.
   * False where there are too many.
   */
  add(swIfIndex: number, address: number | Uint8Array, mac: Uint8Array, options: NeighborOptions = {}): boolean {
    const iface = this.#interface(swIfIndex);
    if (iface === undefined) return true;
    const known = this.find(swIfIndex, address);
    if (known !== undefined) {
      this.#update(iface, known, mac, options);
      return true;
    }
    if (this.#counts[protoOf(address)] >= MAX_NEIGHBORS) return false;
    this.#counts[protoOf(address)] += 1;
    const neighbor = this.pool.add<Neighbor>((index) => ({
      index,
      swIfIndex,
      address,
      mac: mac.slice(0, 6),
      static: options.static ?? false,
      dynamic: !(options.static ?? false),
      noFibEntry: options.noFibEntry ?? false,
      updatedS: this.#now(),
    }));
    this.#byKey.set(keyOf(swIfIndex, address), neighbor);
    if (!neighbor.noFibEntry) this.#fib.neighborAdd(fibIndexOf(iface, address), iface, address);
    this.#complete(iface, neighbor);
    return true;
  }

  /** False if there is none. */
  delete(swIfIndex: number, address: number | Uint8Array): boolean {
    const known = this.find(swIfIndex, address);
    const iface = this.#interface(swIfIndex);
    if (known === undefined) return false;
    this.#byKey.delete(keyOf(swIfIndex, address));
    this.pool.remove(known.index);
    this.#counts[protoOf(address)] -= 1;
    if (iface === undefined) return true;
    if (!known.noFibEntry) this.#fib.neighborDelete(fibIndexOf(iface, address), swIfIndex, address);
    const adjacency = this.#fib.adjacencies.find(protoOf(address), swIfIndex, address);
    if (adjacency !== undefined) this.#fib.adjacencies.makeIncomplete(adjacency);
    return true;
  }

  /** Removes an interface's neighbours: the learned ones only (admin down), or all (deleted). */
  flush(swIfIndex: number, all: boolean, matches: (neighbor: Neighbor) => boolean = () => true): void {
    for (const neighbor of [...this.pool])
      if (neighbor.swIfIndex === swIfIndex && (all || !neighbor.static) && matches(neighbor))
        this.delete(swIfIndex, neighbor.address);
  }

  #update(iface: Interface, known: Neighbor, mac: Uint8Array, options: NeighborOptions): void {
    if (known.static && options.static !== true) return;
    known.static = options.static ?? false;
    known.dynamic = !known.static;
    known.updatedS = this.#now();
    if (Buffer.compare(known.mac, mac.subarray(0, 6)) === 0) return;
    known.mac = mac.slice(0, 6);
    this.#complete(iface, known);
  }

  #complete(iface: Interface, neighbor: Neighbor): void {
    const adjacency = this.#fib.adjacencies.find(protoOf(neighbor.address), iface.swIfIndex, neighbor.address);
    if (adjacency !== undefined) this.#fib.adjacencies.complete(adjacency, neighbor.mac);
  }
}

function keyOf(swIfIndex: number, address: number | Uint8Array): string {
  return `${swIfIndex}|${addressKey(address)}`;
}

function protoOf(address: number | Uint8Array): 4 | 6 {
  return typeof address === "number" ? 4 : 6;
}

function fibIndexOf(iface: Interface, address: number | Uint8Array): number {
  return typeof address === "number" ? iface.fibIndex4 : iface.fibIndex6;
}
