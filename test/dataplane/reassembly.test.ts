import assert from "node:assert/strict";
import fc from "fast-check";
import { VipType } from "../../src/dataplane/lb/types.ts";
import type { Interface } from "../../src/dataplane/model.ts";
import { Ranges } from "../../src/dataplane/reassembly/ranges.ts";
import { fragments, udpOf, type Datagram } from "../conformance/fragment-frames.ts";
import { Bench, hex, ip4, ip46, macOf } from "./support.ts";

const OUTSIDE = "02:fe:00:00:00:01";
const CLIENT = "02:00:00:00:00:01";
const MACS = { dst: OUTSIDE, src: CLIENT };
const SERVERS = [2, 3, 4, 5];
const NONE = new Uint8Array(0);

/** An outside interface, servers behind an inside one, a VIP of all ports for each family. */
function balanced(): { bench: Bench; outside: Interface; inside: Interface } {
  const bench = new Bench();
  const { dp } = bench;
  const outside = bench.host("out", OUTSIDE);
  const inside = bench.host("in", "02:fe:00:00:00:02");
  for (const iface of [outside, inside]) iface.mtu.l3 = 9000;
  dp.addAddress(outside.swIfIndex, ip4("10.70.0.1"), 24);
  dp.addAddress(outside.swIfIndex, ip46("2001:db8:70::1"), 64);
  dp.addAddress(inside.swIfIndex, ip4("10.60.1.1"), 24);
  dp.addAddress(inside.swIfIndex, ip46("2001:db8:60::1"), 64);
  for (const n of SERVERS) {
    dp.neighbors.add(inside.swIfIndex, ip4(`10.60.1.${n}`), macOf(`02:00:00:00:02:0${n}`));
    dp.neighbors.add(inside.swIfIndex, ip46(`2001:db8:60::${n}`), macOf(`02:00:00:00:02:0${n}`));
  }
  dp.lb.conf(ip4("10.60.1.1"), ip46("2001:db8:60::1"), 1024, 40);
  const all = { protocol: 255, port: 0, newLength: 1024 };
  const vip4 = dp.lb.vipAdd({ ...all, prefix: ip46("10.2.2.1"), plen: 128, type: VipType.ip4Gre4 });
  const vip6 = dp.lb.vipAdd({ ...all, prefix: ip46("2001:db8:2::1"), plen: 128, type: VipType.ip6Gre6 });
  const addresses = (prefix: string) => SERVERS.map((n) => ip46(`${prefix}${n}`));
  assert.equal(dp.lb.asAdd(vip4, addresses("10.60.1.")), 0);
  assert.equal(dp.lb.asAdd(vip6, addresses("2001:db8:60::")), 0);
  return { bench, outside, inside };
}

