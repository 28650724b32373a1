import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { clearDscpVips, missingDscpVips } from "../../src/kernel/l3dsr.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { announcedMss, planTarget, type TargetOptions } from "../../src/target/options.ts";
import { Target } from "../../src/target/target.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { openDscpMarker, openEncapsulator } from "../kernel/encapsulator.ts";
import { withNamespaces } from "../kernel/support.ts";
import { needNamespaces, needTun, openFds, until } from "../sys/support.ts";

const options: TargetOptions = {
  device: "nsm0",
  gateways: ["10.60.1.1", "2001:db8:60::1"],
  vips: ["10.2.2.0/24", "10.3.3.3", "2001:db8:2::/64", "2001:db8:3::3"],
  encaps: ["gre4", "gre6"],
  routes: ["10.70.0.0/31"],
};

describe("target: options", () => {
  it("the MSS that fits", () => {
    assert.equal(announcedMss(1500, ["gre4"], 4), 1436);
    assert.equal(announcedMss(1500, ["gre4"], 6), 1416);
    assert.equal(announcedMss(1500, ["gre6"], 4), 1416);
    assert.equal(announcedMss(1500, ["gre4", "gre6"], 6), 1396);
    assert.equal(announcedMss(9000, ["gre4"], 4), 8936);
  });

  it("refuses what contradicts itself, with the reason", () => {
    const refused = (change: Partial<TargetOptions>, message: RegExp): void => {
      assert.throws(() => planTarget({ ...options, ...change }), { name: "TargetError", code: "INVALID", message });
    };
    refused({ vips: [] }, /at least one VIP/);
    refused({ encaps: [] }, /at least one encapsulation/);
    refused({ vips: ["10.2.2"] }, /"10.2.2" is not an address or prefix/);
    refused({ gateways: ["10.60.1.1"] }, /VIP 2001:db8:2::\/64 needs an IPv6 gateway/);
    refused({ encaps: ["l3dsr"] }, /needs the list of its VIPs/);
    refused({ l3dsr: [{ vip: "10.2.2.1", dscp: 7 }] }, /needs the list of its VIPs/);
    refused({ table: 254 }, /table 254/);
  });

  it("VIPs are written as the kernel shows them", () => {
    assert.deepEqual(planTarget({ ...options, vips: ["10.2.2.77/24", "2001:DB8:0::2"] }).vips, [
      { prefix: "10.2.2.0/24", family: 4, host: false },
      { prefix: "2001:db8::2/128", family: 6, host: true },
    ]);
  });
});

/** The network that a server finds: an interface with addresses, and a load-balancer behind it. */
async function connect(lb: Namespace, server: Namespace): Promise<void> {
  await lb.addVeth({
    name: "bvi",
    mac: "02:fe:00:00:00:01",
    peer: { name: "nsm0", mac: "02:fe:00:00:00:02", namespace: server },
  });
  await lb.addAddress("bvi", "10.60.1.1/24");
  await lb.addAddress("bvi", "2001:db8:60::1/64");
  await server.addAddress("nsm0", "10.60.1.2/24");
  await server.addAddress("nsm0", "2001:db8:60::2/64");
  lb.offloadsOff("bvi");
  // IPv6 addresses get their routes when the kernel has heard of the carrier and found no duplicate: not at once.
  await until("the IPv6 addresses", async () => {
    const hosts = (await server.routes()).map((route) => route.dst).filter((dst) => dst.endsWith("/128"));
    return hosts.includes("2001:db8:60::2/128") && hosts.some((dst) => dst.startsWith("fe80"));
  });
}

const settings = ["all", "default", "nsm0"].flatMap((dev) =>
  ["arp_announce", "arp_ignore", "rp_filter"].map((name) => `net/ipv4/conf/${dev}/${name}`),
);

async function state(namespace: Namespace): Promise<unknown> {
  return {
    links: (await namespace.links()).map(({ name, up, mtu }) => ({ name, up, mtu })),
    addresses: (await namespace.addresses()).map((one) => one.prefix).sort(),
    // The kernel's own multicast routes come when they like.
    routes: (await namespace.routes())
      .filter((route) => !route.dst.startsWith("ff"))
      .map((route) => JSON.stringify(route))
      .sort(),
    rules: await namespace.rules(),
    sysctls: settings.map((name) => namespace.sysctl(name)),
    offloads: namespace.offloads("nsm0"),
  };
}

/** Waits until everything is as it was; else shows what is not. */
async function formerState(namespace: Namespace, before: unknown): Promise<void> {
  const isFormer = async () => JSON.stringify(await state(namespace)) === JSON.stringify(before);
  await until("the former state", isFormer).catch(async () => assert.deepEqual(await state(namespace), before));
}

async function greeting(lb: Namespace, vip: string): Promise<string> {
  const client = connectTcp(lb.netns, vip, 5001);
  let text = "";
  client.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const timer = setTimeout(() => client.destroy(new Error(`no answer from ${vip}`)), 3000);
  try {
    await once(client, "close");
    return text;
  } finally {
    clearTimeout(timer);
  }
}

