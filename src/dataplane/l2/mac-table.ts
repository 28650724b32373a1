const EMPTY = -1;

/**
 * (bridge domain, MAC address) -> number >= 0, by open addressing over typed arrays: the packet path looks two up per
 * bridged frame and must not allocate. Keys are bd << 16 | the first two bytes, and the last four.
 */
export class MacTable {
  #high = new Uint32Array(256);
  #low = new Uint32Array(256);
  #values = new Int32Array(256).fill(EMPTY);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** The value for the address at `data[offset..offset+6)`, -1 if none. */
  get(bdIndex: number, data: Uint8Array, offset: number): number {
    return this.#values[this.#slot(highOf(bdIndex, data, offset), lowOf(data, offset))]!;
  }

  set(bdIndex: number, mac: Uint8Array, value: number): void {
    if ((this.#count + 1) * 2 > this.#values.length) this.#rebuild(this.#values.length * 2);
    const high = highOf(bdIndex, mac, 0);
    const low = lowOf(mac, 0);
    const slot = this.#slot(high, low);
    if (this.#values[slot] === EMPTY) this.#count += 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#values[slot] = value;
  }

  delete(bdIndex: number, mac: Uint8Array): void {
    const slot = this.#slot(highOf(bdIndex, mac, 0), lowOf(mac, 0));
    if (this.#values[slot] === EMPTY) return;
    this.#values[slot] = EMPTY;
    this.#count -= 1;
    // Closes the gap: what follows in the same run may belong before it.
    const mask = this.#values.length - 1;
    for (let next = (slot + 1) & mask; this.#values[next] !== EMPTY; next = (next + 1) & mask) {
      const value = this.#values[next]!;
      this.#values[next] = EMPTY;
      const home = this.#slot(this.#high[next]!, this.#low[next]!);
      this.#high[home] = this.#high[next]!;
      this.#low[home] = this.#low[next]!;
      this.#values[home] = value;
    }
  }

  #slot(high: number, low: number): number {
    const mask = this.#values.length - 1;
    let hash = Math.imul(high ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(low, 0xc2b2ae35);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask)
      if (this.#values[slot] === EMPTY || (this.#high[slot] === high && this.#low[slot] === low)) return slot;
  }

  #rebuild(capacity: number): void {
    const [high, low, values] = [this.#high, this.#low, this.#values];
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#values = new Int32Array(capacity).fill(EMPTY);
    for (let old = 0; old < values.length; old += 1) {
      if (values[old] === EMPTY) continue;
      const slot = this.#slot(high[old]!, low[old]!);
      this.#high[slot] = high[old]!;
      this.#low[slot] = low[old]!;
      this.#values[slot] = values[old]!;
    }
  }
}

function highOf(bdIndex: number, data: Uint8Array, offset: number): number {
  return ((bdIndex << 16) | (data[offset]! << 8) | data[offset + 1]!) >>> 0;
}

function lowOf(data: Uint8Array, offset: number): number {
  return ((data[offset + 2]! << 24) | (data[offset + 3]! << 16) | (data[offset + 4]! << 8) | data[offset + 5]!) >>> 0;
}