describe("reassembly", () => {
  it("puts together what comes in pieces, in any order, with repetitions and overlaps", () => {
    const piece = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 12 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 60, max: 300 }), (pieces, length) => {
        const data = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
        const ranges = new Ranges();
        const add = (from: number, to: number): void => {
          ranges.addTrimmed(NONE, data.subarray(from, to), from, to === length);
        };
        for (const [at, size] of pieces) if (at * 8 < length) add(at * 8, Math.min(length, (at + size) * 8));
        const wasComplete = ranges.isComplete;
        if (!wasComplete)
          for (let at = 0; at < length && !ranges.isComplete; at += 8) add(at, Math.min(length, at + 8));
        assert.ok(ranges.isComplete);
        const whole = new Uint8Array(length);
        ranges.copyTo(whole, 0);
        assert.deepEqual(whole, data);
        // In order, and without gaps or overlaps.
        ranges.list.forEach(({ first }, i) => assert.equal(first, i === 0 ? 0 : ranges.list[i - 1]!.last + 1));
      }),
    );
  });

  for (const family of [4, 6] as const) {
    const [src, dst] = family === 4 ? ["10.70.0.9", "10.2.2.1"] : ["2001:db8:70::9", "2001:db8:2::1"];

    it(`a 4,000-byte IPv${family} datagram to a VIP arrives whole at one server`, () => {
      const { bench, outside, inside } = balanced();
      const datagram: Datagram = { src, dst, id: 7, srcPort: 4000, bytes: 4000 };
      const pieces = fragments(MACS, datagram, 1440);
      bench.feedAll(outside, pieces);
      assert.equal(bench.sent(inside).length, 3, "without it, pieces go on as pieces");
      bench.dp.reassembly.enable(outside, "full", family, true);
      const servers = new Set<string>();
      for (let port = 4001; port < 4100; port += 1) {
        const one = { ...datagram, id: port, srcPort: port };
        bench.feedAll(outside, fragments(MACS, one, 1440).reverse());
        const sent = bench.sent(inside);
        assert.equal(sent.length, 1);
        const [frame] = sent as [Uint8Array];
        assert.ok(hex(frame).endsWith(hex(udpOf(one))), "all bytes");
        const outer = family === 4 ? frame.subarray(30, 34) : frame.subarray(38, 54);
        servers.add(hex(outer));
        // The same flow in one piece goes to the same server.
        bench.feed(outside, fragments(MACS, one, 8000)[0]!);
        const [whole] = bench.sent(inside) as [Uint8Array];
        assert.deepEqual(whole.subarray(0, family === 4 ? 34 : 54).slice(-4), outer.slice(-4), "the flow's server");
      }
      assert.equal(servers.size, SERVERS.length, "all servers have their flows");
      bench.dp.close();
    });

    it(`gives IPv${family} datagrams up by time and number, and holds little memory`, () => {
      const { bench, outside, inside } = balanced();
      const { reassembly } = bench.dp;
      reassembly.enable(outside, "full", family, true);
      const table = reassembly.table("full", family);
      const datagram = (id: number): Datagram => ({ src, dst, id, bytes: 2000 });
      const [a, b] = fragments(MACS, datagram(1), 1440) as [Uint8Array, Uint8Array];
      bench.feed(outside, a);
      assert.equal(table.size, 1);
      bench.timeS += 0.1;
      table.expire();
      assert.equal(table.size, 1, "not yet");
      bench.timeS += 0.2;
      bench.feed(outside, b);
      assert.equal(bench.sent(inside).length, 0, "too late for the first one");
      assert.equal(bench.sent(outside).length, family === 6 ? 1 : 0, "IPv6 tells the sender");
      table.settings.maxReassemblies = 10;
      for (let id = 100; id < 200; id += 1) bench.feed(outside, fragments(MACS, datagram(id), 1440)[0]!);
      assert.equal(table.size, 10);
      assert.equal(
        bench.error(`ip${family}-full-reassembly-feature`, "drops due to concurrent reassemblies limit"),
        91,
      );
      bench.timeS += 1;
      table.expire();
      assert.equal(table.size, 0);
      table.settings.maxReassemblies = 1e6;
      for (let id = 1000; id < 40_000; id += 1) bench.feed(outside, fragments(MACS, datagram(id), 1440)[0]!);
      assert.ok(table.size < 24_000, `${table.size} first fragments of 1,440 bytes are held`);
      bench.dp.close();
    });
  }

  it("lets go of what it holds of an interface that is gone", () => {
    const { bench, outside } = balanced();
    const { reassembly } = bench.dp;
    reassembly.enable(outside, "shallow", 4, true);
    const [, b] = fragments(MACS, { src: "10.70.0.9", dst: "10.2.2.1", id: 1, bytes: 2000 }, 1440);
    bench.feed(outside, b!);
    assert.equal(reassembly.shallow4.size, 1);
    bench.dp.removeInterface(outside.swIfIndex);
    bench.timeS += 1;
    reassembly.shallow4.expire();
    assert.equal(reassembly.shallow4.size, 0);
    bench.dp.close();
  });
});
