import assert from "node:assert/strict";
import { withNamespaces } from "../kernel/support.ts";
import { openFds, until } from "../sys/support.ts";
import type { Link } from "../../src/kernel/links.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { Lan } from "./lan.ts";
import { eachScene, SERVICE, stateOf, type NscScene, type TestAgent } from "./support.ts";

const VIP_ROUTE = { prefix: "10.2.2.0/24", nextHop: "10.60.1.1" };

describe("nsc: the client agent", function () {
  this.timeout(60_000);
  let scene: NscScene;
  eachScene((made) => (scene = made));

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

  it("a held TCP connection survives the move to another load-balancer", async () => {
    await withNamespaces(4, async (client, a, b, host) => {
      assert.ok(client !== undefined && a !== undefined && b !== undefined && host !== undefined);
      await scene.startMesh();
      const lan = new Lan(client);
      try {
        for (const lb of [a, b]) await lan.add(lb);
        lan.listen(host);
        await scene.endpoint("a", a, "10.60.1.0/24", { routes: [VIP_ROUTE] });
        const one = scene.agent(host, {}, {}, FAST);
        await one.sees("ready");
        await lan.serve(a, addressOf(one));
        await lan.route(a);
        const held = await lan.connect();
        await held.echo();
        await until("the gateway answers", () => one.agent.status().services[0]?.alive === true);
        const second = await scene.endpoint("b", b, "10.60.2.0/24", {
          routes: [{ ...VIP_ROUTE, nextHop: "10.60.2.1" }],
        });
        // The first one's way is cut: its gateway answers no more.
        const from = one.events.length;
        await a.setLink((await lbDevice(a)).name, { up: false });
        await one.sees("lost", from, /does not answer/);
        const healed = await one.sees("healed", from, /from b/);
        await one.sees("ready", healed);
        assert.equal(second.connections.length, 1);
        assert.equal(one.agent.status().services[0]?.offer?.gateways[0], "10.60.2.1");
        const route = (await host.routes()).find(({ table, type }) => table === 222 && type === 1);
        assert.equal(route?.via, "10.60.2.1");
        await lan.serve(b, addressOf(one));
        await lan.route(b);
        await held.echo();
        assert.equal(one.types.filter((type) => type === "lost").length, 1, "it was lost once");
        held.end();
      } finally {
        lan.close();
      }
    });
  });

  it("a VIP that comes or goes changes the host in place", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      const gift = { routes: [VIP_ROUTE] };
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", gift);
      const one = scene.agent(host);
      await one.sees("ready");
      const link = await host.link("nsm0");
      const more = { prefix: "10.3.3.3/32", nextHop: "10.60.1.1" };
      gift.routes = [VIP_ROUTE, more];
      endpoint.update((connection) => connection.context!.ipContext!.srcRoutes.push(more));
      const seen = await one.sees("configured", 0, /10\.3\.3\.3/);
      assert.ok((await host.addresses("lo")).some(({ prefix }) => prefix === "10.3.3.3/32"));
      assert.equal((await host.link("nsm0")).index, link.index, "the link stays");
      gift.routes = [more];
      endpoint.update((connection) => (connection.context!.ipContext!.srcRoutes = [more]));
      await one.sees("configured", seen);
      const local = (await host.addresses("lo")).map(({ prefix }) => prefix);
      assert.ok(local.includes("10.3.3.3/32") && !local.includes("10.2.2.0/24"), local.join());
      const rules = (await host.rules()).filter((rule) => rule.table === 222).map((rule) => rule.from);
      assert.deepEqual(rules, ["10.3.3.3/32"]);
    });
  });
});

/** Gateways are looked at often. */
const FAST = { NSM_LIVENESSCHECKINTERVAL: "50ms", NSM_LIVENESSCHECKTIMEOUT: "700ms" };

function addressOf(one: TestAgent): string {
  return one.agent.status().services[0]!.offer!.addresses[0]!.split("/")[0]!;
}

/** The load-balancer's end of its client's link. */
async function lbDevice(lb: Namespace): Promise<Link> {
  return (await lb.links()).find(({ name }) => name.startsWith("load-balan") || name === "nsm0")!;
}
