import assert from "node:assert/strict";
import type { AclRule } from "../../src/dataplane/acl/types.ts";
import { lockTable } from "../../src/dataplane/fib/table-locks.ts";
import { prefix4 } from "../../src/dataplane/fib/prefix.ts";
import type { RoutePath } from "../../src/dataplane/fib/types.ts";
import { bindTable } from "../../src/dataplane/interface-control.ts";
import { Bench, ip4, ip4Frame, macOf, udp } from "./support.ts";

const A = "02:fe:00:00:00:01";
const B = "02:fe:00:00:00:02";
const C = "02:fe:00:00:00:03";
const PEER = "02:00:00:00:00:01";
const NEW = 0xffffffff;
const EXISTS = -116;

/** Three interfaces: packets for 20.0.0.0/8 come in by `a` and go to `b` by route, to `c` by policy. */
function router() {
  const bench = new Bench();
  const { dp } = bench;
  const [a, b, c] = [A, B, C].map((mac, i) => {
    const iface = bench.host("abc"[i]!, mac);
    dp.addAddress(iface.swIfIndex, ip4(`10.${i}.0.1`), 24);
    for (const host of [2, 3])
      dp.neighbors.add(iface.swIfIndex, ip4(`10.${i}.0.${host}`), macOf(PEER), { static: true });
    return iface;
  }) as [ReturnType<Bench["host"]>, ReturnType<Bench["host"]>, ReturnType<Bench["host"]>];
  dp.fib.routeAdd(0, prefix4(ip4("20.0.0.0"), 8), "API", [{ swIfIndex: b.swIfIndex, nextHop: ip4("10.1.0.2") }], false);
  for (const iface of [a, b, c]) bench.sent(iface);
  const list = (given: Partial<AclRule> = {}, at = NEW): number =>
    dp.acl.addReplace(at, "", [
      {
        ...{ action: 1, source: 0, sourceLength: 0, destination: 0, destinationLength: 0, protocol: 17 },
        ...{ sourcePortFirst: 0, sourcePortLast: 65535, destinationPortFirst: 0, destinationPortLast: 65535 },
        ...{ tcpFlagsMask: 0, tcpFlagsValue: 0, ...given },
      },
    ]).aclIndex;
  /** Where a datagram to a port leaves. */
  const leaves = (port: number, source = 1000): string => {
    bench.feed(a, ip4Frame(A, PEER, { src: "10.0.0.2", dst: "20.0.0.1", payload: udp(source, port) }));
    return [a, b, c].map((iface) => (bench.sent(iface).length > 0 ? iface.name.slice(-1) : "")).join("");
  };
  const toC: RoutePath = { swIfIndex: c.swIfIndex, nextHop: ip4("10.2.0.2") };
  return { bench, dp, a, b, c, list, leaves, toC };
}

const only = (port: number): Partial<AclRule> => ({ destinationPortFirst: port, destinationPortLast: port });

