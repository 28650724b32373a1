import assert from "node:assert/strict";
import { VipType, type LbVipAddArgs } from "../../src/dataplane/lb/types.ts";
import { prefix4 } from "../../src/dataplane/fib/prefix.ts";
import { Bench, ip4, ip46, ip4Frame, macOf, udp } from "./support.ts";

const IN = "02:fe:00:00:00:01";
const OUT = "02:fe:00:00:00:02";
const CLIENT = "02:00:00:00:00:01";
const SERVER = "02:00:00:00:00:02";
const VIP: LbVipAddArgs = {
  prefix: ip46("10.2.2.0"),
  plen: 120,
  protocol: 255,
  port: 0,
  type: VipType.ip4Gre4,
  newLength: 1024,
};
const COUNTER = { next: 0, first: 1, untracked: 2, noServer: 3 };

function balancer(stickyBuckets = 1024, timeoutS = 40) {
  const bench = new Bench();
  const { dp } = bench;
  const client = bench.host("in", IN);
  const server = bench.host("out", OUT);
  dp.addAddress(client.swIfIndex, ip4("10.70.0.1"), 24);
  dp.addAddress(server.swIfIndex, ip4("10.60.1.1"), 24);
  for (let n = 2; n < 20; n += 1)
    dp.neighbors.add(server.swIfIndex, ip4(`10.60.1.${n}`), macOf(SERVER), { static: true });
  dp.lb.conf(ip4("10.60.1.1"), ip46("::"), stickyBuckets, timeoutS);
  bench.sent(server);
  /** Server (last byte) that a flow goes to; undefined where nothing came out. */
  const send = (port: number, dst = "10.2.2.1", dstPort = 80): number | undefined => {
    bench.feed(client, ip4Frame(IN, CLIENT, { src: "10.70.0.2", dst, payload: udp(port, dstPort) }));
    const [frame] = bench.sent(server);
    return frame?.[33];
  };
  const sendAll = (count = 200) => Array.from({ length: count }, (_, i) => send(1000 + i));
  const counters = (vip: number) => [...dp.lb.vips.get(vip)!.counters];
  return { bench, dp, lb: dp.lb, send, sendAll, counters };
}

const servers = (...last: number[]) => last.map((n) => ip46(`10.60.1.${n}`));

