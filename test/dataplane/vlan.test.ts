import assert from "node:assert/strict";
import { SubFlag } from "../../src/dataplane/l2/sub-interfaces.ts";
import { TagOp } from "../../src/dataplane/l2/tag-rewrite.ts";
import type { Interface } from "../../src/dataplane/model.ts";
import { createSubInterface, createVlan, deleteSubInterface } from "../../src/dataplane/sub-interface.ts";
import { arpFrame, Bench, echoRequest, hex, ip4, ip4Frame, unhex } from "./support.ts";

const MAC = "02:fe:00:00:00:01";
const PEER = "02:00:00:00:00:01";
const OTHER = "02:00:00:00:00:02";

/** The frame with tags put in: `8100 0064` is VLAN 100. */
function tagged(frame: Uint8Array, tags: string): Uint8Array {
  return unhex(hex(frame.subarray(0, 12)) + tags.replace(/\s/g, "") + hex(frame.subarray(12)));
}

function add(bench: Bench, sup: Interface, flags: number, outerVlan: number, innerVlan = 0): Interface {
  const id = outerVlan + innerVlan;
  const { retval, swIfIndex, reason } = createSubInterface(bench.dp, sup, { id, flags, outerVlan, innerVlan });
  assert.equal(retval, 0, reason);
  assert.equal(bench.dp.setAdminUp(swIfIndex, true), 0);
  return bench.dp.interfaces.get(swIfIndex)!;
}

const EXACT = SubFlag.exactMatch;

