import assert from "node:assert/strict";
import {
  createManager,
  expiringEndpoints,
  kernelMechanism,
  memifMechanism,
  memoryRegistries,
  NsmClient,
  NsmError,
  RegistryClient,
  serveNsm,
} from "@networkservicemesh/sdk-ts";
import { openFds, until } from "../../sys/support.ts";
import { decoded, request, World, type SpireMesh } from "./support.ts";

const TEST_TIMEOUT_MS = 60_000;
const NAMES = ["registry", "nsmgr", "forwarder", "endpoint", "go-client", "client", "lb", "mallory"];

describe("SPIRE and the Go implementation of Network Service Mesh", () => {
  let world: World;
  let mesh: SpireMesh;

  before(async function () {
    world = await World.open(this, { entries: NAMES.map((name) => ({ name })) });
  });

  after(() => world?.spire.end());

  beforeEach(() => {
    world.begin();
    mesh = world.mesh;
  });

  afterEach(() => world.end());

  it("our client through its manager and forwarder to its endpoint: distinct identities chained, descriptors under TLS", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await mesh.endpoint();
    const identity = await world.own("client");
    const before = openFds();
    const events: string[] = [];
    const client = new NsmClient({
      ...{ name: "client", url: mesh.url("nsmgr"), ...identity.client, requestTimeoutMs: 10_000 },
      heal: { onEvent: (event) => events.push(event.type) },
    });
    for (const mechanism of [kernelMechanism("nsm0"), memifMechanism()]) {
      const made = await request(client, mechanism);
      assert.deepEqual(world.ids(made), ["client", "nsmgr", "forwarder", "endpoint"]);
      const tokens = made.path!.pathSegments.map((segment) => decoded(segment.token));
      tokens.slice(1).forEach((token, i) => assert.deepEqual(tokens[i]!.aud, [token.sub]));
      assert.ok(tokens.every((token) => token.alg === "ES256"));
      const again = await client.request({ connection: made });
      assert.deepEqual(again.context, made.context);
      await client.close(again);
    }
    await client.shutdown();
    assert.deepEqual(events, []);
    await until("no descriptor is left", () => openFds() <= before);
  });

  it("its client through its manager and forwarder to our endpoint, which our client registered", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    const identity = await world.own("lb");
    const endpoint = await world.serveEndpoint(identity);
    const registry = await world.register(identity, endpoint.server.url);
    for (const mechanism of ["KERNEL", "MEMIF"]) {
      const client = mesh.start("go-client", { role: "client", connect: mesh.url("nsmgr"), mechanism, hold: true });
      const connected = await client.says("connected");
      assert.deepEqual(connected["src"], ["10.60.1.2/24"]);
      assert.deepEqual(
        [...endpoint.monitor.connections.values()].map((each) => world.ids(each)),
        [["go-client", "nsmgr", "forwarder", "lb"]],
      );
      await client.end();
      await client.says("closed");
      assert.equal(endpoint.monitor.connections.size, 0);
    }
    registry.close();
    await endpoint.server.close();
  });

  it("its client, forwarder and endpoint on our manager and registry", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const identity = await world.own("nsmgr");
    const memory = memoryRegistries();
    const registries = { services: memory.services, endpoints: expiringEndpoints(memory.endpoints, world.signal) };
    const manager = createManager({ name: "nsmgr", registries, ...identity.client }, world.signal);
    const server = await serveNsm({ listen: mesh.url("nsmgr"), services: manager.services, ...identity.server });
    await mesh.forwarder();
    await mesh.endpoint();
    const client = mesh.start("go-client", { role: "client", connect: mesh.url("nsmgr"), hold: true });
    await client.says("connected");
    assert.deepEqual(
      [...manager.monitor.connections.values()].map((each) => world.ids(each)),
      [["go-client", "nsmgr", "forwarder", "endpoint"]],
    );
    const thief = new RegistryClient({ url: server.url, ...(await world.own("mallory")).client });
    const stolen = { name: "endpoint", url: mesh.url("mallory"), networkServiceNames: ["load-balancer"] };
    const denied = (error: unknown) => NsmError.is(error, "DENIED");
    await assert.rejects(thief.registerEndpoint(stolen), denied);
    await assert.rejects(thief.unregisterService("load-balancer"), denied);
    assert.equal((await thief.findEndpoints({ name: "endpoint" }))[0]?.pathIds[0], world.spire.id("endpoint"));
    thief.close();
    await client.end();
    await client.says("closed");
    assert.equal(manager.monitor.connections.size, 0);
    manager.shutdown();
    await server.close();
  });
});