describe("dataplane: sticky flows", () => {
  it("stay when a server is added, and the new one gets new flows", () => {
    const { lb, sendAll, send, counters } = balancer();
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, servers(2, 3));
    const before = sendAll();
    lb.asAdd(vip, servers(4));
    assert.deepEqual(sendAll(), before);
    assert.deepEqual(counters(vip), [200, 200, 0, 0]);
    assert.ok(Array.from({ length: 100 }, (_, i) => send(5000 + i)).includes(4));
  });

  it("stay with a removed server, unless it is flushed", () => {
    const { lb, sendAll } = balancer();
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, servers(2, 3, 4));
    const before = sendAll();
    assert.equal(lb.asDel(vip, servers(4), false), 0);
    assert.deepEqual(sendAll(), before);
    const removed = lb.asesOf(lb.vips.get(vip)!).find((as) => !as.used)!;
    assert.equal(removed.refs, before.filter((server) => server === 4).length);
    assert.equal(lb.asDel(vip, servers(4), true), 0);
    const after = sendAll();
    assert.ok(!after.includes(4));
    after.forEach((server, i) => before[i] !== 4 && assert.equal(server, before[i]));
    assert.equal(removed.refs, 0);
  });

  it("move with the table after their timeout, which every packet renews", () => {
    const { bench, lb, sendAll } = balancer(1024, 3);
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, servers(2, 3));
    const before = sendAll();
    lb.asAdd(vip, servers(4));
    for (const timeS of [2, 4, 6]) {
      bench.timeS = timeS;
      assert.deepEqual(sendAll(), before);
    }
    bench.timeS = 10;
    const after = sendAll();
    assert.ok(after.includes(4));
  });

  it("are told apart by VIP, and by destination port on per-port VIPs", () => {
    const { lb, send, counters } = balancer();
    const port = { ...VIP, prefix: ip46("10.2.3.1"), plen: 128, protocol: 17, port: 80 };
    const vip = lb.vipAdd(port);
    const other = lb.vipAdd({ ...port, port: 81 });
    lb.asAdd(vip, servers(2));
    lb.asAdd(other, servers(3));
    assert.deepEqual([send(1, "10.2.3.1", 80), send(1, "10.2.3.1", 81), send(1, "10.2.3.1", 82)], [2, 3, undefined]);
    assert.deepEqual([counters(vip)[COUNTER.first], counters(other)[COUNTER.first]], [1, 1]);
    assert.equal(counters(0)[COUNTER.noServer], 1);
  });

  it("never become sticky before there is a server", () => {
    const { lb, send, counters } = balancer();
    const vip = lb.vipAdd(VIP);
    assert.equal(send(1), undefined);
    assert.equal(send(1), undefined);
    assert.deepEqual(counters(vip), [0, 0, 0, 2]);
    lb.asAdd(vip, servers(2));
    assert.equal(send(1), 2);
  });

  it("are forwarded untracked where the bucket is full", () => {
    const { lb, sendAll, counters } = balancer(1);
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, servers(2, 3));
    assert.ok(sendAll(6).every((server) => server !== undefined));
    assert.deepEqual(counters(vip), [0, 4, 2, 0]);
    assert.equal(lb.sticky!.used(lb.hashTimeNow()), 4);
  });

  it("go by source alone where the VIP says so", () => {
    const { lb, sendAll } = balancer();
    const vip = lb.vipAdd({ ...VIP, srcIpSticky: true });
    lb.asAdd(vip, servers(2, 3, 4, 5));
    assert.equal(new Set(sendAll(50)).size, 1);
  });

  it("are all dropped when the table is resized or flushed, with their references", () => {
    const { lb, sendAll } = balancer();
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, servers(2));
    sendAll(50);
    assert.equal(lb.ases.get(1)!.refs, 50);
    lb.conf(lb.ip4Src, lb.ip6Src, 2048, 40);
    sendAll(10);
    assert.equal(lb.ases.get(1)!.refs, 10);
    lb.flushAll();
    assert.equal(lb.ases.get(1)!.refs, 0);
    assert.equal(lb.sticky, undefined);
  });
});

