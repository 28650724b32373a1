import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import fc from "fast-check";
import { AF_INET, AF_UNIX, POLLIN, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../../src/sys/constants.ts";
import { getAffinity, setAffinity } from "../../src/sys/affinity.ts";
import { errnoName, SysError } from "../../src/sys/errors.ts";
import { openEventFd } from "../../src/sys/eventfd.ts";
import { receiveFd, receiveWithFds, sendWithFds } from "../../src/sys/fdpass.ts";
import { ReceiveBatch, SendBatch } from "../../src/sys/messages.ts";
import { createMemfd, mapMemory } from "../../src/sys/mmap.ts";
import { pollFd } from "../../src/sys/poll.ts";
import { addressBytes, addressText, inetAddress, unixAddress } from "../../src/sys/sockaddr.ts";
import {
  bindSocket,
  closeFd,
  openSocket,
  openSocketPair,
  peerCredentials,
  readSome,
  setBufferSize,
  writeSome,
} from "../../src/sys/sockets.ts";
import { libc } from "../../src/sys/libc.ts";
import { openFds } from "./support.ts";

describe("sys: errors", () => {
  it("name the errno, the call and the object", () => {
    assert.equal(errnoName(2), "ENOENT");
    assert.equal(errnoName(99999), "UNKNOWN");
    assert.throws(
      () => receiveFd("/nonexistent/stats.sock"),
      (error: unknown) =>
        SysError.is(error, "ENOENT") &&
        error.syscall === "connect" &&
        error.errno === 2 &&
        error.message.includes("/nonexistent/stats.sock"),
    );
  });

  it("closing what is not open is an error", () => {
    assert.throws(() => closeFd(987654), { code: "EBADF", syscall: "close" });
  });
});

describe("sys: addresses", () => {
  it("text and bytes", () => {
    assert.deepEqual([...addressBytes("10.2.2.1")], [10, 2, 2, 1]);
    assert.equal(addressText(addressBytes("2001:db8:0:0:1:0:0:1")), "2001:db8::1:0:0:1");
    assert.equal(addressText(addressBytes("::")), "::");
    assert.equal(addressText(addressBytes("1::")), "1::");
    assert.equal(addressText(addressBytes("::ffff:10.0.0.1")), "::ffff:a00:1");
    assert.throws(() => addressBytes("10.2.2"), /not an IP address/);
  });

  it("any 16 bytes survive text and back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { minLength: 16, maxLength: 16 }),
        (list) => {
          const text = addressText(Uint8Array.from(list));
          assert.ok(isIPv6(text), text);
          assert.deepEqual([...addressBytes(text)], list);
        },
      ),
    );
  });

  it("a unix path that is too long is refused with its length", () => {
    assert.throws(() => unixAddress("/" + "x".repeat(120)), /at most 107 bytes, this has 121/);
  });
});

describe("sys: memory", () => {
  it("two mappings of a memfd share bytes; unmapping is idempotent", () => {
    const fd = createMemfd("test", 8192, { sealed: true });
    const a = mapMemory(8192, { fd });
    const b = mapMemory(4096, { fd, offset: 4096 });
    a.view.setUint32(4096, 0xdeadbeef);
    assert.equal(b.view.getUint32(0), 0xdeadbeef);
    assert.notEqual(a.address, b.address);
    assert.equal(libc().ftruncate(fd, 4096), -1, "sealed against shrinking");
    for (const mapping of [a, b, b]) mapping.close();
    closeFd(fd);
  });

  it("a failing mmap is a SysError", () => {
    assert.throws(() => mapMemory(4096, { fd: 987654 }), { code: "EBADF", syscall: "mmap" });
  });
});

