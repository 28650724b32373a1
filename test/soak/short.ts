import assert from "node:assert/strict";
import { SEED } from "../seed.ts";
import { soak } from "./soak.ts";

/** `npm run soak` does a hundred thousand, and looks at memory, for which this is too short. */
const OPERATIONS = 1000;

/** The short form. Each of `killed` has a file of its own: they run beside each other. */
export async function shortSoak(killed: "lb" | "dataplane"): Promise<void> {
  const result = await soak({
    operations: OPERATIONS,
    seed: SEED,
    killed,
    deadlineMs: 90_000,
    say: () => undefined,
  });
  console.log(
    `      ${result.operations} operations, ${result.kills} kills, ${result.checks} comparisons, seed ${SEED}`,
  );
  assert.ok(result.checks > 5);
  assert.ok(result.end.fds <= result.start.fds, `descriptors: ${result.start.fds} -> ${result.end.fds}`);
  assert.ok(result.end.timers <= result.start.timers, `timers: ${result.start.timers} -> ${result.end.timers}`);
}
