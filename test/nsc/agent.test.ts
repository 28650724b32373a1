import assert from "node:assert/strict";
import { withNamespaces } from "../kernel/support.ts";
import { needNamespaces, needTun, openFds, until } from "../sys/support.ts";
import { NscScene, SERVICE, stateOf } from "./support.ts";

const VIP_ROUTE = { prefix: "10.2.2.0/24", nextHop: "10.60.1.1" };

describe("nsc: the client agent", function () {
  this.timeout(60_000);
  let scene: NscScene;

  before(function () {
    needNamespaces(this);
    needTun(this);
  });

  beforeEach(() => {
    scene = new NscScene();
  });

  afterEach(async () => {
    await scene.close();
  });

  it("asks, sets the host up, and leaves it exactly as it was", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      const [before, fds] = [await stateOf(host), openFds()];
      await scene.startMesh();
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", { routes: [VIP_ROUTE] });
      const one = scene.agent(host);
      await one.sees("ready");
      assert.deepEqual(one.types.slice(0, 3), ["connected", "configured", "ready"]);
      assert.ok((await host.addresses("lo")).some(({ prefix }) => prefix === "10.2.2.0/24"));
      const route = (await host.routes()).find(
        ({ table, dst, type }) => table === 222 && dst === "default" && type === 1,
      );
      assert.equal(route?.via, "10.60.1.1");
      assert.equal(route?.advmss, 1436);
      assert.equal(endpoint.connections.length, 1);
      assert.deepEqual(endpoint.connections[0]?.networkService, SERVICE);
      await one.agent.close();
      assert.equal(endpoint.connections.length, 0);
      assert.equal(one.types.at(-1), "closed");
      assert.deepEqual(await stateOf(host), before);
      await scene.close();
      await until("no descriptor is left", () => openFds() <= fds);
    });
  });
});