describe("dataplane: lb tables", () => {
  it("return what VPP returns", () => {
    const { lb } = balancer();
    assert.equal(lb.vipAdd(VIP), 1);
    assert.equal(lb.vipAdd({ ...VIP, prefix: ip46("10.2.2.77") }), -81);
    assert.equal(lb.vipAdd({ ...VIP, protocol: 6, port: 80 }), -81);
    assert.equal(lb.vipAdd({ ...VIP, prefix: ip46("10.9.0.0"), newLength: 1000 }), -70);
    assert.equal(lb.vipAdd({ ...VIP, prefix: ip46("10.9.0.0"), newLength: 0 }), -70);
    assert.equal(lb.vipAdd({ ...VIP, prefix: ip46("10.9.0.0"), type: VipType.ip6Gre4 }), -97);
    assert.equal(lb.vipAdd({ ...VIP, plen: 24 }), -97);
    const port = { ...VIP, prefix: ip46("10.3.0.1"), plen: 128, protocol: 6, port: 80 };
    assert.equal(lb.vipAdd(port), 2);
    assert.equal(lb.vipAdd({ ...port, port: 0, protocol: 255 }), -81);
    assert.equal(lb.vipAdd({ ...port, port: 81, type: VipType.ip4Gre6 }), -73);
    assert.equal(lb.asAdd(1, servers(2, 3)), 0);
    assert.equal(lb.asAdd(1, servers(4, 3)), -81);
    assert.equal(lb.asAdd(1, [ip46("2001::1")]), -97);
    assert.equal(lb.asAdd(9, servers(4)), -6);
    assert.equal(lb.asDel(1, servers(9), false), -6);
    assert.equal(lb.asDel(1, servers(3), false), 0);
    assert.equal(lb.asDel(1, servers(3), false), 0);
    assert.equal(lb.asesOf(lb.vips.get(1)!).length, 2);
    assert.equal(lb.vipDel(0), -7);
    assert.equal(lb.vipDel(9), -6);
    assert.equal(lb.vipFind(ip46("10.2.2.9"), 120, 255, 0), 1);
    assert.equal(lb.vipDel(1), 0);
    assert.equal(lb.vipFind(ip46("10.2.2.9"), 120, 255, 0), -6);
    assert.equal(lb.conf(1, ip46("::"), 1000, 40), -70);
  });

  it("give indexes to several servers from the last to the first, duplicates once", () => {
    const { lb } = balancer();
    const vip = lb.vipAdd(VIP);
    assert.equal(lb.asAdd(vip, servers(2, 3, 2, 4)), 0);
    assert.deepEqual(
      lb.asesOf(lb.vips.get(vip)!).map((as) => [as.index, as.address[15]]),
      [
        [1, 4],
        [2, 3],
        [3, 2],
      ],
    );
  });

  it("keep removed servers and VIPs until the garbage collection may take them", () => {
    const { bench, dp, lb, sendAll } = balancer();
    const before = dp.fib.entries.size;
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, servers(2, 3));
    sendAll(20);
    assert.equal(lb.vipDel(vip), 0);
    assert.equal(dp.fib.exact(0, prefix4(ip4("10.2.2.0"), 24)), undefined);
    bench.timeS = 59;
    lb.garbageCollection();
    assert.equal(lb.ases.size, 3);
    bench.timeS = 61;
    lb.garbageCollection();
    assert.equal(lb.ases.size, 3, "sticky slots still name them");
    lb.flush(vip);
    lb.garbageCollection();
    assert.equal(lb.ases.size, 3, "not twice in a minute");
    bench.timeS = 122;
    lb.garbageCollection();
    assert.deepEqual([lb.ases.size, lb.vips.size], [1, 1]);
    assert.equal(dp.fib.entries.size, before);
    assert.equal(lb.vipAdd(VIP), vip, "the freed index is used again");
  });

  it("drop a server's packets while nothing leads to it", () => {
    const { dp, lb, send } = balancer();
    const vip = lb.vipAdd(VIP);
    lb.asAdd(vip, [ip46("10.99.0.1")]);
    assert.equal(send(1), undefined);
    const out = dp.byName("host-out")!;
    dp.fib.update(0, prefix4(ip4("10.99.0.0"), 16), "CLI", new Set(), [
      { swIfIndex: out.swIfIndex, nextHop: ip4("10.60.1.2") },
    ]);
    assert.equal(send(1), 1);
    dp.fib.delete(0, prefix4(ip4("10.99.0.0"), 16), "CLI");
    assert.equal(send(1), undefined);
  });
});

describe("dataplane: a server within a VIP", () => {
  for (const [name, address, type] of [
    ["IPv4", "10.2.2.7", VipType.ip4Gre4],
    ["IPv6", "2001:db8::7", VipType.ip4Gre6],
  ] as const) {
    it(`${name}: the packet ends where there is no room for another header, and nothing around it is touched`, () => {
      const { bench, dp, lb, send } = balancer();
      lb.conf(ip4("10.60.1.1"), ip46("2001:db8::1"), 1024, 40);
      lb.asAdd(lb.vipAdd({ ...VIP, type }), [ip46(address)]);
      if (name === "IPv6")
        lb.asAdd(lb.vipAdd({ ...VIP, prefix: ip46("2001:db8::"), plen: 64, type: VipType.ip6Gre6 }), [ip46(address)]);
      const before = bench.memoryBefore();
      assert.equal(send(1000), undefined);
      assert.deepEqual(bench.memoryBefore(), before);
      assert.equal(bench.error("lb4", "no room for another encapsulation"), 1);
      assert.equal(dp.graph.counters.internalError.count, 0);
    });
  }

  it("NAT: a datagram without a whole UDP header is dropped, and what is behind it stays", () => {
    const { bench, lb } = balancer();
    const vip = lb.vipAdd({ ...VIP, type: VipType.ip4Nat4, protocol: 17, port: 53, targetPort: 5353 });
    lb.asAdd(vip, servers(2));
    const client = dpInterface(bench, "host-in");
    const frame = ip4Frame(IN, CLIENT, {
      src: "10.70.0.2",
      dst: "10.2.2.1",
      protocol: 17,
      payload: udp(1, 53).slice(0, 4),
    });
    bench.feed(client, frame);
    assert.deepEqual(bench.memoryBehind(frame.length), new Uint8Array(64));
    assert.equal(bench.error("lb4", "too short to be translated"), 1);
  });
});

function dpInterface(bench: Bench, name: string) {
  return bench.dp.byName(name)!;
}
