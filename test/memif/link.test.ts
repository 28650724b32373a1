import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { BAD, EMPTY, MemifListener, MemifMaster, MemifSlave } from "../../src/memif/index.ts";
import type { MemifLink } from "../../src/memif/index.ts";
import { AF_UNIX, SOCK_SEQPACKET } from "../../src/sys/constants.ts";
import { libc } from "../../src/sys/libc.ts";
import { pollFd } from "../../src/sys/poll.ts";
import { unixAddress } from "../../src/sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket } from "../../src/sys/sockets.ts";
import {
  connectedPair,
  eventually,
  memory,
  resources,
  settledResources,
  socketDirectory,
  Told,
  type Pair,
} from "./support.ts";

const ROOM = 9216;

/** Sends packets of these lengths and reads them at the other end, a few at a time; compares every byte. */
function transfer(from: MemifLink, to: MemifLink, lengths: readonly number[], burst: number): void {
  const source = memory(1 << 17);
  for (let i = 0; i < source.bytes.length; i += 1) source.bytes[i] = (i * 31) ^ (i >> 8);
  const target = memory();
  const [tx, rx] = [from.transmit[0]!, to.receive[0]!];
  for (let at = 0; at < lengths.length; at += burst) {
    const some = lengths.slice(at, at + burst);
    some.forEach((length, i) => assert.ok(tx.send(source, at + i, length), `packet ${at + i} finds room`));
    tx.flush();
    rx.look();
    some.forEach((length, i) => {
      assert.equal(rx.read(target, 64, ROOM), length);
      const wanted = source.bytes.subarray(at + i, at + i + length);
      assert.equal(Buffer.compare(target.bytes.subarray(64, 64 + length), wanted), 0, `bytes of packet ${at + i}`);
    });
    assert.equal(rx.read(target, 64, ROOM), EMPTY);
    rx.release();
  }
}

