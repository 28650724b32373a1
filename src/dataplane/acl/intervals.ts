import { read32 } from "../graph/context.ts";

/** A closed range; for IPv6 addresses as 128-bit numbers. */
export interface Range<T extends number | bigint> {
  readonly first: T;
  readonly last: T;
}

/**
 * One field of a block of rules: its values are cut into intervals in each of which the same rules match. `sets` holds a
 * row per interval: `words` words (at most 32), bit n of word w standing for rule 32 w + n, and one whose bit w tells
 * that word w is not 0. The row after the last has all bits set.
 */
export interface Intervals {
  /** Where intervals begin, without the first, which begins at 0: one word each, four for IPv6 addresses. */
  readonly starts: Uint32Array;
  readonly count: number;
  readonly sets: Int32Array;
  /** Index in `sets` of the row with all bits. */
  readonly all: number;
}

/** `ranges` by rule; undefined for a rule that no value matches. */
export function intervals<T extends number | bigint>(
  ranges: readonly (Range<T> | undefined)[],
  words: number,
  successor: (value: T) => T | undefined,
): Intervals {
  const edges: { at: T; rule: number; begins: boolean }[] = [];
  const current = new Int32Array(words);
  const set = (rule: number): void => void (current[rule >> 5]! |= 1 << (rule & 31));
  ranges.forEach((range, rule) => {
    if (range === undefined) return;
    if (Number(range.first) === 0) set(rule);
    else edges.push({ at: range.first, rule, begins: true });
    const behind = successor(range.last);
    if (behind !== undefined) edges.push({ at: behind, rule, begins: false });
  });
  edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const starts: T[] = [];
  const rows: Int32Array[] = [current.slice()];
  for (let i = 0; i < edges.length;) {
    const { at } = edges[i]!;
    for (; i < edges.length && edges[i]!.at === at; i += 1) {
      const { rule, begins } = edges[i]!;
      if (begins) set(rule);
      else current[rule >> 5]! &= ~(1 << (rule & 31));
    }
    starts.push(at);
    rows.push(current.slice());
  }
  return { starts: packed(starts), count: rows.length, sets: packRows(rows, words), all: rows.length * (words + 1) };
}

/** Rows with their summaries, and one more with all bits. */
export function packRows(rows: readonly Int32Array[], words: number): Int32Array {
  const stride = words + 1;
  const sets = new Int32Array((rows.length + 1) * stride).fill(-1);
  rows.forEach((row, i) => {
    sets.set(row, i * stride);
    sets[i * stride + words] = row.reduce((summary, word, at) => (word === 0 ? summary : summary | (1 << at)), 0);
  });
  return sets;
}

function packed(starts: readonly (number | bigint)[]): Uint32Array {
  if (typeof starts[0] !== "bigint") return Uint32Array.from(starts as number[]);
  const result = new Uint32Array(starts.length * 4);
  (starts as bigint[]).forEach((start, i) => {
    for (let word = 0; word < 4; word += 1)
      result[i * 4 + word] = Number((start >> BigInt(96 - 32 * word)) & 0xffffffffn);
  });
  return result;
}

/** The interval that a number is in. */
export function intervalOf({ starts, count }: Intervals, value: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The interval that the IPv6 address at `at` is in. */
export function intervalOf6({ starts, count }: Intervals, bytes: Uint8Array, at: number): number {
  let low = 0;
  let high = count - 1;
  if (high === 0) return 0;
  const a = read32(bytes, at);
  const b = read32(bytes, at + 4);
  const c = read32(bytes, at + 8);
  const d = read32(bytes, at + 12);
  while (low < high) {
    const middle = (low + high) >> 1;
    const m = middle * 4;
    let order = starts[m]! - a;
    if (order === 0) order = starts[m + 1]! - b;
    if (order === 0) order = starts[m + 2]! - c;
    if (order === 0) order = starts[m + 3]! - d;
    if (order <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
