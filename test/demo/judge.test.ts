import assert from "node:assert/strict";
import { judgeBatch, judgeHeld, type HeldFlow } from "../../src/demo/judge.ts";
import { Prediction } from "../../src/demo/prediction.ts";
import { SETTING, vipAddress } from "../../src/demo/setting.ts";

const [as1, as2, as3, as4] = SETTING.servers;

function flowsOf(prediction: Prediction, count = 200): HeldFlow[] {
  return Array.from({ length: count }, (_, n) => {
    const family = n % 3 === 0 ? 6 : 4;
    const flow = {
      src: family === 4 ? SETTING.uplink.host4 : SETTING.uplink.host6,
      srcPort: 20000 + n,
      dst: vipAddress(family, n),
      dstPort: SETTING.port,
    };
    return { batch: 1, flow, server: prediction.serverOf(flow), broken: false, changedServer: false };
  });
}

describe("demo: judging", () => {
  const three = new Prediction([as1, as2, as3], "plain");
  const flows = flowsOf(three);

  it("takes a batch that goes where the table says", () => {
    const judged = judgeBatch(flows, three);
    assert.ok(judged.good);
    assert.equal(
      Object.values(judged.byServer).reduce((sum, { seen }) => sum + seen, 0),
      200,
    );
    for (const { seen, predicted } of Object.values(judged.byServer)) assert.equal(seen, predicted);
  });

  it("refuses a batch of which one connection went elsewhere or broke", () => {
    const elsewhere = flows.map((flow, n) =>
      n === 7 ? { ...flow, server: flow.server === "as1" ? "as2" : "as1" } : flow,
    );
    assert.equal(judgeBatch(elsewhere, three).elsewhere, 1);
    assert.equal(judgeBatch(elsewhere, three).good, false);
    const failed = flows.map((flow, n) => (n === 7 ? { ...flow, server: undefined } : flow));
    assert.equal(judgeBatch(failed, three).good, false);
    assert.equal(judgeBatch(flows, new Prediction([as1, as2, as4], "plain")).good, false);
  });

  it("lets only the killed server's connections break", () => {
    const broken = (names: string[]) => flows.map((flow) => ({ ...flow, broken: names.includes(flow.server!) }));
    assert.ok(judgeHeld(flows, broken(["as3"]), { killed: "as3" }).good);
    assert.ok(judgeHeld(flows, flows, { killed: "as3" }).good);
    assert.equal(judgeHeld(flows, broken(["as2"]), { killed: "as3" }).good, false);
    assert.equal(judgeHeld(flows, broken(["as3"]), "none").good, false);
  });

  it("lets a lost sticky table break what the new table moves, no more", () => {
    const four = new Prediction([as1, as2, as3, as4], "plain");
    const moved = flows.map((flow) => ({ ...flow, broken: four.serverOf(flow.flow) !== flow.server }));
    const judged = judgeHeld(flows, moved, { stickinessLostTo: four });
    assert.ok(judged.good && judged.broke > 20 && judged.broke === judged.predicted);
    assert.equal(
      judgeHeld(
        flows,
        flows.map((flow) => ({ ...flow, broken: true })),
        { stickinessLostTo: four },
      ).good,
      false,
    );
  });

  it("never forgives a connection that changed its server", () => {
    const changed = flows.map((flow, n) => ({ ...flow, changedServer: n === 3 }));
    assert.equal(judgeHeld(flows, changed, { killed: flows[3]!.server! }).good, false);
  });

  it("does not count again what was broken before", () => {
    const gone = flows.map((flow) => ({ ...flow, broken: true }));
    assert.deepEqual(judgeHeld(gone, gone, "none"), {
      held: 0,
      broke: 0,
      unexpected: 0,
      changedServer: 0,
      predicted: 0,
      byBatch: {},
      good: true,
    });
  });
});
