import assert from "node:assert/strict";
import {
  emptyVpp,
  makePlan,
  type DesiredReassembly,
  type DesiredState,
  type ObservedState,
} from "../../src/bridge/index.ts";
import { parseLbYaml } from "../../src/config/index.ts";

const VPPS_OWN = { maxFragments: 3, maxReassemblies: 1024, timeoutMs: 200, expireIntervalMs: 50 };
const observed: ObservedState = {
  ...emptyVpp(
    { version: "26.06-release", weights: false, lbConfGet: false, srcIpSticky: true, garbageByCli: true },
    { ip4Source: "10.0.0.1", ip6Source: "::1", flows: 0 },
  ),
  reassembly: { ip4: VPPS_OWN, ip6: { ...VPPS_OWN, maxFragments: 100 } },
};
const empty: DesiredState = {
  bridges: [],
  interfaces: [],
  neighbors: [],
  routes: [],
  vips: [],
  ownership: { tag: "vpplb" },
};

function planOf(reassembly: DesiredReassembly | undefined, found: ObservedState = observed) {
  return makePlan(reassembly === undefined ? empty : { ...empty, reassembly }, found);
}

const OUTSIDE = "interfaces: [{ loopback: 0, addresses: [10.0.0.1/24], outside: true }]\n";
const desiredOf = (text: string) => parseLbYaml(text).state?.reassembly;

describe("bridge: limits of reassembly", () => {
  it("are raised to 64 fragments where something reassembles, and never lowered unasked", () => {
    const wanted = desiredOf(OUTSIDE);
    const { operations } = planOf(wanted);
    assert.deepEqual(
      operations.map((one) => one.action),
      [{ type: "reassembly-limits", family: 4, limits: { ...VPPS_OWN, maxFragments: 64 } }],
    );
    assert.deepEqual(operations[0]?.inverse, { type: "reassembly-limits", family: 4, limits: VPPS_OWN });
    assert.match(operations[0].sentence, /IPv4 reassembly: fragments of a datagram 3 -> 64$/);
  });

  it("are as the file has them, of both families, and what it has not stays", () => {
    const wanted = desiredOf(`${OUTSIDE}reassembly: { maxFragments: 50, timeoutMs: 500 }\n`);
    const limits = { ...VPPS_OWN, maxFragments: 50, timeoutMs: 500 };
    assert.deepEqual(
      planOf(wanted).operations.map((one) => one.action),
      [
        { type: "reassembly-limits", family: 4, limits },
        { type: "reassembly-limits", family: 6, limits },
      ],
    );
    assert.deepEqual(planOf(wanted, { ...observed, reassembly: { ip4: limits, ip6: limits } }).operations, []);
  });

  it("are left alone where nothing of ours reassembles, or the file says so", () => {
    for (const text of ["vips: []\n", OUTSIDE.replace("true", "false"), `${OUTSIDE}reassembly: { manage: false }\n`]) {
      assert.equal(desiredOf(text), undefined, text);
    }
    assert.deepEqual(planOf(undefined).operations, []);
    const { diagnostics } = parseLbYaml("reassembly: { maxFragments: 50 }\n");
    assert.match(diagnostics[0]?.message ?? "", /no interface has full reassembly/);
  });

  it("of a VPP that does not tell are a problem only where the file has some", () => {
    const { reassembly: _, ...silent } = observed;
    assert.deepEqual(planOf(desiredOf(OUTSIDE), silent).problems, []);
    assert.equal(planOf(desiredOf(`${OUTSIDE}reassembly: { maxFragments: 50 }\n`), silent).problems.length, 1);
  });

  it("out of range are refused where they are written", () => {
    const { diagnostics, state } = parseLbYaml(`${OUTSIDE}reassembly: { maxReassemblies: 100000 }\n`);
    assert.equal(state, undefined);
    assert.equal(diagnostics[0]?.line, 2);
  });
});
