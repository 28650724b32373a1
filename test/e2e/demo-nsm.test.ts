import assert from "node:assert/strict";
import { needNetAdmin } from "../kernel/support.ts";
import { DemoChild, VPP } from "./demo-child.ts";

describe("demo --nsm", function () {
  this.timeout(300_000);
  const demo = new DemoChild("--nsm");

  before(function () {
    needNetAdmin(this);
  });

  after(() => demo.remove());

  it("ends well on every step: servers come, are refreshed, leave, crash and drain; every agent is killed", async () => {
    const { code, verdict } = await demo.run();
    assert.equal(verdict.good, true, JSON.stringify(verdict, null, 1));
    assert.equal(code, 0);
    assert.equal(verdict.steps.length, VPP === undefined ? 11 : 10);
    const breaking = verdict.steps.filter((step) => (step.held?.broke ?? 0) > 0).map((step) => step.name);
    assert.ok(breaking.some((name) => name.includes("SIGTERM")) && breaking.some((name) => name.includes("crashes")));
    assert.deepEqual(demo.leftovers(), []);
  });

  it("ends badly where a client's server entry is missing (negative control)", async () => {
    const steps = await demo.fails("client");
    assert.equal(steps.length, 1, "it is seen with the first batch");
  });
});
