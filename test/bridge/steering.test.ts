import assert from "node:assert/strict";
import fc from "fast-check";
import {
  execute,
  makePlan,
  observe,
  observeFeatures,
  prepare,
  type DesiredInterface,
  type DesiredState,
  type DesiredSteering,
  type Operation,
  type Plan,
} from "../../src/bridge/index.ts";
import { adopt } from "../../src/controller/adopt.ts";
import { Journal } from "../../src/controller/index.ts";
import { VppModel } from "./model.ts";

const RUNS = { numRuns: Number(process.env["VPPLB_PROPERTY_RUNS"] ?? 100) };
const POOLS = { ip4: "198.18.0.0/15", ip6: "2001:2::/48" };
const POLICY_IDS = { first: 5000, count: 100 };
const NAMES = ["a", "b", "c"];
const PREFIXES = ["20.0.0.1/32", "20.0.0.2/32", "2000::1/128", "20.1.0.0/24"];

const streams = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom(...NAMES),
      tableSize: fc.constantFrom(8, 16),
      srcIpSticky: fc.boolean(),
      count: fc.integer({ min: 1, max: 3 }),
    }),
    { selector: (one) => one.name, minLength: 1, maxLength: 3 },
  )
  .map((list): DesiredSteering["streams"] =>
    list.map(({ count, ...one }) => ({
      ...one,
      encap: "gre4",
      anchors: [],
      servers: Array.from({ length: count }, (_, n) => ({
        address: `10.60.${NAMES.indexOf(one.name)}.${n + 2}`,
        weight: 100,
        state: "up",
      })),
    })),
  );

