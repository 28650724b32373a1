import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { EVENTS, type LogEntry } from "../../src/observe/events.ts";
import { MemifSlave } from "../../src/memif/index.ts";
import { Told } from "../memif/support.ts";
import { parseExposition } from "../observe/exposition.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { byKernel, byMemif, countOf, has, Lab, VIP4, VIP6, type RunningAgent } from "./lab.ts";

const WAIT_MS = 30_000;
const NEW_VIP = "10.2.9.0/24";

/** Notes each call in a file of its own, its input beside it; `do-EVENT` of the folder is run on that event. */
const HOOK = `#!/bin/sh
cd "$(dirname "$0")" || exit 9
n=$(mktemp call.XXXXXX)
cat >"input.\${n#call.}"
[ ! -e "do-$1" ] || . "./do-$1"
echo "$@" >&2
echo "$*|$VIP_ADDRESS|$IP_ADDRESS|$VPPLB_VIPS|$VPPLB_SERVERS|$VPPLB_BVI|$VPPLB_BRIDGE|$GREETING|input.\${n#call.}" >>calls
`;

describe("nse: hooks, log and pages of an endpoint", function () {
  this.timeout(120_000);
  let lab: Lab;
  let host: Namespace;
  let running: RunningAgent | undefined;
  let log: LogEntry[];

  before(async function () {
    needNamespaces(this);
    lab = await Lab.open({ nsm: { linkLossMs: 300 } });
    host = await lab.host("client");
    for (const [name, text] of [["hook.sh", HOOK]] as const) {
      writeFileSync(join(lab.folder, name), text);
      chmodSync(join(lab.folder, name), 0o755);
    }
  });
  after(async () => lab?.close());
  beforeEach(() => {
    log = [];
    useHook({});
  });
  afterEach(async () => {
    await lab.endClients();
    await running?.stop();
    rmSync(join(lab.folder, "connections.json"), { force: true });
    for (const name of readdirSync(lab.folder).filter((one) => /^(call|input|do-|go$)/.test(one)))
      rmSync(join(lab.folder, name));
  });

  function useHook(hook: object, vips: readonly string[] = [VIP4, VIP6], nsm: object = {}): void {
    lab.write((document) => {
      Object.assign(document["nsm"] as object, { hook: { program: join(lab.folder, "hook.sh"), ...hook }, ...nsm });
      document["vips"] = vips.map((prefix) => ({
        prefix,
        encap: prefix.includes(":") ? "gre6" : "gre4",
        tableSize: 1024,
      }));
    });
  }
  const http = () => join(lab.folder, "http.sock");
  const start = async () =>
    (running = await lab.startRegistered({
      log: (entry) => log.push(entry),
      http: http(),
      env: { PATH: process.env["PATH"], GREETING: "hello" },
    }));

  const lines = () =>
    existsSync(join(lab.folder, "calls")) ? readFileSync(join(lab.folder, "calls"), "utf8").trim().split("\n") : [];
  const calls = () => lines().map((line) => line.split("|")[0]!);
  async function told(...expected: string[]): Promise<void> {
    await until("the calls", () => calls().join() === expected.join(), WAIT_MS).catch(() => undefined);
    assert.deepEqual(calls(), expected);
  }
  const on = (event: string, script: string) => writeFileSync(join(lab.folder, `do-${event}`), `${script}\n`);
  const names = () => log.map((entry) => entry.event);

  function page(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: http(), path, agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      call.on("error", reject);
      call.end();
    });
  }
  async function metric(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    const families = parseExposition((await page("/metrics")).body);
    const same = (one: Readonly<Record<string, string>>) =>
      Object.entries(labels).every(([key, value]) => one[key] === value);
    return families.get(name)?.samples.find((sample) => same(sample.labels))?.value;
  }

  it("tells a connection's life, in order, with arguments, environment and the connection as JSON", async () => {
    const { events } = await start();
    await told("endpoint_started");
    const client = lab.client("app-1");
    const made = await client.request(byKernel(host));
    const up = ["new_connection 10.60.1.2", "new_connection 2001:db8:60::2"];
    await told("endpoint_started", ...up);
    await client.request({ connection: made });
    useHook({}, [VIP4, VIP6, NEW_VIP]);
    await told("endpoint_started", ...up, `vip_added ${NEW_VIP}`);
    useHook({}, [VIP4, NEW_VIP]);
    await told("endpoint_started", ...up, `vip_added ${NEW_VIP}`, `vip_removed ${VIP6}`);
    await client.close(made);
    const gone = ["del_connection 10.60.1.2", "del_connection 2001:db8:60::2"];
    await told("endpoint_started", ...up, `vip_added ${NEW_VIP}`, `vip_removed ${VIP6}`, ...gone);
    await until("it is closed", () => has(events, "closed"), WAIT_MS);

    const [first, second, , added] = lines().map((line) => line.split("|"));
    assert.deepEqual(first!.slice(1, 8), [
      `${VIP4},${VIP6}`,
      "10.60.1.0/24,2001:db8:60::/64",
      `${VIP4} ${VIP6}`,
      "",
      "loop0",
      "1",
      "hello",
    ]);
    assert.equal(second![4], "10.60.1.2 2001:db8:60::2", "servers of the moment");
    assert.equal(added![3], `${VIP4} ${VIP6} ${NEW_VIP}`);
    const input = JSON.parse(readFileSync(join(lab.folder, second![8]!), "utf8")) as Record<string, unknown>;
    assert.equal(input["event"], "new_connection");
    assert.equal(input["address"], "10.60.1.2");
    assert.equal(input["client"], "app-1");
    assert.deepEqual(input["addresses"], ["10.60.1.2", "2001:db8:60::2"]);
    const connection = input["connection"] as typeof made;
    assert.equal(connection.networkService, "load-balancer");
    assert.deepEqual(connection.context?.ipContext?.srcIpAddrs, made.context?.ipContext?.srcIpAddrs);
    assert.ok(
      connection.path!.pathSegments.every((segment) => segment.token === ""),
      "no token leaves the agent",
    );

    for (const { event } of log) assert.ok(event in EVENTS, event);
    const story = names().filter((name) => name.startsWith("nse-"));
    assert.deepEqual(story, [
      "nse-registered",
      "nse-connected",
      "nse-server-up",
      "nse-refreshed",
      "nse-vip-added",
      "nse-vip-removed",
      "nse-closing",
      "nse-closed",
    ]);
    const said = log.filter((entry) => entry.event === "hook-stderr").map((entry) => entry.message);
    assert.ok(said.includes("NSE_HOOK stderr; new_connection 10.60.1.2"), said.join());
    assert.equal(names().filter((name) => name === "hook-done").length, 7);

    assert.equal(await metric("vpplb_hook_runs_total", { event: "new_connection", result: "ok" }), 2);
    assert.equal(await metric("vpplb_nsm_connects_total", { mechanism: "KERNEL" }), 1);
    assert.equal(await metric("vpplb_nsm_refreshes_total"), 1);
    assert.equal(await metric("vpplb_nsm_ends_total", { reason: "closed" }), 1);
    assert.equal(await metric("vpplb_nsm_requests_total", { method: "Request", code: "OK" }), 2);
    assert.equal(await metric("vpplb_nsm_registered"), 1);
    assert.equal(await metric("vpplb_nsm_connections", { mechanism: "KERNEL", server: "up" }), 0);
    const ready = await page("/readyz");
    assert.equal(ready.status, 200, ready.body);
    assert.match(ready.body, /"nsm": \{\s+"ok": true,\s+"message": "registered as lb/);
  });

  it("an ending connection's server leaves at once, its interface when del_connection has run", async () => {
    on("del_connection", "while [ ! -e go ]; do sleep 0.02; done");
    const { events } = await start();
    const client = lab.client("app-2");
    // Of a KERNEL connection the forwarder has removed the interface before the endpoint hears of the end.
    const made = await client.request(byMemif());
    const socketPath = made.mechanism!.parameters["inodeURL"]!.replace("file://", "");
    const slave = new MemifSlave({ id: 0, socketPath, minRetryMs: 20, maxRetryMs: 100 }, new Told());
    slave.start();
    await told("endpoint_started", "new_connection 10.60.1.2", "new_connection 2001:db8:60::2");
    const closing = client.close(made);
    const server = async () =>
      (await lab.control.get("servers")).find((row) => row.columns["server"] === "10.60.1.2")?.columns["used"] === true;
    assert.ok(has(events, "server_up"));
    await until("no server any more", async () => !(await server()), WAIT_MS);
    const held = async () =>
      (await lab.control.get("interfaces")).filter((row) => row.owner === "ours" && row.key.startsWith("memif"));
    assert.equal((await held()).length, 1, "its interface is there");
    assert.ok(!has(events, "closed"));
    writeFileSync(join(lab.folder, "go"), "");
    await closing;
    await until("it is gone", async () => has(events, "closed") && (await held()).length === 0, WAIT_MS);
    slave.stop();
  });

  it("a hook that hangs holds nothing up for longer than its deadline, and others not at all", async () => {
    on("new_connection", "sleep 1000");
    on("del_connection", "sleep 1000");
    useHook({ timeoutMs: 700, parallel: 1 });
    const { agent, events } = await start();
    const clients = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const client = lab.client(`app-${n}`);
        return { client, made: await client.request(byKernel(await lab.host(`client-${n}`))) };
      }),
    );
    await until("all are servers", () => countOf(events, "server_up") === 3, WAIT_MS);
    await Promise.all(clients.map(({ client, made }) => client.close(made)));
    await until("all are gone", () => countOf(events, "closed") === 3, WAIT_MS);
    assert.deepEqual(agent.counts, { connections: 0, leaving: 0, addresses: 0, monitors: 0 });
    await until("overruns are told", () => names().includes("hook-failed"), WAIT_MS);
    assert.ok(((await metric("vpplb_hook_runs_total", { result: "timeout" })) ?? 0) > 0);
  });

  it("a hook that fails, floods or is no program breaks no connection, and is told", async () => {
    on("new_connection", "yes flood | head -n 20000 >&2; exit 3");
    const { events } = await start();
    const client = lab.client("app-4");
    const made = await client.request(byKernel(host));
    await until("it failed twice", () => names().filter((name) => name === "hook-failed").length === 2, WAIT_MS);
    assert.ok(has(events, "server_up"));
    assert.equal(await metric("vpplb_hook_runs_total", { event: "new_connection", result: "failed" }), 2);
    await client.close(made);
    await running!.stop();

    log = [];
    useHook({ program: join(lab.folder, "nothing") });
    await start();
    assert.match(log.find((entry) => entry.event === "hook-failed")!.message, /nothing is no executable file/);
    const again = lab.client("app-5");
    await again.close(await again.request(byKernel(host)));
  });

  it("is told again of everything after a restart of the agent, and after one of VPP", async () => {
    const before = await start();
    // Its data path works all along: it asks for the same again.
    const client = lab.client("app-6", {
      heal: { livenessCheck: () => Promise.resolve(true), retryMs: { first: 100, last: 500 } },
    });
    const made = await client.request(byKernel(host));
    const all = ["endpoint_started", "new_connection 10.60.1.2", "new_connection 2001:db8:60::2"];
    await told(...all);
    await before.stop();
    rmSync(join(lab.folder, "calls"));
    const after = await start();
    await told(...all);
    assert.ok(names().includes("nse-registered"));
    rmSync(join(lab.folder, "calls"));
    await lab.stopVpp();
    await lab.startVpp();
    await until("VPP's restart is told", () => has(after.events, "vpp_restarted"), WAIT_MS);
    await told(...all);
    await client.close(made);
  });

  it("a new VPP is opened with all servers of before, as soon as they are back or linkLossMs is over", async () => {
    const byHook = (linkLossMs: number) => useHook({}, [VIP4], { lbManagedBy: "hook", linkLossMs });
    byHook(WAIT_MS);
    const { events } = await start();
    for (const name of ["m1", "m2"]) {
      const client = lab.client(name, { heal: { livenessCheck: () => Promise.resolve(true) } });
      await client.request(byMemif());
    }
    const folder = join(lab.folder, "memif");
    const paths = running!.agent.connections.map(({ interface: name }) => {
      const [, socket] = /^memif(\d+)\//.exec(name!)!;
      return join(
        folder,
        readdirSync(folder).find((file) => file.endsWith(`-${socket}.sock`))!,
      );
    });
    const open = (at: number) => {
      const slave = new MemifSlave({ id: 0, socketPath: paths[at]!, minRetryMs: 20, maxRetryMs: 100 }, new Told());
      slave.start();
      return slave;
    };
    const starts = () => lines().filter((line) => line.startsWith("endpoint_started"));
    /** VPPLB_SERVERS of the latest start. */
    const servers = () => (starts().at(-1)!.split("|")[4] ?? "").split(" ").sort();
    const [one, two] = [
      ["10.60.1.2", "2001:db8:60::2"],
      ["10.60.1.3", "2001:db8:60::3"],
    ] as const;
    const first = open(0);
    let second = open(1);
    await until("both are servers", () => calls().length === 5, WAIT_MS);

    const restart = async (between: () => void) => {
      await lab.stopVpp();
      between();
      await lab.startVpp();
    };
    await restart(() => second.stop());
    await until("the first is back", () => countOf(events, "server_up") === 3, WAIT_MS);
    await until("VPP is as it should be", async () => (await lab.control.status()).sync.state === "in-sync", WAIT_MS);
    assert.equal(starts().length, 1, "the second is waited for");
    second = open(1);
    await until("it has started", () => starts().length === 2, WAIT_MS);
    assert.deepEqual(servers(), [...one, ...two].sort());

    await running!.stop();
    await restart(() => undefined);
    await start();
    await until("a new agent has started a new VPP", () => starts().length === 3, WAIT_MS);
    assert.deepEqual(servers(), [...one, ...two].sort());

    byHook(500);
    await running!.stop();
    await restart(() => second.stop());
    await start();
    await until("it has started without the second", () => starts().length === 4, WAIT_MS);
    assert.ok(!servers().includes(two[0]), String(servers()));
    first.stop();
  });
});
