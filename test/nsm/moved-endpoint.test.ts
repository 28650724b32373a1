import assert from "node:assert/strict";
import {
  createForwarder,
  createManager,
  endpointChain,
  insecureTokens,
  kernelMechanism,
  kernelServer,
  mechanisms,
  memoryRegistries,
  newConnection,
  newEndpoint,
  NsmClient,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  type ChainElement,
  type Wiring,
} from "@networkservicemesh/sdk-ts";
import { inFolder } from "./support.ts";

const tokens = insecureTokens("spiffe://test/anybody");
const NO_LINKS: Wiring = { supports: () => true, wire: () => Promise.resolve(), unwire: () => Promise.resolve() };

/** What reached an endpoint, in order. */
function recorder(log: string[], name: string): ChainElement {
  return (next) => ({
    request(request, call) {
      log.push(`${name} request`);
      return next.request(request, call);
    },
    close(connection, call) {
      log.push(`${name} close`);
      return next.close(connection, call);
    },
  });
}

/** A mesh, and a function that serves an endpoint of a name on a socket and registers it. */
async function inMesh(
  work: (url: string, serve: (name: string, socket: string) => Promise<() => Promise<void>>) => Promise<void>,
  log: string[],
): Promise<void> {
  await inFolder(async (folder, signal) => {
    const registries = memoryRegistries();
    const manager = createManager({ name: "nsmgr", tokens, registries }, signal);
    const wirings = [NO_LINKS];
    const offers = ["KERNEL"] as const;
    const forwarder = createForwarder({ name: "forwarder", tokens, registries, wirings, offers }, signal);
    const servers = [
      await serveNsm({ listen: `unix://${folder}/nsmgr.sock`, services: manager.services }),
      await serveNsm({ listen: `unix://${folder}/forwarder.sock`, services: forwarder.services }),
    ];
    const registry = new RegistryClient({ url: servers[0]!.url, tokens });
    const labels = { forwarder: { labels: { p2p: "true" } } };
    const url = servers[1]!.url;
    const names = { networkServiceNames: ["forwarder"], networkServiceLabels: labels };
    await registry.registerEndpoint({ name: "forwarder", url, ...names });
    const serve = async (name: string, socket: string) => {
      const elements = [
        receiveDescriptors(),
        returnDescriptors(),
        recorder(log, `${name} on ${socket}`),
        mechanisms({ KERNEL: kernelServer() }),
      ];
      const endpoint = endpointChain({ name, tokens, elements }, signal);
      const server = await serveNsm({ listen: `unix://${folder}/${socket}`, services: endpoint.services });
      await registry.registerService({ name: "a", payload: "IP" });
      await registry.registerEndpoint(newEndpoint({ name, url: server.url, networkServiceNames: ["a"] }));
      return () => server.close();
    };
    try {
      await work(servers[0]!.url, serve);
    } finally {
      registry.close();
      for (const server of servers) await server.close();
      forwarder.shutdown();
      manager.shutdown();
    }
  });
}

describe("nsm: an endpoint that is started again elsewhere", () => {
  it("gets the connection by its next Request, and no Close: what it kept is still in use", async () => {
    const log: string[] = [];
    await inMesh(async (url, serve) => {
      const end = await serve("lb", "first.sock");
      const client = new NsmClient({ name: "c", url, tokens, heal: {}, refresh: {} });
      const made = await client.request({
        connection: newConnection({ networkService: "a" }),
        mechanismPreferences: [kernelMechanism("nsm0")],
      });
      // Registered before the first is gone, as by a new process at the name of one that was killed.
      await serve("lb", "second.sock");
      const again = await client.request({ connection: made });
      assert.deepEqual(log, ["lb on first.sock request", "lb on second.sock request"]);
      await client.close(again);
      assert.deepEqual(log.slice(2), ["lb on second.sock close"]);
      client.abandon();
      await end();
    }, log);
  });
});
