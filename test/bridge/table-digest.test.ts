import assert from "node:assert/strict";
import fc from "fast-check";
import { compareTables, tableDigests, tableOf, type DiffInput, type ObservedVip } from "../../src/bridge/index.ts";
import { buildTable } from "../../src/maglev/index.ts";

function vip(servers: readonly (readonly [string, number])[], tableSize = 64, srcIpSticky = false): ObservedVip {
  return {
    prefix: "10.2.2.0/24",
    encap: "gre4",
    tableSize,
    srcIpSticky,
    index: 1,
    removed: false,
    servers: servers.map(([address, weight]) => ({ address, weight, buckets: 0, flows: 0, used: true })),
    counters: { existingSession: 0, firstPacket: 0, untracked: 0, noServer: 0 },
  };
}

function digests(one: ObservedVip, weights: boolean) {
  const features = { version: "", weights, lbConfGet: weights, srcIpSticky: true, garbageByCli: !weights };
  const desired = {
    bridges: [],
    interfaces: [],
    neighbors: [],
    routes: [],
    vips: [],
    ownership: { tag: "vpplb", prefixes: ["10.2.0.0/16"] },
  };
  const owned = {
    vips: new Set<string>(),
    routes: new Set<string>(),
    neighbors: new Set<string>(),
    pendingInterfaces: new Set<string>(),
    bridges: new Set<number>(),
  };
  const lbConf = { ip4Source: "10.0.0.1", ip6Source: "::1", flows: 0 };
  const garbage = { vips: 0, servers: 0, collectable: 0 };
  const observed = { features, lbConf, bridges: [], interfaces: [], neighbors: [], routes: [], vips: [one], garbage };
  const input: DiffInput = { desired, observed, owned };
  return tableDigests(input);
}

const server = fc.tuple(
  fc.integer({ min: 2, max: 5 }).map((n) => `10.60.1.${n}`),
  fc.constantFrom(1, 2, 100),
);
const arbitrary = fc.record({
  servers: fc.uniqueArray(server, { selector: ([address]) => address, maxLength: 4 }),
  size: fc.constantFrom(16, 32),
  weights: fc.boolean(),
});

describe("bridge: digests of tables", () => {
  it("are equal only where the tables are, and always where all weights are 1", () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const [one, other] = [vip(a.servers, a.size), vip(b.servers, b.size)];
        const same = compareTables(digests(one, a.weights), digests(other, b.weights)).length === 0;
        const slots = (of: ObservedVip, weights: boolean) => {
          const table = tableOf(of, weights);
          return [...table.slots].map((index) => table.servers[index]);
        };
        if (same) assert.deepEqual(slots(one, a.weights), slots(other, b.weights));
      }),
    );
    const ones = [["10.60.1.2", 1] as const, ["10.60.1.3", 1] as const];
    assert.deepEqual(compareTables(digests(vip(ones), true), digests(vip(ones), false)), []);
    const plain = buildTable(
      ones.map(([address]) => ({ address })),
      64,
      "plain",
    );
    const weighted = buildTable(
      ones.map(([address, weight]) => ({ address, weight })),
      64,
      "weighted",
    );
    assert.deepEqual([...plain.slots], [...weighted.slots]);
  });

  it("say what differs", () => {
    const base = digests(vip([["10.60.1.2", 100]]), true);
    const reasons = (other: ObservedVip, weights = true) =>
      compareTables(base, digests(other, weights))[0]?.reasons.join();
    assert.equal(reasons(vip([["10.60.1.2", 100]])), undefined);
    assert.match(reasons(vip([["10.60.1.2", 50]]))!, /weights: 10.60.1.2 100, the other 50/);
    assert.match(
      reasons(vip([["10.60.1.3", 100]]))!,
      /other has not: 10.60.1.2,servers that only the other has: 10.60.1.3/,
    );
    assert.match(reasons(vip([["10.60.1.2", 100]], 128))!, /size 64, the other 128/);
    assert.match(reasons(vip([["10.60.1.2", 100]], 64, true))!, /srcIpSticky/);
    assert.match(reasons(vip([["10.60.1.2", 100]]), false)!, /algorithm weighted, the other plain.*lb.weights/);
    assert.match(compareTables(base, [])[0]!.reasons.join(), /no such VIP/);
  });
});
