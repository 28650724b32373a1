import assert from "node:assert/strict";
import { SEED } from "../seed.ts";
import { soak } from "./soak.ts";

/** `npm run soak` does a hundred thousand, and looks at memory, for which this is too short. */
const OPERATIONS = 1500;

describe("soak, the short form", function () {
  this.timeout(300_000);

  for (const killed of ["lb", "dataplane"] as const) {
    it(`random operations end as desired while ${killed} is killed now and then`, async () => {
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
    });
  }
});
