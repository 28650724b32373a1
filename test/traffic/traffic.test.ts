import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { startTrafficServer, toCtraffic, TrafficClient, TrafficError } from "../../src/traffic/index.ts";
import type { TrafficServer, TrafficServerOptions } from "../../src/traffic/index.ts";
import { makePacket, sequenceIn } from "../../src/traffic/protocol.ts";

const running: TrafficServer[] = [];

async function server(options: TrafficServerOptions): Promise<{ server: TrafficServer; port: number }> {
  const started = await startTrafficServer({ listen: ["127.0.0.1"], port: 0, ...options });
  running.push(started);
  return { server: started, port: started.bound[0]?.port ?? 0 };
}

/** Waits for a condition, at most 5 s. */
async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail(`not within 5 s: ${what}`);
}

function readAll(socket: Socket): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

describe("traffic server and client", () => {
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.close()));
  });

  for (const protocol of ["tcp", "udp"] as const) {
    it(`${protocol}: a batch records every connection with its server and its flow`, async () => {
      const { port, server: as1 } = await server({ name: "as1" });
      const client = new TrafficClient({ target: { address: "127.0.0.1", port }, protocol, rate: 2000 });
      const sources = Array.from({ length: 50 }, (_, i) => ({ address: "127.0.0.7", port: 21_000 + i }));
      const report = await client.connectBatch(50, { sources });
      assert.deepEqual(report.errors, {});
      assert.deepEqual(report.byServer, { as1: 50 });
      assert.equal(report.good, 50);
      report.records.forEach((record, i) => {
        assert.deepEqual(record.flow, {
          src: "127.0.0.7",
          dst: "127.0.0.1",
          protocol,
          srcPort: 21_000 + i,
          dstPort: port,
        });
        assert.equal(record.bytesReceived, 1024);
        assert.ok((record.endedMs ?? -1) >= (record.connectedMs ?? 0));
      });
      assert.equal(protocol === "tcp" ? as1.stats().accepted : as1.stats().datagrams, 50);
      const again = await client.connectBatch(50, { sources });
      assert.equal(again.good, 50, `the same flows can be had again at once: ${JSON.stringify(again.errors)}`);
    });

    it(`${protocol}: held connections see their server go`, async () => {
      const one = await server({ name: "one" });
      const client = new TrafficClient({
        target: { address: "127.0.0.1", port: one.port },
        protocol,
        rate: 1000,
        packetSize: 128,
        answerTimeoutMs: 700,
      });
      const held = await client.hold(20, { packetRate: 50 });
      assert.equal(held.alive, 20);
      assert.deepEqual(held.byServer, { one: 20 });
      await until("traffic", () => held.report().received > 100);
      const before = held.step();
      assert.deepEqual(before.broke, []);
      await one.server.close();
      await until("all broken", () => held.broken === 20);
      const after = held.step();
      assert.equal(after.broke.length, 20);
      assert.equal(after.alive, 0);
      const report = held.stop();
      assert.deepEqual(report.brokenByServer, { one: 20 });
      assert.ok(report.records.every((record) => record.breaks === 1));
      if (protocol === "udp") assert.ok(report.longestGapMs >= 600, `gap of ${report.longestGapMs} ms`);
    });
  }

  it("udp: a held flow survives a gap and tells that another server answers", async () => {
    const first = await server({ name: "first" });
    const client = new TrafficClient({ target: { address: "127.0.0.1", port: first.port }, protocol: "udp" });
    const held = await client.hold(5, { packetRate: 50 });
    await first.server.close();
    await server({ name: "second", port: first.port });
    await until("the second server answers all", () => held.byServer["second"] === 5);
    const step = held.step();
    assert.equal(step.changed.length, 5);
    assert.equal(step.broke.length, 0);
    assert.equal(held.stop().serverChanges, 5);
  });

  it("a refused, a silent and a lying server are three different errors", async () => {
    const others: Server[] = [];
    const listen = async (onSocket: (socket: Socket) => void): Promise<number> => {
      const other = createServer(onSocket);
      others.push(other);
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
      return (other.address() as AddressInfo).port;
    };
    const sockets: Socket[] = [];
    const silent = await listen((socket) => sockets.push(socket.on("error", () => undefined)));
    const lying = await listen((socket) =>
      socket.on("error", () => undefined).on("data", (data) => socket.write(Buffer.alloc(data.length, 1))),
    );
    const gone = await listen(() => undefined);
    await new Promise((resolve) => others[2]?.close(resolve));
    const error = async (port: number): Promise<Record<string, number>> => {
      const client = new TrafficClient({ target: { address: "127.0.0.1", port }, answerTimeoutMs: 200 });
      return { ...(await client.connectBatch(3)).errors };
    };
    assert.deepEqual(await error(gone), { ECONNREFUSED: 3 });
    assert.deepEqual(await error(silent), { ETIMEDOUT: 3 });
    assert.deepEqual(await error(lying), { EDAMAGED: 3 });
    for (const socket of sockets) socket.destroy();
    for (const other of others.slice(0, 2)) other.close();
  });

  it("udp: a late answer to who had the port before is no damage, a wrong one is", async () => {
    const server = createSocket("udp4");
    let isWrong = false;
    server.on("message", (packet, { port, address }) => {
      const other = makePacket(packet.length, 4711, sequenceIn(packet)!);
      if (isWrong) other[other.length - 1]! ^= 1;
      server.send(other, port, address, () => server.send(packet, port, address));
    });
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
    const target = { address: "127.0.0.1", port: server.address().port };
    const errors = async () => ({
      ...(await new TrafficClient({ target, protocol: "udp", packetSize: 200 }).connectBatch(5)).errors,
    });
    assert.deepEqual(await errors(), {});
    isWrong = true;
    assert.deepEqual(await errors(), { EDAMAGED: 5 });
    server.close();
  });

  it("an abort ends a batch with what there is", async () => {
    const { port } = await server({ name: "as1" });
    const stop = new AbortController();
    const client = new TrafficClient({ target: { address: "127.0.0.1", port }, rate: 50 });
    const batch = client.connectBatch(10_000, { signal: stop.signal });
    await until("some connections", () => (running[0]?.stats().accepted ?? 0) > 5);
    stop.abort();
    const report = await batch;
    assert.ok(report.connections < 1000);
    assert.equal(report.connections, report.records.length);
  });

  it("answers plain clients with its name as a line", async () => {
    const { port } = await server({ name: "as1", silenceMs: 50 });
    assert.equal(await readAll(connect({ host: "127.0.0.1", port }).end()), "as1\n");
    assert.equal(await readAll(connect({ host: "127.0.0.1", port })), "as1\n");
    const line = await server({ name: "as2", mode: "line" });
    assert.equal(await readAll(connect({ host: "127.0.0.1", port: line.port })), "as2\n");
  });

  it("answers datagrams from the address that they were sent to", async () => {
    const { createSocket } = await import("node:dgram");
    const anywhere = await startTrafficServer({ name: "any", port: 0 });
    running.push(anywhere);
    const port = anywhere.bound[0]?.port ?? 0;
    for (const address of ["127.0.0.1", "127.9.9.9", "127.0.200.3"]) {
      const socket = createSocket("udp4");
      const answer = new Promise<[string, string]>((resolve, reject) => {
        socket.once("message", (data, from) => resolve([String(data), from.address]));
        setTimeout(() => reject(new Error(`no answer from ${address}`)), 3000).unref();
      });
      socket.send("who", port, address);
      assert.deepEqual(await answer, ["any\n", address]);
      socket.close();
    }
  });

  it("works over IPv6", async () => {
    const { port } = await server({ name: "six", listen: ["::1"] });
    for (const protocol of ["tcp", "udp"] as const) {
      const client = new TrafficClient({ target: { address: "::1", port }, protocol });
      assert.deepEqual((await client.connectBatch(5)).byServer, { six: 5 });
    }
  });

  it("says what is in the way when it cannot listen", async () => {
    const { port } = await server({ name: "as1" });
    await assert.rejects(startTrafficServer({ listen: ["127.0.0.1"], port }), (error: unknown) => {
      assert.ok(error instanceof TrafficError && error.code === "LISTEN");
      assert.match(error.message, /EADDRINUSE/);
      return true;
    });
    await assert.rejects(startTrafficServer({ listen: ["192.0.2.77"], port: 0 }), /EADDRNOTAVAIL/);
    assert.throws(() => new TrafficClient({ target: { address: "somewhere", port: 1 } }), TrafficError);
  });

  it("reports in ctraffic's terms", async () => {
    const { port } = await server({ name: "as1" });
    const client = new TrafficClient({ target: { address: "127.0.0.1", port }, packetSize: 200 });
    const json = toCtraffic(await client.connectBatch(4), 10);
    assert.equal(json["Connections"], 4);
    assert.equal(json["FailedConnections"], 0);
    assert.equal(json["PacketSize"], 200);
    const stats = json["ConnStats"] as Record<string, unknown>[];
    assert.deepEqual(
      stats.map((one) => one["Host"]),
      ["as1", "as1", "as1", "as1"],
    );
    assert.ok(stats.every((one) => Number.isSafeInteger(one["Connect"]) && one["Remote"] === `127.0.0.1:${port}`));
  });
});
