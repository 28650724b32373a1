import assert from "node:assert/strict";
import fc from "fast-check";
import { KernelError } from "../../src/kernel/errors.ts";
import { hasDscpVips } from "../../src/kernel/l3dsr.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { Host } from "../../src/target/host.ts";
import { planHost, type HostLink } from "../../src/target/host-plan.ts";
import type { Change } from "../../src/target/changes.ts";
import { withNamespaces } from "../kernel/support.ts";
import { needNamespaces } from "../sys/support.ts";

const A: HostLink = { device: "nsm0", gateways: ["10.60.1.1"], vips: ["10.2.2.0/24"] };
const B: HostLink = { device: "nsm1", gateways: ["10.60.2.1"], vips: ["10.2.2.0/24"] };
const BOTH = new Set(["nsm0", "nsm1"]);

describe("target: a host's plan", () => {
  it("one load-balancer: table 222; two of the same VIPs: both are next hops", () => {
    const [one] = planHost({ links: [A] }, BOTH).groups;
    assert.deepEqual([one?.table, one?.hops[4]], [222, [{ device: "nsm0", gateway: "10.60.1.1" }]]);
    const plan = planHost({ links: [A, B] }, BOTH);
    assert.equal(plan.groups.length, 1);
    assert.deepEqual(
      plan.groups[0]?.hops[4].map((hop) => hop.device),
      ["nsm0", "nsm1"],
    );
  });

  it("who is not usable or not there is left out, unless nobody else is", () => {
    const devices = (links: readonly HostLink[], present = BOTH) =>
      planHost({ links }, present).groups[0]?.hops[4].map((hop) => hop.device);
    assert.deepEqual(devices([{ ...A, usable: false }, B]), ["nsm1"]);
    assert.deepEqual(
      devices([
        { ...A, usable: false },
        { ...B, usable: false },
      ]),
      ["nsm0", "nsm1"],
    );
    assert.deepEqual(devices([A, B], new Set(["nsm0"])), ["nsm0"]);
    assert.deepEqual(devices([A, B], new Set()), []);
  });

  it("refuses nonsense", () => {
    const refused = (links: readonly HostLink[], message: RegExp, table?: number) =>
      assert.throws(() => planHost({ links, ...(table === undefined ? {} : { table }) }, BOTH), {
        code: "INVALID",
        message,
      });
    refused([{ ...A, vips: ["2001:db8::1"] }], /needs an IPv6 gateway/);
    refused([{ ...A, vips: ["x"] }], /not an address/);
    refused([A], /table 254/, 254);
  });

  it("whatever comes and goes: groups have tables of their own, and a VIP keeps its table while it can", () => {
    const vips = ["10.2.1.0/24", "10.2.2.0/24", "10.2.3.3", "10.2.4.4"];
    const link = (n: number) =>
      fc.subarray(vips).map((own): HostLink => ({ device: `nsm${n}`, gateways: [`10.60.${n}.1`], vips: own }));
    const wish = fc.tuple(link(0), link(1), link(2)).map((links) => links.filter((one) => one.vips.length > 0));
    fc.assert(
      fc.property(wish, wish, fc.integer({ min: 200, max: 260 }), (first, second, table) => {
        fc.pre(table < 253 || table > 255);
        const present = new Set(["nsm0", "nsm1", "nsm2"]);
        const before = planHost({ links: first, table }, present);
        const after = planHost({ links: second, table }, present, before.tables);
        for (const { groups, tables } of [before, after]) {
          const numbers = groups.map((group) => group.table);
          assert.equal(new Set(numbers).size, numbers.length);
          assert.ok(numbers.every((number) => number >= table && (number < 253 || number > 255)));
          for (const group of groups) for (const vip of group.vips) assert.equal(tables.get(vip.prefix), group.table);
        }
        // The same again changes nothing.
        const again = planHost({ links: second, table }, present, after.tables);
        assert.deepEqual([...again.tables], [...after.tables]);
        // Of each table that is still in use, somebody was there before, unless all of its VIPs are new.
        for (const group of after.groups) {
          const had = group.vips.map((vip) => before.tables.get(vip.prefix)).filter((one) => one !== undefined);
          const others = after.groups.filter((one) => one !== group).map((one) => one.table);
          if (had.some((one) => !others.includes(one))) assert.ok(had.includes(group.table));
        }
      }),
    );
  });
});

async function connect(lb: Namespace, host: Namespace, n: number): Promise<void> {
  await lb.addVeth({ name: `lb${n}`, peer: { name: `nsm${n}`, namespace: host } });
  await lb.addAddress(`lb${n}`, `10.60.${n + 1}.1/24`);
  await host.addAddress(`nsm${n}`, `10.60.${n + 1}.2/24`);
}

