import assert from "node:assert/strict";
import { byMemif, has, Lab } from "../../nse/lab.ts";
import { needNamespaces } from "../../sys/support.ts";
import { World } from "./support.ts";

const TEST_TIMEOUT_MS = 90_000;
const WAIT_MS = 30_000;

/** `vpplb nse` with an identity: whoever calls proves who it is, also after a restart of ours. */
describe("the load-balancer endpoint with SPIRE", () => {
  let world: World;
  before(async function () {
    needNamespaces(this);
    world = await World.open(this, {
      entries: ["registry", "nsmgr", "forwarder", "go-client", "lb"].map((name) => ({ name })),
    });
  });
  after(() => world?.spire.end());
  beforeEach(() => world.begin());
  afterEach(() => world.end());

  it("serves by mTLS; a client is let go at its word after a restart of the agent, before any refresh", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const { mesh, spire } = world;
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    const lab = await Lab.open({
      nsm: {
        connectTo: mesh.url("nsmgr"),
        listen: mesh.url("nse"),
        prefixes: ["10.60.1.0/24"],
        insecure: false,
        spiffe: spire.socket,
      },
    });
    try {
      const first = await lab.startRegistered();
      const identity = await world.own("lb", 600_000);
      const client = lab.client("own", {
        url: first.agent.url!,
        ...identity.client,
        heal: { livenessCheck: () => Promise.resolve(true), retryMs: { first: 3_600_000, last: 3_600_000 } },
      });
      const made = await client.request(byMemif());
      const go = mesh.start("go-client", {
        role: "client",
        connect: mesh.url("nsmgr"),
        mechanism: "MEMIF",
        hold: true,
      });
      const connected = await go.says("connected", WAIT_MS);
      assert.deepEqual(connected["src"], ["10.60.1.3/24"]);
      const clear = lab.client("mallory", { url: first.agent.url! });
      await assert.rejects(clear.request(byMemif()));
      assert.equal(first.agent.connections.length, 2);
      await first.stop();
      const second = await lab.startRegistered();
      assert.deepEqual(
        second.agent.connections.map((one) => one.addresses),
        [["10.60.1.2"], ["10.60.1.3"]],
      );
      await client.close(made);
      assert.ok(has(second.events, "closed"));
      assert.deepEqual(
        second.agent.connections.map((one) => one.addresses),
        [["10.60.1.3"]],
      );
    } finally {
      await lab.close();
    }
  });
});
