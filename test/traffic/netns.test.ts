import assert from "node:assert/strict";
import { Namespace } from "../../src/kernel/namespace.ts";
import { createNetns } from "../../src/sys/netns.ts";
import {
  flowSources,
  startTrafficServer,
  TrafficClient,
  type BatchReport,
  type TrafficServer,
} from "../../src/traffic/index.ts";

/** Two namespaces joined by a veth pair; the VIP prefix is local to the server as on an application server. */
describe("traffic between network namespaces", function () {
  const VIP4 = "10.2.2.0/24";
  const VIP6 = "2001:db8:2::/64";
  let client: Namespace | undefined;
  let host: Namespace | undefined;
  let server: TrafficServer | undefined;

  before(async function () {
    try {
      createNetns().close();
    } catch (error) {
      console.log(`      skipped: ${(error as Error).message}`);
      this.skip();
    }
    client = await Namespace.create("client");
    host = await Namespace.create("host");
    await client.addVeth({ name: "c0", peer: { name: "h0", namespace: host } });
    await client.addAddress("c0", "192.0.2.1/24");
    await client.addAddress("c0", "2001:db8:1::1/64");
    await host.addAddress("h0", "192.0.2.2/24");
    await host.addAddress("h0", "2001:db8:1::2/64");
    await host.addAddress("lo", VIP4);
    await host.addAddress("lo", "2001:db8:2::33/128");
    for (const [namespace, device] of [
      [client, "c0"],
      [host, "h0"],
      [host, "lo"],
    ] as const) {
      await namespace.setLink(device, { up: true });
    }
    await client.addRoute({ dst: VIP4, via: "192.0.2.2" });
    await client.addRoute({ dst: VIP6, via: "2001:db8:1::2" });
    server = await startTrafficServer({ name: "as1", netns: host.netns.fd });
  });

  after(async () => {
    await server?.close();
    client?.close();
    host?.close();
  });

  for (const protocol of ["tcp", "udp"] as const) {
    it(`${protocol}: chosen flows reach any address of the VIP's prefix, which answers itself`, async () => {
      assert.ok(client !== undefined);
      for (const last of [1, 33, 254]) {
        const address = `10.2.2.${last}`;
        const made: TrafficClient = new TrafficClient({
          target: { address, port: 5001 },
          protocol,
          netns: client.netns.fd,
          rate: 1000,
        });
        const sources = flowSources({ addresses: ["192.0.2.1"], firstPort: 20_000, count: 30 });
        const report: BatchReport = await made.connectBatch(30, { sources });
        // A connected UDP socket takes answers from the address that it asked alone.
        assert.deepEqual(report.byServer, { as1: 30 }, JSON.stringify(report.errors));
        assert.deepEqual(
          report.records.map(({ flow }) => `${flow.src} ${flow.srcPort} ${flow.dst}`),
          sources.map(({ port }) => `192.0.2.1 ${port} ${address}`),
        );
      }
    });

    it(`${protocol}: over IPv6`, async () => {
      assert.ok(client !== undefined);
      const target = { address: "2001:db8:2::33", port: 5001 };
      const made = new TrafficClient({ target, protocol, netns: client.netns.fd, connectTimeoutMs: 8000 });
      // Duplicate address detection holds the addresses back for a second or two.
      for (let i = 0; i < 20; i++) {
        if ((await made.connectBatch(1)).good === 1) break;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      assert.deepEqual((await made.connectBatch(10)).byServer, { as1: 10 });
    });
  }

  it("a gap in the path is measured and held connections live through it", async () => {
    assert.ok(client !== undefined);
    const made = new TrafficClient({ target: { address: "10.2.2.33", port: 5001 }, netns: client.netns.fd });
    const held = await made.hold(10, { packetRate: 50 });
    await client.setLink("c0", { up: false });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await client.setLink("c0", { up: true });
    await client.addRoute({ dst: VIP4, via: "192.0.2.2" });
    const received = held.report().received;
    for (let i = 0; i < 500 && held.report().received < received + 50; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const step = held.step();
    assert.deepEqual(step.broke, []);
    assert.equal(step.alive, 10);
    assert.ok(step.longestGapMs >= 350, `${step.longestGapMs} ms`);
    assert.equal(held.stop().broken, 0);
  });

  it("nothing of this listens in the own namespace", async () => {
    const made = new TrafficClient({ target: { address: "127.0.0.1", port: 5001 }, connectTimeoutMs: 500 });
    assert.equal((await made.connectBatch(1)).byServer["as1"], undefined);
  });
});
