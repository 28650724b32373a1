import assert from "node:assert/strict";
import {
  emptyVpp,
  makePlan,
  NOTHING_OWNED,
  type DesiredState,
  type ObservedLbConf,
  type ObservedState,
} from "../../src/bridge/index.ts";

const desired: DesiredState = {
  lbConf: {
    ip4Source: "10.60.1.1",
    ip6Source: "2001:db8:60::1",
    stickyBuckets: 65_536,
    flowTimeoutS: 40,
    evenWithForeignVips: false,
  },
  bridges: [],
  interfaces: [],
  neighbors: [],
  routes: [],
  vips: [],
  ownership: { tag: "vpplb" },
};
const { evenWithForeignVips: _, ...written } = desired.lbConf!;

function observed(lbConf: ObservedLbConf, vips: ObservedState["vips"] = []): ObservedState {
  const features = {
    version: "26.06-release",
    weights: false,
    lbConfGet: false,
    srcIpSticky: true,
    garbageByCli: true,
  };
  return { ...emptyVpp(features, lbConf), vips };
}

const sources = { ip4Source: "10.60.1.1", ip6Source: "2001:db8:60::1" };

describe("bridge: lb_conf", () => {
  it("never resizes a sticky table that holds flows, and says so", () => {
    const plan = makePlan(desired, observed({ ...sources, stickyBuckets: 1024, flowTimeoutS: 40, flows: 5 }));
    assert.deepEqual(plan.operations, []);
    assert.match(plan.warnings.join(), /keeps 1024 buckets instead of 65536: resizing it would drop 5 flows/);
  });

  it("changes the rest beside a table in use, and keeps its size on the wire", () => {
    const plan = makePlan(desired, observed({ ...sources, stickyBuckets: 1024, flowTimeoutS: 60, flows: 5 }));
    assert.deepEqual(plan.operations[0]?.action, {
      type: "lb-conf",
      conf: { ...written, stickyBuckets: 1024 },
      keepBuckets: true,
    });
  });

  it("resizes an idle table", () => {
    const plan = makePlan(desired, observed({ ...sources, stickyBuckets: 1024, flowTimeoutS: 40, flows: 0 }));
    assert.deepEqual(plan.operations[0]?.action, { type: "lb-conf", conf: written, keepBuckets: false });
  });

  it("believes the journal where VPP does not tell, and writes where there is none", () => {
    const silent = observed({ ...sources, flows: 0 });
    assert.deepEqual(makePlan(desired, silent, { ...NOTHING_OWNED, lbConf: written }).operations, []);
    assert.equal(makePlan(desired, silent).operations.length, 1);
  });

  it("believes the journal over a table that VPP has not touched since", () => {
    const lagging = observed({ ...sources, stickyBuckets: 1024, flowTimeoutS: 60, flows: 0 });
    assert.deepEqual(makePlan(desired, lagging, { ...NOTHING_OWNED, lbConf: written }).operations, []);
  });

  it("is left alone where others have VIPs, unless it is told to", () => {
    const vip = {
      prefix: "10.77.0.0/24",
      encap: "nat4",
      tableSize: 8,
      srcIpSticky: false,
      index: 1,
      removed: false,
      servers: [],
      counters: { existingSession: 0, firstPacket: 0, untracked: 0, noServer: 0 },
    } as const;
    const shared = observed({ ...sources, stickyBuckets: 1024, flowTimeoutS: 40, flows: 0 }, [vip]);
    const plan = makePlan(desired, shared);
    assert.deepEqual(plan.operations, []);
    assert.match(plan.problems[0]?.message ?? "", /serves VIPs of others \(10\.77\.0\.0\/24\)/);
    const told = { ...desired, lbConf: { ...desired.lbConf!, evenWithForeignVips: true } };
    assert.equal(makePlan(told, shared).operations.length, 1);
  });
});
