import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { NsmClient } from "@networkservicemesh/sdk-ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { Target } from "../../src/target/target.ts";
import {
  startTrafficServer,
  TrafficClient,
  type HeldConnections,
  type TrafficServer,
} from "../../src/traffic/index.ts";
import { WriteProxy } from "../controller/proxy.ts";
import { needNamespaces, needTun, until } from "../sys/support.ts";
import { BVI, byKernel, Lab, spawnChild, VIP4, VIP6 } from "./lab.ts";

const WAIT_MS = 30_000;
const PORT = 5001;
const HELD = 24;
const UPLINK = { lb: "10.70.0.1", world: "10.70.0.0" };

interface Told {
  readonly type: string;
  readonly state?: string;
  readonly ok?: boolean;
  readonly message?: string;
  readonly restored?: number;
}

/** An agent in a process of its own. */
class ChildAgent {
  readonly events: Told[] = [];
  readonly child: ChildProcess;

  constructor(lab: Lab, api: string) {
    this.child = spawnChild("nse-child.ts", [lab.file, api]);
    createInterface({ input: this.child.stdout! }).on("line", (line) => this.events.push(JSON.parse(line) as Told));
  }

  has(type: string, count = 1): boolean {
    return this.events.filter((event) => event.type === type).length >= count;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill(signal);
    await gone;
  }
}

interface Server {
  readonly client: NsmClient;
  readonly host: Namespace;
  readonly target: Target;
  readonly serving: TrafficServer;
}

describe("nse: what restarts, and what does not notice", function () {
  this.timeout(120_000);
  let lab: Lab;
  let proxy: WriteProxy;
  let world: Namespace;
  let agent: ChildAgent;
  const servers: Server[] = [];

  before(async function () {
    needNamespaces(this);
    needTun(this);
    lab = await Lab.open({
      edit: (document) => {
        const interfaces = document["interfaces"] as unknown[];
        const addresses = [`${UPLINK.lb}/31`];
        interfaces.push({ host: "up0", mac: "02:fe:00:00:00:01", addresses, outside: true });
      },
    });
    world = await lab.host("world");
    await world.addVeth({ name: "up0w", peer: { name: "up0", namespace: lab.lb } });
    await world.addAddress("up0w", `${UPLINK.world}/31`);
    world.offloadsOff("up0w");
    await world.addRoute({ dst: VIP4, via: UPLINK.lb });
    proxy = await WriteProxy.start(join(lab.folder, "proxy.sock"), lab.api);
    agent = new ChildAgent(lab, proxy.socket);
    await until("the endpoint is registered", () => agent.has("endpoint_started"), WAIT_MS);
    for (const name of ["as1", "as2", "as3"]) servers.push(await serve(name));
    await until("all are servers", () => agent.has("server_up", 3), WAIT_MS);
    await until("VPP is as desired", synced, WAIT_MS);
  });
  after(async () => {
    for (const { serving, target, client } of servers) {
      await serving.close();
      await target.close();
      await client.shutdown();
    }
    await agent?.end("SIGTERM");
    await proxy?.close();
    await lab?.close();
  });

  async function serve(name: string): Promise<Server> {
    const host = await lab.host(name);
    // Packets pass without the control plane: what is lost is asked for again as it is.
    const client = lab.client(name, {
      heal: { livenessCheck: () => Promise.resolve(true), retryMs: { first: 100, last: 500 } },
    });
    const made = await client.request(byKernel(host));
    assert.ok(made.context?.extraContext["vpplb/vips"]);
    const target = await Target.open({
      namespace: host,
      device: "nsm0",
      gateways: [BVI.ip4, BVI.ip6],
      vips: [VIP4, VIP6],
      encaps: ["gre4", "gre6"],
      routes: [`${UPLINK.world}/31`],
    });
    const serving = await startTrafficServer({ name, port: PORT, netns: host.netns.fd });
    return { client, host, target, serving };
  }

  async function synced(): Promise<boolean> {
    return (await lab.control.status()).sync.state === "in-sync";
  }

  async function holding(work: (held: HeldConnections) => Promise<void>): Promise<void> {
    const client = new TrafficClient({
      target: { address: "10.2.2.1", port: PORT },
      netns: world.netns.fd,
      answerTimeoutMs: WAIT_MS,
    });
    const held = await client.hold(HELD, { packetRate: 10 });
    try {
      assert.equal(held.alive, HELD, JSON.stringify(held.report().errors));
      assert.ok(Object.keys(held.byServer).length > 1, JSON.stringify(held.byServer));
      await work(held);
    } finally {
      held.stop();
    }
  }

  /** Each has been answered since. */
  function answered(held: HeldConnections): Promise<void> {
    const before = held.records().map((record) => record.received);
    return until(
      "every connection is answered",
      () => {
        assert.equal(held.broken, 0, "a connection broke");
        return held.records().every((record, i) => record.received > before[i]!);
      },
      WAIT_MS,
    );
  }

  it("an agent that is killed and started again writes nothing to VPP and breaks no connection", async () => {
    await holding(async (held) => {
      const before = held.byServer;
      await agent.end("SIGKILL");
      assert.ok(proxy.writes.length > 20, "what was written is counted");
      proxy.writes.length = 0;
      agent = new ChildAgent(lab, proxy.socket);
      await until("the endpoint is registered again", () => agent.has("endpoint_started"), WAIT_MS);
      assert.equal(agent.events.find((event) => event.type === "endpoint_started")?.restored, 3);
      await until("all clients have healed", () => agent.has("healed", 3), WAIT_MS);
      await until("VPP is as desired", synced, WAIT_MS);
      await answered(held);
      assert.deepEqual(held.byServer, before);
      assert.deepEqual(proxy.writes, []);
      assert.ok(!agent.has("server_up") && !agent.has("server_down"));
    });
  });

  it("after a restart of VPP all comes back by itself, and connections that were held go on", async () => {
    await holding(async (held) => {
      await lab.stopVpp();
      await lab.startVpp();
      await until("VPP is as desired", synced, WAIT_MS);
      await answered(held);
      const rows = await lab.control.get("servers");
      assert.equal(rows.filter((row) => row.columns["vip"] === VIP4 && row.state === "ok").length, 3);
      assert.ok(!agent.has("server_down"), "it was never told of as lost");
    });
  });

  it("a client that leaves takes its own connections along, and no others", async () => {
    await holding(async (held) => {
      const { client, serving, target } = servers.pop()!;
      const mine = held.byServer["as3"] ?? 0;
      await client.shutdown();
      await until("only its own are broken", () => held.broken === mine, WAIT_MS);
      await serving.close();
      await target.close();
      assert.equal(held.alive, HELD - mine);
      assert.equal(held.byServer["as3"] ?? 0, 0);
      await until("it is gone", () => agent.has("closed"), WAIT_MS);
    });
  });
});
