import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import fc from "fast-check";
import { GreDecapsulator, type GreMode } from "../../src/kernel/gre.ts";
import { onesComplementSum, parseGreHeader } from "../../src/kernel/gre-header.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { openTun } from "../../src/sys/tun.ts";
import { needNamespaces, needTun, openFds, until } from "../sys/support.ts";
import { openEncapsulator, sendGre } from "./encapsulator.ts";
import { withNamespaces } from "./support.ts";

const inner4 = [0x45, 0, 0, 20, ...new Array<number>(16).fill(0)];
const inner6 = [0x60, 0, 0, 0, ...new Array<number>(36).fill(0)];
const parse = (...bytes: number[]): unknown => parseGreHeader(Uint8Array.from([9, ...bytes]), 1, bytes.length);

describe("kernel: GRE header", () => {
  it("plain, key, sequence number, checksum", () => {
    assert.equal(parse(0, 0, 8, 0, ...inner4), 4);
    assert.equal(parse(0, 0, 0x86, 0xdd, ...inner6), 4);
    assert.equal(parse(0x20, 0, 8, 0, 1, 2, 3, 4, ...inner4), 8);
    assert.equal(parse(0x30, 0, 8, 0, 1, 2, 3, 4, 0, 0, 0, 1, ...inner4), 12);
    const good = [0x80, 0, 8, 0, 0, 0, 0, 0, ...inner4];
    const sum = ~onesComplementSum(Uint8Array.from(good), 0, good.length) & 0xffff;
    good.splice(4, 2, sum >> 8, sum & 0xff);
    assert.equal(parse(...good), 8);
    good[20] = 1;
    assert.equal(parse(...good), "checksum");
  });

  it("drops by reason", () => {
    assert.equal(parse(0, 0, 8), "truncated");
    assert.equal(parse(0, 0, 8, 0), "truncated");
    assert.equal(parse(0x20, 0, 8, 0, 1), "truncated");
    assert.equal(parse(0, 1, 0x88, 0x0b, ...inner4), "version");
    assert.equal(parse(0x40, 0, 8, 0, ...inner4), "flags");
    assert.equal(parse(0x04, 0, 8, 0, ...inner4), "flags");
    assert.equal(parse(0, 0, 0x65, 0x58, ...inner4), "protocol");
    assert.equal(parse(0, 0, 0x86, 0xdd, ...inner4), "protocol");
  });

  it("any bytes give a length within them or a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const result = parseGreHeader(bytes, 0, bytes.length);
        if (typeof result === "number") assert.ok(result >= 4 && result + 20 <= bytes.length);
      }),
    );
  });
});

/** lb 10.60.1.1 - veth - server 10.60.1.2; the VIPs on the server's lo; replies by the veth. */
async function topology(lb: Namespace, server: Namespace): Promise<void> {
  await lb.addVeth({
    name: "bvi",
    mac: "02:fe:00:00:00:01",
    peer: { name: "nsm0", mac: "02:fe:00:00:00:02", namespace: server },
  });
  await lb.addAddress("bvi", "10.60.1.1/24");
  await lb.addAddress("bvi", "2001:db8:60::1/64");
  await server.addAddress("nsm0", "10.60.1.2/24");
  await server.addAddress("nsm0", "2001:db8:60::2/64");
  await server.addAddress("lo", "10.2.2.0/24");
  await server.addRoute({ dst: "2001:db8:2::/64", type: "local", dev: "lo" });
  // Else the server asks for its gateway with the VIP as sender, and the gateway does not answer that.
  server.sysctl("net.ipv4.conf.all.arp_announce", 2);
  for (const dev of ["all", "default", "nsm0"]) server.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
  await server.addRoute({ dst: "default", via: "10.60.1.1", advmss: 1436 });
  await server.addRoute({ dst: "default", via: "2001:db8:60::1", advmss: 1396 });
  lb.offloadsOff("bvi");
  server.offloadsOff("nsm0");
}

/** Bytes that a server at `vip` counts of `total` sent to it through the tunnel. */
async function transfer(lb: Namespace, server: Namespace, vip: string, total: number): Promise<number> {
  let received = 0;
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    socket.on("end", () => socket.end(String(received)));
    socket.on("error", () => undefined);
  });
  // On the wildcard: an address that is local by a route only (AnyIP) cannot be bound to.
  listener.listen({ fd: listenTcp(server.netns, vip.includes(":") ? "::" : "0.0.0.0", 5001) });
  await once(listener, "listening");
  const client = connectTcp(lb.netns, vip, 5001);
  const chunk = Buffer.alloc(1 << 16, 7);
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (!client.write(chunk.subarray(0, Math.min(chunk.length, total - sent)))) await once(client, "drain");
  }
  client.end();
  let answer = "";
  client.on("data", (data: Buffer) => (answer += data.toString()));
  await once(client, "close");
  listener.close();
  return Number(answer);
}

