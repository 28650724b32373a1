import { ethernetHeader } from "../l2/ethernet-header.ts";
import type { Interface } from "../model.ts";
import { Pool } from "../pool.ts";
import { addressKey } from "./prefix.ts";
import { Adjacency, DpoKind } from "./types.ts";

const ETHERTYPE_IP4 = 0x0800;
const ETHERTYPE_IP6 = 0x86dd;
const ETHERTYPE_ARP = 0x0806;

/** Neighbour and glean adjacencies, shared by whoever asks for the same one (vnet/adj). */
export class Adjacencies {
  readonly pool = new Pool<Adjacency>();
  /** Called for a new neighbour adjacency, to complete it or to ask for the neighbour. */
  created: (adjacency: Adjacency) => void = () => {};
  readonly #byKey = new Map<string, Adjacency>();
  readonly #keys = new Map<number, string>();
  readonly #general = new Map<string, Adjacency | undefined>();

  neighbor(proto: 4 | 6, iface: Interface, nextHop: number | Uint8Array): Adjacency {
    const key = `${iface.swIfIndex}|${proto}|${addressKey(nextHop)}`;
    return this.#obtain(key, (index) => {
      const adjacency = new Adjacency(index, DpoKind.incomplete, proto, iface, nextHop, 0);
      writeRewrite(adjacency, BROADCAST, proto === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
      return adjacency;
    });
  }

  /** `address` is the interface's own in the connected prefix. */
  glean(proto: 4 | 6, iface: Interface, address: number | Uint8Array, length: number): Adjacency {
    const general = `${iface.swIfIndex}|${proto}`;
    // VPP makes a glean for 0/0 when IP is enabled on the interface: before any other adjacency of it.
    if (!this.#general.has(general)) {
      this.#general.set(general, undefined);
      this.#general.set(general, this.glean(proto, iface, proto === 4 ? 0 : new Uint8Array(16), 0));
    }
    const key = `glean|${iface.swIfIndex}|${proto}|${addressKey(address)}/${length}`;
    return this.#obtain(key, (index) => {
      const adjacency = new Adjacency(index, DpoKind.glean, proto, iface, address, length);
      writeRewrite(adjacency, BROADCAST, proto === 4 ? ETHERTYPE_ARP : ETHERTYPE_IP6);
      return adjacency;
    });
  }

  find(proto: 4 | 6, swIfIndex: number, nextHop: number | Uint8Array): Adjacency | undefined {
    return this.#byKey.get(`${swIfIndex}|${proto}|${addressKey(nextHop)}`);
  }

  release(adjacency: Adjacency): void {
    adjacency.locks -= 1;
    if (adjacency.locks > 0) return;
    this.pool.remove(adjacency.index);
    this.#byKey.delete(this.#keys.get(adjacency.index) ?? "");
    this.#keys.delete(adjacency.index);
  }

  /** Gives back what an interface held of itself. */
  interfaceRemoved(swIfIndex: number): void {
    for (const proto of [4, 6]) {
      const general = this.#general.get(`${swIfIndex}|${proto}`);
      this.#general.delete(`${swIfIndex}|${proto}`);
      if (general !== undefined) this.release(general);
    }
  }

  /** The neighbour's MAC address is known. */
  complete(adjacency: Adjacency, mac: Uint8Array): void {
    writeRewrite(adjacency, mac, adjacency.proto === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
    adjacency.kind = DpoKind.rewrite;
  }

  /** The neighbour went away. */
  makeIncomplete(adjacency: Adjacency): void {
    writeRewrite(adjacency, BROADCAST, adjacency.proto === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
    adjacency.kind = DpoKind.incomplete;
  }

  /** The interface's own MAC address changed. */
  macChanged(iface: Interface): void {
    for (const adjacency of this.pool)
      if (adjacency.iface === iface && adjacency.rewrite.length > 0) adjacency.rewrite.set(iface.mac, 6);
  }

  #obtain(key: string, make: (index: number) => Adjacency): Adjacency {
    const existing = this.#byKey.get(key);
    if (existing !== undefined) {
      existing.locks += 1;
      return existing;
    }
    const adjacency = this.pool.add(make);
    adjacency.locks = 1;
    this.#byKey.set(key, adjacency);
    this.#keys.set(adjacency.index, key);
    if (adjacency.kind === DpoKind.incomplete) this.created(adjacency);
    return adjacency;
  }
}

const BROADCAST = new Uint8Array(6).fill(0xff);

function writeRewrite(adjacency: Adjacency, mac: Uint8Array, etherType: number): void {
  const header = ethernetHeader(adjacency.iface, mac, etherType);
  adjacency.rewrite = header;
  adjacency.rewriteView = new DataView(header.buffer, header.byteOffset, header.length);
}
