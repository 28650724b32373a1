import assert from "node:assert/strict";
import fc from "fast-check";
import {
  execute,
  makePlan,
  observe,
  observeFeatures,
  vipKey,
  type DesiredState,
  type Operation,
  type Plan,
} from "../../src/bridge/index.ts";
import { Journal } from "../../src/controller/index.ts";
import { desiredState } from "./arbitrary.ts";
import { VppModel } from "./model.ts";

const RUNS = { numRuns: Number(process.env["VPPLB_PROPERTY_RUNS"] ?? 150) };

/** A controller's memory without its file. */
function memory(): Journal {
  return Journal.empty();
}

async function planFor(desired: DesiredState, vpp: VppModel, journal: Journal): Promise<Plan> {
  return makePlan(desired, await observe(vpp, await observeFeatures(vpp)), journal.owned);
}

/** Runs a plan's operations in order, as far as `until`; each `times` times. */
async function apply(
  plan: Plan,
  vpp: VppModel,
  journal: Journal,
  { until = Infinity, times = 1, after = (_: Operation) => {} } = {},
) {
  const features = await observeFeatures(vpp);
  const interfaces = new Map([...vpp.interfaces].map(([index, one]) => [one.name, index]));
  journal.begin(plan.operations);
  for (const operation of plan.operations.slice(0, until)) {
    for (let time = 0; time < times; time++) {
      await execute(operation.action, { port: vpp, features, interfaces });
    }
    journal.done(operation);
    after(operation);
  }
}

/** Plans and applies until nothing is left; a second round is for routes of interfaces that were made anew. */
async function converge(desired: DesiredState, vpp: VppModel, journal: Journal): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const plan = await planFor(desired, vpp, journal);
    assert.deepEqual(plan.problems, []);
    if (plan.operations.length === 0) return;
    await apply(plan, vpp, journal);
  }
  const left = await planFor(desired, vpp, journal);
  assert.deepEqual(
    left.operations.map((one) => one.sentence),
    [],
  );
}

const versions = fc.boolean();

