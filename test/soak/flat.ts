import type { Measure } from "./measure.ts";

export type Held = "heap" | "resident";

export interface Growth {
  /** By what it is judged. */
  readonly by: string;
  /** 0.01 is 1 % more. */
  readonly share: number;
}

/**
 * How much more the last third of the samples holds than what was before. The heap: its median beside the middle
 * third's. What is resident falls when the engine gives pages back and rises again, by a fifth and more: its highest
 * beside the highest of the two thirds before.
 */
export function growth(samples: readonly Measure[], what: Held): Growth {
  const third = Math.floor(samples.length / 3);
  const bytes = samples.map((one) => bytesOf(one, what));
  const [before, last] = [bytes.slice(0, -third), bytes.slice(-third)];
  if (what === "resident") return { by: "highest", share: Math.max(...last) / Math.max(...before) - 1 };
  return { by: "median", share: median(last) / median(before.slice(-third)) - 1 };
}

export function bytesOf({ heapBytes, externalBytes, rssBytes }: Measure, what: Held): number {
  return what === "heap" ? heapBytes + externalBytes : rssBytes;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
