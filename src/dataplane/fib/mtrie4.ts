/**
 * Longest-prefix match for IPv4: a 16-8-8 trie as VPP's (vnet/ip/ip4_mtrie.c). A slot holds a leaf (value >= 0), nothing
 * (-1) or a link to a ply of 256 slots (<= -2). Every slot remembers the length of the prefix that filled it, so that
 * prefixes may come and go in any order.
 */
export class Mtrie4 {
  #slots = new Int32Array(65536 + 256 * 16).fill(-1);
  #lengths = new Uint8Array(65536 + 256 * 16);
  #used = 65536;
  readonly #freePlies: number[] = [];

  /** The value of the longest matching prefix, -1 if none. `address` is a u32. */
  lookup(address: number): number {
    const slots = this.#slots;
    let value = slots[address >>> 16]!;
    if (value >= -1) return value;
    value = slots[-2 - value + ((address >>> 8) & 0xff)]!;
    if (value >= -1) return value;
    return slots[-2 - value + (address & 0xff)]!;
  }

  /** Adds a prefix or changes its value (>= 0). */
  insert(address: number, length: number, value: number): void {
    this.#set(address, length, value, length, length);
  }

  /** Removes a prefix; `coverValue` and `coverLength` are the next shorter match (-1, 0 if none). */
  remove(address: number, length: number, coverValue: number, coverLength: number): void {
    this.#set(address, length, coverValue, coverLength, length);
  }

  #set(address: number, length: number, value: number, newLength: number, upTo: number): void {
    if (length <= 16) this.#fill(address >>> 16, 1 << (16 - length), value, newLength, upTo);
    else {
      const second = this.#ply(address >>> 16);
      if (length <= 24) this.#fill(second + ((address >>> 8) & 0xff), 1 << (24 - length), value, newLength, upTo);
      else {
        const third = this.#ply(second + ((address >>> 8) & 0xff));
        this.#fill(third + (address & 0xff), 1 << (32 - length), value, newLength, upTo);
        this.#prune(second + ((address >>> 8) & 0xff));
      }
      this.#prune(address >>> 16);
    }
  }

  /** Fills slots whose present prefix is at most `upTo` long, and what is below them. */
  #fill(first: number, count: number, value: number, newLength: number, upTo: number): void {
    for (let slot = first; slot < first + count; slot += 1) {
      const present = this.#slots[slot]!;
      if (present < -1) {
        this.#fill(-2 - present, 256, value, newLength, upTo);
        this.#prune(slot);
      } else if (this.#lengths[slot]! <= upTo) {
        this.#slots[slot] = value;
        this.#lengths[slot] = newLength;
      }
    }
  }

  /** Start of the ply below a slot; made from the slot's leaf where there is none. */
  #ply(slot: number): number {
    const present = this.#slots[slot]!;
    if (present < -1) return -2 - present;
    const start = this.#freePlies.pop() ?? this.#grow();
    this.#slots.fill(present, start, start + 256);
    this.#lengths.fill(this.#lengths[slot]!, start, start + 256);
    this.#slots[slot] = -2 - start;
    return start;
  }

  #grow(): number {
    if (this.#used + 256 > this.#slots.length) {
      const slots = new Int32Array(this.#slots.length * 2).fill(-1);
      slots.set(this.#slots);
      const lengths = new Uint8Array(slots.length);
      lengths.set(this.#lengths);
      this.#slots = slots;
      this.#lengths = lengths;
    }
    this.#used += 256;
    return this.#used - 256;
  }

  /** Folds a ply that has become uniform back into its slot. */
  #prune(slot: number): void {
    const present = this.#slots[slot]!;
    if (present >= -1) return;
    const start = -2 - present;
    const value = this.#slots[start]!;
    const length = this.#lengths[start]!;
    if (value < -1) return;
    for (let i = start; i < start + 256; i += 1) if (this.#slots[i] !== value || this.#lengths[i] !== length) return;
    this.#slots[slot] = value;
    this.#lengths[slot] = length;
    this.#freePlies.push(start);
  }
}
