import assert from "node:assert/strict";
import fc from "fast-check";
import { parseLbYaml } from "../../src/config/index.ts";
import { makePlan, NOTHING_OWNED, type DesiredState } from "../../src/bridge/index.ts";
import {
  interfaceNameOf,
  servedVips,
  withConnections,
  withDefaults,
  type OverlayConnection,
} from "../../src/nse/overlay.ts";
import type { OverlaySettings } from "../../src/nse/settings.ts";
import { isAlive, NEVER_UP, nextChange, seen, standingOf, type LinkMemory } from "../../src/nse/standing.ts";
import { emptyObserved } from "../../src/controller/results.ts";

const YAML = `
lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1" }
interfaces:
  - { loopback: 0, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24, "2001:db8:60::1/64"], bridge: { id: 1, bvi: true } }
streams:
  - { name: web, encap: gre4 }
vips:
  - { name: plain, prefix: 10.2.2.0/24, encap: gre4, servers: [10.60.1.200] }
  - { prefix: "2001:db8:2::/64", encap: gre6 }
  - { name: shop, prefix: 10.2.4.0/24, stream: web }
  - { prefix: 10.2.5.0/24, protocol: tcp, port: 80, encap: l3dsr, dscp: 7 }
`;

const SETTINGS: OverlaySettings = {
  bridge: 1,
  mtu: 1500,
  managed: true,
  weight: 100,
  networks: [
    { prefix: "10.60.1.0/24", self: "10.60.1.1" },
    { prefix: "2001:db8:60::/64", self: "2001:db8:60::1" },
  ],
  defaultVips: [],
};

function stateOf(yaml: string): DesiredState {
  const { state, diagnostics } = parseLbYaml(yaml);
  assert.ok(state !== undefined, JSON.stringify(diagnostics));
  return state;
}

const standing = fc.constantFrom("none" as const, "up" as const, "drain" as const, "down" as const);
const connection = fc
  .record({ number: fc.integer({ min: 2, max: 250 }), memif: fc.boolean(), attached: fc.boolean(), server: standing })
  .map(({ number, memif, attached, server }): OverlayConnection & { readonly number: number } => ({
    number,
    addresses: [`10.60.1.${number}`, `2001:db8:60::${number.toString(16)}`],
    server,
    reachable: server === "up",
    interface: memif
      ? { type: "memif", socket: 1000 + number, filename: `/run/memif/${number}.sock` }
      : attached
        ? { type: "host", device: `nsm-${number}` }
        : { type: "none" },
  }));
const connections = fc.uniqueArray(connection, { selector: (one) => one.number, maxLength: 40 });

