import { NO_INDEX, type Interface } from "../model.ts";
import type { Fib } from "./fib.ts";
import { hostPrefix, prefix6 } from "./prefix.ts";
import type { FibTable } from "./table.ts";
import type { FibEntryFlag } from "./types.ts";

const LINK_LOCAL = prefix6(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 10);
const ATTACHED: ReadonlySet<FibEntryFlag> = new Set(["attached", "no-attached-export"]);
const OWN: ReadonlySet<FibEntryFlag> = new Set(["local"]);

interface Held {
  readonly table: FibTable;
  /** The interface's own address, while IPv6 is on. */
  own: Uint8Array | undefined;
  neighbors: number;
}

/**
 * Every interface's link-local addresses are in a table of its own, which has no id and no dump lists (vnet/ip/ip6_ll_table.c).
 * It takes an index among the other tables while it is there.
 */
export class LinkLocalTables {
  readonly #fib: Fib;
  readonly #held = new Map<number, Held>();

  constructor(fib: Fib) {
    this.#fib = fib;
  }

  /** IPv6 is on, or the interface's address another (ip6_link_enable, ip6_link_set_local_address). */
  setOwn(iface: Interface, address: Uint8Array): void {
    this.clearOwn(iface.swIfIndex);
    const held = this.#hold(iface);
    held.own = address.slice();
    const route = { swIfIndex: iface.swIfIndex, nextHop: held.own };
    this.#fib.update(held.table.index, hostPrefix(held.own), "interface", OWN, [route]);
  }

  /** IPv6 is off. */
  clearOwn(swIfIndex: number): void {
    const held = this.#held.get(swIfIndex);
    if (held?.own === undefined) return;
    this.#fib.delete(held.table.index, hostPrefix(held.own), "interface");
    held.own = undefined;
    this.#release(swIfIndex, held);
  }

  /** The host route of a neighbour. */
  addNeighbor(iface: Interface, address: Uint8Array): void {
    const held = this.#hold(iface);
    held.neighbors += 1;
    this.#fib.neighborAdd(held.table.index, iface, address);
  }

  /** Takes a neighbour's host route away. */
  deleteNeighbor(swIfIndex: number, address: Uint8Array): void {
    const held = this.#held.get(swIfIndex);
    if (held === undefined) return;
    this.#fib.neighborDelete(held.table.index, swIfIndex, address);
    held.neighbors -= 1;
    this.#release(swIfIndex, held);
  }

  #hold(iface: Interface): Held {
    const { swIfIndex } = iface;
    const known = this.#held.get(swIfIndex);
    if (known !== undefined) return known;
    const table = this.#fib.createTable(6, NO_INDEX, `IP6-link-local:${iface.name}`);
    this.#fib.update(table.index, LINK_LOCAL, "special", ATTACHED, [{ swIfIndex }]);
    const held: Held = { table, own: undefined, neighbors: 0 };
    this.#held.set(swIfIndex, held);
    return held;
  }

  #release(swIfIndex: number, held: Held): void {
    if (held.own !== undefined || held.neighbors > 0) return;
    this.#held.delete(swIfIndex);
    this.#fib.deleteTable(6, held.table.index);
  }
}

export function isLinkLocal(address: number | Uint8Array): boolean {
  return typeof address !== "number" && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
}
