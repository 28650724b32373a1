import type { Dpo } from "./types.ts";

/** Average error allowed when weights are rounded to buckets, and the most buckets (vnet/dpo/load_balance.c). */
const ERROR_TOLERANCE = 0.1;
const MAX_BUCKETS = 8192;

export interface WeightedDpo {
  readonly dpo: Dpo;
  readonly weight: number;
}

/** Spreads paths over a power of two of buckets as ip_multipath_normalize_next_hops does: heaviest first. */
export function spread(paths: readonly WeightedDpo[]): Dpo[] {
  if (paths.length === 1) return [paths[0]!.dpo];
  if (paths.length === 2 && paths[0]!.weight === paths[1]!.weight) return [paths[0]!.dpo, paths[1]!.dpo];
  const sorted = [...paths].sort((a, b) => b.weight - a.weight);
  const sum = sorted.reduce((total, path) => total + path.weight, 0);
  const weights = sorted.map((path) => (sum === 0 ? 1 : path.weight));
  for (let count = powerOf2(sorted.length); ; count *= 2) {
    const shares = shareOut(weights, count);
    if (shares === undefined && count < MAX_BUCKETS) continue;
    const buckets: Dpo[] = [];
    (shares ?? weights.map(() => 1)).forEach((share, i) => {
      for (let n = 0; n < share; n += 1) buckets.push(sorted[i]!.dpo);
    });
    return buckets;
  }
}

/** Buckets per path, undefined if `count` buckets can't express the weights closely enough. */
function shareOut(weights: readonly number[], count: number): number[] | undefined {
  const norm = count / weights.reduce((total, weight) => total + weight, 0);
  let left = count;
  let error = 0;
  const shares: number[] = [];
  for (const weight of weights) {
    const share = Math.min(left, Math.round(weight * norm));
    if (share === 0) return undefined;
    left -= share;
    error += Math.abs(weight * norm - share);
    shares.push(share);
  }
  shares[0]! += left;
  return error <= ERROR_TOLERANCE * count ? shares : undefined;
}

function powerOf2(atLeast: number): number {
  let value = 1;
  while (value < atLeast) value *= 2;
  return value;
}
