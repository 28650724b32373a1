import assert from "node:assert/strict";
import { kernelMechanism, NsmClient, NsmError } from "@networkservicemesh/sdk-ts";
import { lookAtConnections, lookAtServices } from "../../../src/roles/nsm-look.ts";
import { printed, start } from "../../cli/vpplb.ts";
import { hasLinks, withPods } from "../../mesh/support.ts";
import { needNamespaces } from "../../sys/support.ts";
import { request, World } from "./support.ts";

/** `vpplb nsm` with identities: every hop proves who it is, also its own manager to its own forwarder. */
describe("SPIRE and vpplb nsm", () => {
  let world: World;

  before(async function () {
    needNamespaces(this);
    world = await World.open(this, { entries: [{ name: "mesh" }] });
  });

  after(() => world?.spire.end());
  beforeEach(() => world.begin());
  afterEach(() => world.end());

  it("a client is wired; who has no identity gets nothing; a look at it needs an observer's identity", async function () {
    this.timeout(60_000);
    const { mesh, spire } = world;
    const url = mesh.url("nsmgr");
    const args = ["nsm", "--spiffe", spire.socket, "--name", "test", "--listen", url];
    const nsm = start(args, { deadlineMs: 50_000 });
    try {
      await printed(nsm, /mesh-ready .* as spiffe:\/\/.*\/mesh/);
      const identity = await world.own("mesh");
      const endpoint = await world.serveEndpoint(identity);
      const registry = await world.register(identity, endpoint.server.url);
      await withPods(["as"], async (as) => {
        const client = new NsmClient({ name: "client", url, ...identity.client });
        const made = await request(client, kernelMechanism("nsm0", as!.netns));
        assert.deepEqual(
          made.path?.pathSegments.map(({ name }) => name),
          ["client", "nsmgr-test", "forwarder-test", "lb"],
        );
        assert.deepEqual(world.ids(made), ["mesh", "mesh", "mesh", "mesh"]);
        await hasLinks(as!.namespace, ["nsm0"]);
        const again = await client.request({ connection: made });
        const never = new AbortController().signal;
        const rows = await lookAtConnections({ url, identity: { spiffeSocket: spire.socket } }, never);
        assert.deepEqual(
          rows.map(({ client: name, endpoint: to }) => [name, to]),
          [["client", "lb"]],
        );
        await assert.rejects(lookAtServices({ url, identity: { insecure: true }, timeoutMs: 1000 }, never), (error) =>
          NsmError.is(error, "UNAVAILABLE", "TIMEOUT"),
        );
        await client.close(again);
        await hasLinks(as!.namespace, []);
        await client.shutdown();
      });
      registry.close();
      await endpoint.server.close();
    } catch (error) {
      process.stderr.write(`\n${nsm.output()}\n`);
      throw error;
    } finally {
      nsm.child.kill("SIGTERM");
      assert.equal((await nsm.ended).code, 0);
    }
  });
});
