import assert from "node:assert/strict";
import { has, Lab } from "../../nse/lab.ts";
import { MemifSlave } from "../../../src/memif/index.ts";
import { Told } from "../../memif/support.ts";
import { needNamespaces, until } from "../../sys/support.ts";
import { buildPeers, inGoMesh, TEST_TIMEOUT_MS } from "./setup.ts";

const WAIT_MS = 30_000;
/** A Go server ends a connection by so much before the token does as the Request had time. */
const LIMITS = { lifetime: "10s", timeout: "5s" };

/** Registry, manager, forwarder and client are the Go implementation's; the endpoint is `vpplb nse`. */
describe("the load-balancer endpoint among Go peers", function () {
  this.timeout(TEST_TIMEOUT_MS);
  let program: string;
  before(async function () {
    needNamespaces(this);
    program = await buildPeers(this);
  });

  it("is registered, serves a Go client by MEMIF over refreshes of its tokens, and lets it go", async () => {
    await inGoMesh(program, async (mesh) => {
      await mesh.registry();
      await mesh.manager();
      await mesh.forwarder();
      const lab = await Lab.open({
        nsm: { connectTo: mesh.url("nsmgr"), listen: mesh.url("nse"), prefixes: ["10.60.1.0/24"] },
      });
      try {
        const { agent, events } = await lab.startRegistered();
        const client = mesh.start("client", {
          role: "client",
          connect: mesh.url("nsmgr"),
          mechanism: "MEMIF",
          hold: true,
          ...LIMITS,
        });
        await client.says("connected", WAIT_MS);
        const [served] = agent.connections;
        assert.deepEqual(served?.addresses, ["10.60.1.2"]);
        assert.equal(served.mechanism, "MEMIF");
        const { parameters } = served.connection.mechanism!;
        const told = new Told();
        const socketPath = parameters["inodeURL"]!.replace("file://", "");
        const slave = new MemifSlave({ id: 0, socketPath, minRetryMs: 20 }, told);
        slave.start();
        await until("it is a server", () => has(events, "server_up"), WAIT_MS);
        const refreshes = () => events.filter((event) => event.type === "refreshed").length;
        await until("it is refreshed", () => refreshes() >= 2, WAIT_MS);
        assert.equal(agent.connections.length, 1);
        slave.stop();
        await client.end();
        await until("it is closed", () => has(events, "closed"), WAIT_MS);
        assert.deepEqual({ ...agent.counts, monitors: 0 }, { connections: 0, leaving: 0, addresses: 0, monitors: 0 });
        assert.ok(!has(events, "expired") && !has(events, "healed"));
      } finally {
        await lab.close();
      }
    });
  });
});