describe("a memif link", () => {
  let pair: Pair | undefined;
  afterEach(() => {
    pair?.close();
    pair = undefined;
  });

  it("is established by both roles, with names", async () => {
    pair = await connectedPair({ name: "slave", interfaceName: "s0" }, { name: "master", interfaceName: "m0" });
    assert.deepEqual(pair.atMaster.peer, { remoteName: "slave", remoteInterfaceName: "s0" });
    assert.equal(pair.atSlave.peer?.remoteInterfaceName, "m0");
    assert.deepEqual([pair.master.state, pair.slave.state], ["connected", "connected"]);
  });

  for (const [bufferSize, ringSize] of [
    [2048, 1024],
    [256, 16],
    [64, 1024],
  ] as const) {
    it(`carries packets of any length both ways: ${ringSize} buffers of ${bufferSize} bytes`, async () => {
      pair = await connectedPair({ bufferSize, ringSize });
      const { atMaster, atSlave } = pair;
      const longest = Math.min(ROOM, bufferSize * ringSize);
      const lengths = fc.sample(fc.integer({ min: 1, max: longest }), { seed: 5, numRuns: 3000 });
      transfer(atSlave.link!, atMaster.link!, [1, longest, ...lengths], 1);
      transfer(atMaster.link!, atSlave.link!, [1, longest, ...lengths], 1);
      const short = lengths.map((length) => 1 + (length % bufferSize));
      transfer(atSlave.link!, atMaster.link!, short, 11);
      transfer(atMaster.link!, atSlave.link!, short, 11);
    });
  }

  it("tells when the ring is full, loses that packet alone and goes on", async () => {
    pair = await connectedPair({ ringSize: 8, bufferSize: 128 });
    const ends = [pair.atMaster.link!, pair.atSlave.link!] as const;
    for (const [from, to] of [ends, [ends[1], ends[0]]] as const) {
      const [tx, rx] = [from.transmit[0]!, to.receive[0]!];
      const [source, target] = [memory(), memory()];
      for (let round = 0; round < 9000; round += 1) {
        for (let i = 0; i < 7; i += 1) assert.ok(tx.send(source, 0, 60));
        assert.ok(!tx.send(source, 0, 129), "two buffers are not free");
        assert.ok(tx.send(source, 0, 128));
        assert.ok(!tx.send(source, 0, 60));
        tx.flush();
        assert.equal(rx.look(), 8);
        for (let i = 0; i < 7; i += 1) assert.equal(rx.read(target, 0, ROOM), 60);
        assert.equal(rx.read(target, 0, ROOM), 128);
        rx.release();
      }
      assert.equal(tx.noFreeSlots, 18000);
      assert.equal(from.fault ?? to.fault, undefined);
    }
  });

  it("throws away what is longer than the reader's room, and goes on", async () => {
    pair = await connectedPair();
    const [tx, rx] = [pair.atSlave.link!.transmit[0]!, pair.atMaster.link!.receive[0]!];
    const source = memory();
    for (const length of [100, 5000, 200]) assert.ok(tx.send(source, 0, length));
    tx.flush();
    rx.look();
    assert.deepEqual(
      [100, BAD, 200, EMPTY],
      [0, 1, 2, 3].map(() => rx.read(source, 0, 1500)),
    );
    assert.equal(rx.bad, 1);
  });

  it("wakes who sleeps, and not who polls", async () => {
    pair = await connectedPair();
    for (const [from, to] of [
      [pair.atSlave.link!, pair.atMaster.link!],
      [pair.atMaster.link!, pair.atSlave.link!],
    ] as const) {
      const [tx, rx] = [from.transmit[0]!, to.receive[0]!];
      const source = memory();
      const send = (): void => {
        assert.ok(tx.send(source, 0, 60));
        tx.flush();
      };
      const readable = (): boolean => pollFd(to.fd, 1, 0) !== 0;
      to.wake();
      send();
      assert.ok(!readable(), "he polls");
      assert.equal(to.sleep(), false, "there is a packet to be read first");
      rx.look();
      rx.read(source, 0, ROOM);
      rx.release();
      assert.equal(to.sleep(), true);
      assert.ok(!readable());
      send();
      assert.ok(readable());
      to.wake();
      assert.ok(!readable());
    }
  });

  it("has several queues where both want them", async () => {
    pair = await connectedPair({ receiveQueues: 3, transmitQueues: 2 });
    assert.deepEqual([pair.atMaster.link!.transmit.length, pair.atMaster.link!.receive.length], [3, 2]);
    const source = memory();
    for (const [i, queue] of pair.atMaster.link!.transmit.entries()) {
      assert.ok(queue.send(source, 0, 100 + i));
      queue.flush();
    }
    for (const [i, queue] of pair.atSlave.link!.receive.entries()) {
      queue.look();
      assert.equal(queue.read(source, 0, ROOM), 100 + i);
    }
  });

  it("comes back after either side ended it, 100 times, and leaves nothing behind", async () => {
    pair = await connectedPair({ maxRetryMs: 5 });
    const { master, slave, atMaster, atSlave } = pair;
    const before = await settledResources();
    for (let round = 0; round < 100; round += 1) {
      const [side, told, own] =
        round % 2 === 0 ? ([master, atSlave, atMaster] as const) : ([slave, atMaster, atSlave] as const);
      side.stop("for a test");
      own.link = undefined;
      await eventually("the other side hears of it", () => told.errors.at(-1)?.error.reason === "for a test");
      told.errors.length = 0;
      side.start();
      await eventually("it comes back", () => atMaster.link && atSlave.link);
    }
    transfer(atSlave.link!, atMaster.link!, [100, 1500], 1);
    assert.deepEqual(await settledResources(), before);
  });

  it("leaves no descriptor and no mapping when all is closed", async () => {
    const before = await settledResources();
    for (let round = 0; round < 10; round += 1) {
      const one = await connectedPair();
      assert.equal(resources().memfdMappings, before.memfdMappings + 2);
      one.close();
    }
    assert.deepEqual(await settledResources(), before);
  });
});

