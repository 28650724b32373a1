import { addressKey } from "../fib/prefix.ts";

export interface IpMac {
  readonly address: number | Uint8Array;
  readonly mac: Uint8Array;
}

/** Who answers for whom in a bridge domain: addresses with the MAC that ARP termination tells (l2_bd.c bd_add_del_ip_mac). */
export class IpMacs implements Iterable<IpMac> {
  readonly #byAddress = new Map<string, IpMac>();

  get(address: number | Uint8Array): IpMac | undefined {
    return this.#byAddress.get(addressKey(address));
  }

  set(address: number | Uint8Array, mac: Uint8Array): void {
    const kept = typeof address === "number" ? address : address.slice();
    this.#byAddress.set(addressKey(address), { address: kept, mac: mac.slice(0, 6) });
  }

  /** Only with the MAC that it has; false otherwise. */
  delete(address: number | Uint8Array, mac: Uint8Array): boolean {
    const known = this.get(address);
    if (known === undefined || Buffer.compare(known.mac, mac.subarray(0, 6)) !== 0) return false;
    return this.#byAddress.delete(addressKey(address));
  }

  clear(): void {
    this.#byAddress.clear();
  }

  /** IPv4 first. */
  *[Symbol.iterator](): Generator<IpMac> {
    for (const each of this.#byAddress.values()) if (typeof each.address === "number") yield each;
    for (const each of this.#byAddress.values()) if (typeof each.address !== "number") yield each;
  }
}
