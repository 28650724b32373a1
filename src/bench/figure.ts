import { median } from "./rounds.ts";

/** One line of the result. */
export interface Figure {
  readonly name: string;
  /** `/s`, `ms`, `MB`, `%`… */
  readonly unit: string;
  /** Median over the rounds. */
  readonly ours: number;
  /** What it is compared with, in the same run. */
  readonly other?: { readonly name: string; readonly value: number };
  /** How many times better ours is than the other. */
  readonly ratio?: number;
  /** `1.0x`, `<= 50 ms`. A figure that misses its goal is no error. */
  readonly goal?: string;
}

/** What was measured beside, a value a round. */
export interface Beside {
  readonly name: string;
  readonly values: readonly number[];
}

/** Rates, measured in turns: more is better. The ratio is the median of the rounds' own ratios. */
export function rateFigure(name: string, ours: readonly number[], other: Beside, goal?: string): Figure {
  return figureOf(name, "/s", ours, other, (our, their) => our / their, goal);
}

/** Times in ms, measured in turns: less is better. */
export function timeFigure(name: string, ours: readonly number[], other: Beside, goal?: string): Figure {
  return figureOf(name, "ms", ours, other, (our, their) => their / our, goal);
}

function figureOf(
  name: string,
  unit: string,
  ours: readonly number[],
  other: Beside,
  ratio: (our: number, their: number) => number,
  goal: string | undefined,
): Figure {
  return {
    name,
    unit,
    ours: median(ours),
    other: { name: other.name, value: median(other.values) },
    ratio: median(ours.map((value, round) => ratio(value, other.values[round]!))),
    ...(goal === undefined ? {} : { goal }),
  };
}