describe("target: a host", () => {
  before(function () {
    needNamespaces(this);
  });

  it("a former default route of the table comes back at the end, whatever was in between", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      for (const n of [0, 1]) await connect(lb, host, n);
      const former = { dst: "default", via: "10.60.1.77", dev: "nsm0", table: 222, advmss: 1000 };
      await host.addRoute(former);
      const look = async () => (await host.routes()).filter((route) => route.table === 222);
      const before = await look();
      const self = new Host(host);
      for (const links of [[A], [A, B], [B], [{ ...A, usable: false }, B], []]) {
        const { errors } = await self.update({ links, gre: "veth", offloads: "keep" });
        assert.deepEqual(errors, []);
      }
      await self.close();
      assert.deepEqual(await look(), before);
    });
  });

  it("lo that is down, as in a new namespace, comes up with the VIPs, again where it went, and goes down at the end", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await connect(lb, host, 0);
      await host.addAddress("nsm0", "2001:db8:60::2/64");
      await host.setLink("lo", { up: false });
      const both = { ...A, gateways: [...A.gateways, "2001:db8:60::1"], vips: ["10.2.2.0/24", "2001:db8:2::/64"] };
      const local = async () =>
        (await host.routes())
          .filter(({ type, dst }) => type === 2 && both.vips.includes(dst ?? ""))
          .map(({ dst }) => dst)
          .sort();
      const self = new Host(host);
      const wish = { links: [both], gre: "veth", offloads: "keep" } as const;
      assert.deepEqual((await self.update(wish)).errors, []);
      assert.deepEqual(await local(), both.vips);
      await host.setLink("lo", { up: false });
      const found = (await self.check()).filter(({ ok }) => !ok);
      assert.match(
        found.map(({ what, found: how, fix }) => `${what}: ${how}, ${fix}`).join(),
        /lo is up: it is down, ip link set up dev lo/,
      );
      assert.deepEqual(await self.update(wish), { changed: true, errors: [] });
      assert.deepEqual(await local(), both.vips);
      await self.close();
      assert.equal((await host.link("lo")).up, false);
    });
  });

  it("who comes after a crash undoes what was journalled", async () => {
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await connect(lb, host, 0);
      const state = async () => ({
        rules: await host.rules(),
        addresses: (await host.addresses("lo")).map((one) => one.prefix),
        arp: host.sysctl("net/ipv4/conf/all/arp_announce"),
        routes: (await host.routes()).filter((route) => route.table === 222),
        offloads: host.offloads("nsm0"),
        links: (await host.links()).map((link) => link.name).sort(),
      });
      const before = await state();
      let kept: readonly Change[] = [];
      const killed = new Host(host, { journal: { record: (changes) => (kept = changes) } });
      assert.deepEqual((await killed.update({ links: [A], gre: "veth" })).errors, []);
      // Nothing is closed. What was written goes through JSON, as a file would.
      const adopted = JSON.parse(JSON.stringify(kept)) as Change[];
      const next = new Host(host, { adopted });
      const other = { ...A, vips: ["10.3.3.3"] };
      assert.deepEqual((await next.update({ links: [other], gre: "veth" }, { keepOthers: true })).errors, []);
      assert.ok((await state()).addresses.includes("10.2.2.0/24"), "kept until all is known");
      await next.update({ links: [other], gre: "veth" });
      assert.ok(!(await state()).addresses.includes("10.2.2.0/24"));
      await next.close();
      assert.deepEqual(await state(), before);
      await killed.close().catch(() => undefined);
    });
  });

  it("l3dsr by interface, followed in place", async function () {
    let lacking = "";
    await withNamespaces(2, async (lb, host) => {
      assert.ok(lb !== undefined && host !== undefined);
      await connect(lb, host, 0);
      const self = new Host(host);
      const wish = (l3dsr: readonly { vip: string; dscp: number }[]) => ({
        links: [{ ...A, vips: l3dsr.map(({ vip }) => vip), l3dsr }],
        encaps: ["l3dsr" as const],
      });
      const [one, two] = [
        { vip: "10.2.2.1", dscp: 10 },
        { vip: "10.2.2.2", dscp: 11 },
      ];
      for (const list of [[one], [one, two], [two]]) {
        const { errors } = await self.update(wish(list));
        lacking = errors.find(({ cause }) => KernelError.is(cause, "UNSUPPORTED"))?.message ?? "";
        if (lacking !== "") return self.close();
        assert.deepEqual(errors, []);
        assert.ok(await hasDscpVips(host, "nsm0", list, "vpplb-l3dsr-nsm0"));
      }
      assert.equal(self.greMode, undefined, "no GRE");
      await self.close();
      assert.ok(await hasDscpVips(host, "nsm0", [], "vpplb-l3dsr-nsm0"));
    });
    if (lacking === "") return;
    console.log(`      skipped: ${lacking}`);
    this.skip();
  });
});
