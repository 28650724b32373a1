import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseLbVips, type VppClient } from "vpp-api-ts";
import { Journal } from "../../src/controller/index.ts";
import { StateFile } from "../../src/history/index.ts";
import { WriteProxy } from "./proxy.ts";
import { inSync, LB_YAML, NOTHING_YAML, operator, startController, until, type Started } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

describe("controller: against a dataplane in a process of its own", function () {
  this.timeout(300_000);
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
    for (const one of started) await one.controller.close();
    started = [];
    await client.connect();
    const cleaner = await startController(vpp.socket, journal());
    await until("VPP is there", () => cleaner.controller.status().vpp.state === "ready");
    const result = await cleaner.controller.apply(LB_YAML, { force: true });
    assert.ok(result.ok, JSON.stringify(result));
    assert.ok((await cleaner.controller.apply(NOTHING_YAML, { force: true })).ok);
    await cleaner.controller.close();
  });

  const journal = () => join(vpp.directory, `journal-${count++}.json`);

  async function start(
    yaml = LB_YAML,
    file = journal(),
    options: Parameters<typeof startController>[2] = {},
  ): Promise<Started> {
    const one = await startController(options.socket ?? vpp.socket, file, options);
    started.push(one);
    await until("VPP is there", () => one.controller.status().vpp.state === "ready");
    await one.controller.load(yaml);
    return one;
  }
  const liveVips = async () => parseLbVips(await client.cli("show lb vips verbose")).filter((vip) => !vip.removed);
  const servers = async (prefix: string) =>
    (await liveVips())
      .find((vip) => vip.prefix === prefix)
      ?.servers.filter((server) => !server.removed)
      .map((server) => server.address)
      .sort();

  it("programs what the file says, and VPP holds it", async () => {
    const one = await start();
    assert.equal(one.controller.status().sync.state, "in-sync");
    assert.deepEqual((await liveVips()).map((vip) => `${vip.prefix} ${vip.encap} ${vip.port}`).sort(), [
      "10.2.2.0/24 gre4 0",
      "10.2.3.1/32 gre4 5001",
      "2001:db8:2::/64 gre6 0",
    ]);
    assert.deepEqual(await servers("10.2.2.0/24"), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
    assert.match(await client.cli("show lb"), /ip4-src-address: 10\.60\.1\.1/);
    assert.match(await client.cli("show interface addr loop0"), /10\.60\.1\.1\/24/);
  });

  it("writes nothing when it is started again", async () => {
    const file = journal();
    const first = await start(LB_YAML, file);
    await first.controller.close();
    const proxy = await WriteProxy.start(join(vpp.directory, "again.sock"), vpp.socket);
    const again = await start(LB_YAML, file, { socket: proxy.socket });
    assert.equal(again.controller.status().sync.state, "in-sync");
    await again.controller.apply();
    assert.deepEqual(proxy.writes, []);
    await again.controller.close();
    await proxy.close();
  });

  it("puts a server back that someone deleted, and takes out one that someone added", async () => {
    const one = await start(LB_YAML, journal(), { repairPeriodMs: 300 });
    await client.cli("lb as 10.2.2.0/24 10.60.1.3 del");
    await client.cli("lb as 10.2.2.0/24 10.60.1.99");
    await until(
      "repaired",
      () => one.events.filter((event) => event.type === "sync" && event.state === "in-sync").length > 1,
      () => one.events,
    );
    assert.deepEqual(await servers("10.2.2.0/24"), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
  });

  it("keeps its hands off VIPs of others, and off lb_conf while there are any", async () => {
    await client.cli("lb vip 10.77.1.1/32 encap gre4 new_len 8");
    await client.cli("lb as 10.77.1.1/32 10.77.0.5");
    const one = await start(LB_YAML.replace("10.60.1.1, ip6", "10.60.1.9, ip6"));
    const { sync } = one.controller.status();
    assert.equal(sync.state, "error");
    assert.match(sync.problems.map((problem) => problem.message).join(), /VIPs of others \(10\.77\.1\.1\/32\)/);
    assert.deepEqual(
      sync.foreign.filter((name) => name.startsWith("VIP")),
      ["VIP 10.77.1.1/32"],
    );
    await one.controller.load(LB_YAML.replace("10.60.1.1, ip6", "10.60.1.9, manage: false, ip6"));
    assert.equal(one.controller.status().sync.state, "in-sync");
    await one.controller.load(NOTHING_YAML);
    assert.deepEqual(await servers("10.77.1.1/32"), ["10.77.0.5"]);
    await client.cli("lb vip 10.77.1.1/32 del");
  });

  it("programs a VPP that was restarted, and waits for one that is away", async () => {
    const one = await start(LB_YAML, journal(), { repairPeriodMs: 60_000 });
    const before = one.controller.status().vpp.pid;
    await vpp.kill("SIGKILL");
    await until(
      "the loss is seen",
      () => one.controller.status().sync.state === "waiting",
      () => one.controller.status(),
    );
    await assert.rejects(one.controller.plan(), { code: "NO_VPP" });
    await vpp.restart();
    await inSync(one);
    assert.notEqual(one.controller.status().vpp.pid, before);
    await client.connect();
    assert.deepEqual(await servers("10.2.2.0/24"), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
  });

  it("gives up on a VPP that is stopped, holds nothing for it, and goes on when it goes on", async () => {
    const one = await start(LB_YAML, journal(), { requestTimeoutMs: 2000, repairPeriodMs: 200 });
    const descriptors = () => process.getActiveResourcesInfo().length;
    const before = descriptors();
    await vpp.kill("SIGSTOP");
    try {
      await until(
        "the silence is noticed",
        () => one.controller.status().sync.state !== "in-sync",
        () => one.controller.status(),
      );
      await assert.rejects(
        one.controller.explain({ src: "1.1.1.1", dst: "10.2.2.1", protocol: "tcp", srcPort: 1, dstPort: 2 }),
      );
      const failures = () => one.events.filter((event) => event.type === "vpp" && event.state === "failed").length;
      const seen = failures();
      await until("three more attempts to fail", () => failures() >= seen + 3, failures, 120_000);
      assert.ok(descriptors() <= before + 8, `${before} resources before, ${descriptors()} now`);
    } finally {
      await vpp.kill("SIGCONT");
    }
    await inSync(one);
  });

  it("keeps the old state when the file goes bad, and says why", async () => {
    const one = await start();
    await one.controller.load(LB_YAML.replace("encap: gre6", "encap: nat6"));
    const status = one.controller.status();
    assert.match(status.config.error ?? "", /10:\d+: vips\[1\]\.encap: VPP's lb NAT is not offered/);
    assert.equal(status.sync.state, "in-sync");
    assert.equal((await liveVips()).length, 3);
  });

  it("plans without writing, in order and with what moves", async () => {
    const file = journal();
    const first = await start(LB_YAML, file);
    await first.controller.close();
    const proxy = await WriteProxy.start(join(vpp.directory, "plan.sock"), vpp.socket);
    const one = await start(LB_YAML, file, { socket: proxy.socket });
    const plan = await one.controller.plan(LB_YAML.replace("10.60.1.4]", "10.60.1.5]"));
    assert.deepEqual(
      plan.operations.map((operation) => operation.id),
      ["servers of 10.2.2.0/24 add", "servers of 10.2.2.0/24 remove"],
    );
    const [disruption] = plan.disruption;
    assert.equal(disruption?.vip, "10.2.2.0/24");
    assert.ok(disruption.moved >= disruption.least && disruption.moved < 0.6, JSON.stringify(disruption));
    assert.deepEqual(proxy.writes, []);
    await proxy.close();
  });

  it("refuses a change that moves too much, unless it is forced; repairs are not changes", async () => {
    const limited = `maxDisruption: 0.3\n${LB_YAML}`;
    const one = await start(limited, journal(), { repairPeriodMs: 300 });
    const other = limited.replace("[10.60.1.2, 10.60.1.3, 10.60.1.4]", "[10.60.1.7, 10.60.1.8]");
    const refused = await one.controller.apply(other);
    assert.equal(refused.ok, false);
    assert.match(
      refused.refused ?? "",
      /VIP 10\.2\.2\.0\/24 would move 100\.0 % of its slots; maxDisruption allows 30\.0 %/,
    );
    assert.deepEqual(await servers("10.2.2.0/24"), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
    await client.cli("lb as 10.2.2.0/24 10.60.1.2 10.60.1.3 del");
    await until(
      "repaired",
      () =>
        one.events.filter((event) => event.type === "operation" && event.id === "servers of 10.2.2.0/24 add").length >
        1,
    );
    await inSync(one);
    const forced = await one.controller.apply(other, { force: true });
    assert.ok(forced.ok, JSON.stringify(forced));
    assert.deepEqual(await servers("10.2.2.0/24"), ["10.60.1.7", "10.60.1.8"]);
  });

  it("moves in steps where it is told to, and gets there", async () => {
    const paced = `maxDisruption: { limit: 0.1, pace: { step: 0.4, intervalMs: 300 } }\n${LB_YAML}`;
    const one = await start(paced, journal());
    const wanted = ["10.60.1.2", "10.60.1.3", "10.60.1.4", "10.60.1.5", "10.60.1.6", "10.60.1.7"];
    const result = await one.controller.apply(
      paced.replace("[10.60.1.2, 10.60.1.3, 10.60.1.4]", `[${wanted.join(", ")}]`),
    );
    assert.equal(result.paced, true);
    assert.ok(((await servers("10.2.2.0/24")) ?? []).length < wanted.length, "not all in the first step");
    await inSync(one);
    assert.deepEqual(await servers("10.2.2.0/24"), wanted);
  });

  it("drains a server, keeps it drained over a restart, and takes it back", async () => {
    const file = journal();
    const first = await start(LB_YAML, file);
    const drained = await first.controller.drain("10.60.1.3", { vip: "10.2.2.0/24" });
    assert.ok(drained.apply.ok, JSON.stringify(drained));
    assert.ok(drained.vips[0]!.moved > 0.3, "a third of the slots goes to others");
    const buckets = async () =>
      (await liveVips())
        .find((vip) => vip.prefix === "10.2.2.0/24")
        ?.servers.find((server) => server.address === "10.60.1.3")?.buckets;
    assert.equal(await buckets(), 0);
    assert.ok((await servers("10.2.3.1/32"))?.includes("10.60.1.3"), "only where it was asked for");
    await first.controller.close();
    const second = await start(LB_YAML, file);
    assert.equal(await buckets(), 0);
    assert.equal(second.controller.status().drains.length, 1);
    await second.controller.drain("10.60.1.3", { vip: "10.2.2.0/24", undo: true });
    assert.equal(second.controller.status().drains.length, 0);
    assert.deepEqual(await servers("10.2.2.0/24"), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
    await assert.rejects(second.controller.drain("10.60.1.250"), { code: "NOT_FOUND" });
  });

  it("changes in place what VPP can, and makes anew what it cannot, saying so", async () => {
    const one = await start();
    const plan = await one.controller.plan(
      LB_YAML.replace(
        "encap: gre4, servers: [10.60.1.2, 10.60.1.3, 10.60.1.4]",
        "encap: gre4, tableSize: 4096, servers: [10.60.1.2, 10.60.1.3, 10.60.1.4]",
      ),
    );
    assert.deepEqual(
      plan.operations.map((operation) => operation.id),
      ["vip 10.2.2.0/24 delete", "vip 10.2.2.0/24 create", "servers of 10.2.2.0/24 add"],
    );
    assert.match(plan.operations[0]!.sentence, /VPP cannot change table size 1024 -> 4096 in place/);
    assert.equal(plan.disruption[0]?.recreated, "table size 1024 -> 4096");
  });

  it("gives servers shares by weight where VPP knows weights, else says that it cannot", async () => {
    const weighted = LB_YAML.replace(
      "[10.60.1.2, 10.60.1.3, 10.60.1.4]",
      "[{ address: 10.60.1.2, weight: 30 }, { address: 10.60.1.3, weight: 10 }]",
    );
    const one = await start(weighted);
    const vip = (await liveVips()).find((each) => each.prefix === "10.2.2.0/24");
    const shares = Object.fromEntries((vip?.servers ?? []).map((server) => [server.address, server.buckets]));
    if (client.has("lb_as_set_weight")) {
      // 40 replicas share 1024 slots: not quite three quarters.
      assert.deepEqual(shares, { "10.60.1.2": 764, "10.60.1.3": 260 });
      await one.controller.load(weighted.replace("weight: 30", "weight: 10"));
      const after = (await liveVips()).find((each) => each.prefix === "10.2.2.0/24");
      assert.deepEqual(
        after?.servers.map((server) => server.weight),
        [10, 10],
      );
    } else {
      assert.deepEqual(shares, { "10.60.1.2": 512, "10.60.1.3": 512 });
      assert.match(one.controller.status().sync.warnings.join(), /knows no weights/);
    }
    const { checked } = await one.controller.explain({
      src: "192.0.2.7",
      dst: "10.2.2.33",
      protocol: "udp",
      srcPort: 4,
      dstPort: 5,
    });
    assert.equal(checked, true);
    assert.equal(one.controller.status().sync.state, "in-sync");
  });

  it("flushes a drained server's flows at the deadline, and forgets a drain whose server is gone", async () => {
    const one = await start();
    await one.controller.drain("10.60.1.3", { deadlineMs: 300 });
    assert.equal(one.controller.status().drains.length, 1);
    await until(
      "the deadline is carried out",
      () =>
        one.controller.status().sync.state === "in-sync" &&
        Date.parse(one.controller.status().drains[0]?.deadlineAt ?? "") < Date.now(),
      () => one.controller.status(),
    );
    await until("rows say down", () => one.controller.status().sync.state === "in-sync");
    const rows = await one.controller.get("servers");
    assert.deepEqual(
      rows.filter((row) => row.key.endsWith("10.60.1.3")).map((row) => row.state),
      ["down", "down"],
    );
    await one.controller.load(LB_YAML.replaceAll("10.60.1.3, ", "").replace("10.60.1.2, 10.60.1.3]", "10.60.1.2]"));
    assert.deepEqual(one.controller.status().drains, []);
  });

  it("explains a flow by VPP's own table, checked against VPP's counts", async () => {
    const one = await start();
    const flow = { src: "192.0.2.7", dst: "10.2.2.33", protocol: "tcp", srcPort: 40_000, dstPort: 5001 } as const;
    const result = await one.controller.explain(flow);
    assert.equal(result.vip, "10.2.2.0/24");
    assert.equal(result.checked, true, result.steps.join("\n"));
    assert.ok(["10.60.1.2", "10.60.1.3", "10.60.1.4"].includes(result.server ?? ""));
    const missed = await one.controller.explain({ ...flow, dst: "10.2.3.1", dstPort: 80 });
    assert.equal(missed.server, undefined);
    assert.match(missed.steps.join(), /10\.2\.3\.1\/32 takes only tcp\/5001/);
  });

  it("shows rows of every kind, and the brief form of VIPs that VPP itself does not print", async () => {
    const one = await start();
    const states = async (kind: "vips" | "servers" | "interfaces" | "bridges" | "routes") =>
      (await one.controller.get(kind)).filter((row) => row.owner === "ours").map((row) => `${row.key} ${row.state}`);
    assert.deepEqual(await states("vips"), ["10.2.2.0/24 ok", "2001:db8:2::/64 ok", "10.2.3.1/32 tcp/5001 ok"]);
    assert.equal((await states("servers")).length, 6);
    assert.deepEqual(await states("interfaces"), ["loop0 ok", "loop1 ok"]);
    assert.deepEqual(await states("bridges"), ["1 ok"]);
    assert.deepEqual(await states("routes"), ["0.0.0.0/0 ok"]);
    const { output } = await one.controller.vppctl("show lb vips");
    assert.match(output, /^ip4-gre4 10\.2\.2\.0\/24 new_size:1024 #as:3$/m);
    const wrong = await one.controller.vppctl("show nonsense");
    assert.ok(wrong.retval < 0);
    assert.match(wrong.output, /unknown input/);
  });

  it("adds a thousand servers, and removes them, in a few lines", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `10.60.${2 + (i >> 8)}.${i & 255}`);
    const big = (list: readonly string[]) =>
      `lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1" }\nvips: [{ prefix: 10.2.9.0/24, encap: gre4, tableSize: 65536, servers: [${list.join(", ")}] }]\n`;
    const proxy = await WriteProxy.start(join(vpp.directory, "many.sock"), vpp.socket);
    const one = await start(big(many), journal(), { socket: proxy.socket });
    assert.equal(one.controller.status().sync.state, "in-sync", JSON.stringify(one.controller.status().sync));
    assert.equal((await servers("10.2.9.0/24"))?.length, 1000);
    assert.ok(proxy.writes.length <= 6, proxy.writes.join());
    await one.controller.load(big(many.slice(0, 1)));
    assert.equal((await servers("10.2.9.0/24"))?.length, 1);
    await one.controller.load(NOTHING_YAML);
    await proxy.close();
  });

  it("keeps its journal, takes over one of JSON, and sets one aside that it cannot read", async () => {
    const file = journal();
    const one = await start(LB_YAML, file);
    await one.controller.close();
    const { state, journal: kept } = StateFile.open(file);
    state.close();
    assert.deepEqual(Object.keys(kept["owned.vips"]!), ["10.2.2.0/24", "10.2.3.1/32 tcp/5001", "2001:db8:2::/64"]);
    assert.deepEqual(Object.keys(kept["owned.routes"]!), ["0.0.0.0/0"]);

    const { pid } = Journal.of(kept).journal.vpp!;
    const owned = { ...Object.fromEntries(Object.entries(Journal.of(kept).journal.owned).map(list)) };
    const old = {
      version: 1,
      vpp: { ...Journal.of(kept).journal.vpp, pid },
      owned,
      accepted: {},
      pacing: [],
      drains: [],
    };
    rmSync(file);
    writeFileSync(file, JSON.stringify(old));
    const taken = await start(NOTHING_YAML, file);
    assert.match(taken.controller.status().sync.warnings.join(), /the journal .* is now in/);
    assert.match(JSON.stringify(taken.events), /remove VIP 10.2.2.0\/24/, "what the old journal owns goes");
    await taken.controller.close();

    writeFileSync(file, "{ half");
    const again = await start(LB_YAML, file);
    assert.match(again.controller.status().sync.warnings.join(), /could not be understood and was moved to/);
    assert.equal(again.controller.status().sync.state, "in-sync");
  });
});

function list([name, value]: [string, unknown]): [string, unknown] {
  return [name, value instanceof Set || value instanceof Map ? [...(value as Iterable<unknown>)] : value];
}
