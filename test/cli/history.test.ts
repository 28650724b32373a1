import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExplainResult, HistoryEntry, PastExplanation } from "../../src/controller/index.ts";
import { printed, start, vpplb, type Ended, type Started } from "./vpplb.ts";

const DEADLINE_MS = 120_000;
const FLOW = ["192.0.2.1:1234", "10.2.2.33:5001", "tcp"] as const;

/** What was: asked of a controller that runs, and read from its state file when it is gone. */
describe("vpplb history, explain --at, import", function () {
  this.timeout(DEADLINE_MS);
  let folder: string;
  let api: string;
  let config: string;
  let journal: string;
  let dataplane: Started;
  let controller: Started;
  /** Before anything was done. */
  let startMs: number;

  const yaml = (servers: readonly string[]): string =>
    [
      `vpp: { api: ${api} }`,
      `control: { socket: ${join(folder, "control.sock")} }`,
      `state: { journal: ${journal} }`,
      "lb: { ip4Source: 10.60.1.1 }",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4, servers: [${servers.join(", ")}] }]`,
      "",
    ].join("\n");
  const ask = (...args: string[]): Promise<Ended> => vpplb(["--control", join(folder, "control.sock"), ...args]);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await ask("--json", ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  const startController = async () => {
    controller = start(["lb", "-f", config], { deadlineMs: DEADLINE_MS });
    await printed(controller, /VPP holds what is desired/);
  };

  before(async () => {
    startMs = Date.now();
    folder = mkdtempSync(join(tmpdir(), "vpplb-cli-"));
    api = join(folder, "api.sock");
    journal = join(folder, "state.sqlite");
    config = join(folder, "lb.yaml");
    writeFileSync(config, yaml(["10.60.1.2", "10.60.1.3"]));
    dataplane = start(["dataplane", "--api", api, "--cli", join(folder, "cli.sock")], { deadlineMs: DEADLINE_MS });
    await printed(dataplane, /ready/);
    await startController();
  });

  after(async () => {
    for (const process of [controller, dataplane]) process?.child.kill("SIGKILL");
    await Promise.all([controller?.ended, dataplane?.ended]);
    rmSync(folder, { recursive: true, force: true });
  });

  it("history lists what was done, filters it, and shows one entry in full", async () => {
    const three = join(folder, "three.yaml");
    writeFileSync(three, yaml(["10.60.1.2", "10.60.1.3", "10.60.1.4"]));
    const applied = await ask("apply", "-f", three);
    assert.equal(applied.code, 0, applied.stderr);
    const entries = await json<HistoryEntry[]>("history");
    assert.deepEqual(
      entries.map((entry) => entry.cause),
      ["operator", "start"],
    );
    assert.ok(entries.every((entry) => Date.parse(entry.at) >= startMs - 1000));
    const [newest] = entries;
    const of = async (...filter: string[]) => (await json<HistoryEntry[]>("history", ...filter)).map(({ id }) => id);
    assert.deepEqual(await of("--server", "10.60.1.4"), [newest!.id]);
    assert.deepEqual(await of("--vip", "10.2.2.0/24", "--limit", "1"), [newest!.id]);
    assert.deepEqual(await of("--vip", "10.9.0.0/16"), []);
    assert.deepEqual(await of("--until", new Date(startMs - 60_000).toISOString()), []);
    assert.equal((await of("--since", "-10m")).length, 2);
    const whole = await json<HistoryEntry>("history", String(newest!.id));
    assert.equal((whole.desired as { vips: { servers: unknown[] }[] }).vips[0]!.servers.length, 3);
    assert.match((await ask("history", String(newest!.id))).stdout, /10\.60\.1\.4/);
    assert.match((await ask("history")).stdout, /operator/);
  });

  it("history and explain --at refuse what makes no sense with code 2", async () => {
    for (const args of [
      ["history", "--since", "soon"],
      ["history", "--server", "nobody"],
      ["history", "--vip", "here"],
      ["history", "1", "--server", "10.60.1.2"],
      ["history", "0"],
      ["explain", ...FLOW, "--at", "soon"],
    ]) {
      const { code, stdout, stderr } = await ask(...args);
      assert.deepEqual([code, stdout], [2, ""], args.join(" "));
      assert.match(stderr, /^(error|vpplb): /m);
    }
  });

  it("explain --at agrees with explain for now, and knows nothing of before the history", async () => {
    const now = await json<ExplainResult>("explain", ...FLOW);
    const past = await json<PastExplanation>("explain", ...FLOW, "--at", new Date().toISOString());
    assert.equal(past.server, now.server);
    const early = await ask("--json", "explain", ...FLOW, "--at", new Date(startMs - 60_000).toISOString());
    assert.equal(early.code, 1, early.stderr);
    const before = JSON.parse(early.stdout) as PastExplanation;
    assert.equal(before.certainty, "unknown");
    assert.equal(before.server, undefined);
  });

  it("both read the state file where no controller runs, also after it was killed", async () => {
    const before = await json<HistoryEntry[]>("history");
    const at = new Date().toISOString();
    const { server } = await json<PastExplanation>("explain", ...FLOW, "--at", at);
    assert.ok(server !== undefined);
    controller.child.kill("SIGKILL");
    await controller.ended;
    const digest = readFileSync(journal);
    const read = async (...args: string[]) => JSON.parse((await vpplb(["--json", ...args])).stdout) as unknown;
    assert.deepEqual(await read("history", "--journal", journal), before);
    assert.deepEqual(await read("history", "-f", config), before);
    const past = (await read("explain", ...FLOW, "--at", at, "-f", config)) as PastExplanation;
    assert.equal(past.server, server);
    assert.deepEqual(readFileSync(journal), digest);
    assert.notEqual((await ask("history", "--journal", join(folder, "nothing.sqlite"))).code, 0);
  });

  it("import writes what VPP has, overwrites nothing unasked, and its plan is empty", async () => {
    const file = join(folder, "imported.yaml");
    const taken = await vpplb(["import", "--vpp", api, "-o", file]);
    assert.equal(taken.code, 0, taken.stderr);
    assert.match(readFileSync(file, "utf8"), /prefix: 10\.2\.2\.0\/24/);
    assert.notEqual((await vpplb(["import", "--vpp", api, "-o", file])).code, 0);
    const plan = await vpplb(["--json", "plan", "-f", file, "--vpp", api]);
    assert.equal(plan.code, 0, plan.stderr);
    assert.deepEqual((JSON.parse(plan.stdout) as { operations: unknown[] }).operations, []);
    await startController();
  });

  it("import reads a vpp-maglev configuration, and says what it leaves out", async () => {
    const maglev = join(folder, "maglev.yaml");
    const text = {
      maglev: {
        healthchecks: { ping: { type: "icmp" } },
        vpp: { lb: { "ipv4-src-address": "10.60.1.1", "sync-interval": "30s" } },
        backends: { one: { address: "10.60.1.2", healthcheck: "ping" }, two: { address: "10.60.1.3" } },
        frontends: {
          web: {
            address: "10.2.9.1",
            protocol: "tcp",
            port: 80,
            pools: [{ name: "primary", backends: { one: { weight: 40 }, two: null } }],
          },
        },
      },
    };
    writeFileSync(maglev, JSON.stringify(text));
    const { code, stdout, stderr } = await vpplb(["import", "--maglev", maglev]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /health checks are not carried over/);
    assert.match(stderr, /vpp\.lb\.sync-interval has no counterpart/);
    const out = join(folder, "from-maglev.yaml");
    writeFileSync(out, stdout);
    const checked = await vpplb(["check", "-f", out]);
    assert.equal(checked.code, 0, checked.stderr + checked.stdout);
    assert.match(stdout, /10\.2\.9\.1\/32/);
    writeFileSync(maglev, "maglev: [");
    assert.equal((await vpplb(["import", "--maglev", maglev])).code, 2);
  });
});
