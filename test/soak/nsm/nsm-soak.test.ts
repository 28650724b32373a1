import assert from "node:assert/strict";
import { SEED } from "../../seed.ts";
import { judge } from "./judge.ts";
import { nsmSoak, SOAK_ROLES } from "./soak.ts";

describe("soak of NSM, the short form", function () {
  this.timeout(180_000);

  it("clients that connect, refresh, leave and crash leave nothing behind", async () => {
    const options = { clients: 30, kernel: 3, durationMs: 4000, lifetimeMs: 12_000, restMs: 3000, seed: SEED };
    const result = await nsmSoak({ ...options, say: () => undefined });
    console.log(`      ${result.rounds} rounds, seed ${SEED}: ${JSON.stringify(result.counts)}`);
    assert.ok(result.rounds > 0);
    assert.deepEqual(
      judge(result, false, () => undefined),
      [],
    );
    const blind = SOAK_ROLES.filter(
      (role) => !judge({ ...result, end: result.leaking }, false, () => undefined).some((one) => one.startsWith(role)),
    );
    assert.deepEqual(blind, [], "one descriptor that is lost is found");
  });
});
