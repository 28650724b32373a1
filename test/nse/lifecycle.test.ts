import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { NsmError, type Connection } from "@networkservicemesh/sdk-ts";
import { MemifSlave } from "../../src/memif/index.ts";
import type { Row } from "../../src/controller/index.ts";
import type { NseEvent } from "../../src/nse/index.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { Told } from "../memif/support.ts";
import { byKernel, byMemif, countOf, has, Lab, VIP4, withExtra, type RunningAgent } from "./lab.ts";

const WAIT_MS = 20_000;

async function servers(lab: Lab): Promise<Record<string, string>> {
  const rows = await lab.control.get("servers");
  const mine = rows.filter((row: Row) => row.columns["vip"] === VIP4);
  return Object.fromEntries(mine.map((row) => [String(row.columns["server"]), row.state]));
}

async function interfaces(lab: Lab): Promise<string[]> {
  const rows = await lab.control.get("interfaces");
  return rows.filter((row) => row.owner === "ours").map((row) => row.key);
}

function last(events: readonly NseEvent[], type: NseEvent["type"]): NseEvent | undefined {
  return events.findLast((event) => event.type === type);
}

function memifOf(connection: Connection, lab: Lab): { told: Told; slave: MemifSlave } {
  const url = connection.mechanism?.parameters["inodeURL"] ?? "";
  // A descriptor's path (/proc/PID/fd/N) names the socket as well as its own does.
  const told = new Told();
  const socketPath = url.replace("file://", "");
  assert.ok(existsSync(socketPath), `${socketPath} ${lab.folder}`);
  const slave = new MemifSlave({ id: 0, socketPath, minRetryMs: 20, maxRetryMs: 100 }, told);
  slave.start();
  return { told, slave };
}

