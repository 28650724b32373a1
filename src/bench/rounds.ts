/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Runs the contestants in turns (A B A B …), so that what else the machine does meets all of them alike.
 * @returns per contestant the result of each round; a first round, in which caches and compilers warm up, is left out
 */
export async function takeTurns<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, (round: number) => Promise<number> | number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const value = await contestants[name](round + 1);
      if (round >= 0) results[name].push(value);
    }
  }
  return results;
}

/** Operations per second of something that does `count` of them. */
export async function perSecond(count: number, run: () => Promise<unknown> | unknown): Promise<number> {
  const startedMs = performance.now();
  await run();
  return (count * 1000) / (performance.now() - startedMs);
}

/** ms that something takes. */
export async function milliseconds(run: () => Promise<unknown> | unknown): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}
