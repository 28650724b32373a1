import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Route } from "../../src/kernel/routes.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { keepStatus, readSettings, type NscStatus } from "../../src/nsc/index.ts";
import { withNamespaces } from "../kernel/support.ts";
import { until } from "../sys/support.ts";
import { Lan, VIPS } from "./lan.ts";
import { eachScene, SERVICE, stateOf, type Gift, type NscScene, type TestAgent, type TestEndpoint } from "./support.ts";

const by = (nextHop: string, ...prefixes: string[]) => ({ routes: prefixes.map((prefix) => ({ prefix, nextHop })) });
const FAST = { NSM_LIVENESSCHECKINTERVAL: "50ms", NSM_LIVENESSCHECKTIMEOUT: "700ms" };
const TWO = { urls: [`kernel://${SERVICE}/nsm0`, `kernel://${SERVICE}/nsm1`] };

/** The gateways of a table's default route. */
async function hops(host: Namespace, table: number): Promise<string[]> {
  const route = (await host.routes()).find((one) => one.table === table && one.dst === "default" && one.type === 1);
  return route === undefined ? [] : viasOf(route).sort();
}

function viasOf(route: Route): string[] {
  return (route.multipath ?? [route]).map(({ via }) => via ?? "");
}

/** A look at the host that has begun, and goes on with what it has seen when it is told to. */
async function heldLook(host: Namespace): Promise<{ end: () => void }> {
  const { links } = host;
  let begun = false;
  let end = (): void => undefined;
  const gate = new Promise<void>((resolve) => (end = resolve));
  host.links = async () => {
    host.links = links;
    const found = await links.call(host);
    begun = true;
    await gate;
    return found;
  };
  await until("it looks at the host", () => begun);
  return { end };
}