describe("nse: connections over what VPP should hold", () => {
  const desired = stateOf(YAML);

  it("every client is in every group of its family once, in the state that it has, and nobody else", () => {
    fc.assert(
      fc.property(connections, (list) => {
        const { vips, steering } = withConnections(desired, list, SETTINGS);
        for (const group of [...vips, ...steering!.streams]) {
          const ip6 = group.encap === "gre6";
          const expected = new Map(
            list
              .filter((one) => one.server !== "none")
              .map((one) => [one.addresses[ip6 ? 1 : 0]!, one.server as string] as const),
          );
          // The file's own server stays as the file says.
          if ("prefix" in group && group.prefix === "10.2.2.0/24") expected.set("10.60.1.200", "up");
          const own = new Map(group.servers.map((server) => [server.address, server.state as string]));
          assert.equal(own.size, group.servers.length, "no server twice");
          assert.deepEqual(Object.fromEntries(own), Object.fromEntries(expected));
        }
      }),
    );
  });

  it("interfaces are in the bridge, one for each client that has one; memifs have a socket each", () => {
    fc.assert(
      fc.property(connections, (list) => {
        const { interfaces, memifSockets } = withConnections(desired, list, SETTINGS);
        const wanted = list.map((one) => interfaceNameOf(one.interface)).filter((name) => name !== "");
        const added = interfaces.slice(desired.interfaces.length);
        assert.deepEqual(added.map((one) => one.name).sort(), wanted.sort());
        assert.ok(added.every((one) => one.bridge?.id === 1 && !one.bridge.bvi && one.up && !one.outside));
        const memifs = list.flatMap((one) => (one.interface.type === "memif" ? [one.interface.socket] : []));
        assert.deepEqual((memifSockets ?? []).map((one) => one.id).sort(), memifs.sort());
      }),
    );
  });

  it("does not depend on the order in which clients came, as a plan sees it", () => {
    fc.assert(
      fc.property(connections, (list) => {
        const features = { ...emptyObserved().features, memif: true };
        const observed = { ...emptyObserved(), features };
        const plan = (of: readonly OverlayConnection[]) =>
          makePlan(withConnections(desired, of, SETTINGS), observed, NOTHING_OWNED)
            .operations.map((one) => one.sentence)
            .sort();
        assert.deepEqual(plan(list), plan([...list].reverse()));
      }),
      { numRuns: 20 },
    );
  });

  it("without clients changes nothing of a file that has all", () => {
    assert.deepEqual(withConnections(desired, [], SETTINGS), desired);
  });

  it("has VPP forget the MAC behind an address that nobody reachable has, and no other", () => {
    const one = (number: number, reachable: boolean): OverlayConnection => ({
      addresses: [`10.60.1.${number}`],
      server: reachable ? "up" : "none",
      reachable,
      interface: { type: "none" },
    });
    // Of .4 the former owner is leaving while the next one is up already.
    const state = withConnections(desired, [one(2, true), one(3, false), one(4, false), one(4, true)], SETTINGS);
    const learnt = (number: number, isStatic = false) => ({
      ...{ address: `10.60.1.${number}`, interface: "loop0", isStatic },
      mac: `02:00:00:00:00:0${number}`,
    });
    const neighbors = [2, 3, 4, 5].map((number) => learnt(number));
    const forgets = (found: readonly ReturnType<typeof learnt>[]) =>
      makePlan(state, { ...emptyObserved(), neighbors: found }, NOTHING_OWNED)
        .operations.filter((operation) => operation.kind === "neighbor")
        .map((operation) => operation.object);
    assert.deepEqual(forgets(neighbors), ["10.60.1.3 on loop0"]);
    assert.deepEqual(forgets([learnt(3, true)]), [], "what somebody configured stays");
  });

  it("only where `vips` says, by name, prefix, stream, or the VIP of a stream", () => {
    const list: OverlayConnection[] = [
      { addresses: ["10.60.1.2", "2001:db8:60::2"], server: "up", reachable: true, interface: { type: "none" } },
    ];
    const served = (vips: readonly string[]) => {
      const { vips: own, steering } = withConnections(desired, list, { ...SETTINGS, vips });
      return [...own, ...steering!.streams]
        .filter((group) => group.servers.some((server) => /^(10\.60\.1\.2|2001:db8:60::2)$/.test(server.address)))
        .map((group) => ("prefix" in group ? group.prefix : group.name));
    };
    assert.deepEqual(served(["plain"]), ["10.2.2.0/24"]);
    assert.deepEqual(served(["2001:db8:2::/64"]), ["2001:db8:2::/64"]);
    assert.deepEqual(served(["web"]), ["web"]);
    assert.deepEqual(served(["shop"]), ["web"]);
    assert.deepEqual(servedVips(desired, { ...SETTINGS, vips: ["shop"] }), [{ prefix: "10.2.4.0/24", encap: "gre4" }]);
    assert.deepEqual(servedVips(desired, SETTINGS), [
      { prefix: "10.2.2.0/24", encap: "gre4" },
      { prefix: "2001:db8:2::/64", encap: "gre6" },
      { prefix: "10.2.5.0/24", encap: "l3dsr:7" },
      { prefix: "10.2.4.0/24", encap: "gre4" },
    ]);
  });

  it("leaves all of the lb plugin to the hook where that is asked for", () => {
    const list: OverlayConnection[] = [
      { addresses: ["10.60.1.2"], server: "up", reachable: true, interface: { type: "host", device: "nsm-2" } },
    ];
    const whole = withConnections(desired, list, { ...SETTINGS, managed: false });
    assert.deepEqual([whole.vips, whole.steering, whole.lbConf], [[], undefined, undefined]);
    const prefixes = ["10.2.2.0/24", "2001:db8:2::/64", "10.2.5.0/24", "10.2.4.0/24"];
    assert.deepEqual(whole.ownership.leavesVips, prefixes, "also those of streams");
    assert.deepEqual(
      whole.interfaces.map((one) => one.name),
      ["loop0", "host-nsm-2"],
    );
  });

  it("makes bridge, BVI, tunnel source and VIPs of the environment where the file has none", () => {
    const empty = stateOf("vips: []\n");
    const made = withDefaults(empty, { ...SETTINGS, defaultVips: ["10.2.2.0/24"] });
    assert.deepEqual(
      made.bridges.map((one) => one.id),
      [1],
    );
    const [bvi] = made.interfaces;
    assert.equal(bvi?.name, "loop0");
    assert.deepEqual(bvi.addresses, ["10.60.1.1/24", "2001:db8:60::1/64"]);
    assert.match(bvi.mac ?? "", /^02:fe(:[0-9a-f]{2}){4}$/);
    assert.equal(made.lbConf?.ip4Source, "10.60.1.1");
    assert.deepEqual(
      made.vips.map((vip) => [vip.prefix, vip.encap]),
      [["10.2.2.0/24", "gre4"]],
    );
  });
});

