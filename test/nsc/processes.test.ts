import assert from "node:assert/strict";
import { until } from "../sys/support.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { Balancers } from "./balancers.ts";

/** What a pod without /dev/net/tun has. A killed agent leaves its veth pair, which a TUN device is not. */
const VETH = ["--gre", "veth"];
const settle = { deadlineMs: 30_000 };

describe("vpplb nsc: behind two load-balancers", function () {
  this.timeout(180_000);
  let all: Balancers;

  before(async function () {
    needNetAdmin(this);
    all = await Balancers.open(["lb0", "lb1"]);
  });

  after(async () => {
    await all?.close();
  });

  it("servers spread over them, and every connection is answered", async () => {
    await Promise.all(["as1", "as2", "as3"].map((name) => all.startServer(name, name === "as1" ? VETH : [])));
    const counts = async () => [(await all.serversOf("lb0")).length, (await all.serversOf("lb1")).length].sort();
    await until(
      "all are servers",
      async () => (await counts()).reduce((sum, one) => sum + one) === 3,
      settle.deadlineMs,
    );
    assert.deepEqual(await counts(), [1, 2]);
    for (const name of ["lb0", "lb1"]) {
      const count = (await all.serversOf(name)).length;
      const report = await (await all.traffic(name)).connectBatch(40);
      assert.deepEqual(report.errors, {});
      assert.equal(Object.keys(report.byServer).length, count, JSON.stringify(report.byServer));
    }
  });

  it("an agent that is killed and started again keeps its connection, its server and its flows", async () => {
    const own = (await all.hostOf("as1").addresses("nsm0"))[0]!.prefix.split("/")[0]!;
    const name = (await all.serversOf("lb0")).includes(own) ? "lb0" : "lb1";
    const before = await all.serversOf(name);
    const traffic = await all.traffic(name);
    const link = await all.hostOf("as1").link("nsm0");
    await all.killServer("as1");
    const again = await all.startServer("as1", VETH);
    assert.doesNotMatch(again.output, /nsc-lost|failed/);
    assert.equal((await all.hostOf("as1").link("nsm0")).index, link.index, "the same link");
    assert.deepEqual(await all.serversOf(name), before);
    const report = await traffic.connectBatch(40);
    assert.deepEqual(report.errors, {});
    assert.ok((report.byServer["as1"] ?? 0) > 0, JSON.stringify(report.byServer));
  });

  it("when one load-balancer is killed its servers move to the other, which then has all", async () => {
    await all.killBalancer("lb0");
    await all.has("lb1", 3);
    await until(
      "all servers answer",
      async () => {
        const report = await (await all.traffic("lb1")).connectBatch(60);
        return Object.keys(report.byServer).length === 3 && Object.keys(report.errors).length === 0;
      },
      settle.deadlineMs,
    );
  });

  it("who is told to stop with --drain lets its connections end first, takes no new ones, and leaves nothing", async () => {
    const fresh = await all.startServer("as4", ["--drain", "60"]);
    await all.has("lb1", 4);
    const traffic = await all.traffic("lb1");
    const held = await traffic.hold(40);
    const mine = () => held.records().filter((record) => record.host === "as4" && record.state === "open").length;
    assert.ok(mine() > 0, "some of them are as4's");
    fresh.child.kill("SIGTERM");
    await until("it is drained", () => /nsc-draining/.test(fresh.output), 10_000);
    await all.has("lb1", 3);
    const report = await traffic.connectBatch(60);
    assert.deepEqual([report.errors, report.byServer["as4"] ?? 0], [{}, 0]);
    assert.equal(held.broken, 0);
    assert.ok(fresh.running, "it waits");
    held.stop();
    await until("it has ended", () => !fresh.running, 30_000);
    assert.match(fresh.output, /nsc-drained +no connection is left/);
    await all.isBare("as4");
  });

  it("killed together with the mesh, it begins anew; told to stop, it leaves nothing either", async () => {
    await all.killServer("as1");
    await all.killMesh();
    await all.startMesh();
    const again = await all.startServer("as1", VETH);
    assert.doesNotMatch(again.output, /is here already/, "the interface of the former life makes place");
    await all.stopServer("as1");
    await all.isBare("as1");
  });
});
