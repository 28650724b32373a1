import assert from "node:assert/strict";
import { arpFrame, Bench, hex, ip4, macOf } from "./support.ts";

const OWN = "02:fe:00:00:00:01";
const PEER = "02:00:00:00:00:01";

describe("neighbours", () => {
  it("are asked for when their time is over, and forgotten when they don't answer", () => {
    const bench = new Bench();
    const host = bench.host("v0", OWN);
    const { dp } = bench;
    dp.addAddress(host.swIfIndex, ip4("10.0.0.1"), 24);
    Object.assign(dp.neighbors.settings[4], { ageS: 60 });
    dp.neighbors.add(host.swIfIndex, ip4("10.0.0.2"), macOf(PEER));
    dp.neighbors.add(host.swIfIndex, ip4("10.0.0.3"), macOf(PEER), { static: true });
    const known = (last: number): boolean => dp.neighbors.find(host.swIfIndex, ip4(`10.0.0.${last}`)) !== undefined;
    bench.timeS = 60;
    dp.neighbors.age();
    assert.deepEqual(bench.sent(host), [], "not yet");
    bench.timeS = 61;
    dp.neighbors.age();
    assert.equal(bench.sent(host).length, 1, "an ARP request");
    const answer = { mac: PEER, ip: "10.0.0.2" };
    bench.feed(host, arpFrame(OWN, PEER, 2, answer, { mac: OWN, ip: "10.0.0.1" }));
    for (bench.timeS = 62; bench.timeS < 121; bench.timeS += 1) dp.neighbors.age();
    assert.deepEqual(bench.sent(host), [], "it answered: its time begins anew");
    for (bench.timeS = 122; bench.timeS < 125; bench.timeS += 1) dp.neighbors.age();
    assert.equal(bench.sent(host).length, 3);
    assert.ok(known(2), "asked three times");
    dp.neighbors.age();
    assert.deepEqual([known(2), known(3)], [false, true], "static ones stay");
    dp.close();
  });

  it("are at most so many; the one heard from longest ago makes room where that is wanted", () => {
    const bench = new Bench();
    const host = bench.host("v0", OWN);
    const { neighbors } = bench.dp;
    Object.assign(neighbors.settings[4], { limit: 3 });
    const add = (last: number): boolean => {
      bench.timeS += 1;
      return neighbors.add(host.swIfIndex, ip4(`10.0.0.${last}`), macOf(PEER));
    };
    assert.deepEqual([1, 2, 3, 4].map(add), [true, true, true, false]);
    neighbors.settings[4].recycle = true;
    add(1);
    assert.equal(add(5), true);
    const left = [...neighbors.pool].map(({ address }) => (address as number) & 255).sort();
    assert.deepEqual(left, [1, 3, 5], "2 was heard from longest ago");
  });

  it("whose address the bridge domain knows are answered for, and not flooded", () => {
    const bench = new Bench();
    const [left, right] = [bench.host("v0", OWN), bench.host("v1", "02:fe:00:00:00:02")];
    for (const each of [left, right]) bench.dp.bridges.attach(each.swIfIndex, 7, "normal", 0);
    const domain = bench.dp.bridges.byId(7)!;
    domain.ipMacs.set(ip4("10.0.0.9"), macOf("02:00:00:00:00:09"));
    const sender = { mac: PEER, ip: "10.0.0.2" };
    const ask = arpFrame("ff:ff:ff:ff:ff:ff", PEER, 1, sender, { mac: "00:00:00:00:00:00", ip: "10.0.0.9" });
    bench.feed(left, ask);
    assert.equal(bench.sent(right).length, 1, "flooded while termination is off");
    domain.arpTerm = true;
    bench.feed(left, ask);
    assert.deepEqual(bench.sent(right), []);
    const answer = arpFrame(PEER, "02:00:00:00:00:09", 2, { mac: "02:00:00:00:00:09", ip: "10.0.0.9" }, sender);
    assert.deepEqual(bench.sent(left).map(hex), [hex(answer)]);
  });
});