describe("VLAN sub-interfaces", () => {
  it("answer with their tags, and only to them", () => {
    const bench = new Bench();
    const host = bench.host("v0", MAC);
    const one = add(bench, host, SubFlag.oneTag | EXACT, 100);
    const two = add(bench, host, SubFlag.twoTags | SubFlag.dot1ad | EXACT, 300, 7);
    bench.dp.addAddress(one.swIfIndex, ip4("10.1.0.1"), 24);
    bench.dp.addAddress(two.swIfIndex, ip4("10.3.0.1"), 24);
    assert.equal(one.name, "host-v0.100");
    for (const [tags, network] of [
      ["81000064", "10.1.0"],
      ["88a8012c 81000007", "10.3.0"],
    ] as const) {
      const sender = { mac: PEER, ip: `${network}.2` };
      const ask = arpFrame("ff:ff:ff:ff:ff:ff", PEER, 1, sender, { mac: "00:00:00:00:00:00", ip: `${network}.1` });
      bench.feed(host, tagged(ask, tags));
      const answer = arpFrame(PEER, MAC, 2, { mac: MAC, ip: `${network}.1` }, sender);
      assert.deepEqual(bench.sent(host).map(hex), [hex(tagged(answer, tags))]);
      const ping = { src: `${network}.2`, dst: `${network}.1`, protocol: 1, payload: echoRequest(1, 2) };
      bench.feed(host, tagged(ip4Frame(MAC, PEER, ping), tags));
      const [reply] = bench.sent(host);
      assert.ok(reply !== undefined, "an answer");
      assert.equal(hex(reply).slice(24, 24 + tags.replace(/\s/g, "").length), tags.replace(/\s/g, ""));
      bench.feed(host, ip4Frame(MAC, PEER, ping));
      bench.feed(host, tagged(ip4Frame(MAC, PEER, ping), "81000065"));
      assert.deepEqual(bench.sent(host), [], "without its tag it is not for it");
    }
    assert.equal(bench.error("ethernet-input", "unknown vlan"), 2);
    assert.deepEqual([one.counters.rxPackets, one.counters.txPackets], [2, 2]);
    assert.equal(host.counters.txPackets, 4);
  });

  it("are found as VPP finds them: pair, any inner, single, default", () => {
    const bench = new Bench();
    const host = bench.host("v0", MAC);
    const pair = add(bench, host, SubFlag.twoTags | EXACT, 100, 5);
    const inner = add(bench, host, SubFlag.twoTags | SubFlag.innerAny, 200);
    const loose = add(bench, host, SubFlag.oneTag, 100);
    const rest = add(bench, host, SubFlag.default, 999);
    const frame = ip4Frame(MAC, PEER, { src: "10.0.0.2", dst: "10.0.0.1" });
    for (const [tags, expected] of [
      ["81000064 81000005", pair],
      ["81000064 81000006", loose],
      ["81000064", loose],
      ["810000c8 81000006", inner],
      ["810000c8", rest],
      ["88a80064", rest],
    ] as const) {
      const before = expected.counters.rxPackets;
      bench.feed(host, tagged(frame, tags));
      assert.equal(expected.counters.rxPackets, before + 1, tags);
    }
    bench.dp.setAdminUp(rest.swIfIndex, false);
    bench.feed(host, tagged(frame, "88a80064"));
    assert.equal(bench.error("ethernet-input", "subinterface down"), 1);
  });

  it("take the interface's place for priority tags never", () => {
    const bench = new Bench();
    const host = bench.host("v0", MAC);
    bench.dp.addAddress(host.swIfIndex, ip4("10.0.0.1"), 24);
    bench.dp.neighbors.add(host.swIfIndex, ip4("10.0.0.2"), unhex("020000000001"));
    const ping = { src: "10.0.0.2", dst: "10.0.0.1", protocol: 1, payload: echoRequest(1, 2) };
    bench.feed(host, tagged(ip4Frame(MAC, PEER, ping), "8100e000"));
    assert.equal(bench.sent(host).length, 1, "a priority alone is no VLAN");
  });

  it("are refused twice, above 4095 and where VPP has none", () => {
    const bench = new Bench();
    const host = bench.host("v0", MAC);
    assert.equal(createVlan(bench.dp, host, 100).retval, 0);
    assert.equal(createVlan(bench.dp, host, 100).retval, -56);
    assert.equal(createVlan(bench.dp, host, 4096).retval, -55);
    const sub = { id: 7, innerVlan: 0 };
    const of = (flags: number, outerVlan: number) => createSubInterface(bench.dp, host, { ...sub, flags, outerVlan });
    assert.equal(of(SubFlag.oneTag | SubFlag.outerAny, 0).reason, "not implemented yet");
    assert.equal(of(SubFlag.oneTag, 5000).retval, -1);
    assert.equal(of(SubFlag.oneTag | EXACT, 100).reason, "vlan is already in use");
    assert.equal(deleteSubInterface(bench.dp, host.swIfIndex), -98);
    assert.equal(bench.dp.removeInterface(host.swIfIndex), 0);
    assert.deepEqual(
      [...bench.dp.interfaces].map((each) => each.name),
      ["local0"],
      "they go with the interface",
    );
  });

  it("bridge with tags taken off and put back", () => {
    const bench = new Bench();
    const left = bench.host("v0", MAC);
    const right = bench.host("v1", OTHER);
    const third = bench.host("v2", "02:fe:00:00:00:03");
    const sub = add(bench, left, SubFlag.oneTag | EXACT, 100);
    for (const each of [sub, right, third]) assert.equal(bench.dp.bridges.attach(each.swIfIndex, 5, "normal", 0), 0);
    assert.equal(bench.dp.bridges.setRewrite(sub, TagOp.pop1, false, 0, 0), 0);
    assert.equal(bench.dp.bridges.setRewrite(third, TagOp.push2, true, 9, 10), 0, "what comes in there gets two tags");
    const frame = ip4Frame("02:00:00:00:00:99", PEER, { src: "10.0.0.2", dst: "10.0.0.1" });
    bench.feed(left, tagged(frame, "81000064"));
    assert.deepEqual(bench.sent(right).map(hex), [hex(frame)], "without its tag");
    assert.equal(bench.error("l2-output", "L2 output tag rewrite drops"), 1, "no two tags to take off");
    const back = ip4Frame(PEER, "02:00:00:00:00:99", { src: "10.0.0.1", dst: "10.0.0.2" });
    bench.feed(right, back);
    assert.deepEqual(bench.sent(left).map(hex), [hex(tagged(back, "81000064"))], "with its tag, to whom was learned");
    const all = ip4Frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:77", { src: "10.0.0.9", dst: "10.0.0.255" });
    bench.feed(third, all);
    assert.deepEqual(bench.sent(right).map(hex), [hex(tagged(all, "81000009 8100000a"))]);
    assert.deepEqual(bench.sent(left).map(hex), [hex(tagged(all, "81000064 81000009 8100000a"))]);
  });

  it("cross-connect to whom is connected too", () => {
    const bench = new Bench();
    const left = bench.host("v0", MAC);
    const right = bench.host("v1", OTHER);
    const sub = add(bench, left, SubFlag.oneTag, 100);
    assert.equal(bench.dp.bridges.crossConnect(sub.swIfIndex, right.swIfIndex), 0);
    const frame = tagged(ip4Frame("02:00:00:00:00:99", PEER, { src: "10.0.0.2", dst: "10.0.0.1" }), "81000064");
    bench.feed(left, frame);
    assert.equal(bench.error("l2-output", "L2 Output interface not valid"), 1);
    assert.equal(bench.dp.bridges.crossConnect(right.swIfIndex, sub.swIfIndex), 0);
    bench.feed(left, frame);
    assert.deepEqual(bench.sent(right).map(hex), [hex(frame)]);
    bench.feed(right, frame);
    assert.deepEqual(bench.sent(left).map(hex), [hex(frame)]);
    bench.dp.bridges.detach(right.swIfIndex);
    bench.feed(right, frame);
    assert.deepEqual(bench.sent(left), []);
  });
});