describe("a memif listener", () => {
  let directory: ReturnType<typeof socketDirectory>;
  let path: string;
  const open: { close(): void }[] = [];
  beforeEach(() => {
    directory = socketDirectory();
    path = join(directory.path, "m.sock");
  });
  afterEach(() => {
    for (const each of open.splice(0).reverse()) each.close();
    directory.close();
  });

  function listen(at = path): MemifListener {
    const listener = MemifListener.open(at);
    open.push(listener);
    return listener;
  }

  function slaveOf(options: { id: number; secret?: string; socketPath?: string }): Told {
    const told = new Told();
    const slave = new MemifSlave({ socketPath: path, minRetryMs: 5, maxRetryMs: 20, ...options }, told);
    slave.start();
    open.push({ close: () => slave.stop() });
    return told;
  }

  function masterOf(listener: MemifListener, options: { id: number; secret?: string }): Told {
    const told = new Told();
    new MemifMaster(listener, options, told).start();
    return told;
  }

  it("serves several interfaces by id", async () => {
    const listener = listen();
    const masters = [0, 1, 0xffffffff].map((id) => masterOf(listener, { id }));
    const slaves = [0xffffffff, 0, 1].map((id) => slaveOf({ id }));
    await eventually("all are up", () => [...masters, ...slaves].every((told) => told.link));
    assert.throws(() => masterOf(listener, { id: 1 }), { code: "OPTION" });
  });

  it("refuses a second slave while the first lives", async () => {
    const listener = listen();
    const master = masterOf(listener, { id: 0 });
    const first = slaveOf({ id: 0 });
    await eventually("the first is up", () => first.link);
    const second = slaveOf({ id: 0 });
    await eventually("the second is refused", () => second.errors.at(-1)?.error.reason === "already connected");
    assert.ok(first.link && master.link);
  });

  it("refuses wrong ids and secrets with VPP's words", async () => {
    const listener = listen();
    masterOf(listener, { id: 0, secret: "right" });
    for (const [options, reason] of [
      [{ id: 1 }, "unmatched interface id"],
      [{ id: 0 }, "secret required"],
      [{ id: 0, secret: "wrong" }, "incorrect secret"],
    ] as const) {
      const told = slaveOf(options);
      const { error } = await eventually("refusal", () => told.errors[0]);
      assert.deepEqual([error.code, error.reason], ["REJECTED", reason]);
    }
    const told = slaveOf({ id: 0, secret: "right" });
    await eventually("the right one is up", () => told.link);
  });

  it("is waited for: a slave may start first", async () => {
    const told = slaveOf({ id: 0 });
    await eventually("an attempt fails", () => told.errors[0]);
    assert.equal(told.errors[0]!.error.code, "CONNECT");
    const master = masterOf(listen(), { id: 0 });
    await eventually("it is up", () => told.link && master.link);
  });

  it("replaces a stale socket file, and nothing else", async () => {
    const fd = openSocket(AF_UNIX, SOCK_SEQPACKET);
    bindSocket(fd, unixAddress(path));
    closeFd(fd);
    assert.ok(existsSync(path), "a file without a listener");
    listen().close();
    assert.ok(!existsSync(path), "removed at the end");

    writeFileSync(path, "data");
    assert.throws(() => listen(), { code: "LISTEN" });
    const other = join(directory.path, "other.sock");
    listen(other);
    assert.throws(() => listen(other), { code: "LISTEN" }, "somebody listens");
    const stream = join(directory.path, "stream.sock");
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(stream, resolve));
    assert.throws(() => listen(stream), { code: "LISTEN" }, "somebody listens with another type of socket");
    assert.ok(existsSync(stream));
    server.close();
  });

  it("can be abstract", async () => {
    const name = `@vpplb-test-${process.pid}`;
    const master = masterOf(listen(name), { id: 0 });
    const told = slaveOf({ id: 0, socketPath: name });
    await eventually("it is up", () => told.link && master.link);
  });

  it("closes connections that say nothing", async () => {
    const listener = MemifListener.open(path, { handshakeTimeoutMs: 30 });
    open.push(listener);
    const before = resources().fds;
    const fd = openSocket(AF_UNIX, SOCK_SEQPACKET);
    const address = unixAddress(path);
    assert.equal(libc().connect(fd, address, address.length), 0);
    await eventually("it is accepted", () => resources().fds > before + 1);
    await eventually("it is closed", () => resources().fds === before + 1);
    closeFd(fd);
  });

  it("refuses options that cannot be", () => {
    const told = new Told();
    for (const options of [
      { ringSize: 1000 },
      { ringSize: 0 },
      { ringSize: 32768 },
      { bufferSize: 0 },
      { receiveQueues: 0 },
    ]) {
      assert.throws(() => new MemifSlave({ socketPath: path, id: 0, ...options }, told), { code: "OPTION" });
    }
    assert.throws(() => new MemifSlave({ socketPath: path, id: -1 }, told), { code: "OPTION" });
  });
});
