import type { BridgeDomain, Interface, L2FibEntry } from "../model.ts";
import { Pool } from "../pool.ts";
import { MacTable } from "./mac-table.ts";

/** What the l2-learn node has to know about a frame's source. */
export const Learned = { known: 0, added: 1, moved: 2, limit: 3 } as const;

type NewEntry = Pick<L2FibEntry, "mac" | "bdIndex" | "swIfIndex"> & Partial<L2FibEntry>;

/** MAC addresses by bridge domain, learned and configured (vnet/l2/l2_fib.c, l2_learn.c). */
export class L2Fib {
  readonly entries = new Pool<L2FibEntry>();
  readonly #byMac = new MacTable();
  /** Entry objects by pool index, for the packet path. */
  readonly #at: (L2FibEntry | undefined)[] = [];
  /** ISN per interface: starts at 1 for a bridged interface, as `show l2fib verbose` has it. */
  readonly #interfaceSeq = new Map<number, number>();
  readonly #domains: Pool<BridgeDomain>;
  readonly #interface: (swIfIndex: number) => Interface | undefined;
  readonly #now: () => number;

  constructor(
    domains: Pool<BridgeDomain>,
    interfaceOf: (swIfIndex: number) => Interface | undefined,
    now: () => number,
  ) {
    this.#domains = domains;
    this.#interface = interfaceOf;
    this.#now = now;
  }

  get size(): number {
    return this.entries.size;
  }

  get learnedCount(): number {
    let count = 0;
    for (const entry of this.entries) if (!entry.static) count += 1;
    return count;
  }

  interfaceSeq(swIfIndex: number): number {
    return this.#interfaceSeq.get(swIfIndex) ?? 1;
  }

  /** The entry for the address at `data[offset..offset+6)`. */
  lookup(bdIndex: number, data: Uint8Array, offset: number): L2FibEntry | undefined {
    const index = this.#byMac.get(bdIndex, data, offset);
    return index < 0 ? undefined : this.#at[index];
  }

  /** Adds a configured entry or replaces what is there. */
  add(wanted: NewEntry): void {
    this.delete(wanted.bdIndex, wanted.mac);
    this.#insert({ static: false, ageNot: true, ...wanted });
  }

  delete(bdIndex: number, mac: Uint8Array): boolean {
    const index = this.#byMac.get(bdIndex, mac, 0);
    if (index < 0) return false;
    const entry = this.#at[index]!;
    const domain = this.#domains.get(bdIndex);
    if (!entry.ageNot && domain !== undefined) domain.learnCount -= 1;
    this.#byMac.delete(bdIndex, mac);
    this.#at[index] = undefined;
    this.entries.remove(index);
    return true;
  }

  /** Learns or refreshes a source address; static entries stay. Returns one of {@link Learned}. */
  learn(domain: BridgeDomain, swIfIndex: number, data: Uint8Array, offset: number): number {
    const known = this.lookup(domain.bdIndex, data, offset);
    if (known !== undefined) {
      known.lastSeenS = this.#now();
      if (known.swIfIndex === swIfIndex || known.static) return Learned.known;
      known.swIfIndex = swIfIndex;
      known.ifSeqNum = this.interfaceSeq(swIfIndex);
      return Learned.moved;
    }
    if (domain.learnCount >= domain.learnLimit) return Learned.limit;
    domain.learnCount += 1;
    this.#insert({ mac: data.slice(offset, offset + 6), bdIndex: domain.bdIndex, swIfIndex, static: false });
    return Learned.added;
  }

  /** Forgets the learned entries of an interface. */
  flushInterface(swIfIndex: number): void {
    this.#flush((entry) => entry.swIfIndex === swIfIndex);
    if (this.#interface(swIfIndex) === undefined) this.#interfaceSeq.delete(swIfIndex);
    else this.#interfaceSeq.set(swIfIndex, (this.interfaceSeq(swIfIndex) + 1) & 0xff);
  }

  flushDomain(bdIndex: number): void {
    this.#flush((entry) => entry.bdIndex === bdIndex);
  }

  flushAll(): void {
    this.#flush(() => true);
  }

  /** Drops learned entries of domains with aging that have not been seen for that long. */
  age(): void {
    this.#flush((entry) => {
      const minutes = this.#domains.get(entry.bdIndex)?.macAgeMin ?? 0;
      return minutes > 0 && this.#now() - entry.lastSeenS > minutes * 60;
    });
  }

  #flush(matches: (entry: L2FibEntry) => boolean): void {
    for (const entry of [...this.entries]) if (!entry.ageNot && matches(entry)) this.delete(entry.bdIndex, entry.mac);
  }

  #insert(wanted: NewEntry): void {
    let at = 0;
    const entry = this.entries.add<L2FibEntry>((index) => {
      at = index;
      return {
        static: false,
        filter: false,
        bvi: false,
        ageNot: false,
        bdSeqNum: this.#domains.get(wanted.bdIndex)?.seqNum ?? 0,
        ifSeqNum: wanted.bvi ? 0 : this.interfaceSeq(wanted.swIfIndex),
        lastSeenS: this.#now(),
        ...wanted,
      };
    });
    this.#at[at] = entry;
    this.#byMac.set(entry.bdIndex, entry.mac, at);
  }
}
