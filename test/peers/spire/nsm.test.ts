import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createManager,
  endpointChain,
  expiringEndpoints,
  kernelMechanism,
  kernelServer,
  mechanisms,
  memifMechanism,
  memifServer,
  memoryRegistries,
  newConnection,
  NsmClient,
  NsmError,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type Connection,
  type Endpoint,
  type NsmServer,
} from "@networkservicemesh/sdk-ts";
import { BenchError } from "../../../src/bench/errors.ts";
import { buildGo } from "../../../src/bench/go.ts";
import { openFds, until } from "../../sys/support.ts";
import { Spire, spireProgram } from "./spire.ts";
import { decoded, identityOf, SpireMesh, type Own } from "./support.ts";

/** What was compiled before is in Go's cache: this is for linking. `npm run peers` takes as long as it takes. */
const BUILD_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 60_000;
const NAMES = ["registry", "nsmgr", "forwarder", "endpoint", "go-client", "client", "lb", "mallory"];

describe("SPIRE and the Go implementation of Network Service Mesh", () => {
  let spire: Spire;
  let mesh: SpireMesh;
  let abort: AbortController;
  let goNsm: string;

  before(async function () {
    this.timeout(3 * BUILD_TIMEOUT_MS);
    let program: string;
    try {
      program = await spireProgram(BUILD_TIMEOUT_MS);
      goNsm = await buildGo("test/peers/nsm");
    } catch (error) {
      if (!BenchError.is(error, "SKIP")) throw error;
      console.log(`      skipped: ${error.message} (npm run peers builds what can be built here)`);
      this.skip();
    }
    spire = await Spire.start(program, { entries: NAMES.map((name) => ({ name })) });
  });

  after(async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await spire?.end();
  });

  beforeEach(function () {
    this.timeout(TEST_TIMEOUT_MS);
    abort = new AbortController();
    mesh = new SpireMesh(goNsm, mkdtempSync(join(tmpdir(), "vpplb-spnsm-")), spire);
  });

  afterEach(async () => {
    abort.abort();
    await mesh.end();
    rmSync(mesh.folder, { recursive: true, force: true });
  });

  const own = (name: string, lifetimeMs?: number): Promise<Own> => identityOf(spire, name, abort.signal, lifetimeMs);

  /** An endpoint of ours; whoever calls it must prove who it is. */
  async function serveEndpoint(identity: Own, listen = mesh.url("lb")): Promise<Endpoint & { server: NsmServer }> {
    const elements = [
      sharedNetworkIpam({ prefix: "10.60.1.0/24" }),
      receiveDescriptors(),
      returnDescriptors(),
      mechanisms({ KERNEL: kernelServer(), MEMIF: memifServer(() => `${mesh.folder}/lb.sock`) }),
    ];
    const { tokens, authorize } = identity;
    const endpoint = endpointChain({ name: "lb", tokens, authorize, elements }, abort.signal);
    const server = await serveNsm({ listen, services: endpoint.services, ...identity.server });
    return { ...endpoint, server };
  }

  async function register(identity: Own, url: string): Promise<RegistryClient> {
    const registry = new RegistryClient({ url: mesh.url("nsmgr"), ...identity.client });
    await registry.registerService({ name: "load-balancer", payload: "ETHERNET" });
    const labels = { "load-balancer": { labels: { app: "lb" } } };
    await registry.registerEndpoint({
      ...{ name: "lb", url, networkServiceNames: ["load-balancer"], networkServiceLabels: labels },
    });
    return registry;
  }

  const ids = (connection: Connection) =>
    connection.path!.pathSegments.map((segment) => decoded(segment.token).sub.replace(spire.id(""), ""));

  const request = (client: NsmClient, mechanism = memifMechanism()) =>
    client.request({
      connection: newConnection({ networkService: "load-balancer" }),
      mechanismPreferences: [mechanism],
    });

  it("our client through its manager and forwarder to its endpoint: distinct identities chained, descriptors under TLS", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await mesh.endpoint();
    const identity = await own("client");
    const before = openFds();
    const events: string[] = [];
    const client = new NsmClient({
      ...{ name: "client", url: mesh.url("nsmgr"), ...identity.client, requestTimeoutMs: 10_000 },
      heal: { onEvent: (event) => events.push(event.type) },
    });
    for (const mechanism of [kernelMechanism("nsm0"), memifMechanism()]) {
      const made = await request(client, mechanism);
      assert.deepEqual(ids(made), ["client", "nsmgr", "forwarder", "endpoint"]);
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
    const identity = await own("lb");
    const endpoint = await serveEndpoint(identity);
    const registry = await register(identity, endpoint.server.url);
    for (const mechanism of ["KERNEL", "MEMIF"]) {
      const client = mesh.start("go-client", { role: "client", connect: mesh.url("nsmgr"), mechanism, hold: true });
      const connected = await client.says("connected");
      assert.deepEqual(connected["src"], ["10.60.1.2/24"]);
      assert.deepEqual([...endpoint.monitor.connections.values()].map(ids), [
        ["go-client", "nsmgr", "forwarder", "lb"],
      ]);
      await client.end();
      await client.says("closed");
      assert.equal(endpoint.monitor.connections.size, 0);
    }
    registry.close();
    await endpoint.server.close();
  });

  it("its client, forwarder and endpoint on our manager and registry", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const identity = await own("nsmgr");
    const memory = memoryRegistries();
    const registries = { services: memory.services, endpoints: expiringEndpoints(memory.endpoints, abort.signal) };
    const manager = createManager({ name: "nsmgr", registries, ...identity.client }, abort.signal);
    const server = await serveNsm({ listen: mesh.url("nsmgr"), services: manager.services, ...identity.server });
    await mesh.forwarder();
    await mesh.endpoint();
    const client = mesh.start("go-client", { role: "client", connect: mesh.url("nsmgr"), hold: true });
    await client.says("connected");
    assert.deepEqual([...manager.monitor.connections.values()].map(ids), [
      ["go-client", "nsmgr", "forwarder", "endpoint"],
    ]);
    const thief = new RegistryClient({ url: server.url, ...(await own("mallory")).client });
    const stolen = { name: "endpoint", url: mesh.url("mallory"), networkServiceNames: ["load-balancer"] };
    const denied = (error: unknown) => NsmError.is(error, "DENIED");
    await assert.rejects(thief.registerEndpoint(stolen), denied);
    await assert.rejects(thief.unregisterService("load-balancer"), denied);
    assert.equal((await thief.findEndpoints({ name: "endpoint" }))[0]?.pathIds[0], spire.id("endpoint"));
    thief.close();
    await client.end();
    await client.says("closed");
    assert.equal(manager.monitor.connections.size, 0);
    manager.shutdown();
    await server.close();
  });
});
