/** Fewer items are not worth it. */
const FEWEST = 16;
const ADDRESS = String.raw`(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){1,6}:[0-9a-f]{1,4})`;
const RUN = new RegExp(String.raw`^( *)- ${ADDRESS}\n(?:\1- ${ADDRESS}\n){${FEWEST - 1},}`, "gm");
/** Of Unicode's private use area, which is printable in YAML. */
const MARK = "\uE000run ";

export interface FoldedText {
  readonly text: string;
  /** The items of each run; its item in the text is `MARK` and its index. */
  readonly runs: readonly (readonly string[])[];
}

/**
 * A text in which runs of list items that are mere addresses are one item each: parsing YAML costs a hundred times more than
 * finding these, and a configuration of many servers is hardly anything else. undefined where there are none.
 */
export function foldRuns(text: string): FoldedText | undefined {
  if (text.includes(MARK)) return undefined;
  const runs: string[][] = [];
  const folded = text.replace(RUN, (run: string, indent: string) => {
    runs.push(
      run
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(indent.length + 2)),
    );
    return `${indent}- ${MARK}${runs.length - 1}\n`;
  });
  return runs.length === 0 ? undefined : { text: folded, runs };
}

/**
 * Puts the runs back into a parsed value, in place. False where one is not a list's item, once: then what looked like a run
 * was something else (lines of a block of text), and the value is of no use.
 */
export function unfoldRuns(value: unknown, runs: FoldedText["runs"]): boolean {
  const left = new Set(runs.keys());
  const visit = (at: unknown): void => {
    if (Array.isArray(at)) unfoldList(at, runs, left);
    if (typeof at === "object" && at !== null) for (const one of Object.values(at)) visit(one);
  };
  visit(value);
  return left.size === 0;
}

function unfoldList(list: unknown[], runs: FoldedText["runs"], left: Set<number>): void {
  if (!list.some(isMark)) return;
  const items = list.flatMap((item): readonly unknown[] => {
    const index = isMark(item) ? Number(item.slice(MARK.length)) : -1;
    return left.delete(index) ? runs[index]! : [item];
  });
  list.length = 0;
  for (const item of items) list.push(item);
}

function isMark(item: unknown): item is string {
  return typeof item === "string" && item.startsWith(MARK);
}
