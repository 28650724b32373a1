import { IpPool, parsePrefix, parseRange, type IpContext, type IpRange } from "@networkservicemesh/sdk-ts";
import { familyOf, hostPrefix } from "../bridge/index.ts";
import type { Network } from "./settings.ts";

interface Pool extends Network {
  readonly pool: IpPool;
  readonly length: number;
}

/**
 * Who has which address. First and last of a prefix and our own are never given out, nor what the file gives to
 * others. The lowest free one is.
 */
export class AddressBook {
  readonly #pools: readonly Pool[];
  #reserved: readonly IpRange[] = [];

  constructor(networks: readonly Network[]) {
    this.#pools = networks.map(({ prefix, self }) => {
      const pool = new IpPool(prefix);
      pool.claim(self);
      return { prefix, self, pool, length: pool.range.length };
    });
  }

  /** Addresses that no client gets from now on; who has one keeps it. */
  reserve(addresses: readonly string[]): void {
    this.#reserved = addresses.map((address) => parseRange(hostPrefix(address)));
  }

  /** Whether it is of a prefix of ours. */
  contains(address: string): boolean {
    return this.#pools.some(({ pool }) => sameFamily(pool, address) && pool.contains(address));
  }

  /** These very ones, after a restart. @returns false where one is taken or not ours any more: none is claimed then */
  claim(addresses: readonly string[]): boolean {
    const claimed: string[] = [];
    for (const text of addresses) {
      const [address, length] = parsePrefix(text);
      const one = this.#pools.find(({ pool }) => sameFamily(pool, address) && pool.contains(address));
      if (one?.length !== length || !one.pool.claim(address)) {
        this.release(claimed);
        return false;
      }
      claimed.push(text);
    }
    return addresses.length === this.#pools.length;
  }

  /** @returns false where it is taken or not ours */
  claimOne(text: string): boolean {
    const [address] = parsePrefix(text);
    return this.#pools.some(({ pool }) => sameFamily(pool, address) && pool.claim(address));
  }

  /** One of each prefix, with its length: those that the context brings, where they are free. @throws NsmError EXHAUSTED */
  take({ srcIpAddrs, excludedPrefixes }: IpContext): string[] {
    const excluded = [...this.#reserved, ...excludedPrefixes.map(parseRange)];
    const taken: string[] = [];
    try {
      for (const { pool, length } of this.#pools) {
        const wanted = srcIpAddrs
          .map((text) => parsePrefix(text)[0])
          .find((address) => sameFamily(pool, address) && pool.claim(address, excluded));
        taken.push(`${wanted ?? pool.take(excluded)}/${length}`);
      }
      return taken;
    } catch (error) {
      this.release(taken);
      throw error;
    }
  }

  release(addresses: readonly string[]): void {
    for (const text of addresses) {
      const [address] = parsePrefix(text);
      for (const { pool } of this.#pools) if (sameFamily(pool, address)) pool.release(address);
    }
  }

  /** Addresses that are given out, our own included. */
  get taken(): number {
    return this.#pools.reduce((sum, { pool }) => sum + pool.taken, 0);
  }
}

function sameFamily(pool: IpPool, address: string): boolean {
  return pool.range.family === familyOf(address);
}

/** Whether one of the addresses lies in a prefix that the client must not use. */
export function isExcluded(addresses: readonly string[], { excludedPrefixes }: IpContext): boolean {
  const excluded = excludedPrefixes.map(parseRange);
  return addresses.some((text) => {
    const { family, first } = parseRange(hostPrefix(parsePrefix(text)[0]));
    return excluded.some((range) => range.family === family && first >= range.first && first <= range.last);
  });
}
