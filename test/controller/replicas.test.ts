import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TableDigest } from "../../src/bridge/index.ts";
import { Replicas } from "../../src/controller/replicas.ts";
import { until } from "./support.ts";

const table = (weight: number): TableDigest => ({
  vip: "10.2.2.0/24",
  size: 64,
  srcIpSticky: false,
  algorithm: "weighted",
  servers: [{ address: "10.60.1.2", weight }],
  digest: String(weight),
});

describe("controller: replicas", () => {
  let server: Server;
  let url: string;
  let body: string;
  before(async () => {
    server = createServer((_, response) => response.end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/digests`;
  });
  after(() => server.close());

  it("are asked again and again, and told where they differ", async () => {
    const abort = new AbortController();
    const replicas = new Replicas(abort.signal);
    const state = (mine: TableDigest) => replicas.status([mine])[0];
    body = JSON.stringify({ tables: [table(1)] });
    replicas.watch([url], 20);
    assert.equal(state(table(1))?.state, "unknown");
    await until("the first answer", () => state(table(1))?.state === "agrees");
    const other = state(table(2));
    assert.equal(other?.state, "differs");
    assert.match(other.disagreements[0]!.reasons.join(), /weights: 10.60.1.2 2, the other 1/);
    body = "no JSON";
    await until("nonsense is told", () => state(table(1))?.state === "unreachable");
    body = JSON.stringify({ tables: [] });
    await until("a VIP is missed", () => state(table(1))?.disagreements[0]?.reasons[0] === "the other has no such VIP");
    replicas.watch([], 20);
    assert.deepEqual(replicas.status([table(1)]), []);
    abort.abort();
  });
});
