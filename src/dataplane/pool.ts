/**
 * An index-stable pool that hands out indexes as VPP's does: the most recently freed first, otherwise the next new one
 * (vppinfra/pool.h, _pool_get and pool_put_index).
 */
export class Pool<T> implements Iterable<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #lowestFirst: boolean;

  /** `lowestFirst`: hands out the lowest free index instead, as VPP does where it keeps indexes in a bitmap. */
  constructor(options: { readonly lowestFirst?: boolean } = {}) {
    this.#lowestFirst = options.lowestFirst ?? false;
  }

  /** Number of live elements. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /** Number of indexes ever used at once: live ones and free ones. */
  get length(): number {
    return this.#slots.length;
  }

  /** The index that the next `add` takes. */
  get nextIndex(): number {
    return this.#free.at(-1) ?? this.#slots.length;
  }

  /** Makes an element for the next index. */
  add<U extends T>(make: (index: number) => U): U {
    const index = this.nextIndex;
    const value = make(index);
    if (this.#free.length > 0) this.#free.pop();
    this.#slots[index] = value;
    return value;
  }

  get(index: number): T | undefined {
    return this.#slots[index];
  }

  has(index: number): boolean {
    return this.#slots[index] !== undefined;
  }

  /** Frees an index; a free or unknown index is left alone. */
  remove(index: number): void {
    if (this.#slots[index] === undefined) return;
    this.#slots[index] = undefined;
    this.#free.push(index);
    if (this.#lowestFirst) this.#free.sort((a, b) => b - a);
  }

  clear(): void {
    this.#slots.length = 0;
    this.#free.length = 0;
  }

  /** Live elements by index, as pool_foreach. */
  *[Symbol.iterator](): Generator<T> {
    for (const slot of this.#slots) if (slot !== undefined) yield slot;
  }

  *entries(): Generator<[number, T]> {
    for (let index = 0; index < this.#slots.length; index += 1) {
      const slot = this.#slots[index];
      if (slot !== undefined) yield [index, slot];
    }
  }
}
