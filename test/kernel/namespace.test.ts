import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import net from "node:net";
import { KernelError } from "../../src/kernel/errors.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { needNamespaces, openFds, until } from "../sys/support.ts";
import { withNamespaces } from "./support.ts";

const MAC_A = "02:fe:00:00:00:0a";
const MAC_B = "02:fe:00:00:00:0b";

/** a (10.1.0.1, 2001:db8:1::1) - veth - b (10.1.0.2, 2001:db8:1::2) */
async function connect(a: Namespace, b: Namespace): Promise<void> {
  await a.addVeth({ name: "va", mac: MAC_A, peer: { name: "vb", mac: MAC_B, namespace: b } });
  await a.addAddress("va", "10.1.0.1/24");
  await a.addAddress("va", "2001:db8:1::1/64");
  await b.addAddress("vb", "10.1.0.2/24");
  await b.addAddress("vb", "2001:db8:1::2/64");
}

async function echo(from: Namespace, to: Namespace, address: string): Promise<string> {
  const server = net.createServer((socket) => socket.end(`you are ${socket.remoteAddress}`));
  server.listen({ fd: listenTcp(to.netns, address, 5001) });
  await once(server, "listening");
  const client = connectTcp(from.netns, address, 5001);
  let text = "";
  client.on("data", (chunk: Buffer) => (text += chunk.toString()));
  try {
    await once(client, "close");
    return text;
  } finally {
    client.destroy();
    server.close();
  }
}

