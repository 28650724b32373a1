import assert from "node:assert/strict";
import {
  makePlan,
  NOTHING_OWNED,
  observe,
  observeFeatures,
  type DesiredState,
  type DesiredVip,
} from "../../src/bridge/index.ts";
import { VppModel } from "./model.ts";

function desire(vips: readonly DesiredVip[], prefixes?: readonly string[]): DesiredState {
  return {
    bridges: [],
    interfaces: [],
    neighbors: [],
    routes: [],
    vips,
    ownership: { tag: "vpplb", ...(prefixes === undefined ? {} : { prefixes }) },
  };
}

const all: DesiredVip = { prefix: "10.77.1.1/32", encap: "gre4", tableSize: 8, srcIpSticky: false, servers: [] };
const http: DesiredVip = { ...all, protocol: "tcp", port: 80 };

/** A VPP on which someone else made the VIP. */
async function withForeign(line: { port: number; encap: number }): Promise<VppModel> {
  const vpp = new VppModel(false);
  const ip6 = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 77, 1, 1]);
  await vpp.request("lb_add_del_vip_v2", {
    pfx: { address: { af: 1, un: { ip4: new Uint8Array(4), ip6 } }, len: 128 },
    protocol: line.port === 0 ? 255 : 6,
    port: line.port,
    encap: line.encap << 24,
    dscp: 0,
    new_flows_table_length: 8,
    src_ip_sticky: false,
    is_del: false,
  });
  return vpp;
}

const look = async (vpp: VppModel) => observe(vpp, await observeFeatures(vpp));

describe("bridge: VIPs and whose they are", () => {
  it("does not adopt a VIP outside the declared prefixes", async () => {
    const plan = makePlan(desire([all], []), await look(await withForeign({ port: 0, encap: 0 })));
    assert.deepEqual(plan.operations, []);
    assert.match(plan.problems[0]?.message ?? "", /10\.77\.1\.1\/32 is in VPP already and not ours/);
  });

  it("removes a VIP inside the declared prefixes that is not in the file", async () => {
    const plan = makePlan(desire([], ["10.77.0.0/16"]), await look(await withForeign({ port: 0, encap: 0 })));
    assert.deepEqual(
      plan.operations.map((one) => one.id),
      ["vip 10.77.1.1/32 delete"],
    );
  });

  it("removes a VIP of the journal, and leaves one that is of nobody here", async () => {
    const observed = await look(await withForeign({ port: 0, encap: 0 }));
    assert.deepEqual(makePlan(desire([]), observed).operations, []);
    assert.deepEqual(makePlan(desire([]), observed).foreign, ["VIP 10.77.1.1/32"]);
    const owned = { ...NOTHING_OWNED, vips: new Set(["10.77.1.1/32"]) };
    assert.equal(makePlan(desire([]), observed, owned).operations.length, 1);
  });

  it("left to somebody else, VIPs stay and are foreign; one of the journal that is not among them is removed", async () => {
    const observed = await look(await withForeign({ port: 0, encap: 0 }));
    const owned = { ...NOTHING_OWNED, vips: new Set(["10.77.1.1/32"]) };
    const left = (...leavesVips: string[]) => ({ ...desire([]), ownership: { tag: "vpplb", leavesVips } });
    const kept = makePlan(left("10.77.1.1/32"), observed, owned);
    assert.deepEqual([kept.operations, kept.foreign], [[], ["VIP 10.77.1.1/32"]]);
    assert.deepEqual(makePlan(left(), observed).operations, [], "nor is one that the journal does not name");
    const lost = makePlan(left(), observed, owned);
    assert.deepEqual(
      lost.operations.map((one) => one.id),
      ["vip 10.77.1.1/32 delete"],
    );
  });

  it("says which VIP of someone else is in the way", async () => {
    const rival = makePlan(desire([all]), await look(await withForeign({ port: 80, encap: 0 })));
    assert.match(
      rival.problems[0]?.message ?? "",
      /10\.77\.1\.1\/32 tcp\/80 of someone else is there, and all-port and per-port/,
    );
    const https: DesiredVip = { ...http, port: 443 };
    const typed = makePlan(desire([https]), await look(await withForeign({ port: 80, encap: 1 })));
    assert.match(
      typed.problems[0]?.message ?? "",
      /tcp\/80 of someone else is gre6, and all ports of a prefix share one/,
    );
    const beside = makePlan(desire([https]), await look(await withForeign({ port: 80, encap: 0 })));
    assert.deepEqual(beside.problems, []);
    assert.deepEqual(
      beside.operations.map((one) => one.id),
      ["vip 10.77.1.1/32 tcp/443 create"],
    );
  });

  it("counts the flows that lose stickiness when a VIP is made anew", async () => {
    const vpp = await withForeign({ port: 0, encap: 0 });
    await vpp.cli("lb as 10.77.1.1/32 10.60.1.2 10.60.1.3");
    vpp.vips[0]!.servers.get("10.60.1.2")!.flows = 7;
    const servers = ["10.60.1.2", "10.60.1.3"].map((address) => ({ address, weight: 100, state: "up" as const }));
    const plan = makePlan(desire([{ ...all, srcIpSticky: true, servers }]), await look(vpp));
    assert.equal(plan.disruption[0]?.flowsLost, 7);
    assert.equal(plan.disruption[0]?.moved, 0, "the same servers in a table of the same size");
    assert.match(
      plan.operations[0]?.sentence ?? "",
      /source-address stickiness false -> true in place; 7 flows lose stickiness/,
    );
  });
});
