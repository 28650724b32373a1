import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createManager,
  endpointChain,
  expiringEndpoints,
  insecureTokens,
  kernelMechanism,
  kernelServer,
  mechanisms,
  memifMechanism,
  memifServer,
  memoryRegistries,
  newConnection,
  newEndpoint,
  NsmClient,
  receiveDescriptors,
  registryHandlers,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type Endpoint,
} from "@networkservicemesh/sdk-ts";
import { openFds, until } from "../../sys/support.ts";
import { GoMesh } from "./peer.ts";
import { buildPeers, TEST_TIMEOUT_MS } from "./setup.ts";

const tokens = insecureTokens("spiffe://test.com/subject");

describe("the Go implementation of Network Service Mesh", () => {
  let program: string;
  let mesh: GoMesh;
  let abort: AbortController;

  before(async function () {
    program = await buildPeers(this);
  });

  beforeEach(function () {
    this.timeout(TEST_TIMEOUT_MS);
    abort = new AbortController();
    mesh = new GoMesh(program, mkdtempSync(join(tmpdir(), "vpplb-gonsm-")));
  });

  afterEach(async () => {
    abort.abort();
    await mesh.end();
    rmSync(mesh.folder, { recursive: true, force: true });
  });

  /** An endpoint of ours, registered through the Go manager. */
  async function withEndpoint(work: (endpoint: Endpoint) => Promise<void>): Promise<void> {
    const elements = [
      sharedNetworkIpam({ prefix: "10.60.1.0/24" }),
      receiveDescriptors(),
      returnDescriptors(),
      mechanisms({ KERNEL: kernelServer(), MEMIF: memifServer(() => `${mesh.folder}/nsmgr.sock`) }),
    ];
    const endpoint = endpointChain({ name: "ours", tokens, elements }, abort.signal);
    const server = await serveNsm({ listen: mesh.url("ours"), services: endpoint.services });
    const registry = new RegistryClient({ url: mesh.url("nsmgr"), tokens });
    try {
      await registry.registerService({ name: "load-balancer", payload: "ETHERNET" });
      const labels = { "load-balancer": { labels: { app: "lb" } } };
      const endpointInfo = { name: "ours", networkServiceNames: ["load-balancer"], networkServiceLabels: labels };
      const registration = await registry.registerEndpoint({ ...endpointInfo, url: server.url });
      const found = await registry.findEndpoints({ networkServiceNames: ["load-balancer"] });
      assert.deepEqual(
        found.map((each) => each.name),
        [registration.info.name],
      );
      await work(endpoint);
      await registration.unregister();
      assert.deepEqual(await registry.findEndpoints({ networkServiceNames: ["load-balancer"] }), []);
    } finally {
      registry.close();
      await server.close();
    }
  }

  async function goClients(endpoint: Endpoint): Promise<void> {
    for (const mechanism of ["KERNEL", "MEMIF"]) {
      const client = mesh.start(`go-${mechanism}`, { role: "client", connect: mesh.url("nsmgr"), mechanism });
      const connected = await client.says("connected");
      assert.deepEqual(connected["path"], [`go-${mechanism}`, "nsmgr", "forwarder", "ours"]);
      assert.deepEqual(connected["src"], ["10.60.1.2/24"]);
      assert.match((connected["parameters"] as { inodeURL: string }).inodeURL, /^file:\/\/\/proc\/\d+\/fd\/\d+$/);
      await client.says("closed");
      assert.equal(endpoint.monitor.connections.size, 0);
    }
  }

  it("our client: Request, refresh and Close through its manager and forwarder to its endpoint, descriptors both ways", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await mesh.endpoint({ memif: true });
    const before = openFds();
    const events: string[] = [];
    const client = new NsmClient({
      ...{ name: "ours", url: mesh.url("nsmgr"), tokens, requestTimeoutMs: 10_000 },
      heal: { onEvent: (event) => events.push(event.type) },
    });
    for (const mechanism of [kernelMechanism("nsm0"), memifMechanism()]) {
      const connection = newConnection({ networkService: "load-balancer" });
      const made = await client.request({ connection, mechanismPreferences: [mechanism] });
      assert.deepEqual(
        made.path?.pathSegments.map((segment) => segment.name),
        ["ours", "nsmgr", "forwarder", "endpoint"],
      );
      assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["172.16.0.1/32"]);
      assert.equal(made.mechanism?.type, mechanism.type);
      const again = await client.request({ connection: made });
      assert.deepEqual(again.context, made.context);
      await client.close(again);
    }
    await client.shutdown();
    assert.deepEqual(events, [], "nothing was lost, so nothing was healed");
    await until("no descriptor is left", () => openFds() <= before);
  });

  it("its client at our endpoint, through its manager and forwarder", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await withEndpoint(goClients);
  });

  it("its manager and forwarder on our registry", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const memory = memoryRegistries();
    const registries = { services: memory.services, endpoints: expiringEndpoints(memory.endpoints, abort.signal) };
    const services = registryHandlers(registries, { tokens });
    const server = await serveNsm({ listen: mesh.url("registry"), services });
    try {
      await mesh.manager();
      await mesh.forwarder();
      await withEndpoint(goClients);
    } finally {
      await mesh.end();
      await server.close();
    }
  });

  it("its forwarder, endpoint and client at our manager: their sockets come as descriptors", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const before = openFds();
    const memory = memoryRegistries();
    const endpoints = expiringEndpoints(memory.endpoints, abort.signal, { maxLifetimeMs: 5000 });
    const registries = { services: memory.services, endpoints };
    const manager = createManager({ name: "nsmgr", tokens, registries }, abort.signal);
    const server = await serveNsm({ listen: mesh.url("nsmgr"), services: manager.services });
    try {
      await mesh.forwarder();
      await mesh.endpoint({ memif: true });
      const urls = (await memory.endpoints.find(newEndpoint())).map(({ url }) => url);
      assert.equal(urls.filter((url) => /^unix:\/\/\/proc\/\d+\/fd\/\d+$/.test(url)).length, 2, urls.join(", "));
      for (const mechanism of ["KERNEL", "MEMIF"]) {
        const client = mesh.start(`go-${mechanism}`, { role: "client", connect: mesh.url("nsmgr"), mechanism });
        const connected = await client.says("connected");
        assert.deepEqual(connected["path"], [`go-${mechanism}`, "nsmgr", "forwarder", "endpoint"]);
        assert.equal(manager.monitor.connections.size, 1);
        await client.says("closed");
        assert.equal(manager.monitor.connections.size, 0);
      }
      const times = (await memory.endpoints.find(newEndpoint())).map((info) => info.initialRegistrationTime?.seconds);
      assert.ok(
        times.every((seconds) => Math.abs(Date.now() / 1000 - (seconds ?? 0)) < 60),
        times.join(", "),
      );
      await mesh.end();
      await until("registrations that nobody renews are gone", () => memory.endpoints.size === 0, 15_000);
    } finally {
      await mesh.end();
      manager.shutdown();
      await server.close();
    }
    await until("no descriptor is left", () => openFds() <= before);
  });

  it("our client heals when its endpoint is killed and another comes", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await mesh.endpoint();
    const events: string[] = [];
    const client = new NsmClient({
      ...{ name: "ours", url: mesh.url("nsmgr"), tokens, requestTimeoutMs: 5000 },
      heal: { onEvent: (event) => events.push(event.type) },
    });
    const connection = newConnection({ networkService: "load-balancer" });
    await client.request({ connection, mechanismPreferences: [memifMechanism()] });
    await mesh.peers.get("endpoint")!.kill();
    await until("the loss is seen", () => events.includes("control-plane-down"), 15_000);
    const options = { role: "endpoint", listen: mesh.url("second"), connect: mesh.url("nsmgr") };
    await mesh.start("second", options).says("registered");
    await until("it is healed", () => events.at(-1) === "healed", 40_000);
    await client.shutdown();
  });
});
