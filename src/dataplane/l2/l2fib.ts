import type { BridgeDomain, L2FibEntry } from "../model.ts";
import { Pool } from "../pool.ts";
import { MacTable } from "./mac-table.ts";

/** Of a domain: VPP's limit of 16 M would be gigabytes here, and whoever is on the link could fill them. */
const MAX_LEARNED = 1 << 18;

/** What the l2-learn node has to know about a frame's source. */
export const Learned = { known: 0, added: 1, moved: 2, limit: 3, violation: 4, filtered: 5 } as const;

type NewEntry = Pick<L2FibEntry, "mac" | "bdIndex" | "swIfIndex"> & Partial<L2FibEntry>;

/** MAC addresses by bridge domain, learned and configured (vnet/l2/l2_fib.c, l2_learn.c). */
export class L2Fib {
  readonly entries = new Pool<L2FibEntry>();
  readonly #byMac = new MacTable();
  /** Entry objects by pool index, for the packet path. */
  readonly #at: (L2FibEntry | undefined)[] = [];
  /** ISN by interface index: it outlives the interface (vnet/l2/l2_input.c l2_input_seq_num_inc). */
  readonly #interfaceSeq: number[] = [];
  readonly #domains: Pool<BridgeDomain>;
  readonly #now: () => number;

  constructor(domains: Pool<BridgeDomain>, now: () => number) {
    this.#domains = domains;
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

  /** Interface sequence number, modulo 256: counts each joining of a domain, leaving and flush. */
  interfaceSeq(swIfIndex: number): number {
    return this.#interfaceSeq[swIfIndex] ?? 0;
  }

  countInterface(swIfIndex: number): void {
    this.#interfaceSeq[swIfIndex] = (this.interfaceSeq(swIfIndex) + 1) & 0xff;
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

  /**
   * Learns or refreshes a source address; static entries stay. Returns one of {@link Learned}: what comes with the source
   * of a static entry elsewhere, or of a filter, is to be dropped (vnet/l2/l2_learn.c:100).
   */
  learn(domain: BridgeDomain, swIfIndex: number, data: Uint8Array, offset: number): number {
    const known = this.lookup(domain.bdIndex, data, offset);
    if (known !== undefined) {
      if (known.swIfIndex === swIfIndex) {
        known.lastSeenS = this.#now();
        return Learned.known;
      }
      if (known.filter) return Learned.filtered;
      if (known.static) return Learned.violation;
      if (known.ageNot) domain.learnCount += 1;
      known.ageNot = false;
      known.lastSeenS = this.#now();
      known.swIfIndex = swIfIndex;
      known.ifSeqNum = this.interfaceSeq(swIfIndex);
      return Learned.moved;
    }
    if (domain.learnCount >= Math.min(domain.learnLimit, MAX_LEARNED)) return Learned.limit;
    if (isZero(data, offset)) return Learned.known;
    domain.learnCount += 1;
    this.#insert({ mac: data.slice(offset, offset + 6), bdIndex: domain.bdIndex, swIfIndex, static: false });
    return Learned.added;
  }

  /** Forgets the learned entries of an interface. */
  flushInterface(swIfIndex: number): void {
    this.#flush((entry) => entry.swIfIndex === swIfIndex);
    this.countInterface(swIfIndex);
  }

  flushDomain(bdIndex: number): void {
    this.#flush((entry) => entry.bdIndex === bdIndex);
    const domain = this.#domains.get(bdIndex);
    if (domain !== undefined) domain.seqNum = (domain.seqNum + 1) & 0xff;
  }

  flushAll(): void {
    for (const domain of this.#domains) this.flushDomain(domain.bdIndex);
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
        // What is configured neither ages nor goes stale.
        bdSeqNum: wanted.ageNot ? 0 : (this.#domains.get(wanted.bdIndex)?.seqNum ?? 0),
        ifSeqNum: wanted.ageNot ? 0 : this.interfaceSeq(wanted.swIfIndex),
        lastSeenS: this.#now(),
        ...wanted,
      };
    });
    this.#at[at] = entry;
    this.#byMac.set(entry.bdIndex, entry.mac, at);
  }
}

function isZero(mac: Uint8Array, at: number): boolean {
  for (let i = 0; i < 6; i += 1) if (mac[at + i] !== 0) return false;
  return true;
}