/** With a load-balancer that sends everything for the VIPs to `server` as GRE. */
async function withBalancer(lb: Namespace, outer: string, fn: () => Promise<void>): Promise<void> {
  const encapsulator = await openEncapsulator(lb, outer);
  try {
    await lb.addAddress(encapsulator.device, "10.70.0.0/31");
    await lb.addAddress(encapsulator.device, "2001:db8:70::/127");
    for (const dst of ["10.2.2.0/24", "10.3.3.3/32"])
      await lb.addRoute({ dst, dev: encapsulator.device, src: "10.70.0.0" });
    for (const dst of ["2001:db8:2::/64", "2001:db8:3::3/128"]) await lb.addRoute({ dst, dev: encapsulator.device });
    // Replies come in by the BVI, to a client whose route to the VIP is the tunnel.
    for (const dev of ["all", "bvi"]) lb.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
    await fn();
  } finally {
    encapsulator.close();
  }
}

describe("target: an application server", () => {
  before(function () {
    needNamespaces(this);
    needTun(this);
  });

  for (const outer of ["10.60.1.2", "2001:db8:60::2"]) {
    it(`answers at VIPs and prefixes of both families, through GRE over ${outer}, and leaves no trace`, async () => {
      await withNamespaces(2, async (lb, server) => {
        assert.ok(lb !== undefined && server !== undefined);
        await connect(lb, server);
        const before = await state(server);
        const target = await Target.open({ ...options, namespace: server });
        const listener = net.createServer((socket) => {
          socket.on("error", () => undefined);
          socket.end(`I am ${socket.localAddress}, you are ${socket.remoteAddress}`);
        });
        const listener6 = net.createServer((socket) => socket.end(`I am ${socket.localAddress}`));
        listener.listen({ fd: listenTcp(server.netns, "0.0.0.0", 5001) });
        listener6.listen({ fd: listenTcp(server.netns, "::", 5001) });
        await withBalancer(lb, outer, async () => {
          for (const vip of ["10.2.2.1", "10.2.2.254", "10.3.3.3"]) {
            assert.equal(await greeting(lb, vip), `I am ${vip}, you are 10.70.0.0`);
          }
          for (const vip of ["2001:db8:2::77", "2001:db8:3::3"]) assert.equal(await greeting(lb, vip), `I am ${vip}`);
        });
        assert.ok((target.gre?.counters.packets ?? 0) >= 15);
        assert.deepEqual(
          (await target.check()).filter((finding) => !finding.ok),
          [],
        );
        listener.close();
        listener6.close();
        await target.close();
        await target.close();
        await formerState(server, before);
      });
    });
  }

  it("finds every fault, explains it, and repairs it", async () => {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await connect(lb, server);
      const target = await Target.open({ ...options, namespace: server, gre: "tun" });
      const faults: [what: RegExp, found: RegExp, make: () => unknown][] = [
        [/VIP 10.2.2.0\/24 is local/, /lo does not have it/, () => server.deleteAddress("lo", "10.2.2.0/24")],
        [/VIP 10.3.3.3\/32 is local/, /no interface has it/, () => server.deleteAddress("lo", "10.3.3.3/32")],
        [
          /VIP 2001:db8:2::\/64 is local/,
          /it is not/,
          () => server.deleteRoute({ dst: "2001:db8:2::/64", type: "local", dev: "lo" }),
        ],
        [
          /packets from 10.2.2.0\/24 are routed by table 222/,
          /no such rule/,
          () => server.deleteRule({ from: "10.2.2.0/24", table: 222 }),
        ],
        [
          /table 222 sends IPv4 to 10.60.1.1/,
          /advmss is not set/,
          () => server.addRoute({ dst: "default", via: "10.60.1.1", dev: "nsm0", table: 222 }),
        ],
        [
          /table 222 sends IPv6/,
          /no default route/,
          () => server.deleteRoute({ dst: "default", via: "2001:db8:60::1", table: 222 }),
        ],
        [/10.70.0.0\/31 is routed/, /no such route/, () => server.deleteRoute({ dst: "10.70.0.0/31" })],
        [/arp_announce is 2/, /it is 0/, () => server.sysctl("net.ipv4.conf.all.arp_announce", 0)],
        [/arp_ignore is 1/, /it is 0/, () => server.sysctl("net.ipv4.conf.all.arp_ignore", 0)],
        [/conf\/all\/rp_filter is 0/, /it is 1/, () => server.sysctl("net/ipv4/conf/all/rp_filter", 1)],
        [
          /conf\/vpplbgre\/rp_filter is 0/,
          /it is 2/,
          () => server.sysctl(`net/ipv4/conf/${target.gre?.devices[0] ?? ""}/rp_filter`, 2),
        ],
        [/nsm0 has its offloads off/, /on: gro/, () => server.setOffloads("nsm0", { gro: true })],
      ];
      for (const [what, found, make] of faults) {
        await make();
        const bad = (await target.check()).filter((finding) => !finding.ok);
        assert.deepEqual(
          bad.map((finding) => what.test(finding.what)),
          [true],
          `${what}: ${JSON.stringify(bad)}`,
        );
        assert.match(bad[0]?.found ?? "", found);
        assert.ok((bad[0]?.why.length ?? 0) > 20 && (bad[0]?.fix.length ?? 0) > 5);
        assert.deepEqual(
          (await target.repair()).filter((finding) => !finding.ok),
          [],
          `repair of ${what}`,
        );
      }
      await server.setLink("nsm0", { up: false });
      const down = (await target.check()).filter((finding) => !finding.ok).map((finding) => finding.what);
      assert.ok(down.includes("nsm0 is up") && down.length >= 3, "routes go with the link");
      await server.setLink("nsm0", { up: true });
      await server.addAddress("nsm0", "2001:db8:60::2/64");
      assert.deepEqual(
        (await target.repair()).filter((finding) => !finding.ok),
        [],
      );
      await target.close();
      await assert.rejects(target.check(), { code: "CLOSED" });
    });
  });

  it("inspects a bare host without changing it", async () => {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await connect(lb, server);
      const before = await state(server);
      const findings = await Target.inspect({ ...options, namespace: server });
      const bad = findings.filter((finding) => !finding.ok).map((finding) => finding.what);
      assert.ok(bad.includes("GRE is taken off") && bad.includes("VIP 10.2.2.0/24 is local"), bad.join("; "));
      assert.ok(findings.some((finding) => finding.ok && finding.what === "nsm0 is up"));
      assert.deepEqual(await state(server), before);
    });
  });

  it("l3dsr: no GRE, no MSS of its own, VIPs by DSCP, undone", async function () {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await connect(lb, server);
      const before = await state(server);
      const l3dsr = [{ vip: "10.3.3.3", dscp: 11 }];
      let target: Target;
      try {
        target = await Target.open({ ...options, namespace: server, encaps: ["l3dsr"], l3dsr });
      } catch (error) {
        if (!/l3dsr.*ENOTSUP|EOPNOTSUPP|EPROTONOSUPPORT/.test((error as Error).message)) throw error;
        console.log(`      skipped: ${(error as Error).message}`);
        return this.skip();
      }
      assert.equal(target.gre, undefined);
      assert.deepEqual(
        (await target.check()).filter((finding) => !finding.ok),
        [],
      );
      const policy = (await server.routes()).filter((route) => route.table === 222);
      assert.deepEqual(
        policy.map((route) => route.advmss),
        [undefined, undefined],
      );
      await clearDscpVips(server);
      const bad = (await target.check()).filter((finding) => !finding.ok);
      assert.deepEqual(
        bad.map((finding) => finding.found),
        ["not: 10.3.3.3"],
      );
      assert.deepEqual(
        (await target.repair()).filter((finding) => !finding.ok),
        [],
      );
      const marker = await openDscpMarker(lb, "10.60.1.2", 11);
      await lb.addAddress(marker.device, "10.70.0.0/31");
      await lb.addRoute({ dst: "10.3.3.3", dev: marker.device, src: "10.70.0.0" });
      for (const dev of ["all", "bvi"]) lb.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
      const listener = net.createServer((socket) => socket.end(`I am ${socket.localAddress}`));
      listener.listen({ fd: listenTcp(server.netns, "0.0.0.0", 5001) });
      assert.equal(await greeting(lb, "10.3.3.3"), "I am 10.3.3.3");
      listener.close();
      marker.close();
      await target.close();
      assert.deepEqual(await missingDscpVips(server, "nsm0", l3dsr), l3dsr);
      await formerState(server, before);
    });
  });

  it("keeps what was there before it", async () => {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await connect(lb, server);
      await server.addAddress("lo", "10.3.3.3/32");
      await server.addRule({ from: "10.2.2.0/24", table: 222 });
      const before = await state(server);
      const target = await Target.open({ ...options, namespace: server });
      await target.close();
      await formerState(server, before);
    });
  });

  it("a step that fails names itself, and what was done is undone", async () => {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await connect(lb, server);
      const before = await state(server);
      await assert.rejects(Target.open({ ...options, namespace: server, device: "nsm9" }), {
        name: "TargetError",
        code: "SETUP",
        message: /cannot make sure that nsm9 is up: there is no network device "nsm9".*only: lo, nsm0/,
      });
      await assert.rejects(Target.open({ ...options, namespace: server, gateways: ["10.99.0.1", "2001:db8:60::1"] }), {
        code: "SETUP",
        message: /table 222 sends IPv4 to 10.99.0.1.*is the device up, and the gateway in the subnet/,
      });
      await formerState(server, before);
    });
  });

  it("50 targets leave no descriptor", async function () {
    this.timeout(60_000);
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await connect(lb, server);
      const before = openFds();
      for (let i = 0; i < 50; i++) {
        const target = await Target.open({ ...options, namespace: server, gre: "tun" });
        await target.close();
      }
      await until("descriptors to be closed", () => openFds() <= before);
    });
  });
});