const steering: fc.Arbitrary<DesiredSteering> = fc
  .record({
    streams,
    vips: fc.array(
      fc.record({ prefix: fc.constantFrom(...PREFIXES), stream: fc.option(fc.nat(2), { nil: undefined }) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    flows: fc.array(
      fc.record({
        name: fc.constantFrom("x", "y", "z"),
        stream: fc.nat(2),
        vips: fc.subarray(PREFIXES, { minLength: 1 }),
        port: fc.constantFrom(80, 81),
        priority: fc.constantFrom(1, 2),
      }),
      { maxLength: 3 },
    ),
    echo: fc.subarray(PREFIXES),
    policy: fc.constantFrom("answer" as const, "drop" as const),
    both: fc.boolean(),
  })
  .map(({ streams: known, vips, flows, echo, policy, both }): DesiredSteering => {
    const nameOf = (index: number) => known[index % known.length]!.name;
    const unique = <T>(list: readonly T[], key: (one: T) => string) =>
      list.filter((one, index) => list.findIndex((other) => key(other) === key(one)) === index);
    const kept = unique(vips, (one) => one.prefix);
    const there = new Set(kept.map((one) => one.prefix));
    return {
      streams: known,
      vips: kept.map(({ prefix, stream }) => ({ prefix, ...(stream === undefined ? {} : { stream: nameOf(stream) }) })),
      flows: unique(flows, (one) => one.name)
        .map(({ name, stream, vips: targets, port, priority }) => ({
          ...{ name, stream: nameOf(stream), vips: targets.filter((prefix) => there.has(prefix)), priority },
          ...{ sourceSubnets: [], sourcePorts: [], protocols: ["tcp"] as const },
          destinationPorts: [{ first: port, last: port }],
        }))
        .filter((flow) => flow.vips.length > 0),
      echo: echo.filter((prefix) => there.has(prefix)).map((prefix) => ({ prefix, policy })),
      pools: POOLS,
      interfaces: both ? ["host-out", "host-two"] : ["host-out"],
      policyIds: POLICY_IDS,
    };
  });

/** Its MAC cannot change in place: another one means that the interface is made anew. */
const uplinks = fc.record({ mac: fc.constantFrom("02:fe:00:00:00:0a", "02:fe:00:00:00:0b"), steering });

const uplink = (host: string, mac: string): DesiredInterface => ({
  ...{
    kind: "host",
    hostInterface: host,
    name: `host-${host}`,
    mac,
    mtu: 1500,
    addresses: [],
    outside: true,
    up: true,
  },
});

const desiredState: fc.Arbitrary<DesiredState> = fc
  .option(uplinks, { nil: undefined, freq: 8 })
  .map((given): DesiredState => ({
    bridges: [],
    interfaces: given === undefined ? [] : [uplink("out", given.mac), uplink("two", "02:fe:00:00:00:0c")],
    neighbors: [],
    routes: [],
    vips: [],
    ownership: { tag: "vpplb" },
    ...(given === undefined ? {} : { steering: given.steering }),
  }));

async function planFor(desired: DesiredState, vpp: VppModel, journal: Journal): Promise<Plan> {
  const observed = await observe(vpp, await observeFeatures(vpp));
  const input = prepare({ desired, observed, owned: journal.owned });
  adopt(journal, input);
  return makePlan(input.desired, input.observed, journal.owned);
}

async function apply(
  plan: Plan,
  vpp: VppModel,
  journal: Journal,
  { until = Infinity, after = (_: Operation) => {} } = {},
): Promise<void> {
  const features = await observeFeatures(vpp);
  journal.begin(plan.operations);
  const context = { port: vpp, features, interfaces: new Map([...vpp.interfaces].map(([i, one]) => [one.name, i])) };
  for (const operation of plan.operations.slice(0, until)) {
    await execute(operation.action, context);
    journal.done(operation);
    after(operation);
  }
}

async function converge(desired: DesiredState, vpp: VppModel, journal: Journal, after = () => {}): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const plan = await planFor(desired, vpp, journal);
    assert.deepEqual(plan.problems, []);
    if (plan.operations.length === 0) return;
    await apply(plan, vpp, journal, { after });
  }
  assert.deepEqual(
    (await planFor(desired, vpp, journal)).operations.map((one) => one.sentence),
    [],
  );
}

/** Whatever VPP looks at leads to a stream that has servers, or is dropped or answered on purpose. */
function assertNothingLeadsNowhere(vpp: VppModel): void {
  const { attachments, policies, active } = vpp.classify;
  for (const { policy, index, ipv6 } of attachments) {
    if (!active.has(`${index} ${ipv6}`) || !vpp.interfaces.has(index)) continue;
    assertLeads(vpp, hopOf(policies.get(policy)!.paths[0]!), `policy ${policy}`);
  }
  for (const route of vpp.routes.values()) {
    const [path] = route.paths;
    if (path?.["type"] !== 0 || path["sw_if_index"] !== 0xffffffff || !PREFIXES.includes(route.prefix)) continue;
    assertLeads(vpp, hopOf(path), `route ${route.prefix}`);
  }
}

function hopOf(path: Record<string, unknown>): string {
  const { ip4, ip6 } = (path["nh"] as { address: { ip4?: string; ip6?: string } }).address;
  return (path["proto"] === 1 ? ip6 : ip4) ?? "";
}

function assertLeads(vpp: VppModel, address: string, what: string): void {
  const prefix = `${address}/${address.includes(":") ? 128 : 32}`;
  const vip = vpp.vips.find((one) => !one.removed && one.prefix === prefix);
  if (vip !== undefined) {
    assert.ok(
      [...vip.servers.values()].some((one) => one.used),
      `${what} leads to a stream without servers`,
    );
    return;
  }
  const [path] = vpp.routes.get(`${prefix} 0`)?.paths ?? [];
  assert.ok(path !== undefined, `${what} leads nowhere: ${address}`);
  if (path["type"] === 0) assertLeads(vpp, hopOf(path), what);
}

function left(vpp: VppModel): unknown {
  const { acls, policies, attachments } = vpp.classify;
  return [acls.size, policies.size, attachments.length, vpp.routes.size, vpp.vips.filter((vip) => !vip.removed).length];
}

describe("bridge: streams and flows on a model of VPP", () => {
  it("makes any state into any other, and takes all away again; at no moment does anything lead nowhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), desiredState, desiredState, async (fixed, first, second) => {
        const vpp = new VppModel(fixed);
        const journal = Journal.empty();
        await converge(first, vpp, journal, () => assertNothingLeadsNowhere(vpp));
        await converge(second, vpp, journal, () => assertNothingLeadsNowhere(vpp));
        const writes = vpp.writes;
        await converge(second, vpp, journal);
        assert.equal(vpp.writes, writes, "an unchanged VPP is not written to");
        const { steering: _, ...nothing } = second;
        await converge({ ...nothing, interfaces: [] }, vpp, journal);
        assert.deepEqual(left(vpp), [0, 0, 0, 0, 0]);
        assert.deepEqual([...journal.assigned], []);
      }),
      RUNS,
    );
  });

  it("gets there from wherever it was interrupted, with the journal that was written before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), desiredState, desiredState, fc.nat(80), async (fixed, first, second, cut) => {
        const vpp = new VppModel(fixed);
        const journal = Journal.empty();
        await converge(first, vpp, journal);
        const plan = await planFor(second, vpp, journal);
        journal.begin(plan.operations);
        const written = journal.toSections();
        await apply(plan, vpp, journal, { until: cut % (plan.operations.length + 1) });
        const next = Journal.of(JSON.parse(JSON.stringify(written)) as typeof written).journal;
        await converge(second, vpp, next);
        await converge({ ...second, interfaces: [], steering: undefined as never }, vpp, next);
        assert.deepEqual(left(vpp), [0, 0, 0, 0, 0]);
      }),
      RUNS,
    );
  });

  it("no address inside VPP moves while others come and go, nor over a restart of VPP", async () => {
    await fc.assert(
      fc.asyncProperty(desiredState, desiredState, async (first, second) => {
        const journal = Journal.empty();
        const vpp = new VppModel(false);
        await converge(first, vpp, journal);
        const before = new Map(journal.assigned);
        await converge(second, vpp, journal);
        for (const [key, address] of journal.assigned) if (before.has(key)) assert.equal(address, before.get(key), key);
        const assigned = new Map(journal.assigned);
        journal.meet({ pid: 2, startedAtMs: 1 });
        await converge(second, new VppModel(false), journal);
        // What has a table of its own in one VPP may share one in the next.
        for (const [key, address] of journal.assigned) assert.equal(address, assigned.get(key) ?? address, key);
      }),
      RUNS,
    );
  });

  it("finds its objects again without a journal, by tag, range and place", async () => {
    await fc.assert(
      fc.asyncProperty(desiredState, async (desired) => {
        const vpp = new VppModel(false);
        await converge(desired, vpp, Journal.empty());
        const [acls, policies] = [vpp.classify.acls.size, vpp.classify.policies.size];
        await converge(desired, vpp, Journal.empty());
        assert.deepEqual([vpp.classify.acls.size, vpp.classify.policies.size], [acls, policies]);
      }),
      RUNS,
    );
  });

  it("leaves ACLs, policies and attachments of others alone", async () => {
    await fc.assert(
      fc.asyncProperty(desiredState, desiredState, async (first, second) => {
        const vpp = new VppModel(false);
        await vpp.request("acl_add_replace", { acl_index: 0xffffffff, tag: "theirs", count: 0, r: [] });
        const path = { type: 0, sw_if_index: 0xffffffff, table_id: 0, proto: 0, nh: { address: { ip4: "10.9.9.9" } } };
        for (const id of [7, POLICY_IDS.first]) {
          const policy = { policy_id: id, acl_index: 0, n_paths: 1, paths: [path] };
          await vpp.request("abf_policy_add_del", { is_add: true, policy });
        }
        const theirs = () =>
          JSON.stringify([
            vpp.classify.acls.get(0),
            vpp.classify.policies.get(7),
            vpp.classify.policies.get(POLICY_IDS.first),
          ]);
        const before = theirs();
        const journal = Journal.empty();
        await converge(first, vpp, journal);
        await converge(second, vpp, journal);
        assert.equal(theirs(), before);
      }),
      RUNS,
    );
  });
});
