import assert from "node:assert/strict";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { readlink } from "node:fs/promises";
import net from "node:net";
import { Worker } from "node:worker_threads";
import { AF_INET, AF_PACKET, SOCK_DGRAM } from "../../src/sys/constants.ts";
import { getOffloads, setOffloads } from "../../src/sys/ethtool.ts";
import { interfaceFlags, interfaceIndex, interfaceMac, interfaceMtu, interfaceUp } from "../../src/sys/ioctl.ts";
import { createNetns, inNetns, openNetns, spawnInNetns } from "../../src/sys/netns.ts";
import { closeFd, openSocket } from "../../src/sys/sockets.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { openTun } from "../../src/sys/tun.ts";
import { needNamespaces, openFds } from "./support.ts";

const here = (): string => readlinkSync("/proc/thread-self/ns/net");

describe("sys: network namespaces", () => {
  before(function () {
    needNamespaces(this);
  });

  it("a hop goes in and comes back, also after an error, also nested", () => {
    const before = here();
    const a = createNetns();
    const b = createNetns();
    assert.equal(here(), before);
    assert.notEqual(a.inode, b.inode);
    const seen = inNetns(a, () => [here(), inNetns(b, here), here()]);
    assert.deepEqual(seen, [`net:[${a.inode}]`, `net:[${b.inode}]`, `net:[${a.inode}]`]);
    assert.throws(
      () =>
        a.run(() => {
          throw new Error("inside");
        }),
      /inside/,
    );
    assert.equal(here(), before);
    a.close();
    b.close();
    assert.throws(() => a.run(here), /closed/);
  });

  it("refuses an asynchronous function and comes back", () => {
    const before = here();
    const a = createNetns();
    assert.throws(() => a.run(async () => Promise.resolve()), TypeError);
    assert.equal(here(), before);
    a.close();
  });

  it("pool threads stay in the own namespace", async () => {
    const before = here();
    const a = createNetns();
    a.run(() => undefined);
    // thread-self is whichever thread makes the call: here, one of the pool's.
    const threads = await Promise.all(Array.from({ length: 16 }, () => readlink("/proc/thread-self/ns/net")));
    assert.deepEqual([...new Set(threads)], [before]);
    assert.equal(here(), before);
    a.close();
  });

  it("children and workers start inside", async () => {
    const a = createNetns();
    const child = spawnInNetns(a, "readlink", ["/proc/self/ns/net"], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(child, "close");
    assert.equal(text.trim(), `net:[${a.inode}]`);
    const source = `const {parentPort}=require("node:worker_threads");
      parentPort.postMessage(require("node:fs").readlinkSync("/proc/thread-self/ns/net"))`;
    const worker = a.run(() => new Worker(source, { eval: true }));
    const [message] = (await once(worker, "message")) as [string];
    assert.equal(message, `net:[${a.inode}]`);
    await worker.terminate();
    a.close();
  });

  it("TCP sockets live in their namespace", async () => {
    const a = createNetns();
    a.run(() => interfaceUp("lo"));
    const server = net.createServer((socket) => socket.end("hello"));
    server.listen({ fd: listenTcp(a, "127.0.0.1", 5001) });
    await once(server, "listening");
    assert.throws(() => listenTcp(a, "127.0.0.1", 5001), { code: "EADDRINUSE", syscall: "bind" });
    const client = connectTcp(a, "127.0.0.1", 5001, { localAddress: "127.0.0.9", localPort: 4242 });
    let text = "";
    client.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(client, "close");
    assert.equal(text, "hello");
    const [refused] = (await once(connectTcp(a, "127.0.0.1", 5002), "error")) as [NodeJS.ErrnoException];
    assert.equal(refused.code, "ECONNREFUSED");
    const [outside] = (await once(connectTcp(openNetns("self"), "127.0.0.1", 5001), "error")) as [
      NodeJS.ErrnoException,
    ];
    assert.equal(outside.code, "ECONNREFUSED");
    server.close();
    a.close();
  });

  it("opens by path and by process, and says when there is none", () => {
    const a = createNetns();
    const again = openNetns(a.path);
    assert.equal(again.inode, a.inode);
    const self = openNetns({ pid: process.pid });
    assert.equal(`net:[${self.inode}]`, here());
    [a, again, self].forEach((one) => one.close());
    assert.throws(() => openNetns("/run/netns/does-not-exist"), { code: "ENOENT", syscall: "open" });
  });

  it("100 namespaces leave no descriptor", () => {
    const before = openFds();
    for (let i = 0; i < 100; i++) {
      const a = createNetns();
      a.run(() => closeFd(openSocket(AF_INET, SOCK_DGRAM)));
      a.close();
    }
    assert.ok(openFds() <= before);
  });
});

describe("sys: devices", () => {
  before(function () {
    needNamespaces(this);
  });

  it("reads an interface and names a missing one", () => {
    const a = createNetns();
    a.run(() => {
      assert.equal(interfaceIndex("lo"), 1);
      assert.equal(interfaceMtu("lo"), 65536);
      assert.equal(interfaceFlags("lo") & 1, 0);
      assert.deepEqual([...interfaceMac("lo")], [0, 0, 0, 0, 0, 0]);
      assert.throws(
        () => interfaceIndex("nope0"),
        /SIOCGIFINDEX nope0: ENODEV \(19\); there is no such network device/,
      );
      assert.throws(() => interfaceIndex("a name with spaces"), /1 to 15 bytes/);
      assert.throws(() => getOffloads("nope0"), { code: "ENODEV" });
      closeFd(openSocket(AF_PACKET, SOCK_DGRAM));
    });
    a.close();
  });

  it("a TUN device comes and goes, with offloads that can be switched and read back", function () {
    const a = createNetns();
    try {
      const tun = a.run(() => openTun({ name: "tst%d" }));
      assert.equal(tun.name, "tst0");
      a.run(() => {
        assert.ok(interfaceIndex("tst0") > 1);
        assert.throws(() => openTun({ name: "tst0" }), { code: "EBUSY" });
        assert.equal(getOffloads("tst0").gro, true);
        assert.deepEqual(setOffloads("tst0", { gro: false, gso: false }), []);
        assert.equal(getOffloads("tst0").gro, false);
        assert.equal(getOffloads("tst0").gso, false);
        assert.deepEqual(setOffloads("tst0", { gro: true }), []);
        assert.equal(getOffloads("tst0").gro, true);
      });
      tun.close();
      a.run(() => assert.throws(() => interfaceIndex("tst0"), { code: "ENODEV" }));
    } catch (error) {
      if (!/\/dev\/net\/tun/.test((error as Error).message)) throw error;
      console.log(`      skipped: ${(error as Error).message}`);
      this.skip();
    } finally {
      a.close();
    }
  });
});
