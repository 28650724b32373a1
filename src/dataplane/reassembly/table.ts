import type { Interface } from "../model.ts";
import { Ranges } from "./ranges.ts";

/** ip_reassembly_set. */
export interface ReassemblySettings {
  timeoutMs: number;
  /** Datagrams at once. */
  maxReassemblies: number;
  /** Fragments of one datagram. */
  maxFragments: number;
  /** How often those whose time is over are looked for. */
  expireWalkMs: number;
}

/** Bytes of fragments kept at once, whatever is configured: VPP is bounded by its buffers. */
const MAX_BYTES = 32 << 20;

/** Fragments of one datagram that wait for the others. */
export class Waiting {
  readonly key: string;
  readonly rx: Interface;
  readonly ranges = new Ranges();
  /** Packets held back as they came, by shallow reassembly. */
  readonly held: Uint8Array[] = [];
  /** Shallow: the first fragment came, all others may pass. */
  isKnown = false;
  /** IPv6: the fragment with offset 0 as it came, for the answer when the others don't. */
  first: Uint8Array | undefined = undefined;
  fragments = 0;
  bytes = 0;
  lastHeardS: number;

  constructor(key: string, rx: Interface, nowS: number) {
    this.key = key;
    this.rx = rx;
    this.lastHeardS = nowS;
  }
}

/**
 * Datagrams in the making, by key. All have the same timeout and whoever was heard from last is last in the map, so that
 * those whose time is over are in front: expiry costs what it removes.
 */
export class WaitingTable {
  readonly settings: ReassemblySettings;
  readonly #byKey = new Map<string, Waiting>();
  readonly #now: () => number;
  readonly #expired: (waiting: Waiting) => void;
  /** Whether the oldest makes room for a new one (shallow) or the new one is refused. */
  readonly #evicts: boolean;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;

  constructor(
    settings: ReassemblySettings,
    evicts: boolean,
    now: () => number,
    expired: (waiting: Waiting) => void = () => {},
  ) {
    this.settings = { ...settings };
    this.#evicts = evicts;
    this.#now = now;
    this.#expired = expired;
  }

  get size(): number {
    return this.#byKey.size;
  }

  [Symbol.iterator](): IterableIterator<Waiting> {
    return this.#byKey.values();
  }

  /** The datagram of a key, made if need be; undefined where there is room for no more. */
  obtain(key: string, rx: Interface, bytes: number): Waiting | undefined {
    const nowS = this.#now();
    const known = this.#byKey.get(key);
    if (known !== undefined && !this.#isOver(known, nowS)) {
      if (this.#bytes + bytes > MAX_BYTES) return undefined;
      known.lastHeardS = nowS;
      this.#byKey.delete(key);
      this.#byKey.set(key, known);
      return known;
    }
    if (known !== undefined) this.#expire(known);
    if (!this.#makeRoom(bytes)) return undefined;
    const made = new Waiting(key, rx, nowS);
    this.#byKey.set(key, made);
    this.#arm();
    return made;
  }

  /** Counts bytes that a datagram holds now. */
  hold(waiting: Waiting, bytes: number): void {
    waiting.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Lets go of what it holds; it stays known. */
  release(waiting: Waiting): void {
    this.#bytes -= waiting.bytes;
    waiting.bytes = 0;
    waiting.held.length = 0;
  }

  remove(waiting: Waiting): void {
    this.release(waiting);
    this.#byKey.delete(waiting.key);
  }

  /** Gives up those whose time is over. */
  expire(): void {
    const nowS = this.#now();
    for (const waiting of this.#byKey.values()) {
      if (!this.#isOver(waiting, nowS)) break;
      this.#expire(waiting);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#byKey.clear();
    this.#bytes = 0;
  }

  #makeRoom(bytes: number): boolean {
    const { maxReassemblies } = this.settings;
    const isFull = this.#byKey.size >= maxReassemblies && (!this.#evicts || maxReassemblies > 0);
    if (!isFull && this.#bytes + bytes <= MAX_BYTES) return true;
    if (!this.#evicts) return false;
    for (const oldest of this.#byKey.values()) {
      this.remove(oldest);
      if (this.#bytes + bytes <= MAX_BYTES) return true;
    }
    return false;
  }

  #isOver(waiting: Waiting, nowS: number): boolean {
    return nowS > waiting.lastHeardS + this.settings.timeoutMs / 1000;
  }

  #expire(waiting: Waiting): void {
    this.#expired(waiting);
    this.remove(waiting);
  }

  /** The walk runs while there is something to walk over, and does not keep the process alive. */
  #arm(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.expire();
        if (this.#byKey.size > 0) this.#arm();
      },
      Math.min(Math.max(this.settings.expireWalkMs, 1), MAX_TIMER_MS),
    ).unref();
  }
}

const MAX_TIMER_MS = 0x7fffffff;
