import { canonicalPrefix, familyOf } from "../bridge/index.ts";

/** Which of many prefixes hold another, without comparing each with each: a file may have 20,000 VIPs. */
export class PrefixIndex<T> {
  readonly #values = new Map<string, T>();
  readonly #lengths = { 4: new Set<number>(), 6: new Set<number>() };

  /** The first of equal prefixes stays. */
  add(prefix: string, value: T): void {
    const canonical = canonicalPrefix(prefix);
    if (this.#values.has(canonical)) return;
    this.#values.set(canonical, value);
    this.#lengths[familyOf(canonical)].add(lengthOf(canonical));
  }

  /** Of the prefixes that hold all of `prefix`, itself included: the longest first. */
  holding(prefix: string): { readonly length: number; readonly value: T }[] {
    const canonical = canonicalPrefix(prefix);
    const [host = ""] = canonical.split("/");
    return [...this.#lengths[familyOf(canonical)]]
      .filter((length) => length <= lengthOf(canonical))
      .sort((a, b) => b - a)
      .flatMap((length) => {
        const value = this.#values.get(canonicalPrefix(`${host}/${length}`));
        return value === undefined ? [] : [{ length, value }];
      });
  }
}

const lengthOf = (canonical: string) => Number(canonical.split("/")[1]);
