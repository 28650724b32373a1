import assert from "node:assert/strict";
import { join } from "node:path";
import { runCli } from "../../src/dataplane/cli/index.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { memifOf, type MemifArguments } from "../../src/dataplane/memif/memif.ts";
import type { InterfaceEvent } from "../../src/dataplane/model.ts";
import { EMPTY, MemifSlave } from "../../src/memif/index.ts";
import type { MemifLink } from "../../src/memif/index.ts";
import { writeSome } from "../../src/sys/sockets.ts";
import { eventually, memory, settledResources, socketDirectory, Told } from "../memif/support.ts";
import { ip4, macOf } from "./support.ts";

const ROOM = 9216;
const MAC = "02:fe:00:00:09:01";
const MASTER: MemifArguments = {
  ...{ id: 0, socketId: 0, isMaster: true, mode: 0, ringSize: 1024, bufferSize: 2048, rxQueues: 1, txQueues: 1 },
  ...{ zeroCopy: true, secret: "", mac: macOf(MAC) },
};

/** Who has `address`? From 10.9.0.9. */
function arpRequest(address: string): Uint8Array {
  const frame = Buffer.alloc(42, 0);
  frame.set(Buffer.from("ffffffffffff02000000000908060001080006040001020000000009", "hex"));
  frame.writeUInt32BE(ip4("10.9.0.9"), 28);
  frame.writeUInt32BE(ip4(address), 38);
  return frame;
}

