import assert from "node:assert/strict";
import fc from "fast-check";
import { VipType } from "../../src/dataplane/lb/types.ts";
import { Bench, ip4, ip46, ip4Frame, macOf, udp } from "./support.ts";

const OUT = "02:fe:00:00:00:01";

/** Seed 002's topology in memory. */
function seed() {
  const bench = new Bench();
  const { dp } = bench;
  const out = bench.host("vpp1out", OUT);
  dp.addAddress(out.swIfIndex, ip4("10.70.0.1"), 31);
  dp.addAddress(out.swIfIndex, ip46("fd00:70::1"), 64);
  const loop = bench.loopback("02:fe:00:00:00:02");
  dp.bridges.attach(loop.swIfIndex, 1, "bvi", 0);
  dp.addAddress(loop.swIfIndex, ip4("10.60.1.1"), 24);
  const crs = bench.host("crs1", "02:fe:00:00:01:01");
  dp.bridges.attach(crs.swIfIndex, 1, "normal", 0);
  dp.neighbors.add(loop.swIfIndex, ip4("10.60.1.2"), macOf("02:00:00:00:02:01"));
  dp.lb.conf(ip4("10.60.1.1"), ip46("::"), 1024, 40);
  const all = { protocol: 255, port: 0, newLength: 1024 };
  const vip = dp.lb.vipAdd({ ...all, prefix: ip46("10.2.2.0"), plen: 120, type: VipType.ip4Gre4 });
  dp.lb.asAdd(vip, [ip46("10.60.1.2")]);
  const vip6 = dp.lb.vipAdd({ ...all, prefix: ip46("2001:db8:2::"), plen: 64, type: VipType.ip6Gre4 });
  dp.lb.asAdd(vip6, [ip46("10.60.1.2")]);
  bench.feed(crs, ip4Frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:02:01", { src: "10.60.1.2", dst: "255.255.255.255" }));
  for (const iface of [out, crs]) bench.sent(iface);
  return { bench, dp, out, loop, crs };
}

describe("dataplane: packet trace", () => {
  it("has the nodes that VPP's has, in its order, for as many packets as asked for", () => {
    const { bench, dp, out } = seed();
    assert.equal(dp.trace.add("nosuch-input", 1), false);
    assert.equal(dp.trace.add("af-packet-input", 2), true);
    const frame = ip4Frame(OUT, "02:00:00:00:03:01", { src: "10.70.0.0", dst: "10.2.2.33", payload: udp(1, 5001) });
    for (let i = 0; i < 3; i += 1) bench.feed(out, frame);
    assert.equal(dp.trace.packets.length, 2);
    assert.deepEqual(
      dp.trace.packets[0]!.records.map((record) => record.node),
      [
        "ethernet-input",
        "ip4-input",
        "ip4-lookup",
        "lb4-gre4",
        "ip4-load-balance",
        "ip4-rewrite",
        "loop0-output",
        "l2-input",
        "l2-fwd",
        "l2-output",
        "host-crs1-output",
        "host-crs1-tx",
      ],
    );
    dp.trace.clear();
    assert.equal(dp.trace.packets.length, 0);
  });

  it("says where and why a packet was dropped", () => {
    const { bench, dp, out } = seed();
    dp.trace.add("af-packet-input", 1);
    bench.feed(out, ip4Frame("02:00:00:00:00:99", "02:00:00:00:03:01", { src: "10.70.0.0", dst: "10.2.2.33" }));
    const last = dp.trace.packets[0]!.records.at(-1)!;
    assert.deepEqual(last.data, {
      kind: "drop",
      swIfIndex: out.swIfIndex,
      node: "ethernet-input",
      reason: "l3 mac mismatch",
    });
  });
});

describe("dataplane: any frame", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const mac = fc.constantFrom(OUT, "02:fe:00:00:00:02", "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "02:00:00:00:02:01");
  const etherType = fc.constantFrom([8, 0], [8, 6], [0x86, 0xdd], [0x81, 0], [0, 20]);
  const frames = fc
    .tuple(mac, mac, etherType, fc.array(byte, { maxLength: 120 }), fc.boolean())
    .map(([dst, src, type, body, plausible]) => {
      const frame = Uint8Array.from([...macOf(dst), ...macOf(src), ...type, ...body]);
      if (plausible && body.length >= 40) {
        const isIp4 = type[0] === 8;
        frame[14] = isIp4 ? 0x45 : 0x60;
        const length = isIp4 ? body.length : body.length - 40;
        frame.set([length >> 8, length & 255], isIp4 ? 16 : 18);
        if (isIp4) {
          frame.set([10, 70, 0, 0, 10, 2, 2, 1], 26);
          frame.set([0, 0], 24);
          let sum = 0;
          for (let at = 14; at < 34; at += 2) sum += (frame[at]! << 8) | frame[at + 1]!;
          sum = (sum & 0xffff) + (sum >> 16);
          frame.set([(~sum >> 8) & 255, ~sum & 255], 24);
        }
      }
      return frame;
    });

  it("is forwarded, answered or dropped: never an exception, every one counted", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(frames, fc.boolean(), fc.boolean()), { maxLength: 40 }), (list) => {
        const { bench, dp, out, crs } = seed();
        dp.trace.add("af-packet-input", 10);
        const before = out.counters.rxPackets + crs.counters.rxPackets;
        for (const [frame, onBridge, checksum] of list) bench.feed(onBridge ? crs : out, frame, checksum);
        assert.equal(out.counters.rxPackets + crs.counters.rxPackets, before + list.length);
        for (const sent of [...bench.sent(out), ...bench.sent(crs)]) assert.ok(sent.length >= 14);
      }),
      { numRuns: 200 },
    );
  });
});
