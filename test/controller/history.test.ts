import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { VppClient } from "vpp-api-ts";
import type { Flow, HistoryEntry } from "../../src/controller/index.ts";
import { inSync, LB_YAML, operator, startController, until, type Started } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

const FLOWS: readonly Flow[] = Array.from({ length: 24 }, (_, i) => ({
  src: `192.0.2.${i + 1}`,
  dst: "10.2.2.33",
  protocol: "tcp" as const,
  srcPort: 1000 + i,
  dstPort: 5001,
}));

describe("controller: history", function () {
  this.timeout(60_000);
  let vpp: TestVpp;
  let client: VppClient;
  let started: Started[] = [];
  let count = 0;

  before(async () => {
    vpp = await startVpp();
    client = await operator(vpp.socket);
  });
  after(async () => {
    client.close();
    await vpp.close();
  });
  afterEach(async () => {
    for (const one of started) {
      await one.controller.apply("vips: []\n", { force: true }).catch(() => undefined);
      await one.controller.close();
    }
    started = [];
  });

  async function start(yaml = LB_YAML, journal = join(vpp.directory, `history-${count++}`)): Promise<Started> {
    const one = await startController(vpp.socket, journal, { repairPeriodMs: 200 });
    started.push(one);
    await until("VPP is there", () => one.controller.status().vpp.state === "ready");
    await one.controller.load(yaml);
    await inSync(one);
    return one;
  }

  /** Waits for an entry that was not there before. */
  async function next({ controller }: Started, after: number): Promise<HistoryEntry> {
    let found: HistoryEntry | undefined;
    for (const end = Date.now() + 15_000; found === undefined; await sleep(20)) {
      found = (await controller.history()).find((entry) => entry.id > after);
      assert.ok(Date.now() < end, "no further entry was made");
    }
    return (await controller.history({ id: found.id }))[0]!;
  }

  const newest = async ({ controller }: Started): Promise<number> => (await controller.history())[0]?.id ?? 0;

  it("tells for everything that is done to VPP when it was, why, and who asked", async () => {
    const one = await start();
    const [first] = await one.controller.history();
    assert.deepEqual([first!.cause, first!.result, first!.failed], ["start", "ok", 0]);
    assert.ok(first!.done >= 10);
    assert.deepEqual(first!.vips, ["10.2.2.0/24", "10.2.3.1/32 tcp/5001", "2001:db8:2::/64"]);

    let id = await newest(one);
    await one.controller.load(LB_YAML.replace(", 10.60.1.4]", "]"));
    let entry = await next(one, id);
    assert.deepEqual([entry.cause, entry.result, entry.servers], ["config", "ok", ["10.60.1.4"]]);
    assert.equal(entry.operations![0]!.result, "done");
    assert.equal(entry.disruption![0]!.vip, "10.2.2.0/24");
    assert.ok(entry.moved > 0.2);
    assert.equal((entry.desired as { vips: { servers: unknown[] }[] }).vips[0]!.servers.length, 2);

    id = await newest(one);
    const by = { uid: 1000, user: "someone" };
    assert.ok((await one.controller.apply(LB_YAML, { by })).ok);
    entry = await next(one, id);
    assert.deepEqual([entry.cause, entry.by], ["operator", by]);

    id = await newest(one);
    await one.controller.drain("10.60.1.3", { by });
    entry = await next(one, id);
    assert.deepEqual([entry.cause, entry.reason, entry.by], ["drain", "drain of 10.60.1.3", by]);
    await one.controller.drain("10.60.1.3", { undo: true });

    id = await newest(one);
    await client.cli("lb as 10.2.2.0/24 10.60.1.2 del");
    entry = await next(one, id);
    assert.deepEqual([entry.cause, entry.servers], ["drift", ["10.60.1.2"]]);

    id = await newest(one);
    await vpp.restart();
    await client.connect();
    await inSync(one);
    entry = await next(one, id);
    assert.equal(entry.cause, "vpp-restart");
    assert.equal(entry.vpp!.incarnation, 2);
    assert.deepEqual((await one.controller.history({ server: "10.60.1.4" })).map((each) => each.cause).reverse(), [
      "start",
      "config",
      "operator",
      "vpp-restart",
    ]);
  });

  it("tells what was refused, what failed, and counts it when it fails again", async () => {
    const one = await start(`${LB_YAML}maxDisruption: 0.1\n`);
    let id = await newest(one);
    await one.controller.load(`${LB_YAML.replace(", 10.60.1.4]", "]")}maxDisruption: 0.1\n`);
    let entry = await next(one, id);
    assert.equal(entry.result, "refused");
    assert.match(entry.message!, /maxDisruption allows/);
    assert.equal(entry.done, 0);
    id = await newest(one);
    const unhad = LB_YAML.replace("interfaces:", "interfaces:\n  - { host: vpplb-nobody, addresses: [10.99.0.1/24] }");
    const applied = await one.controller.apply(unhad, { force: true });
    assert.ok(applied.failed.length > 0, JSON.stringify(applied));
    entry = await next(one, id);
    assert.deepEqual([entry.cause, entry.result, entry.failed], ["operator", "failed", 1]);
    assert.equal(entry.operations!.find((each) => each.result === "failed")!.error, entry.message);
    const entries = (await one.controller.history()).length;
    let again: HistoryEntry | undefined;
    for (const end = Date.now() + 15_000; again?.repeats === undefined && Date.now() < end; await sleep(50)) {
      [again] = await one.controller.history({ id: entry.id });
    }
    assert.ok(again!.repeats! >= 1);
    assert.equal((await one.controller.history()).length, entries, "counted, not kept each time");
  });

  it("has nothing to add while all is as it should be, and where the same text is read again", async () => {
    const one = await start();
    const before = await newest(one);
    await one.controller.load(LB_YAML);
    const looked = one.controller.status().sync.lastObservedAt;
    await until("VPP was looked at again", () => one.controller.status().sync.lastObservedAt !== looked);
    assert.equal(await newest(one), before);

    // What an operator applied stays when the file is read again and is as it was.
    assert.ok((await one.controller.apply(LB_YAML.replace(", 10.60.1.4]", "]"))).ok);
    const applied = await newest(one);
    await one.controller.load(LB_YAML);
    assert.equal(await newest(one), applied);
    assert.deepEqual((await one.controller.plan(LB_YAML.replace(", 10.60.1.4]", "]"))).operations, []);
    await one.controller.load(`${LB_YAML}# changed\n`);
    assert.equal((await one.controller.history())[0]!.cause, "config", "and another text is applied");
  });

  it("goes on in steps where the same text is read again in the middle of them", async () => {
    const paced = (text: string) => `${text}maxDisruption: { limit: 0.1, pace: { step: 0.2, intervalMs: 600000 } }\n`;
    const many = (length: number) =>
      LB_YAML.replace(
        "[10.60.1.2, 10.60.1.3, 10.60.1.4]",
        `[${Array.from({ length }, (_, i) => `10.60.1.${i + 2}`).join()}]`,
      );
    const one = await start(paced(many(10)));
    await one.controller.load(paced(many(20)));
    assert.equal(one.controller.status().sync.state, "paced");
    const pending = one.controller.status().sync.pending;
    await one.controller.load(paced(many(20)));
    await one.controller.apply(paced(many(20)));
    assert.equal(one.controller.status().sync.state, "paced", "not all at once");
    assert.deepEqual(one.controller.status().sync.pending.length, pending.length);
  });

  it("rebuilds the table of any time as it was, also over restarts of controller and VPP", async () => {
    const journal = join(vpp.directory, `history-${count++}`);
    let one = await start(LB_YAML, journal);
    const moments: { at: string; servers: (string | undefined)[] }[] = [];
    const look = async () => {
      await sleep(15);
      const servers = [];
      for (const flow of FLOWS) servers.push((await one.controller.explain(flow)).server);
      const at = new Date().toISOString();
      moments.push({ at, servers });
      // What VPP holds is known for a time when it was looked at before and after.
      await until("VPP was looked at again", () => (one.controller.status().sync.lastObservedAt ?? "") > at);
    };
    await look();
    for (const servers of ["[10.60.1.2, 10.60.1.3]", "[10.60.1.9, 10.60.1.3, 10.60.1.5, 10.60.1.7]", "[10.60.1.9]"]) {
      await one.controller.load(LB_YAML.replace("[10.60.1.2, 10.60.1.3, 10.60.1.4]", servers));
      await inSync(one);
      await look();
    }
    await one.controller.close();
    started = [];
    one = await start(LB_YAML, journal);
    await look();
    await one.controller.drain("10.60.1.3");
    await look();
    await vpp.restart();
    await client.connect();
    await until("it is another VPP", () => one.controller.status().vpp.connects > 1);
    await inSync(one);
    await look();
    for (const { at, servers } of moments) {
      const past = [];
      for (const flow of FLOWS) past.push(await one.controller.explainAt(flow, at));
      assert.deepEqual(
        past.map((each) => each.server),
        servers,
        at,
      );
      for (const each of past) {
        assert.match(each.certainty, /^(certain|new-flows)$/);
        assert.equal(each.candidates[0]!.server, each.server);
      }
    }
    const distinct = new Set(moments.map(({ servers }) => JSON.stringify(servers)));
    assert.equal(distinct.size, 5, "the tables of the moments differ, so that this test can fail");
    // A flow of the second table may have begun under the first.
    const second = await Promise.all(FLOWS.map((flow) => one.controller.explainAt(flow, moments[1]!.at)));
    const moved = second.filter((_, i) => moments[0]!.servers[i] !== moments[1]!.servers[i]);
    assert.ok(moved.length > 0);
    for (const each of moved) {
      assert.equal(each.certainty, "new-flows");
      assert.deepEqual(each.candidates.map((place) => place.server).slice(0, 2), [
        each.server,
        moments[0]!.servers[FLOWS.findIndex((flow) => flow.src === each.flow.src)],
      ]);
    }
    // After the restart of VPP no flow has a past.
    for (const flow of FLOWS) {
      assert.equal((await one.controller.explainAt(flow, moments.at(-1)!.at)).candidates.length, 1);
    }
    const early = await one.controller.explainAt(FLOWS[0]!, "2020-01-01T00:00:00Z");
    assert.equal(early.certainty, "unknown");
    await assert.rejects(one.controller.explainAt(FLOWS[0]!, "2999-01-01T00:00:00Z"), { code: "INPUT" });
  });

  it("rebuilds also by which stream a packet went: of flows, their priorities, and streams that had other servers", async () => {
    const steered = (servers: string, flows: string) =>
      LB_YAML.replace("vips:", "vips:\n  - { prefix: 10.3.0.0/24, stream: red }").concat(
        "streams:\n  - { name: red, encap: gre4, servers: [10.60.1.2, 10.60.1.3] }\n" +
          `  - { name: blue, encap: gre4, servers: ${servers} }\nflows: ${flows}\n`,
      );
    const one = await start(steered("[10.60.1.4, 10.60.1.5]", "[]"));
    const asked = FLOWS.flatMap((flow) => [80, 443].map((dstPort) => ({ ...flow, dst: "10.3.0.7", dstPort })));
    const web = (stream: string, priority: number, port: number) =>
      `{ name: f${port}${priority}, stream: ${stream}, vips: [10.3.0.0/24], protocols: [tcp], destinationPorts: [${port}], priority: ${priority} }`;
    const moments: { at: string; seen: (string | undefined)[][] }[] = [];
    const seen = (places: readonly { stream?: string; server?: string }[]) =>
      places.map(({ stream, server }) => [stream, server]);
    const look = async () => {
      await sleep(15);
      const places = [];
      for (const flow of asked) places.push(await one.controller.explain(flow));
      const at = new Date().toISOString();
      moments.push({ at, seen: seen(places) });
      await until("VPP was looked at again", () => (one.controller.status().sync.lastObservedAt ?? "") > at);
    };
    await look();
    for (const [servers, flows] of [
      ["[10.60.1.4, 10.60.1.5]", `[${web("blue", 1, 80)}]`],
      ["[10.60.1.6]", `[${web("blue", 1, 80)}]`],
      ["[10.60.1.6]", `[${web("blue", 1, 80)}, ${web("red", 2, 80)}, ${web("blue", 1, 443)}]`],
    ] as const) {
      await one.controller.load(steered(servers, flows));
      await inSync(one);
      await look();
    }
    await vpp.restart();
    await client.connect();
    await until("it is another VPP", () => one.controller.status().vpp.connects > 1);
    await inSync(one);
    for (const { at, seen: then } of moments) {
      const past = [];
      for (const flow of asked) past.push(await one.controller.explainAt(flow, at));
      assert.deepEqual(seen(past), then, at);
    }
    const distinct = new Set(moments.map((moment) => JSON.stringify(moment.seen)));
    assert.equal(distinct.size, moments.length, "the moments differ, so that this test can fail");
  });
});