describe("bridge: plan and operations on a model of VPP", () => {
  it("makes any VPP of ours into any desired state, after which the plan is empty", async () => {
    await fc.assert(
      fc.asyncProperty(versions, desiredState, desiredState, async (fixed, first, second) => {
        const vpp = new VppModel(fixed);
        const journal = memory();
        await converge(first, vpp, journal);
        await converge(second, vpp, journal);
        const before = vpp.writes;
        await converge(second, vpp, journal);
        assert.equal(vpp.writes, before, "an unchanged VPP is not written to");
      }),
      RUNS,
    );
  });

  it("gets there from wherever it was interrupted, by whoever comes next", async () => {
    await fc.assert(
      fc.asyncProperty(versions, desiredState, desiredState, fc.nat(60), async (fixed, first, second, cut) => {
        const vpp = new VppModel(fixed);
        const journal = memory();
        await converge(first, vpp, journal);
        const plan = await planFor(second, vpp, journal);
        await apply(plan, vpp, journal, { until: cut % (plan.operations.length + 1) });
        await converge(second, vpp, journal);
      }),
      RUNS,
    );
  });

  it("does no harm by doing an operation again", async () => {
    await fc.assert(
      fc.asyncProperty(versions, desiredState, async (fixed, desired) => {
        const [once, twice] = [new VppModel(fixed), new VppModel(fixed)];
        await apply(await planFor(desired, once, memory()), once, memory());
        await apply(await planFor(desired, twice, memory()), twice, memory(), { times: 2 });
        assert.deepEqual(state(twice), state(once));
      }),
      RUNS,
    );
  });

  it("undoes every change that has an inverse", async () => {
    await fc.assert(
      fc.asyncProperty(versions, desiredState, async (fixed, desired) => {
        const vpp = new VppModel(fixed);
        const journal = memory();
        const features = await observeFeatures(vpp);
        const plan = await planFor(desired, vpp, journal);
        const undo = [...plan.operations].reverse().filter((one) => one.object !== "lb conf");
        await apply(plan, vpp, journal);
        const interfaces = new Map([...vpp.interfaces].map(([index, one]) => [one.name, index]));
        for (const { inverse } of undo)
          if (inverse !== undefined) await execute(inverse, { port: vpp, features, interfaces });
        const empty = new VppModel(fixed);
        assert.deepEqual({ ...state(vpp), conf: undefined }, { ...state(empty), conf: undefined });
      }),
      RUNS,
    );
  });

  it("brings the uplink up only when every VIP has its servers", async () => {
    await fc.assert(
      fc.asyncProperty(versions, desiredState, async (fixed, desired) => {
        const vpp = new VppModel(fixed);
        const journal = memory();
        await apply(await planFor(desired, vpp, journal), vpp, journal, {
          after: ({ action }) => {
            if (action.type !== "interface-state" || action.name !== "host-out" || !action.up) return;
            for (const vip of desired.vips) {
              const held = vpp.vips.find(
                (one) => !one.removed && one.prefix === vip.prefix && one.port === (vip.port ?? 0),
              );
              const up = vip.servers.filter((server) => server.state === "up").map((server) => server.address);
              for (const address of up)
                assert.ok(held?.servers.get(address)?.used, `${vipKey(vip)} has no ${address} yet`);
            }
          },
        });
      }),
      RUNS,
    );
  });

  it("never leaves a VIP that stays without a server while it exchanges them", async () => {
    await fc.assert(
      fc.asyncProperty(
        versions,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        async (fixed, a, b) => {
          const vpp = new VppModel(fixed);
          const journal = memory();
          const range = (from: number, count: number) =>
            Array.from({ length: count }, (_, i) => server(`10.60.1.${from + i}`));
          await converge(oneVip(range(10, a)), vpp, journal);
          await apply(await planFor(oneVip(range(20, b)), vpp, journal), vpp, journal, {
            after: () => assert.ok([...vpp.vips[0]!.servers.values()].some((one) => one.used)),
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it("leaves alone what is not ours", async () => {
    await fc.assert(
      fc.asyncProperty(versions, desiredState, desiredState, async (fixed, first, second) => {
        const vpp = new VppModel(fixed);
        await foreignObjects(vpp);
        const foreign = () =>
          JSON.stringify([
            [...vpp.interfaces]
              .filter(([, one]) => one.name === "loop77")
              .map(([, one]) => ({ ...one, addresses: [...one.addresses] })),
            [...vpp.bridges].filter(([id]) => id === 77),
            [...vpp.routes].filter(([key]) => key.startsWith("10.77")),
            vpp.vips
              .filter((vip) => vip.prefix.startsWith("10.77"))
              .map((vip) => ({ ...vip, servers: [...vip.servers] })),
          ]);
        const before = foreign();
        const journal = memory();
        await converge(first, vpp, journal);
        await converge(second, vpp, journal);
        assert.equal(foreign(), before);
      }),
      RUNS,
    );
  });
});

/** What a VPP holds, without what is different each time. */
function state(vpp: VppModel): Record<string, unknown> {
  return {
    interfaces: [...vpp.interfaces.values()]
      .map((one) => ({ ...one, addresses: [...one.addresses].sort() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    bridges: [...vpp.bridges.values()],
    routes: [...vpp.routes.keys()].sort(),
    vips: vpp.vips
      .filter((vip) => !vip.removed)
      .map(({ index: _, ...vip }) => ({ ...vip, servers: [...vip.servers].sort() })),
    conf: vpp.conf,
  };
}

async function foreignObjects(vpp: VppModel): Promise<void> {
  const { sw_if_index: index } = await vpp.request("create_loopback_instance", {
    user_instance: 77,
    mac_address: "02:00:00:00:00:77",
  });
  await vpp.request("sw_interface_add_del_address", { sw_if_index: index, is_add: true, prefix: "10.77.0.1/24" });
  await vpp.request("bridge_domain_add_del_v2", { bd_id: 77, is_add: true, bd_tag: "theirs", learn: true, mac_age: 0 });
  await vpp.request("ip_route_add_del", {
    is_add: true,
    route: {
      prefix: "10.77.9.0/24",
      table_id: 0,
      paths: [{ sw_if_index: index, type: 0, proto: 0, weight: 1, table_id: 0, nh: { address: { ip4: "10.77.0.2" } } }],
    },
  });
  await vpp.request("lb_add_del_vip_v2", {
    pfx: {
      address: {
        af: 1,
        un: { ip4: new Uint8Array(4), ip6: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 77, 1, 1]) },
      },
      len: 128,
    },
    protocol: 255,
    port: 0,
    encap: 0,
    dscp: 0,
    new_flows_table_length: 8,
    src_ip_sticky: false,
    is_del: false,
  });
  await vpp.cli("lb as 10.77.1.1/32 10.77.0.5");
}

function server(address: string) {
  return { address, weight: 100, state: "up" as const };
}

function oneVip(servers: ReturnType<typeof server>[]): DesiredState {
  return {
    bridges: [],
    interfaces: [],
    neighbors: [],
    routes: [],
    vips: [{ prefix: "10.2.2.0/24", encap: "gre4", tableSize: 64, srcIpSticky: false, servers }],
    ownership: { tag: "vpplb" },
  };
}
