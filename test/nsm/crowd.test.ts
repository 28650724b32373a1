import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type Connection,
} from "@networkservicemesh/sdk-ts";
import { startMesh } from "../../src/mesh/index.ts";
import { keptLimit } from "../../src/nsm/fd/kept.ts";
import { MemifHandOver } from "../../src/wiring/memif.ts";
import { openFds, until } from "../sys/support.ts";

const tokens = insecureTokens("spiffe://test/anybody");
const CLIENTS = 10;
const EACH = 50;
const ALL = CLIENTS * EACH;
const WAIT_MS = 100_000;

describe("nsm: a crowd that refreshes at once", () => {
  it(`${ALL} connections with a memif socket each, through one manager, refreshed at the same time`, async function () {
    this.timeout(180_000);
    const before = openFds();
    const folder = mkdtempSync(join(tmpdir(), "vpplb-nsm-"));
    const stop = new AbortController();
    const url = `unix://${folder}/nsm.sock`;
    const mesh = await startMesh({ name: "m", listen: [url], tokens, wirings: [new MemifHandOver()] }, stop.signal);
    // Each connection has a file of its own: one that several share would travel as one.
    const socketOf = (id: string) => {
      const path = join(folder, `${id}.memif`);
      writeFileSync(path, "");
      return path;
    };
    const elements = [
      sharedNetworkIpam({ prefix: "10.60.0.0/22" }),
      receiveDescriptors(),
      returnDescriptors(),
      mechanisms({ MEMIF: memifServer(socketOf) }),
    ];
    const endpoint = endpointChain({ name: "lb", tokens, elements }, stop.signal);
    const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
    const registry = new RegistryClient({ url, tokens });
    await registry.registerService({ name: "load-balancer", payload: "ETHERNET" });
    await registry.registerEndpoint(
      newEndpoint({ name: "lb", url: server.url, networkServiceNames: ["load-balancer"] }),
    );
    const clients = Array.from(
      { length: CLIENTS },
      (_, i) => new NsmClient({ name: `c${i}`, url, tokens, requestTimeoutMs: WAIT_MS, dialTimeoutMs: WAIT_MS }),
    );
    const ask = (client: NsmClient, connection = newConnection({ networkService: "load-balancer" })) =>
      client.request({ connection, mechanismPreferences: [memifMechanism()] });
    const made: { client: NsmClient; connection: Connection }[] = await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: EACH }, async () => ({ client, connection: await ask(client) })),
      ),
    );
    assert.equal(endpoint.monitor.connections.size, ALL);
    assert.equal(keptLimit().count, 0, "what came was taken by the call that named it");
    const again = await Promise.all(made.map(({ client, connection }) => ask(client, connection)));
    assert.deepEqual(
      again.map((one) => one.context?.ipContext?.srcIpAddrs),
      made.map(({ connection }) => connection.context?.ipContext?.srcIpAddrs),
    );
    assert.equal(keptLimit().count, 0);
    for (const client of clients) await client.shutdown();
    assert.equal(endpoint.monitor.connections.size, 0);
    registry.close();
    await server.close();
    await mesh.close();
    stop.abort();
    rmSync(folder, { recursive: true });
    await until("no descriptor is left", () => openFds() <= before);
  });
});
