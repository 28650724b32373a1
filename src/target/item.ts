/** Takes back what `apply` did. */
export type Undo = () => void | Promise<void>;

/** One thing that a server needs: how to see it, how to make it so, and how to explain it. */
export interface Item {
  /** "VIP 10.2.2.0/24 is local" */
  readonly what: string;
  /** What goes wrong without it. */
  readonly why: string;
  /** What the user does about it, as a command where there is one. */
  readonly fix: string;
  /** "" where all is well, else what was found instead. Never throws for a state that can be described. */
  look(): string | Promise<string>;
  /** Makes it so; called only where `look` found something else. The undo is left out where there is nothing to undo. */
  apply(): Undo | undefined | Promise<Undo | undefined>;
}

/** What `check` says about one item. */
export interface Finding {
  readonly ok: boolean;
  readonly what: string;
  /** What was found where it is not ok; "" otherwise. */
  readonly found: string;
  readonly why: string;
  readonly fix: string;
}

export async function look(item: Item): Promise<Finding> {
  let found: string;
  try {
    found = await item.look();
  } catch (error) {
    found = (error as Error).message;
  }
  return { ok: found === "", what: item.what, found, why: item.why, fix: item.fix };
}