describe("sys: descriptors over unix sockets", () => {
  it("passes a descriptor that reads the same file", () => {
    const before = openFds();
    const [a, b] = openSocketPair(SOCK_SEQPACKET);
    const event = openEventFd();
    sendWithFds(a, Uint8Array.of(7), [event.fd, event.fd]);
    const got = receiveWithFds(b);
    assert.ok(got !== undefined);
    assert.deepEqual([...got.data], [7]);
    assert.equal(got.fds.length, 2);
    event.signal();
    assert.equal(pollFd(got.fds[0] ?? -1, POLLIN, 1000), POLLIN);
    assert.equal(receiveWithFds(b), undefined);
    got.fds.forEach(closeFd);
    event.close();
    [a, b].forEach(closeFd);
    assert.ok(openFds() <= before);
  });

  it("receiveFd takes the descriptor that a SEQPACKET server hands out", async () => {
    const path = `\0vpplb-test-${process.pid}`;
    const server = new URL("../../src/sys/", import.meta.url).href;
    // receiveFd blocks this thread for its short wait, so the server is another process.
    const source = `
      import { acceptSocket, bindSocket, openSocket, closeFd } from "${server}sockets.ts";
      import { createMemfd, mapMemory } from "${server}mmap.ts";
      import { libc } from "${server}libc.ts";
      import { unixAddress } from "${server}sockaddr.ts";
      import { sendWithFds } from "${server}fdpass.ts";
      const fd = openSocket(1, 5);
      bindSocket(fd, unixAddress("\\0" + ${JSON.stringify(path.slice(1))}));
      libc().listen(fd, 1);
      const memfd = createMemfd("stats", 4096);
      mapMemory(4096, { fd: memfd }).bytes[9] = 42;
      process.stdout.write("ready");
      sendWithFds(acceptSocket(fd), Uint8Array.of(1), [memfd]);`;
    const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "-e", source], {
      cwd: new URL("../..", import.meta.url).pathname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const fd = receiveFd(path);
    const memory = mapMemory(4096, { fd, writable: false });
    assert.equal(memory.bytes[9], 42);
    memory.close();
    closeFd(fd);
    await once(child, "close");
    assert.throws(() => receiveFd(path), { code: "ECONNREFUSED" });
  });

  it("receiveFd gives up when no descriptor comes", () => {
    const path = `\0vpplb-test-silent-${process.pid}`;
    const server = openSocket(AF_UNIX, SOCK_SEQPACKET);
    bindSocket(server, unixAddress(path));
    assert.equal(libc().listen(server, 1), 0);
    assert.throws(() => receiveFd(path, 30), { code: "ETIMEDOUT" });
    closeFd(server);
  });

  it("tells the peer's process", () => {
    const [a, b] = openSocketPair(SOCK_STREAM);
    assert.equal(peerCredentials(a).pid, process.pid);
    assert.equal(peerCredentials(a).uid, process.getuid?.());
    [a, b].forEach(closeFd);
  });
});

describe("sys: batches", () => {
  it("sends and receives many datagrams a call, and tells truncation", () => {
    const receiver = openSocket(AF_INET, SOCK_DGRAM);
    bindSocket(receiver, inetAddress("127.0.0.1"));
    const name = new Uint8Array(16);
    libc().getsockname(receiver, name, new Uint8Array(Uint32Array.of(16).buffer));
    const sender = openSocket(AF_INET, SOCK_DGRAM);
    assert.ok(setBufferSize(receiver, "receive", 1 << 18) > 0);
    const out = new SendBatch(16, 256);
    const lengths = [1, 64, 65, 128, 200];
    for (const length of lengths) {
      out.bytes.fill(length, out.next(), out.next() + length);
      out.push(length, name);
    }
    assert.deepEqual(out.send(sender), { sent: 5, dropped: 0, errno: 0 });
    assert.equal(out.filled, 0);
    const into = new ReceiveBatch(4, 128);
    const seen: [number, number | undefined, boolean][] = [];
    while (seen.length < lengths.length && pollFd(receiver, POLLIN, 1000) !== 0) {
      const count = into.receive(receiver);
      for (let i = 0; i < count; i++) seen.push([into.length(i), into.bytes[into.offset(i)], into.truncated(i)]);
    }
    assert.deepEqual(seen, [
      [1, 1, false],
      [64, 64, false],
      [65, 65, false],
      [128, 128, false],
      [128, 200, true],
    ]);
    assert.equal(into.receive(receiver), 0);
    [receiver, sender].forEach(closeFd);
    out.close();
    into.close();
  });

  it("drops what the kernel refuses and goes on", () => {
    const sender = openSocket(AF_INET, SOCK_DGRAM);
    const out = new SendBatch(3, 64);
    for (const to of ["127.0.0.1", "255.255.255.255", "127.0.0.1"]) {
      assert.ok(out.next() >= 0);
      out.push(8, inetAddress(to, 9));
    }
    assert.equal(out.next(), -1);
    const result = out.send(sender);
    assert.deepEqual([result.sent, result.dropped, errnoName(result.errno)], [2, 1, "EACCES"]);
    closeFd(sender);
    out.close();
  });
});

describe("sys: small calls", () => {
  it("eventfd counts, reads and writes do not block", () => {
    const event = openEventFd();
    assert.equal(event.drain(), 0n);
    event.signal();
    event.signal();
    assert.equal(event.drain(), 2n);
    assert.equal(readSome(event.fd, new Uint8Array(8), 8), -1);
    event.close();
    event.close();
    assert.throws(() => writeSome(987654, Uint8Array.of(1), 1), { code: "EBADF" });
  });

  it("affinity can be read and set to what it was", () => {
    const cpus = getAffinity();
    assert.ok(cpus.length >= 1);
    setAffinity(cpus.slice(0, 1));
    assert.deepEqual(getAffinity(), cpus.slice(0, 1));
    setAffinity(cpus);
    assert.throws(() => setAffinity([1000]), { code: "EINVAL" });
  });
});