describe("nsc: the life of an agent", function () {
  this.timeout(60_000);
  let scene: NscScene;
  eachScene((made) => (scene = made));

  it("says that the manager is not there, and connects when it is", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      const one = scene.agent(host, { dialTimeout: "200ms" });
      await one.sees("request-failed", 0, /nsm\.sock cannot be reached/);
      assert.equal(one.agent.status().ready, false);
      assert.match(one.agent.status().problems.join(), /is requesting \(.*cannot be reached/);
      await scene.startMesh();
      await one.sees("request-failed", 0, /"load-balancer" is not registered|no endpoint/);
      await scene.endpoint("lb", lb, "10.60.1.0/24", by("10.60.1.1", VIPS));
      await one.sees("ready");
      assert.deepEqual(one.agent.status().problems, []);
    });
  });

  it("waits while the interface's name is taken, and touches nothing of it", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      await host.addVeth({ name: "nsm0", peer: { name: "other", namespace: lb } });
      await host.addAddress("nsm0", "192.168.9.9/24");
      const before = await stateOf(host);
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", by("10.60.1.1", VIPS));
      const one = scene.agent(host);
      await one.sees("request-failed", 0, /interface nsm0 is here already/);
      assert.deepEqual(await stateOf(host), before);
      assert.equal(endpoint.connections.length, 0);
      await host.deleteLink("nsm0");
      await one.sees("ready");
    });
  });

  it("with two load-balancers of one VIP: replies by both, and by the other when one is lost", async () => {
    await withNamespaces(4, async (client, a, b, host) => {
      assert.ok(client !== undefined && a !== undefined && b !== undefined && host !== undefined);
      const lan = new Lan(client);
      try {
        await scene.startMesh();
        for (const lb of [a, b]) await lan.add(lb);
        lan.listen(host);
        const before = await stateOf(host);
        const first = await scene.endpoint("a", a, "10.60.1.0/24", by("10.60.1.1", VIPS));
        const second = await scene.endpoint("b", b, "10.60.2.0/24", by("10.60.2.1", VIPS, "10.3.3.3/32"));
        const one = scene.agent(host, TWO, {}, FAST);
        await one.sees("ready");
        assert.deepEqual([first.connections.length, second.connections.length], [1, 1], "round robin");
        assert.deepEqual(await hops(host, 222), ["10.60.1.1", "10.60.2.1"]);
        assert.deepEqual(await hops(host, 223), ["10.60.2.1"], "a VIP of one of them has a table of its own");
        const own = (gateway: string) =>
          one.agent
            .status()
            .services.find(({ offer }) => offer?.gateways.includes(gateway))!
            .offer!.addresses[0]!.split("/")[0]!;
        await lan.serve(a, own("10.60.1.1"));
        await lan.serve(b, own("10.60.2.1"));
        await lan.route(b);
        const held = await Promise.all(Array.from({ length: 8 }, () => lan.connect()));
        await until("both answer", () => one.agent.status().services.every(({ alive }) => alive === true));
        // The first is cut off: replies that went by it go by the other, nothing is reset.
        const link = (await a.links()).find(({ name }) => name.startsWith("load-bal"))!;
        const from = one.events.length;
        await a.setLink(link.name, { up: false });
        await one.sees("lost", from, /does not answer/);
        await until("the other has all", async () => (await hops(host, 222)).join() === "10.60.2.1");
        for (const connection of held) await connection.echo();
        for (const connection of held) connection.end();
        await one.agent.close();
        assert.deepEqual(await stateOf(host), before);
      } finally {
        lan.close();
      }
    });
  });

  it("a gateway that is silent for a moment is waited for; whoever else has the VIP takes the replies", async () => {
    await withNamespaces(3, async (a, b, host) => {
      assert.ok(a !== undefined && b !== undefined && host !== undefined);
      await scene.startMesh();
      await scene.endpoint("a", a, "10.60.1.0/24", by("10.60.1.1", VIPS));
      await scene.endpoint("b", b, "10.60.2.0/24", by("10.60.2.1", VIPS));
      const settings = readSettings({ ...TWO, name: "as", connectTo: scene.url }, FAST);
      const liveness = { ...settings.liveness!, patienceMs: 30_000 };
      const one = scene.agent(host, TWO, { settings: { ...settings, liveness } });
      await one.sees("ready");
      const alive = () => one.agent.status().services.every((service) => service.alive === true);
      await until("both answer", alive);
      const link = (await a.links()).find(({ name }) => name.startsWith("load-bal"))!;
      await a.setLink(link.name, { up: false });
      const silent = await one.sees("silent");
      await until("the other has all", async () => (await hops(host, 222)).join() === "10.60.2.1");
      await one.sees("unready");
      await a.setLink(link.name, { up: true });
      await until("both have it", async () => (await hops(host, 222)).join() === "10.60.1.1,10.60.2.1", 15_000);
      await one.sees("ready", silent);
      assert.ok(!one.types.includes("lost"), one.types.join());
    });
  });

  it("gives back what cannot be used, sets nothing of it up, and takes it when it is sane", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      const before = (await host.rules()).length;
      const many = Array.from({ length: 300 }, (_, i) => `10.2.${i >> 8}.${i & 255}/32`).join(",");
      const gift = { routes: [], extra: { "vpplb/vips": many } };
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", gift);
      const one = scene.agent(host);
      await one.sees("refused", 0, /300 VIPs: at most 256/);
      assert.equal((await host.rules()).length, before);
      await until("it was given back", () => endpoint.connections.length === 0);
      gift.extra = { "vpplb/vips": "0.0.0.0/0,10.60.0.0/16,10.2.2.0/24,127.0.0.1" };
      await one.sees("ready");
      assert.deepEqual(one.agent.status().services[0]?.offer?.vips, ["10.2.2.0/24"]);
      assert.equal(one.types.filter((type) => type === "ignored").length, 3);
      // Later nonsense does not take away what works.
      const seen = one.events.length;
      gift.extra = { "vpplb/vips": many };
      endpoint.update((connection) => Object.assign(connection.context!.extraContext, gift.extra));
      await one.sees("refused", seen);
      assert.ok((await host.addresses("lo")).some(({ prefix }) => prefix === VIPS));
      assert.equal(one.agent.status().problems.length, 1);
    });
  });

  it("puts right what somebody changed", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      await scene.endpoint("lb", lb, "10.60.1.0/24", by("10.60.1.1", VIPS));
      const one = scene.agent(host, {}, { repairMs: 50 });
      await one.sees("ready");
      await host.deleteRule({ from: VIPS, table: 222 });
      await host.deleteAddress("lo", VIPS);
      await one.sees("repaired");
      assert.ok((await host.rules()).some((rule) => rule.from === VIPS && rule.table === 222));
    });
  });

  /** With an agent whose Request an endpoint answers only after `open`. In the end the host is as it was before. */
  async function whileAsked(
    work: (one: TestAgent, endpoint: TestEndpoint, open: () => void) => Promise<void>,
  ): Promise<void> {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      const before = await stateOf(host);
      let open = (): void => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", { ...by("10.60.1.1", VIPS), gate });
      const one = scene.agent(host);
      await until("it is asked", () => endpoint.asked > 0);
      await work(one, endpoint, open);
      assert.deepEqual(await stateOf(host), before);
    });
  }

  it("told to stop while it is being answered, it waits for the answer and closes what it got", async () => {
    await whileAsked(async ({ agent }, endpoint, open) => {
      const closed = agent.close();
      open();
      await closed;
      assert.deepEqual([endpoint.connections.length, scene.wiring.size], [0, 0]);
    });
  });

  it("told to stop while nobody answers, it ends all the same, and the rest goes", async () => {
    await whileAsked(async ({ agent }, endpoint, open) => {
      await agent.close();
      open();
      const gone = () => scene.wiring.size === 0 && endpoint.connections.length === 0;
      await until("mesh and endpoint have let it go", gone);
    });
  });

  it("an answer that comes while it looks at the host does not make it unready", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", by("10.60.1.1", VIPS));
      const one = scene.agent(host, {}, { repairMs: 1 });
      const from = await one.sees("ready");
      const look = await heldLook(host);
      endpoint.update((connection) => (connection.state = "REFRESH_REQUESTED"));
      await until("it has an answer", () => one.agent.status().problems.join().includes("not set up yet"));
      look.end();
      await until("it has looked at it", () => one.agent.status().problems.length === 0);
      assert.deepEqual([one.types.slice(from), one.agent.status().ready], [[], true]);
    });
  });

  it("told to stop, it does not complain of its interface, which goes before the endpoint lets it go", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      const gift: Gift = by("10.60.1.1", VIPS);
      await scene.endpoint("lb", lb, "10.60.1.0/24", gift);
      const one = scene.agent(host, {}, { repairMs: 1 });
      await one.sees("ready");
      // A look at the host has seen the interface, and goes on when it is gone.
      const look = await heldLook(host);
      gift.onClose = async () => {
        assert.equal(await host.findLink("nsm0"), undefined);
        look.end();
        // Longer than a look takes.
        for (let i = 0; i < 20; i++) await stateOf(host);
      };
      const from = one.events.length;
      await one.agent.close();
      assert.deepEqual(one.types.slice(from), ["closed"]);
    });
  });

  it("memif: hands the socket on, in a file, and configures nothing", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await scene.startMesh();
      const before = await stateOf(host);
      const server = createServer().listen(join(scene.folder, "memif.sock"));
      await once(server, "listening");
      const endpoint = await scene.endpoint("lb", lb, "10.60.1.0/24", by("10.60.1.1", VIPS));
      const one = scene.agent(host, { urls: [`memif://${SERVICE}/vpp0`] });
      const file = join(scene.folder, "status.json");
      const end = keepStatus(one.agent, file, (error) => assert.fail(error));
      await one.sees("ready");
      await until("the file says so", () => (JSON.parse(readFileSync(file, "utf8")) as NscStatus).ready);
      const { offer } = (JSON.parse(readFileSync(file, "utf8")) as NscStatus).services[0]!;
      assert.deepEqual([offer?.addresses, offer?.gateways, offer?.vips], [["10.60.1.2/24"], ["10.60.1.1"], [VIPS]]);
      const inode = (path: string) => statSync(path).ino;
      assert.equal(inode(offer!.socket!), inode(join(scene.folder, "memif.sock")), "the endpoint's own socket");
      assert.deepEqual(await stateOf(host), before);
      end();
      await one.agent.close();
      assert.deepEqual([endpoint.connections.length, existsSync(file)], [0, false]);
      server.close();
    });
  });
});