describe("dataplane: memif", () => {
  let directory: ReturnType<typeof socketDirectory>;
  let dp: Dataplane;
  let told: Told;
  let slave: MemifSlave;
  const events: InterfaceEvent[] = [];

  beforeEach(() => {
    directory = socketDirectory();
    dp = new Dataplane({ runtimeDirectory: directory.path });
    events.length = 0;
    dp.onInterfaceEvent((event) => events.push(event));
    told = new Told();
    const socketPath = join(directory.path, "memif.sock");
    slave = new MemifSlave({ socketPath, id: 0, minRetryMs: 5, maxRetryMs: 20 }, told);
  });
  afterEach(() => {
    slave.stop();
    dp.close();
    directory.close();
  });

  function master(up = true): number {
    const { swIfIndex, retval } = memifOf(dp).create(MASTER);
    assert.equal(retval, undefined);
    if (up) dp.setAdminUp(swIfIndex, true);
    dp.addAddress(swIfIndex, ip4("10.9.0.1"), 24);
    return swIfIndex;
  }

  async function connected(): Promise<MemifLink> {
    slave.start();
    return eventually("the link is up", () => told.link);
  }

  /** Sends a frame and waits for the answer of the dataplane's loop, which sleeps in between. */
  async function ask(link: MemifLink, frame: Uint8Array): Promise<Buffer> {
    const [from, to] = [memory(), memory()];
    from.bytes.set(frame);
    assert.ok(link.transmit[0]!.send(from, 0, frame.length));
    link.transmit[0]!.flush();
    const [queue] = link.receive;
    const length = await eventually("an answer", () => {
      queue!.look();
      const read = queue!.read(to, 0, ROOM);
      return read === EMPTY ? undefined : read;
    });
    queue!.release();
    return Buffer.from(to.bytes.subarray(0, length));
  }

  it("answers, wakes for a single packet, and sleeps without one", async () => {
    master();
    const link = await connected();
    for (let i = 0; i < 50; i += 1) {
      const reply = await ask(link, arpRequest("10.9.0.1"));
      assert.equal(reply.subarray(22, 28).toString("hex"), MAC.replaceAll(":", ""));
      // Long enough that the loop goes to sleep in between, most of the time.
      await new Promise((resolve) => setTimeout(resolve, i % 5));
    }
    let usage = process.cpuUsage();
    let atMs = performance.now();
    await eventually("a stretch with next to no CPU", () => {
      const elapsedMs = performance.now() - atMs;
      if (elapsedMs < 200) return false;
      const used = process.cpuUsage(usage);
      [usage, atMs] = [process.cpuUsage(), performance.now()];
      return (used.user + used.system) / 1000 < elapsedMs / 5;
    });
  });

  it("has the link of its connection, and goes down with its admin state as VPP's does", async () => {
    const index = master(false);
    const link = (): boolean => dp.interfaces.get(index)!.linkUp;
    assert.equal(link(), false);
    await connected();
    await eventually("a master that is down can be connected to", link);
    dp.setAdminUp(index, true);
    assert.ok(link());
    dp.setAdminUp(index, false);
    assert.ok(!link() && told.link !== undefined, "the connection stays");
    dp.setAdminUp(index, true);
    assert.ok(link());
    slave.stop();
    await eventually("the link goes with the peer", () => !link());
    assert.deepEqual(
      events.slice(-2).map(({ adminUp, linkUp }) => [adminUp, linkUp]),
      [
        [true, true],
        [true, false],
      ],
    );
  });

  it("as slave connects while it is up, and again while it stays so", async () => {
    const other = new Dataplane({ runtimeDirectory: directory.path });
    try {
      const { swIfIndex: index } = memifOf(other).create({ ...MASTER, isMaster: false });
      const linkUp = (): boolean => other.interfaces.get(index)!.linkUp;
      const first = master();
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(linkUp(), false, "not while it is down");
      other.setAdminUp(index, true);
      await eventually("it is up", linkUp);
      memifOf(dp).delete(first);
      await eventually("it is down", () => !linkUp());
      const { output } = await runCli(other, "show memif\n");
      assert.match(output, /local-disc-reason "disconnect received"\n {2}remote-disc-reason "interface deleted"/);
      master();
      await eventually("it is up again", linkUp);
    } finally {
      other.close();
    }
  });

  it("counts descriptors that are bad, ends a peer that contradicts itself, and takes it back", async () => {
    const index = master();
    const link = await connected();
    const { ring } = link.transmit[0]!;
    const { view } = ring.region;
    const counter = dp.errors.register("memif-input", "bad descriptor");
    view.setUint32(ring.descriptors + 4, 60, true);
    view.setUint32(ring.descriptors + 8, 0xfffffff0, true);
    const source = memory();
    link.transmit[0]!.send(source, 0, 60);
    view.setUint32(ring.descriptors + 8, 0xfffffff0, true);
    link.transmit[0]!.flush();
    await eventually("it is counted", () => counter.count === 1);
    assert.equal(memifOf(dp).of(index)!.side.state, "connected");

    ring.head = (ring.head + 5000) & 0xffff;
    link.transmit[0]!.ring.region.view.setUint16(ring.offset + 4, 0, true);
    await eventually("it is ended", () => {
      // The loop sleeps: a write to its eventfd is what a peer would do.
      if (told.link !== undefined && told.link === link) wakeUp(link);
      return told.errors.length > 0;
    });
    assert.match(told.errors[0]!.error.reason, /packets in a ring of 1024/);
    await eventually("it is back", () => told.link !== undefined && dp.interfaces.get(index)!.linkUp);
    assert.equal((await ask(told.link!, arpRequest("10.9.0.1"))).length, 42);
  });

  it("counts what a peer that reads nothing has no room for, and loses nothing else", async () => {
    const index = master();
    const link = await connected();
    const [to, from] = [link.transmit[0]!, link.receive[0]!];
    const [source, target] = [memory(), memory()];
    const { counters } = dp.interfaces.get(index)!;
    const total = from.ring.size + 700;
    for (let sent = 0; sent < total;) {
      source.bytes.set(arpRequest("10.9.0.1"));
      // Each has a sender of its own: answers can be told apart.
      for (const mac of [6, 22]) source.view.setUint16(mac + 4, sent);
      if (to.send(source, 0, 42)) sent += 1;
      if (to.noFreeSlots === 0 && sent < total) continue;
      to.noFreeSlots = 0;
      to.flush();
      await eventually("all are read", () => counters.rxPackets === sent);
    }
    assert.equal(dp.errors.register("memif0/0-tx", "no free tx slots").count, 700);
    assert.deepEqual([counters.txPackets, counters.txError], [total, 700]);
    assert.equal(from.look(), from.ring.size);
    for (let i = 0; i < from.ring.size; i += 1) {
      assert.equal(from.read(target, 0, ROOM), 42);
      assert.equal(target.view.getUint16(4), i, "in order");
    }
    from.release();
    assert.equal((await ask(link, arpRequest("10.9.0.1"))).length, 42);
  });

  it("leaves nothing behind when it is deleted", async () => {
    await connectedAndDeleted();
    const before = await settledResources();
    for (let i = 0; i < 10; i += 1) await connectedAndDeleted();
    assert.deepEqual(await settledResources(), before);
  });

  async function connectedAndDeleted(): Promise<void> {
    const index = master();
    await connected();
    await eventually("both are up", () => dp.interfaces.get(index)!.linkUp);
    slave.stop();
    told.link = undefined;
    assert.equal(memifOf(dp).delete(index), 0);
    assert.equal(memifOf(dp).delete(index), -2);
  }
});

/** Writes to the eventfd of the ring towards the dataplane. */
function wakeUp(link: MemifLink): void {
  writeSome(link.transmit[0]!.interruptFd, new Uint8Array(BigUint64Array.of(1n).buffer), 8);
}
