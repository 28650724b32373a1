import assert from "node:assert/strict";
import { Namespace } from "../../src/kernel/namespace.ts";
import {
  createForwarder,
  createManager,
  compose,
  connectionContext,
  endpointChain,
  expiringEndpoints,
  insecureTokens,
  kernelMechanism,
  kernelServer,
  mechanisms,
  memoryRegistries,
  newConnection,
  newEndpoint,
  NsmClient,
  NsmError,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
} from "@networkservicemesh/sdk-ts";
import { KernelWiring } from "../../src/wiring/kernel.ts";
import { needNamespaces, openFds, until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

const tokens = insecureTokens("spiffe://test/anybody");

interface Mesh {
  readonly url: string;
  readonly wiring: KernelWiring;
  endpoint(
    name: string,
    namespace: Namespace,
    labels?: Record<string, string>,
  ): Promise<{ readonly connections: number; close(): Promise<void> }>;
}

/** Manager, registry and forwarder of this project on sockets of a folder. */
async function inMesh(work: (mesh: Mesh) => Promise<void>): Promise<void> {
  await inFolder(async (folder, signal) => {
    const memory = memoryRegistries();
    const registries = { services: memory.services, endpoints: expiringEndpoints(memory.endpoints, signal) };
    const manager = createManager(
      { name: "nsmgr", tokens, registries, excludedPrefixes: () => ["10.60.1.2/32"] },
      signal,
    );
    const wiring = new KernelWiring();
    const forwarder = createForwarder(
      { name: "forwarder", tokens, registries, wirings: [wiring], offers: ["KERNEL"] },
      signal,
    );
    const servers = [
      await serveNsm({ listen: `unix://${folder}/nsmgr.sock`, services: manager.services }),
      await serveNsm({ listen: `unix://${folder}/forwarder.sock`, services: forwarder.services }),
    ];
    const registry = new RegistryClient({ url: servers[0]!.url, tokens });
    const labels = { forwarder: { labels: { p2p: "true" } } };
    await registry.registerEndpoint({
      name: "forwarder",
      url: servers[1]!.url,
      networkServiceNames: ["forwarder"],
      networkServiceLabels: labels,
    });
    const mesh: Mesh = {
      url: servers[0]!.url,
      wiring,
      async endpoint(name, namespace, own = {}) {
        const path = `/proc/${process.pid}/fd/${namespace.netns.fd}`;
        const kernel = compose(
          kernelServer(path),
          connectionContext(() => ({ srcRoutes: [{ prefix: "10.2.2.0/24", nextHop: "10.60.1.1" }] })),
        );
        const chain = endpointChain(
          {
            name,
            tokens,
            elements: [
              sharedNetworkIpam({ prefix: "10.60.1.0/24" }),
              receiveDescriptors(),
              returnDescriptors(),
              mechanisms({ KERNEL: kernel }),
            ],
          },
          signal,
        );
        const server = await serveNsm({ listen: `unix://${folder}/${name}.sock`, services: chain.services });
        await registry.registerService({ name: "load-balancer", payload: "ETHERNET" });
        const registration = await registry.registerEndpoint({
          ...newEndpoint({ name, url: server.url, networkServiceNames: ["load-balancer"] }),
          networkServiceLabels: { "load-balancer": { labels: own } },
        });
        return {
          get connections() {
            return chain.monitor.connections.size;
          },
          close: async () => {
            await registration.unregister();
            await server.close();
          },
        };
      },
    };
    try {
      await work(mesh);
    } finally {
      registry.close();
      for (const server of servers) await server.close();
      forwarder.shutdown();
      manager.shutdown();
    }
  });
}

describe("nsm: manager, registry and forwarder of one machine", () => {
  before(function () {
    needNamespaces(this);
  });

  it("wires two namespaces, addresses and routes in place; everything is gone after Close", async () => {
    const [lb, as] = [await Namespace.create("lb"), await Namespace.create("as")];
    const before = openFds();
    try {
      await inMesh(async (mesh) => {
        const endpoint = await mesh.endpoint("lb", lb);
        const client = new NsmClient({ name: "as", url: mesh.url, tokens });
        const made = await client.request({
          connection: newConnection({ networkService: "load-balancer" }),
          mechanismPreferences: [kernelMechanism("nsm0", `/proc/${process.pid}/fd/${as.netns.fd}`)],
        });
        assert.deepEqual(
          made.path?.pathSegments.map((segment) => segment.name),
          ["as", "nsmgr", "forwarder", "lb"],
        );
        assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["10.60.1.3/24"], "the excluded address is left out");
        assert.equal(made.networkServiceEndpointName, "lb");
        assert.equal(made.payload, "ETHERNET");
        const own = (await as.addresses("nsm0"))
          .map((one) => one.prefix)
          .filter((prefix) => !prefix.startsWith("fe80"));
        assert.deepEqual(own, ["10.60.1.3/24"]);
        assert.ok((await as.routes()).some((route) => route.dst === "10.2.2.0/24"));
        const again = await client.request({ connection: made });
        assert.deepEqual(again.context, made.context);
        assert.equal(mesh.wiring.size, 1);
        await client.close(again);
        assert.equal(mesh.wiring.size, 0);
        assert.equal(endpoint.connections, 0);
        assert.deepEqual(
          (await as.links()).map((link) => link.name),
          ["lo"],
        );
        await client.shutdown();
        await endpoint.close();
      });
      await until("no descriptor is left", () => openFds() <= before);
    } finally {
      lb.close();
      as.close();
    }
  });

  it("a client moves to another endpoint when its own goes", async () => {
    const namespaces = [await Namespace.create("a"), await Namespace.create("b"), await Namespace.create("as")];
    const [a, b, as] = namespaces;
    try {
      await inMesh(async (mesh) => {
        const first = await mesh.endpoint("a", a!);
        const events: string[] = [];
        const heal = { onEvent: (event: { readonly type: string }) => events.push(event.type) };
        const client = new NsmClient({ name: "as", url: mesh.url, tokens, heal });
        const made = await client.request({
          connection: newConnection({ networkService: "load-balancer" }),
          mechanismPreferences: [kernelMechanism("nsm0", `/proc/${process.pid}/fd/${as!.netns.fd}`)],
        });
        assert.equal(made.networkServiceEndpointName, "a");
        const second = await mesh.endpoint("b", b!);
        await first.close();
        await until("it is healed", () => events.at(-1) === "healed", 20_000);
        await until("the other endpoint has it", () => second.connections === 1);
        assert.ok((await b!.links()).length > 1, "the link ends in the other namespace");
        assert.ok((await as!.links()).some((link) => link.name === "nsm0"));
        await client.shutdown();
        assert.equal(second.connections, 0);
        await second.close();
      });
    } finally {
      for (const namespace of namespaces) namespace.close();
    }
  });

  it("says what is missing: service, endpoint, mechanism", async () => {
    const as = await Namespace.create("as");
    try {
      await inMesh(async (mesh) => {
        const client = new NsmClient({ name: "as", url: mesh.url, tokens });
        const ask = (networkService: string, type = "KERNEL") =>
          client.request({
            connection: newConnection({ networkService }),
            mechanismPreferences: [{ ...kernelMechanism("nsm0"), type }],
          });
        await assert.rejects(
          ask("nobody"),
          (error) => NsmError.is(error, "NOT_FOUND") && /"nobody" is not registered/.test(error.message),
        );
        const endpoint = await mesh.endpoint("lb", as);
        await assert.rejects(
          ask("load-balancer", "SRIOV"),
          (error) => NsmError.is(error, "UNSUPPORTED") && /SRIOV/.test(error.message),
        );
        await client.shutdown();
        await endpoint.close();
      });
    } finally {
      as.close();
    }
  });
});