describe("kernel: GRE decapsulation", () => {
  before(function () {
    needNamespaces(this);
    needTun(this);
  });

  for (const mode of ["tun", "veth"] as GreMode[]) {
    for (const outer of ["10.60.1.2", "2001:db8:60::2"]) {
      it(`TCP to IPv4 and IPv6 VIPs by ${mode}, outer ${outer}`, async function () {
        await withNamespaces(2, async (lb, server) => {
          assert.ok(lb !== undefined && server !== undefined);
          await topology(lb, server);
          const gre = await GreDecapsulator.open(server, { mode });
          const encapsulator = await openEncapsulator(lb, outer);
          try {
            await lb.addAddress(encapsulator.device, "10.70.0.0/31");
            await lb.addAddress(encapsulator.device, "2001:db8:70::/127");
            await lb.addRoute({ dst: "10.2.2.0/24", dev: encapsulator.device, src: "10.70.0.0", advmss: 1436 });
            await lb.addRoute({ dst: "2001:db8:2::/64", dev: encapsulator.device, src: "2001:db8:70::" });
            const total = 3_000_000;
            const start = performance.now();
            assert.equal(await transfer(lb, server, "10.2.2.33", total), total);
            assert.equal(await transfer(lb, server, "2001:db8:2::33", total), total);
            const ms = performance.now() - start;
            console.log(`      ${Math.round((2 * total * 8) / ms / 1000)} Mbit/s`);
            assert.equal(gre.mode, mode);
            assert.ok(gre.counters.packets > 100);
            assert.ok(gre.counters.bytes > 2 * total);
            assert.equal(gre.counters.errors, 0, gre.lastError?.message);
          } finally {
            encapsulator.close();
            await gre.close();
          }
        });
      });
    }
  }

  it("bad packets are counted by reason and nothing of them gets through", async () => {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await topology(lb, server);
      const gre = await GreDecapsulator.open(server, { mode: "tun" });
      const { dropped } = gre.counters;
      for (const to of ["10.60.1.2", "2001:db8:60::2"]) {
        sendGre(lb, to, Uint8Array.from([0, 1, 8, 0, ...inner4]));
        sendGre(lb, to, Uint8Array.from([0x40, 0, 8, 0, ...inner4]));
        sendGre(lb, to, Uint8Array.from([0x80, 0, 8, 0, 1, 2, 3, 4, ...inner4]));
        sendGre(lb, to, Uint8Array.from([0, 0, 8]));
        sendGre(lb, to, Uint8Array.from([0, 0, 0x12, 0x34, ...inner4]));
      }
      await until("the drops to be counted", () => dropped.protocol === 2);
      assert.deepEqual(dropped, { truncated: 2, version: 2, flags: 2, checksum: 2, protocol: 2, refused: 0 });
      assert.equal(gre.counters.packets, 0);
      await gre.close();
    });
  });

  it("closing removes the device, twice is once, 50 times leave no descriptor", async () => {
    await withNamespaces(1, async (server) => {
      assert.ok(server !== undefined);
      server.netlink;
      const before = openFds();
      for (let i = 0; i < 50; i++) {
        const gre = await GreDecapsulator.open(server, { mode: i % 2 === 0 ? "tun" : "veth" });
        assert.equal((await server.link("vpplbgre")).up, true);
        await gre.close();
        await gre.close();
      }
      await until("descriptors to be closed", () => openFds() <= before);
      assert.deepEqual(
        (await server.links()).filter((link) => link.name.startsWith("vpplb")),
        [],
      );
    });
  });

  it("a device name in use is an error that names it", async () => {
    await withNamespaces(1, async (server) => {
      assert.ok(server !== undefined);
      const other = server.run(() => openTun({ name: "vpplbgre" }));
      await assert.rejects(GreDecapsulator.open(server, { mode: "tun" }), {
        name: "KernelError",
        code: "BUSY",
        message: /create TUN device vpplbgre: .*EBUSY/,
      });
      other.close();
    });
  });

  it("the kernel's GRE, or a clear word that there is none", async () => {
    await withNamespaces(1, async (server) => {
      assert.ok(server !== undefined);
      try {
        const gre = await GreDecapsulator.open(server, { mode: "kernel" });
        assert.deepEqual(gre.devices, ["gre0", "ip6gre0"]);
        assert.equal((await server.link("gre0")).up, true);
        await gre.close();
        assert.equal((await server.link("gre0")).up, false);
      } catch (error) {
        assert.match((error as Error).message, /create gre gre0: .*this kernel may have no "gre" devices/);
        const auto = await GreDecapsulator.open(server);
        assert.notEqual(auto.mode, "kernel");
        await auto.close();
      }
    });
  });
});