describe("nse: what a client is to its VIPs", () => {
  const lossMs = 1000;
  const step = fc.record({
    up: fc.boolean(),
    fresh: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 2000 }),
    drain: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
    idle: fc.boolean(),
    ordered: fc.boolean(),
  });

  it("takes flows only while its interface is up, or for so long after a restart of VPP; nobody before it ever was", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let memory: LinkMemory = NEVER_UP;
        let nowMs = 1_000_000;
        let [everUp, lastUpMs, freshMs] = [false, 0, -Infinity];
        for (const { up, fresh, afterMs, drain, idle, ordered } of steps) {
          nowMs += afterMs;
          if (fresh) freshMs = nowMs;
          memory = seen(memory, { up, fresh, nowMs, lossMs });
          if (up) [everUp, lastUpMs] = [true, nowMs];
          const wish = {
            ordered,
            idle,
            drain: drain === undefined ? undefined : { sinceMs: 0, deadlineMs: 1_000_000 + drain },
          };
          const now = standingOf(memory, wish, nowMs, lossMs);
          if (!everUp) assert.equal(now, "none");
          else assert.notEqual(now, "none");
          if (now === "up") {
            assert.ok(up || nowMs < freshMs + lossMs, "the interface works, or is coming back");
            assert.ok(drain === undefined && !ordered, "nobody drains it");
          }
          if (up && drain === undefined && !ordered) assert.equal(now, "up");
          if (now === "drain" && drain === undefined && !ordered) assert.ok(nowMs - lastUpMs < 2 * lossMs + afterMs);
          if (idle && (ordered || drain !== undefined) && everUp) assert.equal(now, "down");
          assert.equal(isAlive(memory, nowMs), up || memory.returningUntilMs !== undefined);
          const next = nextChange(memory, wish, nowMs, lossMs);
          assert.ok(next === undefined || next > nowMs);
        }
      }),
    );
  });

  it("is flushed when its interface is away for too long, and up again when it comes", () => {
    let memory = seen(NEVER_UP, { up: true, fresh: false, nowMs: 0, lossMs });
    memory = seen(memory, { up: false, fresh: false, nowMs: 100, lossMs });
    assert.equal(standingOf(memory, {}, 100, lossMs), "drain");
    assert.equal(nextChange(memory, {}, 100, lossMs), 1100);
    assert.equal(standingOf(memory, {}, 1099, lossMs), "drain");
    assert.equal(standingOf(memory, {}, 1100, lossMs), "down");
    memory = seen(memory, { up: true, fresh: false, nowMs: 5000, lossMs });
    assert.equal(standingOf(memory, {}, 5000, lossMs), "up");
  });

  it("survives a clock that was set back", () => {
    let memory = seen(NEVER_UP, { up: true, fresh: false, nowMs: 1_000_000, lossMs });
    memory = seen(memory, { up: false, fresh: true, nowMs: 1_000_000, lossMs });
    assert.equal(standingOf(memory, {}, 1_000_000, lossMs), "up");
    memory = seen(memory, { up: false, fresh: false, nowMs: 5000, lossMs });
    assert.notEqual(standingOf(memory, {}, 5000, lossMs), "up");
  });
});
