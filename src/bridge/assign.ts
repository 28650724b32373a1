import { createHash } from "node:crypto";
import { contains, familyOf, fromNumber, hostPrefix, prefixRange } from "./wire.ts";
import type { ObservedState } from "./types.ts";

/** `flow http 4`, `stream web 6 gre4/1024`, `rule filter 4`: what has an address inside VPP, and its family. */
const KEY = /^(flow|stream|rule) (\S+) ([46])(?: .*)?$/;

const RULES: Readonly<Record<string, string>> = { filter: "the filter", answer: "echo answers" };

/** For people: `stream web (IPv4)`. */
export function titleOfKey(key: string): string {
  const match = KEY.exec(key);
  if (match === null) return key;
  const [, kind = "", name = "", family = ""] = match;
  return `${kind === "rule" ? (RULES[name] ?? name) : `${kind} ${name}`} (IPv${family})`;
}

/** Whose address it is, for people. */
export function titleOfAddress(
  address: string | undefined,
  assigned: ReadonlyMap<string, string> | undefined,
): string | undefined {
  const entry = [...(assigned ?? [])].find(([, one]) => one === address);
  return entry && titleOfKey(entry[0]);
}

/**
 * Gives each key an address of its own. One that has one keeps it, whatever comes and goes beside it; a new one begins
 * to look where its name's hash points to, so that it finds the same place again where the memory was lost.
 */
export class Assigner {
  readonly #pools: { readonly ip4: string; readonly ip6: string };
  readonly #before: ReadonlyMap<string, string>;
  readonly #taken = new Set<string>();
  readonly #assigned = new Map<string, string>();

  /** @param given addresses that the file names: nobody gets them by itself */
  constructor(
    pools: { readonly ip4: string; readonly ip6: string },
    before: ReadonlyMap<string, string>,
    given: readonly string[],
  ) {
    this.#pools = pools;
    this.#before = before;
    for (const address of [...given, ...before.values()]) this.#taken.add(address);
    this.#given = new Set(given);
  }

  readonly #given: ReadonlySet<string>;

  /** @returns undefined where the pool is used up */
  assign(key: string, family: 4 | 6, given?: string): string | undefined {
    const address = given ?? this.#kept(key, family) ?? this.#find(key, family);
    if (address === undefined) return undefined;
    this.#taken.add(address);
    this.#assigned.set(key, address);
    return address;
  }

  #pool(family: 4 | 6): string {
    return family === 4 ? this.#pools.ip4 : this.#pools.ip6;
  }

  #kept(key: string, family: 4 | 6): string | undefined {
    const address = this.#before.get(key);
    if (address === undefined || this.#given.has(address)) return undefined;
    return familyOf(address) === family && contains(this.#pool(family), hostPrefix(address)) ? address : undefined;
  }

  #find(key: string, family: 4 | 6): string | undefined {
    const { first, size } = prefixRange(this.#pool(family));
    // Neither the first nor the last: some take them for the network's and the broadcast's.
    const room = size - 2n;
    if (room <= 0n) return undefined;
    const start = createHash("sha256").update(key).digest().readBigUInt64BE() % room;
    const tries = room < BigInt(this.#taken.size + 1) ? room : BigInt(this.#taken.size + 1);
    for (let step = 0n; step < tries; step++) {
      const address = fromNumber(first + 1n + ((start + step) % room), family);
      if (!this.#taken.has(address)) return address;
    }
    return undefined;
  }

  /** What was assigned, and what of before VPP still has. */
  result(observed: Pick<ObservedState, "vips" | "routes">): Map<string, string> {
    const there = new Set([...observed.vips, ...observed.routes].map((one) => one.prefix));
    const all = new Map(this.#assigned);
    for (const [key, address] of this.#before)
      if (!all.has(key) && there.has(hostPrefix(address))) all.set(key, address);
    return all;
  }
}