describe("dataplane: ACL-based forwarding", () => {
  it("takes what a policy's list permits, by priority, and leaves the rest to the routes", () => {
    const { bench, dp, a, b, list, leaves, toC } = router();
    assert.equal(dp.abf.addPaths(1, list(only(53)), [toC]), 0);
    assert.equal(dp.abf.addPaths(2, list({}), [{ swIfIndex: b.swIfIndex, nextHop: ip4("10.1.0.3") }]), 0);
    assert.equal(dp.abf.attach(1, a.swIfIndex, 4, 10), 0);
    assert.equal(dp.abf.attach(1, a.swIfIndex, 4, 20), EXISTS);
    assert.deepEqual([leaves(53), leaves(54)], ["c", "b"]);
    assert.equal(dp.abf.attach(2, a.swIfIndex, 4, 5), 0);
    assert.deepEqual([leaves(53), leaves(54)], ["b", "b"]);
    assert.equal(dp.abf.detach(2, a.swIfIndex, 4), 0);
    assert.deepEqual([leaves(53), leaves(54)], ["c", "b"]);
    assert.deepEqual([bench.error("abf-input-ip4", "matched"), bench.error("abf-input-ip4", "missed")], [4, 2]);
  });

  it("does not go on to the next policy with what a list denies", () => {
    const { dp, a, list, leaves, toC } = router();
    dp.abf.addPaths(1, list({ ...only(53), action: 0 }), [toC]);
    dp.abf.addPaths(2, list(), [toC]);
    dp.abf.attach(1, a.swIfIndex, 4, 1);
    dp.abf.attach(2, a.swIfIndex, 4, 2);
    assert.deepEqual([leaves(53), leaves(54)], ["b", "c"]);
  });

  it("follows its paths: more of them, their interface's state, and what they rest on", () => {
    const { dp, a, b, c, list, leaves, toC } = router();
    dp.abf.addPaths(1, list(), [{ nextHop: ip4("198.18.0.1"), fibIndex: 0 }]);
    dp.abf.attach(1, a.swIfIndex, 4, 1);
    assert.equal(leaves(1), "", "nothing leads to the next hop: dropped, not routed");
    const anchor = prefix4(ip4("198.18.0.1"), 32);
    dp.fib.routeAdd(0, anchor, "API", [toC], false);
    assert.equal(leaves(1), "c");
    dp.fib.delete(0, anchor, "API");
    assert.equal(leaves(1), "");
    const toB: RoutePath = { swIfIndex: b.swIfIndex, nextHop: ip4("10.1.0.3") };
    dp.abf.addPaths(1, dp.abf.policy(1)!.aclIndex, [toC, toB]);
    dp.abf.removePaths(1, [{ nextHop: ip4("198.18.0.1"), fibIndex: 0 }]);
    const spread = Array.from({ length: 40 }, (_, i) => leaves(1, 1000 + i));
    assert.deepEqual([...new Set(spread)].sort(), ["b", "c"]);
    dp.setAdminUp(c.swIfIndex, false);
    assert.deepEqual([...new Set(Array.from({ length: 40 }, (_, i) => leaves(1, 1000 + i)))], ["b"]);
    dp.setAdminUp(c.swIfIndex, true);
    assert.equal(dp.abf.removePaths(1, [toB]), 0);
    assert.deepEqual([...new Set(Array.from({ length: 40 }, (_, i) => leaves(1, 1000 + i)))], ["c"]);
  });

  it("keeps what is attached when the last path is deleted, until it is detached", () => {
    const { dp, a, list, leaves, toC } = router();
    const held = { lists: dp.fib.pathLists.lists.size, paths: dp.fib.pathLists.paths.size };
    const aclIndex = list();
    dp.abf.addPaths(1, aclIndex, [toC]);
    dp.abf.addPaths(1, aclIndex, [toC]);
    dp.abf.attach(1, a.swIfIndex, 4, 1);
    assert.equal(dp.abf.removePaths(1, [toC]), 0);
    assert.equal(leaves(1), "c");
    assert.equal(dp.abf.removePaths(1, [toC]), -7);
    assert.equal(dp.abf.attach(1, dp.interfaces.get(2)!.swIfIndex, 4, 1), -6);
    assert.equal(dp.acl.delete(aclIndex), -149);
    assert.equal(dp.abf.detach(1, a.swIfIndex, 4), 0);
    assert.equal(leaves(1), "b");
    assert.equal(dp.abf.policy(1), undefined);
    assert.equal(dp.acl.delete(aclIndex), 0);
    assert.deepEqual({ lists: dp.fib.pathLists.lists.size, paths: dp.fib.pathLists.paths.size }, held);
  });

  it("refuses what ends VPP, and matches lists that come later or are changed in place", () => {
    const { dp, a, list, leaves, toC } = router();
    assert.equal(dp.abf.attach(9, a.swIfIndex, 4, 1), -6);
    dp.abf.addPaths(1, 0, [toC]);
    assert.equal(dp.abf.attach(1, 4242, 4, 1), -2);
    assert.equal(dp.abf.attach(1, a.swIfIndex, 4, 1), 0);
    assert.equal(dp.abf.detach(1, a.swIfIndex, 6), -6);
    assert.equal(leaves(53), "b", "its list is not there");
    assert.equal(list(only(53)), 0);
    assert.equal(leaves(53), "c");
    list(only(54), 0);
    assert.deepEqual([leaves(53), leaves(54)], ["b", "c"]);
  });

  it("attachments outlive their interface, and the next of its index has them without looking at them", () => {
    const { bench, dp, b, c, list, toC } = router();
    const first = bench.host("d", "02:fe:00:00:00:04");
    dp.abf.addPaths(1, list(), [toC]);
    dp.abf.attach(1, first.swIfIndex, 4, 1);
    assert.equal(dp.removeInterface(first.swIfIndex), 0);
    assert.equal([...dp.abf.attachments].length, 1);
    const next = bench.host("e", "02:fe:00:00:00:04");
    assert.equal(next.swIfIndex, first.swIfIndex);
    dp.addAddress(next.swIfIndex, ip4("10.9.0.1"), 24);
    const leaves = (): string => {
      bench.feed(next, ip4Frame("02:fe:00:00:00:04", PEER, { src: "10.9.0.2", dst: "20.0.0.1", payload: udp(1, 2) }));
      return [b, c].map((iface) => (bench.sent(iface).length > 0 ? iface.name.slice(-1) : "")).join("");
    };
    assert.equal(leaves(), "b");
    dp.abf.addPaths(2, list(), [toC]);
    assert.equal(dp.abf.attach(2, next.swIfIndex, 4, 2), 0);
    assert.equal(leaves(), "b", "one beside it is not looked at either");
    assert.equal(dp.abf.detach(2, next.swIfIndex, 4), 0);
    assert.equal(dp.abf.detach(1, next.swIfIndex, 4), 0);
    assert.equal(leaves(), "b");
    assert.equal(dp.abf.attach(1, next.swIfIndex, 4, 1), 0);
    assert.equal(leaves(), "c");
    assert.equal(dp.abf.detach(1, next.swIfIndex, 4), 0);
    assert.equal(next.features.ip4Unicast, undefined);
  });
});

describe("dataplane: tables", () => {
  it("packets are looked up in their interface's table, and a table's routes may lead to another's", () => {
    const { bench, dp, b, c } = router();
    const d = bench.host("d", "02:fe:00:00:00:04");
    const table = lockTable(dp.fib, 4, 10, "API", "vrf10");
    assert.equal(bindTable(dp, d, 4, 10), 0);
    dp.addAddress(d.swIfIndex, ip4("10.9.0.1"), 24);
    const leaves = (): string => {
      bench.feed(d, ip4Frame("02:fe:00:00:00:04", PEER, { src: "10.9.0.2", dst: "20.0.0.1", payload: udp(1, 2) }));
      return [b, c].map((iface) => (bench.sent(iface).length > 0 ? iface.name.slice(-1) : "")).join("");
    };
    assert.equal(leaves(), "", "the main table's route is none of table 10's");
    const vip = prefix4(ip4("20.0.0.1"), 32);
    dp.fib.routeAdd(table.index, vip, "API", [{ swIfIndex: c.swIfIndex, nextHop: ip4("10.2.0.2") }], false);
    assert.equal(leaves(), "c");
    dp.fib.routeAdd(table.index, vip, "API", [{ nextHop: ip4("20.0.0.9"), fibIndex: 0 }], false);
    assert.equal(leaves(), "b");
    assert.equal(bindTable(dp, d, 4, 0), -114);
  });
});
