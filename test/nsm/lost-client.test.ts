import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import {
  endpointChain,
  insecureTokens,
  memifMechanism,
  memifServer,
  mechanisms,
  newConnection,
  newEndpoint,
  NsmClient,
  RegistryClient,
  serveNsm,
  sharedNetworkIpam,
} from "@networkservicemesh/sdk-ts";
import { MemifListener } from "../../src/memif/index.ts";
import { startMesh } from "../../src/mesh/index.ts";
import { MemifHandOver } from "../../src/wiring/memif.ts";
import { openFds, until } from "../sys/support.ts";

const tokens = insecureTokens("spiffe://test/anybody");

describe("nsm: a client that is gone without a word", () => {
  it("is given up by the manager when its token expires, and every hop behind hears of it", async () => {
    const before = openFds();
    const folder = mkdtempSync(join(tmpdir(), "vpplb-nsm-"));
    const stop = new AbortController();
    const socket = join(folder, "memif.sock");
    const listener = MemifListener.open(socket);
    const url = `unix://${folder}/nsm.sock`;
    const mesh = await startMesh({ name: "m", listen: [url], tokens, wirings: [new MemifHandOver()] }, stop.signal);
    const elements = [sharedNetworkIpam({ prefix: "10.60.1.0/24" }), mechanisms({ MEMIF: memifServer(() => socket) })];
    const endpoint = endpointChain({ name: "lb", tokens, elements }, stop.signal);
    const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
    const registry = new RegistryClient({ url, tokens });
    await registry.registerService({ name: "load-balancer", payload: "ETHERNET" });
    const names = { networkServiceNames: ["load-balancer"] };
    await registry.registerEndpoint(newEndpoint({ name: "lb", url: server.url, ...names }));
    const ask = async (name: string, lifetimeMs: number) => {
      const client = new NsmClient({ name, url, tokens: insecureTokens(`spiffe://test/${name}`, lifetimeMs) });
      const connection = newConnection({ networkService: "load-balancer" });
      const made = await client.request({ connection, mechanismPreferences: [memifMechanism()] });
      return { client, addresses: made.context?.ipContext?.srcIpAddrs };
    };
    const kept = await ask("kept", 4000);
    const lost = await ask("lost", 2500);
    assert.equal(endpoint.monitor.connections.size, 2);
    lost.client.abandon();
    await until("the endpoint hears of it", () => endpoint.monitor.connections.size === 1, 15_000);
    await until("the manager is through", () => mesh.connections.size === 1);
    const [left] = endpoint.monitor.connections.values();
    assert.deepEqual(left?.context?.ipContext?.srcIpAddrs, kept.addresses);
    const next = await ask("next", 60_000);
    assert.deepEqual(next.addresses, lost.addresses, "its address is free again");
    for (const { client } of [kept, next]) await client.shutdown();
    assert.equal(endpoint.monitor.connections.size, 0);
    registry.close();
    await server.close();
    await mesh.close();
    stop.abort();
    listener.close();
    rmSync(folder, { recursive: true });
    await until("no descriptor is left", () => openFds() <= before);
  });
});
