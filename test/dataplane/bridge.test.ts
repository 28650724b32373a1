import assert from "node:assert/strict";
import { arpFrame, Bench, echoRequest, hex, ip4, ip4Frame, macOf } from "./support.ts";

const LOOP = "02:fe:00:00:00:02";
const ANY = "ff:ff:ff:ff:ff:ff";
const ZERO = "00:00:00:00:00:00";
const mac = (n: number) => `02:00:00:00:00:0${n}`;

/** Seed 002's bridge: a BVI with 10.60.1.1/24 and three members. */
function bridge(shg = 0) {
  const bench = new Bench();
  const loop = bench.loopback(LOOP);
  assert.equal(bench.dp.bridges.attach(loop.swIfIndex, 1, "bvi", 0), 0);
  bench.dp.addAddress(loop.swIfIndex, ip4("10.60.1.1"), 24);
  const members = [1, 2, 3].map((n) => {
    const iface = bench.host(`crs${n}`, `02:fe:00:00:01:0${n}`);
    assert.equal(bench.dp.bridges.attach(iface.swIfIndex, 1, "normal", shg), 0);
    return iface;
  });
  const [one, two, three] = members as [typeof loop, typeof loop, typeof loop];
  return { bench, dp: bench.dp, loop, one, two, three };
}

