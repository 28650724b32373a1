import type { Fib } from "../fib/fib.ts";
import { isLinkLocal } from "../fib/link-local.ts";
import { lockForNeighbor, unlockForNeighbor } from "../fib/table-locks.ts";
import { addressKey } from "../fib/prefix.ts";
import type { Interface, Neighbor } from "../model.ts";
import { Pool } from "../pool.ts";

export interface NeighborOptions {
  readonly static?: boolean;
  readonly noFibEntry?: boolean;
}

/** ip_neighbor_config, of one family. */
export interface NeighborSettings {
  /** Whoever is on the link may not fill the memory; 0 is VPP's "no limit", which is {@link MOST} here. */
  limit: number;
  /** Seconds after which a learned one is asked for and then forgotten; 0: never. */
  ageS: number;
  /** Whether the oldest learned one makes room for a new one. */
  recycle: boolean;
}

/** vnet/ip-neighbor/ip_neighbor.c:124. */
const DEFAULTS: NeighborSettings = { limit: 50_000, ageS: 0, recycle: false };
const MOST = 1_000_000;
/** Asked for so often, a second apart, before it is given up (ip_neighbor.c ip_neighbour_age_out). */
const PROBES = 3;

/** IP neighbours of both families, ARP's and ND's (vnet/ip-neighbor). They complete adjacencies and make host routes. */
export class Neighbors {
  readonly pool = new Pool<Neighbor>();
  readonly #byKey = new Map<string, Neighbor>();
  readonly #counts = { 4: 0, 6: 0 };
  readonly settings: { readonly 4: NeighborSettings; readonly 6: NeighborSettings } = {
    4: { ...DEFAULTS },
    6: { ...DEFAULTS },
  };
  /** Asks for one whose time is over. */
  probe: (swIfIndex: number, address: number | Uint8Array) => void = () => {};
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
    if (!this.#makeRoom(protoOf(address))) return false;
    this.#counts[protoOf(address)] += 1;
    const neighbor = this.pool.add<Neighbor>((index) => ({
      index,
      swIfIndex,
      address,
      mac: mac.slice(0, 6),
      static: options.static ?? false,
      dynamic: !(options.static ?? false),
      noFibEntry: options.noFibEntry ?? false,
      hasRoute: false,
      updatedS: this.#now(),
      probes: 0,
    }));
    this.#byKey.set(keyOf(swIfIndex, address), neighbor);
    if (!neighbor.noFibEntry) this.#addRoute(neighbor, iface, fibIndexOf(iface, address));
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
    this.#deleteRoute(known, fibIndexOf(iface, address));
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

  /** The interface leaves its table for another, or for the same: so do its neighbours' routes (ip_neighbor_table_bind_v4). */
  rebind(iface: Interface, proto: 4 | 6, fibIndex: number): void {
    for (const neighbor of this.pool) {
      if (neighbor.swIfIndex !== iface.swIfIndex || protoOf(neighbor.address) !== proto) continue;
      this.#deleteRoute(neighbor, fibIndexOf(iface, neighbor.address));
      this.#addRoute(neighbor, iface, fibIndex);
    }
  }

  #addRoute(neighbor: Neighbor, iface: Interface, fibIndex: number): void {
    const { address } = neighbor;
    neighbor.hasRoute = true;
    if (isLinkLocal(address)) return this.#fib.linkLocal.addNeighbor(iface, address as Uint8Array);
    this.#fib.neighborAdd(fibIndex, iface, address);
    lockForNeighbor(this.#fib, protoOf(address), fibIndex);
  }

  #deleteRoute(neighbor: Neighbor, fibIndex: number): void {
    const { swIfIndex, address } = neighbor;
    if (!neighbor.hasRoute) return;
    neighbor.hasRoute = false;
    if (isLinkLocal(address)) return this.#fib.linkLocal.deleteNeighbor(swIfIndex, address as Uint8Array);
    this.#fib.neighborDelete(fibIndex, swIfIndex, address);
    unlockForNeighbor(this.#fib, protoOf(address), fibIndex);
  }

  /** Once a second: asks for learned ones whose time is over, and gives up those that don't answer. */
  age(): void {
    const nowS = this.#now();
    for (const proto of [4, 6] as const) {
      const { ageS } = this.settings[proto];
      if (ageS === 0) continue;
      for (const each of [...this.pool]) {
        if (each.static || protoOf(each.address) !== proto || nowS - each.updatedS <= ageS) continue;
        if (each.probes >= PROBES) this.delete(each.swIfIndex, each.address);
        else {
          each.probes += 1;
          this.probe(each.swIfIndex, each.address);
        }
      }
    }
  }

  /** ip_neighbor_force_reuse: the one that was heard from longest ago goes, if that is wanted. */
  #makeRoom(proto: 4 | 6): boolean {
    const { limit, recycle } = this.settings[proto];
    if (this.#counts[proto] < (limit === 0 ? MOST : Math.min(limit, MOST))) return true;
    if (!recycle) return false;
    let oldest: Neighbor | undefined;
    for (const each of this.pool) {
      if (each.static || protoOf(each.address) !== proto) continue;
      if (oldest === undefined || each.updatedS < oldest.updatedS) oldest = each;
    }
    return oldest !== undefined && this.delete(oldest.swIfIndex, oldest.address);
  }

  #update(iface: Interface, known: Neighbor, mac: Uint8Array, options: NeighborOptions): void {
    if (known.static && options.static !== true) return;
    known.static = options.static ?? false;
    known.dynamic = !known.static;
    known.updatedS = this.#now();
    known.probes = 0;
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
