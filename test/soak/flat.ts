import type { Measure } from "./measure.ts";

export type Held = "heap" | "resident";

/** How much more the last third of the samples holds than the middle third, by their medians: 0.01 is 1 % more. */
export function growth(samples: readonly Measure[], what: Held): number {
  const third = Math.floor(samples.length / 3);
  const bytes = (from: number, to?: number) => median(samples.slice(from, to).map((one) => bytesOf(one, what)));
  return bytes(-third) / bytes(-2 * third, -third) - 1;
}

export function bytesOf({ heapBytes, externalBytes, rssBytes }: Measure, what: Held): number {
  return what === "heap" ? heapBytes + externalBytes : rssBytes;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