describe("dataplane: bridge domains", () => {
  it("floods what it does not know, forwards what it learned", () => {
    const { bench, one, two, three } = bridge();
    const frame = ip4Frame(mac(2), mac(1), { src: "10.60.1.2", dst: "10.60.1.3" });
    bench.feed(one, frame);
    assert.deepEqual(
      [bench.sent(one), bench.sent(two), bench.sent(three)].map((sent) => sent.length),
      [0, 1, 1],
    );
    bench.feed(two, ip4Frame(mac(1), mac(2), { src: "10.60.1.3", dst: "10.60.1.2" }));
    assert.deepEqual(
      [bench.sent(one), bench.sent(two), bench.sent(three)].map((sent) => sent.length),
      [1, 0, 0],
    );
    bench.feed(one, frame);
    const sent = bench.sent(two);
    assert.deepEqual(sent.map(hex), [hex(frame)]);
    assert.equal(bench.sent(three).length, 0);
  });

  it("follows an address that moves and forgets those of a detached port", () => {
    const { bench, dp, one, two, three } = bridge();
    const from = (n: number) => ip4Frame(mac(9), mac(n), { src: "10.60.1.2", dst: "10.60.1.3" });
    bench.feed(one, from(1));
    bench.feed(two, from(1));
    assert.equal(bench.error("l2-learn", "L2 mac moves"), 1);
    assert.equal(dp.bridges.fib.lookup(1, macOf(mac(1)), 0)?.swIfIndex, two.swIfIndex);
    dp.bridges.detach(two.swIfIndex);
    assert.equal(dp.bridges.fib.lookup(1, macOf(mac(1)), 0), undefined);
    for (const each of [two, three]) bench.sent(each);
    bench.feed(one, from(1));
    assert.equal(bench.sent(two).length, 0);
    assert.equal(bench.sent(three).length, 1);
  });

  it("drops what comes with the BVI's address, a filtered one or none it can learn, and forwards the others", () => {
    const { bench, dp, one, two } = bridge();
    const from = (source: string) => {
      bench.feed(one, ip4Frame(mac(9), source, { src: "10.60.1.2", dst: "10.60.1.3" }));
      return bench.sent(two).length;
    };
    dp.bridges.fib.add({ mac: macOf(mac(5)), bdIndex: 1, swIfIndex: 0xffffffff, static: true, filter: true });
    assert.equal(from(LOOP), 0);
    assert.equal(from(mac(5)), 0);
    assert.equal(bench.error("l2-learn", "L2 mac move violations"), 1);
    assert.equal(bench.error("l2-learn", "L2 filter mac drops"), 1);
    assert.equal(from(ZERO), 1);
    assert.equal(dp.bridges.fib.learnedCount, 0);
    // Provisioned but not static: it moves, and counts as learned from then on.
    dp.bridges.fib.add({ mac: macOf(mac(6)), bdIndex: 1, swIfIndex: two.swIfIndex, static: false });
    assert.equal(from(mac(6)), 1);
    assert.equal(dp.bridges.fib.learnedCount, 1);
    assert.equal(dp.bridges.byId(1)!.learnCount, 1);
  });

  it("keeps split-horizon groups apart, but not from the BVI", () => {
    const { bench, one, two, three } = bridge(1);
    bench.feed(one, arpFrame(ANY, mac(1), 1, { mac: mac(1), ip: "10.60.1.2" }, { mac: ZERO, ip: "10.60.1.1" }));
    assert.equal(bench.sent(two).length + bench.sent(three).length, 0);
    assert.equal(bench.sent(one).length, 1);
    bench.feed(two, ip4Frame(mac(1), mac(2), { src: "10.60.1.3", dst: "10.60.1.2" }));
    assert.equal(bench.sent(one).length, 0);
  });

  it("answers ARP and ping on the BVI, and routes through it", () => {
    const { bench, dp, loop, one, two } = bridge();
    bench.feed(one, arpFrame(ANY, mac(1), 1, { mac: mac(1), ip: "10.60.1.2" }, { mac: ZERO, ip: "10.60.1.1" }));
    const want = arpFrame(mac(1), LOOP, 2, { mac: LOOP, ip: "10.60.1.1" }, { mac: mac(1), ip: "10.60.1.2" });
    assert.deepEqual(bench.sent(one).map(hex), [hex(want)]);
    // The request was flooded as it came, although the BVI answered it.
    assert.equal(bench.sent(two)[0]![21], 1);
    bench.feed(
      one,
      ip4Frame(LOOP, mac(1), { src: "10.60.1.2", dst: "10.60.1.1", protocol: 1, payload: echoRequest(1, 1) }),
    );
    assert.equal(bench.sent(one)[0]![34], 0);
    const outside = bench.host("out", "02:fe:00:00:00:09");
    dp.addAddress(outside.swIfIndex, ip4("10.70.0.1"), 31);
    bench.feed(outside, ip4Frame("02:fe:00:00:00:09", mac(7), { src: "10.70.0.0", dst: "10.60.1.2" }));
    const [routed] = bench.sent(one);
    assert.equal(hex(routed!.subarray(0, 12)), hex(macOf(mac(1))) + hex(macOf(LOOP)));
    assert.ok(loop.counters.txPackets >= 1);
  });

  it("floods the BVI's ARP requests and takes the answer", () => {
    const { bench, dp, one, two, three } = bridge();
    const outside = bench.host("out", "02:fe:00:00:00:09");
    dp.addAddress(outside.swIfIndex, ip4("10.70.0.1"), 31);
    bench.feed(outside, ip4Frame("02:fe:00:00:00:09", mac(7), { src: "10.70.0.0", dst: "10.60.1.4" }));
    for (const member of [one, two, three]) assert.equal(bench.sent(member).length, 1);
    bench.feed(three, arpFrame(LOOP, mac(3), 2, { mac: mac(3), ip: "10.60.1.4" }, { mac: LOOP, ip: "10.60.1.1" }));
    bench.feed(outside, ip4Frame("02:fe:00:00:00:09", mac(7), { src: "10.70.0.0", dst: "10.60.1.4" }));
    assert.deepEqual(
      [one, two, three].map((member) => bench.sent(member).length),
      [0, 0, 1],
    );
  });

  it("ages addresses where the domain says so", () => {
    const { bench, dp, one } = bridge();
    dp.bridges.byId(1)!.macAgeMin = 1;
    bench.feed(one, ip4Frame(mac(9), mac(1), { src: "10.60.1.2", dst: "10.60.1.3" }));
    bench.timeS = 59;
    dp.bridges.fib.age();
    assert.equal(dp.bridges.fib.learnedCount, 1);
    bench.timeS = 61;
    dp.bridges.fib.age();
    assert.equal(dp.bridges.fib.learnedCount, 0);
    assert.equal(dp.bridges.byId(1)!.learnCount, 0);
    assert.equal(dp.bridges.fib.size, 1);
  });

  it("refuses what VPP refuses", () => {
    const { dp, loop, one } = bridge();
    assert.equal(dp.bridges.create(1, {}), -119);
    assert.equal(dp.bridges.delete(1), -120);
    assert.equal(dp.bridges.attach(one.swIfIndex, 1, "normal", 0), 0);
    assert.equal(dp.bridges.byId(1)!.members.length, 4);
    dp.bridges.detach(loop.swIfIndex);
    assert.equal(dp.bridges.fib.lookup(1, loop.mac, 0), undefined);
  });
});