describe("nse: a client's life", function () {
  this.timeout(90_000);
  let lab: Lab;
  before(async function () {
    needNamespaces(this);
    lab = await Lab.open({ nsm: { linkLossMs: 300 } });
  });
  after(async () => lab?.close());
  let running: RunningAgent | undefined;
  const started = async () => (running = await lab.startRegistered());
  afterEach(async () => {
    await lab.endClients();
    await running?.stop();
    rmSync(join(lab.folder, "connections.json"), { force: true });
    lab.write();
  });

  it("told to stop, it leaves no timer that would keep its process", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    // The test's own deadline is a timer from now on.
    await new Promise(setImmediate);
    const before = timers();
    const { stop } = await started();
    await stop();
    assert.ok(timers() <= before, `${timers()} timers, ${before} before it was started`);
  });

  it("MEMIF: VPP listens where the answer says; a server only while the other end is connected", async () => {
    const { agent, events } = await started();
    const client = lab.client("memif-1");
    const made = await client.request(byMemif());
    assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["10.60.1.2/24", "2001:db8:60::2/64"]);
    assert.deepEqual(await servers(lab), {}, "nobody has connected to the memif");
    const { told, slave } = memifOf(made, lab);
    await until("the link is up", () => told.link !== undefined, WAIT_MS);
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    assert.deepEqual(await servers(lab), { "10.60.1.2": "ok" });
    slave.stop();
    await until("its loss is told", () => has(events, "server_down"), WAIT_MS);
    await until("it is no server", async () => (await servers(lab))["10.60.1.2"] !== "ok", WAIT_MS);
    slave.start();
    await until("it is a server again", () => countOf(events, "server_up") === 2, WAIT_MS);
    assert.deepEqual(await servers(lab), { "10.60.1.2": "ok" });
    slave.stop();
    await client.close(made);
    assert.deepEqual(agent.counts, { connections: 0, leaving: 0, addresses: 0, monitors: 0 });
    assert.deepEqual(await interfaces(lab), ["loop0"]);
    const types = events.map((event) => event.type);
    assert.deepEqual(types, [
      "endpoint_started",
      "connected",
      "server_up",
      "server_down",
      "server_up",
      "closing",
      "closed",
    ]);
  });

  it("KERNEL: nothing is put together and no address is at VPP's end, also after a refresh", async () => {
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const made = await client.request(byKernel(host));
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    const device = (last(events, "connected") as { connection: { interface: string } }).connection.interface.slice(5);
    const bare = async () => (await lab.lb.addresses(device)).every((one) => one.prefix.startsWith("fe80:"));
    await until("no address is left", bare);
    assert.equal(lab.lb.offloads(device).gro, false);
    const again = await client.request({ connection: made });
    assert.deepEqual(again.context, made.context);
    await until("no address is left after the refresh", bare);
    assert.ok(has(events, "refreshed"));
    await client.close(again);
  });

  it("a device that goes takes its server along; one that comes again brings it back", async () => {
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const made = await client.request(byKernel(host));
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    await host.deleteLink("nsm0");
    await until("its loss is told", () => has(events, "server_down"), WAIT_MS);
    await until("it is flushed", async () => (await servers(lab))["10.60.1.2"] === "down", WAIT_MS);
    await until("VPP let go of it", async () => (await interfaces(lab)).length === 1, WAIT_MS);
    // A forwarder wires again what a Request finds missing.
    await lab.wiring.unwire([...lab.mesh.connections.keys()][0]!);
    const again = await client.request({ connection: made });
    await until("it is a server again", () => countOf(events, "server_up") === 2, WAIT_MS);
    assert.deepEqual(await servers(lab), { "10.60.1.2": "ok" });
    await client.close(again);
  });

  it("drains at the client's word: no new flows, then out; a Request that says nothing of it undoes it", async () => {
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    let made = await client.request(byKernel(host));
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    made = await client.request({ connection: withExtra(made, { "vpplb/drain": "1h" }) });
    assert.ok(has(events, "drain_started"));
    assert.deepEqual(await servers(lab), { "10.60.1.2": "draining" });
    made = await client.request({ connection: withExtra(made, { "vpplb/drain": "false" }) });
    assert.deepEqual(await servers(lab), { "10.60.1.2": "ok" });
    made = await client.request({ connection: withExtra(made, { "vpplb/drain": "true" }) });
    made = await client.request({ connection: withExtra(made, { "vpplb/connections": "0" }) });
    assert.equal((last(events, "drained") as { why: string }).why, "no-connections");
    assert.notEqual((await servers(lab))["10.60.1.2"], "ok");
    made = await client.request({ connection: withExtra(made, { "vpplb/drain": "false", "vpplb/connections": "5" }) });
    assert.deepEqual(await servers(lab), { "10.60.1.2": "ok" });
    made = await client.request({ connection: withExtra(made, { "vpplb/drain": "1s" }) });
    await until("its time is over", () => (last(events, "drained") as { why?: string })?.why === "deadline", WAIT_MS);
    await lab.control.drain("10.60.1.2", {}).then(
      () => undefined,
      (error: unknown) => assert.match(String(error), /no VIP/),
    );
    await client.close(made);
  });

  it("an operator's drain of a client's server, which the client's word ends", async () => {
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const made = await client.request(byKernel(host));
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    const drained = await lab.control.drain("10.60.1.2", { deadlineMs: 3_600_000 });
    assert.equal(drained.apply.ok, true);
    assert.deepEqual(await servers(lab), { "10.60.1.2": "draining" });
    const plan = await lab.control.plan();
    assert.deepEqual(plan.operations, []);
    await client.request({ connection: withExtra(made, { "vpplb/connections": "0" }) });
    assert.deepEqual(await servers(lab), { "10.60.1.2": "down" });
    await client.close(made);
    assert.deepEqual(await servers(lab), {});
    assert.deepEqual((await lab.control.status()).drains, []);
  });

  it("tells clients of VIPs that come and go", async () => {
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const made = await client.request(byKernel(host));
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    lab.write((document) => {
      (document["vips"] as unknown[]).push({ prefix: "10.2.3.1/32", encap: "gre4" });
    });
    const seen = () => [...lab.mesh.connections.values()][0]?.context;
    await until("the VIP is told", () => seen()?.extraContext["vpplb/vips"]?.includes("10.2.3.1/32") === true, WAIT_MS);
    assert.ok(seen()?.ipContext?.srcRoutes.some((route) => route.prefix === "10.2.3.1/32"));
    assert.ok(has(events, "vip_added"));
    await until("it is a server of it", async () => {
      const rows = await lab.control.get("servers");
      return rows.some((row) => row.columns["vip"] === "10.2.3.1/32" && row.state === "ok");
    });
    lab.write();
    await until("its end is told", () => !seen()?.extraContext["vpplb/vips"]?.includes("10.2.3.1/32"), WAIT_MS);
    const again = await client.request({ connection: made });
    assert.ok(!again.context?.ipContext?.srcRoutes.some((route) => route.prefix === "10.2.3.1/32"));
    await client.close(again);
  });

  it("refuses with the right code, and nothing is left of it", async () => {
    lab.write((document) => {
      (document["nsm"] as Record<string, unknown>)["prefixes"] = ["10.60.1.0/24"];
      (document["vips"] as Record<string, unknown>[])[0]!["servers"] = ["10.60.1.2"];
    });
    const { agent, events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const refused = (code: string, what: RegExp) => (error: unknown) => {
      assert.ok(error instanceof NsmError);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, what);
      return true;
    };
    const sriov = { ...byKernel(host).mechanismPreferences[0]!, type: "SRIOV" };
    await assert.rejects(
      client.request({ ...byKernel(host), mechanismPreferences: [sriov] }),
      refused("UNSUPPORTED", /SRIOV/),
    );
    const bad = byKernel(host, { "vpplb/drain": "soon" });
    await assert.rejects(client.request(bad), refused("INVALID", /vpplb\/drain/));
    const all = byKernel(host);
    all.connection.context!.ipContext = {
      ...(await client.request(byKernel(host))).context!.ipContext!,
      excludedPrefixes: ["10.60.1.0/24"],
    };
    await assert.rejects(client.request(all), refused("EXHAUSTED", /no address of 10\.60\.1\.0\/24/));
    const [connection] = agent.connections;
    assert.deepEqual(connection?.addresses, ["10.60.1.3"], "the file gives 10.60.1.2 to a server of its own");
    assert.deepEqual(agent.counts.connections, 1);
    assert.equal(agent.counts.addresses, 1);
    assert.ok(countOf(events, "refused") >= 2);
    await client.close(client.connections[0]!);
    await until("nothing is left", () => agent.counts.leaving === 0 && agent.counts.addresses === 0);
    assert.deepEqual(await interfaces(lab), ["loop0"]);
  });

  it("keeps its connections in a file that only its owner reads; none is left when they are closed", async () => {
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const made = await client.request(byKernel(host));
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    const file = join(lab.folder, "connections.json");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    for (const event of events) assert.doesNotMatch(JSON.stringify(event), /"token":"[^"]/);
    await client.close(made);
    await until("the file is empty", () => {
      const { connections, leaving } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown[]>;
      return connections!.length + leaving!.length === 0;
    });
  });
});
