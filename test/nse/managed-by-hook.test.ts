import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, promisify } from "node:util";
import type { NsmClient } from "@networkservicemesh/sdk-ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import type { LogEntry } from "../../src/observe/events.ts";
import { Target } from "../../src/target/target.ts";
import {
  startTrafficServer,
  TrafficClient,
  type HeldConnections,
  type TrafficServer,
} from "../../src/traffic/index.ts";
import { COMMAND } from "../cli/vpplb.ts";
import { WriteProxy } from "../controller/proxy.ts";
import { needNamespaces, needTun, until } from "../sys/support.ts";
import { BVI, byKernel, has, Lab, VIP4, type RunningAgent } from "./lab.ts";

const WAIT_MS = 40_000;
const PORT = 5001;
const HELD = 24;
const SCRIPT = fileURLToPath(new URL("../../scripts/nsehook.sh", import.meta.url));
const VPPCTL = fileURLToPath(new URL("../e2e/vppctl.pl", import.meta.url));
const NAMES = ["as1", "as2", "as3"];
const NEW_VIP = "10.2.9.0/24";

interface Server {
  readonly client: NsmClient;
  readonly target: Target;
  readonly serving: TrafficServer;
}

/** lbManagedBy: hook. The agent wires clients, nsehook.sh programs VIPs and servers; what one does the other leaves alone. */
describe("nse: VIPs and servers in the hands of nsehook.sh", function () {
  this.timeout(150_000);
  let lab: Lab;
  let proxy: WriteProxy;
  let world: Namespace;
  let running: RunningAgent;
  let log: LogEntry[] = [];
  const servers: Server[] = [];
  const own = process.env["VPPLB_VPPCTL"];

  before(async function () {
    needNamespaces(this);
    needTun(this);
    lab = await Lab.open({ edit: (document) => byHook(document) });
    world = await lab.host("world");
    await world.addVeth({ name: "eth0", peer: { name: "eth0", namespace: lab.lb } });
    await world.addAddress("eth0", "172.30.0.1/24");
    await lab.lb.addAddress("eth0", "172.30.0.2/24");
    for (const dst of [VIP4, NEW_VIP]) await world.addRoute({ dst, via: "172.30.0.2" });
    // In a pod the hook is in VPP's network namespace by itself.
    const program = join(lab.folder, "hook.sh");
    // By way of the agent, as where there is no vppctl.
    const byAgent = [...COMMAND, "--control", join(lab.folder, "control.sock"), "vppctl", "--write", "--lines"].join(
      " ",
    );
    const vppctl = own === undefined ? byAgent : `${own} -s ${lab.cli}`;
    writeFileSync(program, `#!/bin/sh\nVPPCTL="${vppctl}" exec nsenter --net=${lab.netns} ${SCRIPT} "$@"\n`);
    chmodSync(program, 0o755);
    proxy = await WriteProxy.start(join(lab.folder, "proxy.sock"), lab.api);
    running = await start();
    for (const name of NAMES) servers.push(await serve(name));
    await until("all are servers", async () => (await held()).length === 3, WAIT_MS);
  });
  after(async () => {
    for (const { serving, target, client } of servers) {
      await serving.close();
      await target.close();
      await client.shutdown();
    }
    await running?.stop();
    await proxy?.close();
    await lab?.close();
  });

  let byAgent = false;
  function byHook(document: Record<string, unknown>): void {
    const { api } = document["vpp"] as { api: string };
    const hook = { program: join(dirname(api), "hook.sh") };
    const lbManagedBy = byAgent ? "agent" : "hook";
    // As nsehook.sh has them.
    if (byAgent) document["lb"] = { ip4Source: BVI.ip4, stickyBuckets: 16_384 };
    Object.assign(document["nsm"] as object, { lbManagedBy, prefixes: ["10.60.1.0/24"], hook });
    Object.assign(document["control"] as object, { vppctl: "write" });
    Object.assign(document, { interfaces: [], repair: { periodMs: 200 } });
    document["vips"] = [{ prefix: VIP4, encap: "gre4", tableSize: 1024 }];
    if (byAgent) Object.assign(document["nsm"] as object, { hook: { program: "/bin/true" } });
  }

  async function start(): Promise<RunningAgent> {
    log = [];
    const env = { PATH: process.env["PATH"] };
    const started = await lab.startAgent(proxy.socket, { log: (entry) => log.push(entry), env });
    await until("the endpoint is registered", () => has(started.events, "endpoint_started"), WAIT_MS);
    await until("the hook has started", () => done("endpoint_started"), WAIT_MS).catch(() => assert.fail(said()));
    return started;
  }
  const done = (hook: string) => log.some((entry) => entry.event === "hook-done" && entry.hook === hook);
  const said = () => log.map(({ event, message }) => `${event} ${message}`).join("\n");

  async function serve(name: string): Promise<Server> {
    const host = await lab.host(name);
    const client = lab.client(name, {
      heal: { livenessCheck: () => Promise.resolve(true), retryMs: { first: 100, last: 500 } },
    });
    await client.request(byKernel(host));
    const target = await Target.open({
      namespace: host,
      device: "nsm0",
      gateways: [BVI.ip4],
      vips: [VIP4, NEW_VIP],
      routes: ["10.70.0.0/31"],
    });
    const serving = await startTrafficServer({ name, port: PORT, netns: host.netns.fd });
    return { client, target, serving };
  }

  async function vppctl(line: string): Promise<string> {
    const [program, args] = own === undefined ? ["perl", [VPPCTL, lab.cli]] : [own, ["-s", lab.cli]];
    const { stdout } = await promisify(execFile)(program, [...args, ...line.split(" ")]);
    return stdout.replaceAll("\r", "");
  }
  /** Servers of the VIP that take flows. */
  async function held(vip = VIP4): Promise<string[]> {
    const blocks = (await vppctl("show lb vips verbose")).split(/^(?= ?ip[46]-)/m);
    const block = blocks.find((one) => one.split("\n")[0]!.endsWith(` ${vip}`)) ?? "";
    return [...block.matchAll(/^ +([0-9.]+) .*\bused/gm)].map((match) => match[1]!).sort();
  }
  async function synced(): Promise<boolean> {
    return (await lab.control.status()).sync.state === "in-sync";
  }

  async function reach(address = "10.2.2.33"): Promise<string[]> {
    const client = new TrafficClient({
      target: { address, port: PORT },
      netns: world.netns.fd,
      connectTimeoutMs: 12_000,
    });
    const { records } = await client.connectBatch(40);
    for (const { state, err } of records) assert.equal(state, "ended", err);
    return [...new Set(records.map((record) => record.host ?? ""))].sort();
  }
  async function holding(work: (held: HeldConnections) => Promise<void>): Promise<void> {
    const client = new TrafficClient({
      target: { address: "10.2.2.1", port: PORT },
      netns: world.netns.fd,
      // TCP waits ever longer before it sends again.
      answerTimeoutMs: WAIT_MS,
    });
    const connections = await client.hold(HELD, { packetRate: 10 });
    try {
      assert.equal(connections.alive, HELD, JSON.stringify(connections.report().errors));
      await work(connections);
    } finally {
      connections.stop();
    }
  }
  function answered(connections: HeldConnections): Promise<void> {
    const before = connections.records().map((record) => record.received);
    return until(
      "every connection is answered",
      () => {
        assert.equal(connections.broken, 0, "a connection broke");
        return connections.records().every((record, i) => record.received > before[i]!);
      },
      WAIT_MS,
    );
  }

  it("the hook makes VIP, servers and outside link, the agent the clients' interfaces; TCP reaches all", async () => {
    assert.deepEqual(await held(), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
    assert.deepEqual(await reach(), NAMES);
    await until("VPP is as the agent wants it", synced, WAIT_MS);
    const vips = await lab.control.get("vips");
    assert.ok(
      vips.every((row) => row.owner !== "ours"),
      JSON.stringify(vips),
    );
    const interfaces = (await lab.control.get("interfaces")).filter((row) => row.owner === "ours");
    assert.equal(interfaces.filter((row) => row.key.startsWith("host-nsm-")).length, 3);
    assert.ok(!interfaces.some((row) => row.key === "host-vpp1out"));
    assert.ok(!said().includes("hook-failed"), said());
  });

  it("drift repair leaves alone what the hook made, and what somebody changes of it", async () => {
    await holding(async (connections) => {
      proxy.writes.length = 0;
      const from = Date.parse((await lab.control.status()).sync.lastObservedAt ?? "");
      await vppctl("lb as 10.2.2.0/24 10.60.1.77");
      await vppctl("lb vip 10.2.7.0/24 encap gre4 new_len 1024");
      const looked = async () => Date.parse((await lab.control.status()).sync.lastObservedAt ?? "") > from + 1000;
      await until("the agent has looked some times", looked, WAIT_MS);
      assert.deepEqual(proxy.writes, []);
      assert.deepEqual(await held(), ["10.60.1.2", "10.60.1.3", "10.60.1.4", "10.60.1.77"]);
      assert.ok(await synced());
      await vppctl("lb as 10.2.2.0/24 10.60.1.77 del flush");
      await vppctl("lb vip 10.2.7.0/24 del");
      await answered(connections);
    });
    assert.deepEqual(await reach(), NAMES);
  });

  it("a restart of the agent writes nothing, calls the hook again, and breaks no connection", async () => {
    await holding(async (connections) => {
      const before = connections.byServer;
      await running.stop();
      proxy.writes.length = 0;
      running = await start();
      const again = () => log.filter((entry) => entry.event === "hook-done" && entry.hook === "new_connection").length;
      await until("the hook was told of all", () => again() === 3, WAIT_MS);
      await until("VPP is as the agent wants it", synced, WAIT_MS);
      await answered(connections);
      assert.deepEqual(connections.byServer, before);
      // The hook's own lines come by way of the agent.
      assert.deepEqual(
        proxy.writes.filter((name) => !name.startsWith("cli_inband")),
        [],
      );
    });
  });

  it("VPP killed and started again, empty: both do their part again, and no connection breaks or moves", async () => {
    await holding(async (connections) => {
      const before = connections.byServer;
      await lab.stopVpp();
      await lab.startVpp();
      await until("all are servers again", async () => (await held()).length === 3, WAIT_MS).catch(() =>
        assert.fail(said()),
      );
      await answered(connections);
      assert.deepEqual(connections.byServer, before);
    });
    assert.deepEqual(await reach(), NAMES);
  });

  it("VIPs come and go with lb.yaml, by the hook", async () => {
    lab.write((document) => void (document["vips"] as object[]).push({ prefix: NEW_VIP, encap: "gre4" }));
    await until("the hook has added it", () => done("vip_added"), WAIT_MS).catch(() => assert.fail(said()));
    assert.deepEqual(await held(NEW_VIP), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
    assert.deepEqual(await reach("10.2.9.9"), NAMES);
    lab.write();
    await until("the hook has removed it", () => done("vip_removed"), WAIT_MS);
    assert.deepEqual(await held(NEW_VIP), []);
    assert.deepEqual(await reach(), NAMES);
  });

  it("from the hook to the agent and back while VPP runs: what is there is taken over, both ways", async () => {
    await holding(async (connections) => {
      await running.stop();
      byAgent = true;
      lab.write();
      running = await start();
      await until("VPP is as the agent wants it", synced, WAIT_MS);
      const [vip] = await lab.control.get("vips");
      assert.deepEqual([vip?.key, vip?.owner, vip?.state], [VIP4, "ours", "ok"]);
      await answered(connections);
      const before = connections.byServer;
      await running.stop();
      byAgent = false;
      lab.write();
      proxy.writes.length = 0;
      running = await start();
      const told = () => log.filter((entry) => entry.event === "hook-done" && entry.hook === "new_connection").length;
      await until("the hook was told of all", () => told() === 3, WAIT_MS).catch(() => assert.fail(said()));
      await until("VPP is as the agent wants it", synced, WAIT_MS);
      await answered(connections);
      assert.deepEqual(connections.byServer, before);
      assert.deepEqual(
        proxy.writes.filter((name) => name.startsWith("lb_")),
        [],
      );
    });
    assert.deepEqual(await held(), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
    assert.deepEqual(await reach(), NAMES);
    assert.ok((await lab.control.get("vips")).every((row) => row.owner !== "ours"));
  });

  it("a VIP that lb.yaml loses with the change from the agent to the hook goes, the other one stays", async () => {
    await running.stop();
    byAgent = true;
    lab.write((document) => void (document["vips"] as object[]).push({ prefix: NEW_VIP, encap: "gre4" }));
    running = await start();
    const seen = async () => (await lab.control.get("vips")).map(({ key, owner }) => [key, owner]);
    const both = [VIP4, NEW_VIP].map((vip) => [vip, "ours"]);
    await until("both are the agent's", async () => isDeepStrictEqual(await seen(), both), WAIT_MS);
    await running.stop();
    byAgent = false;
    lab.write();
    running = await start();
    const left = [[VIP4, "foreign"]];
    await until("one is left", async () => isDeepStrictEqual(await seen(), left), WAIT_MS);
    assert.deepEqual(await held(), ["10.60.1.2", "10.60.1.3", "10.60.1.4"]);
  });

  it("a client that leaves takes its server and interface along", async () => {
    const { client, serving, target } = servers.pop()!;
    await client.shutdown();
    await serving.close();
    await target.close();
    await until("its server is gone", async () => (await held()).length === 2, WAIT_MS);
    assert.deepEqual(await reach(), ["as1", "as2"]);
    const mine = async () =>
      (await lab.control.get("interfaces")).filter((row) => row.owner === "ours" && row.key.startsWith("host-nsm-"));
    await until("its interface is gone", async () => (await mine()).length === 2, WAIT_MS);
  });
});
