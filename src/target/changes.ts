import { KernelError } from "../kernel/errors.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { TargetError } from "./errors.ts";
import { look, undo, type Finding, type Item, type Undo } from "./item.ts";

/** One change that was made, and how to take it back. */
export interface Change {
  /** The item's. */
  readonly key: string;
  readonly undo: Undo;
}

/** Where changes are remembered for whoever comes after a crash. */
export interface ChangeJournal {
  /** Every change that is in force, in the order in which they were made; told before each is made. */
  record(changes: readonly Change[]): void;
}

export interface ChangesOptions {
  readonly journal?: ChangeJournal;
  /** Changes of a former life, from its journal: they are ours, as if made here. */
  readonly adopted?: readonly Change[];
}

/**
 * The changes that were made to a namespace for a list of items. What is there already is kept and never undone; what
 * was made is undone when its item is no longer in the list.
 */
export class Changes {
  readonly #namespace: Namespace;
  readonly #journal: ChangeJournal | undefined;
  /** By key, in the order in which they were made. */
  readonly #made: Map<string, Undo>;
  #items: readonly Item[] = [];

  constructor(namespace: Namespace, { journal, adopted = [] }: ChangesOptions = {}) {
    this.#namespace = namespace;
    this.#journal = journal;
    this.#made = new Map(adopted.map((change) => [change.key, change.undo]));
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  get size(): number {
    return this.#made.size;
  }

  /** Remembers a change that is made elsewhere; `undefined`: it was taken back there, or never made. */
  note(key: string, change: Undo | undefined): void {
    if (change === undefined) this.#made.delete(key);
    else this.#made.set(key, change);
    this.#record();
  }

  /** Takes one change back now, where it was made. @throws KernelError */
  async takeBack(key: string): Promise<void> {
    const change = this.#made.get(key);
    if (change === undefined) return;
    await undo(this.#namespace, change);
    this.note(key, undefined);
  }

  /**
   * Makes sure of one item, and remembers it.
   * @returns whether anything had to be done
   * @throws TargetError SETUP
   */
  async add(item: Item): Promise<boolean> {
    this.#items = [...this.#items.filter((one) => one.key !== item.key), item];
    try {
      if ((await item.look()) === "") return false;
      // Whoever did it first knows how it was before.
      const before = this.#made.has(item.key) ? undefined : await item.undo();
      if (before !== undefined) {
        this.#made.set(item.key, before);
        this.#record();
      }
      await item.apply();
      return true;
    } catch (cause) {
      const message = `cannot make sure that ${item.what}: ${(cause as Error).message} (needed because ${item.why})`;
      throw new TargetError("SETUP", message, cause);
    }
  }

  /** Takes back what no item of the list asks for, the latest first. @throws TargetError SETUP: all others are undone */
  async keepOnly(items: readonly Item[]): Promise<void> {
    const keys = new Set(items.map((item) => item.key));
    this.#items = items;
    let first: unknown;
    for (const [key, change] of [...this.#made].reverse()) {
      if (keys.has(key)) continue;
      try {
        await undo(this.#namespace, change);
      } catch (error) {
        // A device that is gone took its settings along.
        if (!KernelError.is(error, "NOT_FOUND")) first ??= error;
      }
      this.#made.delete(key);
      this.#record();
    }
    if (first !== undefined) throw new TargetError("SETUP", `clean-up failed: ${(first as Error).message}`, first);
  }

  /** Looks at every item anew. */
  async check(): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const item of this.#items) findings.push(await look(item));
    return findings;
  }

  #record(): void {
    this.#journal?.record([...this.#made].map(([key, change]) => ({ key, undo: change })));
  }
}