describe("kernel: namespaces and veth", () => {
  before(function () {
    needNamespaces(this);
  });

  it("TCP over a veth pair, IPv4 and IPv6, at once", async () => {
    await withNamespaces(2, async (a, b) => {
      assert.ok(a !== undefined && b !== undefined);
      await connect(a, b);
      assert.equal(await echo(a, b, "10.1.0.2"), "you are 10.1.0.1");
      assert.equal(await echo(a, b, "2001:db8:1::2"), "you are 2001:db8:1::1");
      assert.equal((await a.link("va")).mac, MAC_A);
      assert.equal((await b.link("vb")).mac, MAC_B);
      const learned = (await a.neighbours()).find((one) => one.address === "10.1.0.2");
      assert.equal(learned?.mac, MAC_B);
    });
  });

  it("everything twice is as once", async () => {
    await withNamespaces(2, async (a, b) => {
      assert.ok(a !== undefined && b !== undefined);
      const state = async (): Promise<unknown> => ({
        links: await a.links(),
        addresses: await a.addresses("va"),
        routes: (await a.routes()).map((route) => JSON.stringify(route)).sort(),
        rules: await a.rules(),
      });
      const apply = async (): Promise<void> => {
        await connect(a, b);
        await a.setLink("va", { mtu: 1400 });
        await a.addBridge("br0", { mac: "02:fe:00:00:00:01" });
        await a.addRoute({ dst: "10.9.0.0/16", via: "10.1.0.2" });
        await a.addRoute({ dst: "default", via: "2001:db8:1::2", table: 222, advmss: 1396 });
        await a.addRule({ from: "10.2.2.0/24", table: 222 });
        await a.addRule({ from: "2001:db8:2::/64", table: 222, priority: 100 });
        a.sysctl("net.ipv4.ip_forward", 1);
        a.offloadsOff("va");
      };
      await apply();
      const first = await state();
      await apply();
      assert.deepEqual(await state(), first);
    });
  });

  it("a pair that is only half there is an error", async () => {
    await withNamespaces(2, async (a, b) => {
      assert.ok(a !== undefined && b !== undefined);
      await a.addBridge("va");
      await assert.rejects(a.addVeth({ name: "va", peer: { name: "vb", namespace: b } }), { code: "EXISTS" });
      await a.addVeth({ name: "vx", peer: { name: "vy" } });
      await assert.rejects(a.addBridge("vx"), /a device of that name exists and is veth/);
      assert.equal(await a.deleteLink("va"), true);
      assert.equal(await a.deleteLink("va"), false);
    });
  });

  it("errors name what was asked for and what there is", async () => {
    await withNamespaces(1, async (a) => {
      assert.ok(a !== undefined);
      await assert.rejects(a.setLink("eth7", { up: true }), {
        code: "NOT_FOUND",
        message: 'there is no network device "eth7" in this network namespace, only: lo',
      });
      await assert.rejects(
        a.addAddress("eth7", "10.0.0.1/24"),
        /device eth7 in namespace test0.*no such network device/,
      );
      await assert.rejects(a.addAddress("lo", "10.0.0.300"), { code: "INVALID" });
      await assert.rejects(a.addRoute({ dst: "10.0.0.0/8", via: "10.1.0.9" }), {
        message: /add route 10.0.0.0\/8 via 10.1.0.9: .*is the device up, and the gateway in the subnet/,
      });
      await assert.rejects(a.addRoute({ dst: "10.0.0.0/8", via: "2001:db8::1" }), { code: "INVALID" });
      assert.throws(() => a.sysctl("net.ipv4.nonsense"), { code: "NOT_FOUND", name: "KernelError" });
      assert.throws(() => a.offloads("eth7"), { code: "NOT_FOUND" });
      assert.throws(() => Namespace.open("no-such-name"), { code: "NOT_FOUND" });
      await assert.rejects(a.addDummy("a-name-that-is-too-long"), { code: "INVALID" });
    });
  });

  it("offloads are off when it says so", async () => {
    await withNamespaces(1, async (a) => {
      assert.ok(a !== undefined);
      await a.addVeth({ name: "va", peer: { name: "vb" } });
      assert.equal(a.offloads("va").tso, true);
      a.offloadsOff("va");
      assert.deepEqual(a.offloads("va"), { tx: false, sg: false, tso: false, gso: false, gro: false, rx: true });
      assert.equal(a.offloads("vb").tso, true, "the peer's are its own");
    });
  });

  it("routes: table, advmss, multipath with weights, onlink, local, deletion", async () => {
    await withNamespaces(2, async (a, b) => {
      assert.ok(a !== undefined && b !== undefined);
      await connect(a, b);
      await a.addRoute({ dst: "10.5.0.0/16", via: "10.1.0.2", table: 222, advmss: 1436, mtu: 1450, src: "10.1.0.1" });
      await a.addRoute({
        dst: "10.2.2.0/24",
        multipath: [{ via: "10.1.0.2", weight: 2 }, { via: "10.1.0.3" }],
      });
      await a.addRoute({ dst: "2001:db8:9::/64", multipath: [{ via: "2001:db8:1::2" }, { via: "2001:db8:1::3" }] });
      await a.addRoute({ dst: "default", via: "192.0.2.1", dev: "va", onlink: true });
      await a.addRoute({ dst: "2001:db8:2::/64", type: "local", dev: "lo" });
      const routes = await a.routes();
      const find = (dst: string): (typeof routes)[number] | undefined => routes.find((one) => one.dst === dst);
      const policy = find("10.5.0.0/16");
      assert.deepEqual(
        [policy?.table, policy?.advmss, policy?.mtu, policy?.src, policy?.via],
        [222, 1436, 1450, "10.1.0.1", "10.1.0.2"],
      );
      assert.deepEqual(
        find("10.2.2.0/24")?.multipath?.map((path) => [path.via, path.weight]),
        [
          ["10.1.0.2", 2],
          ["10.1.0.3", 1],
        ],
      );
      assert.equal(find("default")?.via, "192.0.2.1");
      assert.equal(find("2001:db8:2::/64")?.type, 2);
      assert.equal(find("2001:db8:9::/64")?.multipath?.length, 2);
      assert.equal(await a.deleteRoute({ dst: "10.5.0.0/16", table: 222 }), true);
      assert.equal(await a.deleteRoute({ dst: "10.5.0.0/16", table: 222 }), false);
      assert.equal(
        (await a.routes()).some((one) => one.dst === "10.5.0.0/16"),
        false,
      );
    });
  });

  it("rules: both families, no doubles, deletion", async () => {
    await withNamespaces(1, async (a) => {
      assert.ok(a !== undefined);
      const before = await a.rules();
      for (const spec of [
        { from: "10.2.2.0/24", table: 222 },
        { from: "2001:db8:2::/64", to: "2001:db8:3::1/128", table: 1000, priority: 50 },
        { iif: "lo", table: 7, family: 6 as const },
      ]) {
        await a.addRule(spec);
        await a.addRule(spec);
        assert.equal((await a.rules()).length, before.length + 1);
        assert.equal(await a.deleteRule(spec), true);
        assert.equal(await a.deleteRule(spec), false);
        assert.deepEqual(await a.rules(), before);
      }
    });
  });

  it("sysctls are the namespace's", async () => {
    await withNamespaces(2, async (a, b) => {
      assert.ok(a !== undefined && b !== undefined);
      a.sysctl("net.ipv4.conf.all.arp_announce", 2);
      assert.equal(a.sysctl("net.ipv4.conf.all.arp_announce"), "2");
      assert.equal(b.sysctl("net.ipv4.conf.all.arp_announce"), "0");
    });
  });

  it("a named namespace outlives its handle and can be removed", async () => {
    const name = `vpplb-test-${process.pid}`;
    const a = await Namespace.create("kept");
    try {
      a.persist(name);
      assert.throws(() => a.persist(name), { code: "EXISTS" });
      await a.addBridge("keepme");
      const { inode } = a.netns;
      a.close();
      const again = Namespace.open(name);
      assert.equal(again.netns.inode, inode);
      assert.equal((await again.link("keepme")).kind, "bridge");
      again.close();
    } finally {
      assert.equal(Namespace.remove(name), true);
      assert.equal(Namespace.remove(name), false);
    }
    assert.equal(existsSync(`/run/netns/${name}`), false);
  });

  it("many questions at once, also while something changes, are all answered", async () => {
    await withNamespaces(1, async (one) => {
      assert.ok(one !== undefined);
      await one.addVeth({ name: "a", peer: { name: "b" } });
      const asked = Array.from({ length: 30 }, async (_, i) => {
        await one.addAddress("a", `10.1.${i}.1/24`);
        const [links, addresses, routes, rules] = await Promise.all([
          one.links(),
          one.addresses("a"),
          one.routes(),
          one.rules(),
        ]);
        assert.ok(addresses.some(({ prefix }) => prefix === `10.1.${i}.1/24`));
        return [links.length, routes.length > 0, rules.length > 0];
      });
      for (const answer of await Promise.all(asked)) assert.deepEqual(answer, [3, true, true]);
    });
  });

  it("closed is closed", async () => {
    const a = await Namespace.create("closing");
    const pending = a.links();
    a.close();
    a.close();
    await assert.rejects(pending, { code: "CLOSED" });
    await assert.rejects(async () => a.links(), { code: "CLOSED" });
    assert.ok(KernelError.is(new KernelError("BUSY", ""), "BUSY"));
  });

  it("50 namespaces with veth leave no descriptor", async function () {
    this.timeout(60_000);
    const before = openFds();
    for (let i = 0; i < 50; i++) {
      await withNamespaces(2, async (a, b) => {
        assert.ok(a !== undefined && b !== undefined);
        await a.addVeth({ name: "va", peer: { name: "vb", namespace: b } });
        a.offloadsOff("va");
      });
    }
    await until("descriptors to be closed", () => openFds() <= before);
  });

  it("we may make namespaces, and say how", () => {
    assert.equal(ensureNetAdmin().kind, "allowed");
  });

  it("an ordinary user gets everything in a user namespace, by starting itself again", function () {
    this.timeout(60_000);
    const root = new URL("../..", import.meta.url);
    const source = `
      const { Namespace } = await import(${JSON.stringify(new URL("src/kernel/namespace.ts", root).href)});
      const { GreDecapsulator } = await import(${JSON.stringify(new URL("src/kernel/gre.ts", root).href)});
      const privileges = await import(${JSON.stringify(new URL("src/kernel/privileges.ts", root).href)});
      const admin = privileges.ensureNetAdmin();
      console.log(admin.kind, process.getuid());
      if (admin.kind === "refused") { console.log(admin.reason); process.exit(7); }
      if (admin.kind === "user-namespace") process.exit(await privileges.runInUserNamespace());
      await privileges.prepareUserNamespace();
      const a = await Namespace.create("a"), b = await Namespace.create("b");
      await a.addVeth({ name: "va", peer: { name: "vb", namespace: b } });
      await b.addAddress("vb", "10.1.0.2/24");
      b.sysctl("net.ipv4.ip_forward", 1);
      b.offloadsOff("vb");
      const gre = await GreDecapsulator.open(b);
      console.log((await b.addresses("vb"))[0].prefix, b.sysctl("net.ipv4.ip_forward"), gre.mode);
      await gre.close(); a.close(); b.close();
      process.exitCode = 3;`;
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const result = spawnSync(process.execPath, ["--import=tsx", "--input-type=module", "-e", source], {
      ...nobody,
      encoding: "utf8",
      timeout: 50_000,
      cwd: root.pathname,
      env: { ...process.env, HOME: "/nonexistent" },
    });
    const reason =
      result.status === 7
        ? result.stdout
        : /EACCES|ERR_MODULE_NOT_FOUND/.test(result.stderr)
          ? `another user cannot read this checkout: ${result.stderr.split("\n")[0]}`
          : undefined;
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    const [first, second, third] = result.stdout.trim().split("\n");
    assert.match(first ?? "", /^user-namespace [1-9]/, result.stderr);
    assert.equal(second, "allowed 0");
    assert.match(third ?? "", /^10.1.0.2\/24 1 (kernel|tun|veth)$/);
    assert.equal(result.status, 3, "the exit code is handed on");
  });
});
