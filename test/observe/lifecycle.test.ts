import assert from "node:assert/strict";
import { request } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControllerApi } from "../../src/controller/index.ts";
import { EVENTS, type LogEntry } from "../../src/observe/events.ts";
import { runController } from "../../src/roles/controller.ts";
import { LB_YAML, operator, until } from "../controller/support.ts";
import { startVpp, type TestVpp } from "../controller/vpp.ts";
import { parseExposition, type Family } from "./exposition.ts";

const EXTRA = "repair: { periodMs: 200 }\nvpp: { requestTimeoutMs: 5000 }\nmaxDisruption: 0.5\n";

/** A controller with its pages and its log, against a dataplane in a process of its own. */
describe("observe: lifecycles of a controller", function () {
  this.timeout(90_000);
  let vpp: TestVpp;
  let http: string;
  let file: string;
  let api: ControllerApi | undefined;
  let stop: AbortController;
  let running: Promise<void>;
  let log: LogEntry[];

  beforeEach(async () => {
    vpp = await startVpp();
    http = join(vpp.directory, "http.sock");
    file = join(vpp.directory, "lb.yaml");
    writeFileSync(file, LB_YAML + EXTRA);
    stop = new AbortController();
    log = [];
    const options = { file, api: vpp.socket, control: join(vpp.directory, "control.sock"), http };
    running = runController(
      {
        ...options,
        journal: join(vpp.directory, "journal"),
        log: (entry) => log.push(entry),
        ready: (controller) => (api = controller),
      },
      stop.signal,
    );
    await until("the pages are served", () => api !== undefined);
    await inSync();
  });
  afterEach(async () => {
    stop.abort();
    await running;
    api = undefined;
    await vpp.close();
  });

  const status = () => api!.status();
  const inSync = () => until("in sync", () => status().sync.state === "in-sync", status, 30_000);

  function page(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: http, path, agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      call.on("error", reject);
      call.end();
    });
  }
  const scrape = async () => parseExposition((await page("/metrics")).body);
  const sum = (families: Map<string, Family>, name: string) =>
    families.get(name)?.samples.reduce((total, { value }) => total + value, 0);

  /** Names of the events, with what tells them apart; operations and plans are as many as they are. */
  function story(): string[] {
    const told = log.map((entry) => ("state" in entry ? `${entry.event} ${entry.state}` : entry.event));
    return told.filter(
      (name, i) => !/^(operation|plan)/.test(name) && name !== "vpp-connecting" && name !== told[i - 1],
    );
  }

  /** Waits for the story to end with these, then takes them out. */
  async function tells(...names: string[]): Promise<void> {
    await until(names.join(", "), () => story().slice(-names.length).join() === names.join(), story, 30_000);
    assert.deepEqual(story(), names);
    log.length = 0;
  }

  it("start, drain, a refused file, a bad file, the end: the log tells each in its order", async () => {
    for (const { event } of log) assert.ok(event in EVENTS, event);
    const first = story();
    // The sockets may be served before or after VPP is there.
    assert.deepEqual([...first].sort(), [
      "config-loaded",
      "controller-ready",
      "sync applying",
      "sync in-sync",
      "vpp-connected",
    ]);
    assert.equal(first.at(-1), "sync in-sync", JSON.stringify(log));
    const connected = log.find((entry) => entry.event === "vpp-connected");
    assert.equal(typeof (connected as { version?: unknown }).version, "string");
    log.length = 0;

    await api!.drain("10.60.1.3");
    await tells("drain-started", "sync applying", "sync in-sync");
    await api!.drain("10.60.1.3", { undo: true });
    await tells("drain-ended", "sync applying", "sync in-sync");

    writeFileSync(file, LB_YAML.replace("servers: [10.60.1.2, 10.60.1.3, 10.60.1.4]", "servers: [10.60.1.9]") + EXTRA);
    await tells("config-loaded", "config-refused");
    assert.match(status().config.error ?? "", /maxDisruption/);
    writeFileSync(file, "vips: [");
    await tells("config-refused");
    writeFileSync(file, LB_YAML + EXTRA);
    await tells("config-loaded");

    stop.abort();
    await running;
    // A run under way may still say that it has no VPP any more.
    const last = story().filter((name) => name !== "vpp-closed" && name !== "sync waiting");
    assert.deepEqual(last, ["controller-stopping"]);
  });

  it("VPP restarts: the log and the metrics tell it, and totals do not fall", async () => {
    const before = await scrape();
    log.length = 0;
    const pid = status().vpp.pid;
    await vpp.restart();
    await until("the new one", () => status().vpp.pid !== pid && status().sync.state === "in-sync", status, 30_000);
    const told = story();
    for (const name of ["vpp-failed", "sync waiting", "vpp-connected", "sync applying", "sync in-sync"]) {
      assert.ok(told.includes(name), `${name} in ${told.join(", ")}`);
    }
    assert.equal(told.at(-1), "sync in-sync");
    const after = await scrape();
    assert.equal(sum(after, "vpplb_vpp_restarts_total"), 1);
    assert.equal(sum(after, "vpplb_vpp_connects_total"), 2);
    assert.equal(sum(after, "vpplb_drift_found_total") ?? 0, 0, "a restart is no drift");
    for (const [name, family] of before) {
      if (family.type !== "counter" || !/^vpplb_(vpp_api_requests|operations|config_loads)/.test(name)) continue;
      for (const { labels, value } of family.samples) {
        const now = after.get(name)?.samples.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels));
        assert.ok(now !== undefined && now.value >= value, `${name} ${JSON.stringify(labels)}`);
      }
    }
  });

  it("somebody else changes VPP: found and repaired, and counted so", async () => {
    const client = await operator(vpp.socket);
    await client.cli("lb as 10.2.2.0/24 10.60.1.4 del", { unguarded: true });
    client.close();
    let found: Map<string, Family> | undefined;
    for (const end = Date.now() + 20_000; (sum(found ?? new Map(), "vpplb_drift_repaired_total") ?? 0) < 1;) {
      assert.ok(Date.now() < end, "repaired");
      await new Promise((resolve) => setTimeout(resolve, 50));
      found = await scrape();
    }
    assert.equal(sum(found!, "vpplb_drift_found_total"), 1);
    await api!.drain("10.60.1.3");
    await inSync();
    assert.equal(sum(await scrape(), "vpplb_drift_found_total"), 1, "what was asked for is no drift");
  });

  it("a VPP that is stopped: pages answer, health tells it, readiness is lost and comes back", async () => {
    assert.deepEqual([(await page("/healthz")).status, (await page("/readyz")).status], [200, 200]);
    await vpp.kill("SIGSTOP");
    try {
      // At any moment of VPP's silence.
      for (const end = Date.now() + 30_000; status().vpp.state === "ready";) {
        assert.ok(Date.now() < end, "the silence is noticed");
        assert.equal((await page("/metrics")).status, 200);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const [health, ready, metrics] = await Promise.all([page("/healthz"), page("/readyz"), scrape()]);
      assert.deepEqual([health.status, ready.status], [200, 503]);
      assert.match(health.body, /"vpp": \{\s+"ok": false,\s+"message": "failed since/);
      assert.equal(sum(metrics, "vpplb_vpp_connected"), 0);
      assert.ok((sum(metrics, "vpplb_objects_desired") ?? 0) > 5);
      const timeouts = metrics
        .get("vpplb_vpp_api_requests_total")
        ?.samples.filter(({ labels }) => labels["result"] === "TIMEOUT");
      assert.ok((timeouts?.length ?? 0) > 0);
    } finally {
      await vpp.kill("SIGCONT");
    }
    await inSync();
    assert.equal((await page("/readyz")).status, 200);
  });

  it("a socket of VPP that is open to all is told in log and status", async () => {
    const { chmodSync } = await import("node:fs");
    chmodSync(vpp.socket, 0o666);
    log.length = 0;
    stop.abort();
    await running;
    stop = new AbortController();
    running = runController(
      {
        file,
        api: vpp.socket,
        control: false,
        journal: join(vpp.directory, "journal"),
        log: (entry) => log.push(entry),
        ready: (controller) => (api = controller),
      },
      stop.signal,
    );
    await until(
      "the warning",
      () => log.some(({ event }) => event === "vpp-socket-insecure"),
      () => log,
    );
    assert.match(status().vpp.warnings.join(), /open to every user/);
    stop.abort();
    await running;
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("requestTimeoutMs: 5000", "requestTimeoutMs: 5000, socketCheck: refuse"),
    );
    stop = new AbortController();
    running = runController(
      {
        file,
        api: vpp.socket,
        control: false,
        journal: join(vpp.directory, "journal"),
        ready: (controller) => (api = controller),
      },
      stop.signal,
    );
    await until("the refusal", () => status().vpp.state === "failed", status);
    assert.match(status().vpp.error ?? "", /not trusted: .*open to every user/);
    chmodSync(vpp.socket, 0o660);
    await inSync();
  });
});
