import ipaddr from "ipaddr.js";
import { NsmError } from "./errors.ts";

/** A prefix as a range of numbers. */
export interface IpRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly length: number;
}

/** @param text `address/length`; host bits are cleared @throws NsmError INVALID */
export function parseRange(text: string): IpRange {
  const [address, length] = parsePrefix(text);
  const { family, value } = parseIp(address);
  const bits = family === 4 ? 32 : 128;
  if (length > bits) throw new NsmError("INVALID", `${text} is no prefix: at most /${bits}`);
  const size = 1n << BigInt(bits - length);
  const first = value - (value % size);
  return { family, first, last: first + size - 1n, length };
}

/** Address and length of `address/length`; without a length that of a host. @throws NsmError INVALID */
export function parsePrefix(text: string): [address: string, length: number] {
  const match = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text);
  if (match === null || !ipaddr.isValid(match[1]!))
    throw new NsmError("INVALID", `${JSON.stringify(text.slice(0, 64))} is no address`);
  const address = match[1]!;
  const hostLength = address.includes(":") ? 128 : 32;
  const length = match[2] === undefined ? hostLength : Number(match[2]);
  if (length > hostLength) throw new NsmError("INVALID", `${text} is no prefix: at most /${hostLength}`);
  return [address, length];
}

/** @throws NsmError INVALID */
export function parseIp(text: string): { family: 4 | 6; value: bigint } {
  if (!ipaddr.isValid(text)) throw new NsmError("INVALID", `${JSON.stringify(text.slice(0, 64))} is no address`);
  const address = ipaddr.parse(text);
  const value = address.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: address.kind() === "ipv4" ? 4 : 6, value };
}

/** RFC 5952 text. */
export function formatIp(family: 4 | 6, value: bigint): string {
  const count = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * (count - 1 - i))) & 0xffn));
  const address = ipaddr.fromByteArray(bytes);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

export interface IpPoolOptions {
  /** Leave out the prefix's first and last address (network and broadcast). Default: where it has more than two. */
  readonly edges?: "exclude" | "use";
}

/** The addresses of a prefix: which are taken. The lowest free one is handed out. */
export class IpPool {
  readonly range: IpRange;
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #taken = new Set<bigint>();
  #lowest: bigint;

  /** @throws NsmError INVALID */
  constructor(prefix: string, options: IpPoolOptions = {}) {
    this.range = parseRange(prefix);
    const { first, last } = this.range;
    const excludes = options.edges === undefined ? last - first >= 2n : options.edges === "exclude";
    this.#first = excludes ? first + 1n : first;
    this.#last = excludes ? last - 1n : last;
    this.#lowest = this.#first;
  }

  get taken(): number {
    return this.#taken.size;
  }

  /** Whether the pool could hand it out. */
  contains(address: string): boolean {
    const { family, value } = parseIp(address);
    return family === this.range.family && value >= this.#first && value <= this.#last;
  }

  /** The lowest address that is neither taken nor in `excluded`. @throws NsmError EXHAUSTED */
  take(excluded: readonly IpRange[] = []): string {
    const barred = excluded
      .filter((range) => range.family === this.range.family)
      .sort((a, b) => (a.first < b.first ? -1 : 1));
    let skipped = false;
    for (let value = this.#lowest; value <= this.#last; value++) {
      const bar = barred.find((range) => value >= range.first && value <= range.last);
      if (bar !== undefined) {
        value = bar.last;
        skipped = true;
        continue;
      }
      if (this.#taken.has(value)) continue;
      this.#taken.add(value);
      if (!skipped) this.#lowest = value + 1n;
      return formatIp(this.range.family, value);
    }
    const { family, first, length } = this.range;
    throw new NsmError(
      "EXHAUSTED",
      `no address of ${formatIp(family, first)}/${length} is free: ${this.#taken.size} are taken`,
    );
  }

  /** Takes this very address. @returns false where it is taken, excluded or not of this pool */
  claim(address: string, excluded: readonly IpRange[] = []): boolean {
    const { family, value } = parseIp(address);
    const barred = excluded.some((range) => range.family === family && value >= range.first && value <= range.last);
    if (barred || !this.contains(address) || this.#taken.has(value)) return false;
    this.#taken.add(value);
    return true;
  }

  release(address: string): void {
    const { family, value } = parseIp(address);
    if (family !== this.range.family || !this.#taken.delete(value)) return;
    if (value < this.#lowest) this.#lowest = value;
  }
}
