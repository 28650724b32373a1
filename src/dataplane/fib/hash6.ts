/**
 * Longest-prefix match for IPv6: one open-addressing hash over (prefix, length), probed for each length in use from the
 * longest, as VPP's ip6_fib_fwding_table does. No allocation in `lookup`.
 */
export class Hash6 {
  #keys = new Uint32Array(4 * 64);
  #lengths = new Int16Array(64).fill(-1);
  #values = new Int32Array(64);
  #capacity = 64;
  #count = 0;
  readonly #perLength = new Uint32Array(129);
  #inUse: number[] = [];

  /** The value of the longest prefix that holds the address at `data[offset..offset+16)`, -1 if none. */
  lookup(data: Uint8Array, offset: number): number {
    const w0 = read32(data, offset);
    const w1 = read32(data, offset + 4);
    const w2 = read32(data, offset + 8);
    const w3 = read32(data, offset + 12);
    const inUse = this.#inUse;
    for (let i = 0; i < inUse.length; i += 1) {
      const length = inUse[i]!;
      const slot = this.#find(
        w0 & mask32(length),
        w1 & mask32(length - 32),
        w2 & mask32(length - 64),
        w3 & mask32(length - 96),
        length,
      );
      if (this.#lengths[slot]! >= 0) return this.#values[slot]!;
    }
    return -1;
  }

  /** Adds a prefix or changes its value (>= 0). */
  insert(address: Uint8Array, length: number, value: number): void {
    if ((this.#count + 1) * 2 > this.#capacity) this.#resize(this.#capacity * 2);
    const slot = this.#slotOf(address, length);
    if (this.#lengths[slot]! < 0) {
      this.#store(slot, address, length);
      this.#count += 1;
      if (this.#perLength[length]!++ === 0) this.#inUse = [...this.#inUse, length].sort((a, b) => b - a);
    }
    this.#values[slot] = value;
  }

  remove(address: Uint8Array, length: number): void {
    const slot = this.#slotOf(address, length);
    if (this.#lengths[slot]! < 0) return;
    this.#lengths[slot] = -1;
    this.#count -= 1;
    if (--this.#perLength[length]! === 0) this.#inUse = this.#inUse.filter((used) => used !== length);
    // Linear probing has no gaps: everything is put in anew, which is fine for a control-plane operation.
    this.#resize(this.#capacity);
  }

  #slotOf(address: Uint8Array, length: number): number {
    return this.#find(
      read32(address, 0) & mask32(length),
      read32(address, 4) & mask32(length - 32),
      read32(address, 8) & mask32(length - 64),
      read32(address, 12) & mask32(length - 96),
      length,
    );
  }

  #store(slot: number, address: Uint8Array, length: number): void {
    for (let word = 0; word < 4; word += 1)
      this.#keys[slot * 4 + word] = read32(address, word * 4) & mask32(length - word * 32);
    this.#lengths[slot] = length;
  }

  /** The slot of a key, or the free one where it would go. */
  #find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    let hash = Math.imul(w0 ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(w1, 0xc2b2ae35);
    hash ^= Math.imul(w2, 0x27d4eb2f) ^ Math.imul(w3 ^ (hash >>> 15), 0x165667b1) ^ length;
    hash ^= hash >>> 13;
    const keys = this.#keys;
    for (let slot = hash & (this.#capacity - 1); ; slot = (slot + 1) & (this.#capacity - 1)) {
      if (this.#lengths[slot]! < 0) return slot;
      const key = slot * 4;
      if (
        this.#lengths[slot] === length &&
        keys[key] === w0 >>> 0 &&
        keys[key + 1] === w1 >>> 0 &&
        keys[key + 2] === w2 >>> 0 &&
        keys[key + 3] === w3 >>> 0
      )
        return slot;
    }
  }

  #resize(capacity: number): void {
    const [keys, lengths, values] = [this.#keys, this.#lengths, this.#values];
    this.#keys = new Uint32Array(4 * capacity);
    this.#lengths = new Int16Array(capacity).fill(-1);
    this.#values = new Int32Array(capacity);
    this.#capacity = capacity;
    for (let old = 0; old < lengths.length; old += 1) {
      const length = lengths[old]!;
      if (length < 0) continue;
      const slot = this.#find(keys[old * 4]!, keys[old * 4 + 1]!, keys[old * 4 + 2]!, keys[old * 4 + 3]!, length);
      this.#keys.set(keys.subarray(old * 4, old * 4 + 4), slot * 4);
      this.#lengths[slot] = length;
      this.#values[slot] = values[old]!;
    }
  }
}

function read32(data: Uint8Array, offset: number): number {
  return (data[offset]! << 24) | (data[offset + 1]! << 16) | (data[offset + 2]! << 8) | data[offset + 3]!;
}

/** The leading `length` bits of a word; all or none outside 1..31. */
function mask32(length: number): number {
  if (length >= 32) return -1;
  return length <= 0 ? 0 : -1 << (32 - length);
}
