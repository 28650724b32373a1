import assert from "node:assert/strict";
import { join } from "node:path";
import { Alarms, controllerName, othersText } from "../../src/controller/alarms.ts";
import { logOfController } from "../../src/observe/controller-log.ts";
import { inSync, LB_YAML, startController, until, type Started } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

describe("controller: alarms", () => {
  it("of untracked packets come once a minute while there are more, and again after a restart of VPP", () => {
    const alarms = new Alarms();
    const look = (untracked: number, nowMs: number) =>
      alarms.look({ untracked, buckets: 64, others: [] }, nowMs).map((event) => logOfController(event));
    assert.deepEqual(look(0, 0), []);
    const [first, ...more] = look(5, 1000);
    assert.equal(more.length, 0);
    assert.equal(first?.event, "untracked-packets");
    assert.match(first.message, /^5 packets so far .*64 buckets/);
    assert.deepEqual(look(9, 2000), []);
    assert.equal(look(9, 62_000).length, 1);
    assert.deepEqual(look(9, 200_000), [], "no more of them");
    assert.equal(look(3, 300_000).length, 1, "counted from 0 again");
  });

  it("name a controller by process and host in what VPP shows of a name", () => {
    assert.equal(controllerName(4_194_304, "a-long-name-0.example.org"), "vpplb:4194304:name-0");
    assert.equal(controllerName(1, "söme host"), "vpplb:1:mehost");
    assert.notEqual(controllerName(1, "vpplb-0"), controllerName(1, "vpplb-1"));
    assert.match(othersText(["vpplb:17:name-0"]) ?? "", /process 17 of a host \.\.\.name-0/);
  });
});

describe("controller: two of one VPP", function () {
  this.timeout(60_000);
  let vpp: TestVpp;
  const started: Started[] = [];
  before(async () => {
    vpp = await startVpp();
  });
  after(async () => {
    for (const { controller } of started) await controller.close();
    await vpp.close();
  });

  it("warn about each other in status and log while both are there", async () => {
    const begin = async (name: string) => {
      const one = await startController(vpp.socket, join(vpp.directory, `${name}.json`), {
        name: `vpplb:${name}`,
        repairPeriodMs: 200,
      });
      started.push(one);
      return one;
    };
    const warning = ({ controller }: Started) =>
      controller.status().sync.warnings.find((text) => text.includes("another vpplb")) ?? "";
    const events = ({ events: all }: Started) =>
      all.filter((event) => event.type === "rival").map((event) => logOfController(event));
    const first = await begin("101:one");
    await until("VPP is there", () => first.controller.status().vpp.state === "ready");
    await first.controller.apply(LB_YAML);
    await inSync(first);
    assert.equal(warning(first), "");
    assert.deepEqual(events(first), []);

    const second = await begin("202:two");
    await until("the first is warned", () => warning(first) !== "");
    await until("the second is warned", () => warning(second) !== "");
    assert.match(warning(first), /process 202 of a host \.\.\.two/);
    assert.match(warning(second), /process 101 of a host \.\.\.one/);
    assert.deepEqual(
      events(first).map((entry) => [entry.event, (entry as { others?: unknown }).others]),
      [["other-controllers", ["vpplb:202:two"]]],
    );

    await second.controller.close();
    await until("the first is alone", () => warning(first) === "");
    assert.deepEqual((events(first).at(-1) as { others?: unknown }).others, []);
  });
});
