import assert from "node:assert/strict";
import fc from "fast-check";
import {
  execute,
  makePlan,
  observe,
  observeFeatures,
  type DesiredState,
  type ObservedState,
} from "../../src/bridge/index.ts";
import { importVpp, parseLbYaml } from "../../src/config/index.ts";
import { Journal } from "../../src/controller/index.ts";
import { desiredState } from "../bridge/arbitrary.ts";
import { VppModel } from "../bridge/model.ts";

describe("config: import of what a VPP holds", function () {
  this.timeout(60_000);

  async function programmed(desired: DesiredState, fixed: boolean): Promise<ObservedState> {
    const vpp = new VppModel(fixed);
    const journal = Journal.empty();
    for (let round = 0; round < 3; round++) {
      const features = await observeFeatures(vpp);
      const plan = makePlan(desired, await observe(vpp, features), journal.owned);
      journal.begin(plan.operations);
      for (const operation of plan.operations) {
        const interfaces = new Map([...vpp.interfaces].map(([index, one]) => [one.name, index]));
        await execute(operation.action, { port: vpp, features, interfaces });
        journal.done(operation);
      }
    }
    return observe(vpp, await observeFeatures(vpp));
  }

  it("gives a file of which the plan is empty, for any state of ours", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.boolean(), desiredState, async (fixed, arbitrary) => {
        const interfaces = arbitrary.interfaces.map((one, i) => ({ ...one, mac: `02:fe:00:00:01:0${i}` }));
        const desired = { ...arbitrary, interfaces };
        const observed = await programmed(desired, fixed);
        const { yaml, warnings } = importVpp(observed, { tag: desired.ownership.tag });
        assert.equal(importVpp(observed, { tag: desired.ownership.tag }).yaml, yaml, "the same each time");
        const { state, diagnostics } = parseLbYaml(yaml);
        assert.deepEqual(
          diagnostics.filter((one) => one.severity === "error"),
          [],
          yaml,
        );
        const nobody = Journal.empty();
        const plan = makePlan(state!, observed, nobody.owned);
        assert.deepEqual(
          plan.operations.map((one) => one.sentence),
          [],
          yaml,
        );
        assert.deepEqual(plan.problems, [], yaml);
        assert.ok(!warnings.some((warning) => warning.startsWith("applying this would change")));
        assert.equal(state!.vips.length, observed.vips.length);
        if (state!.interfaces.length > 0) taken++;
      }),
      { numRuns: 150 },
    );
    assert.ok(taken > 50, `interfaces were taken over ${taken} times`);
  });

  it("is of that very state: another server in VPP is a difference to it", async () => {
    await fc.assert(
      fc.asyncProperty(desiredState, async (desired) => {
        fc.pre(desired.vips.length > 0);
        const observed = await programmed(desired, true);
        fc.pre(observed.vips[0]!.encap !== "gre6");
        const { state } = parseLbYaml(importVpp(observed, { tag: desired.ownership.tag }).yaml);
        const [first, ...others] = observed.vips;
        const more = { address: "10.60.77.77", weight: 100, buckets: 0, flows: 0, used: true };
        const changed = { ...observed, vips: [{ ...first!, servers: [...first!.servers, more] }, ...others] };
        assert.ok(makePlan(state!, changed, Journal.empty().owned).operations.length > 0);
      }),
      { numRuns: 30 },
    );
  });
});
