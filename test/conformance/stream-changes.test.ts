/**
 * Changes under established flows, on packets: a plain lb VIP that gets a flow, drains of a stream's servers, servers of
 * a stream in steps. On the embedded dataplane, and with `VPPLB_VPP_COMMAND` on a real VPP too.
 */
import assert from "node:assert/strict";
import type { TestPacket } from "./flow-model.ts";
import { MAC } from "./frames.ts";
import { serverOf, SteeringLab, yamlOf } from "./steering-lab.ts";
import type { ModelFlow, Steering } from "./steering-model.ts";
import { namespacesMissing, startEmbedded, startVpp } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
const subjects = [
  ["the embedded dataplane", startEmbedded],
  ...(VPP_COMMAND === undefined
    ? []
    : [["VPP", (prepare: Parameters<typeof startEmbedded>[0]) => startVpp(VPP_COMMAND, prepare)] as const]),
] as const;

const [FIRST, SECOND] = ["20.0.0.1", "20.0.1.1"] as const;
/** So many established flows of each kind: the sticky table has room for all of a bucket's. */
const COUNT = 24;

type Yaml = Record<string, unknown>;
interface StreamYaml {
  name: string;
  servers: unknown[];
}
const streamsOf = (yaml: Yaml) => yaml["streams"] as StreamYaml[];
const vip = (address: string, stream: number) => ({ address, stream, icmp: undefined });
const flow = (name: string, stream: number, vips: readonly string[], ports: readonly string[]): ModelFlow => ({
  ...{ name, stream, vips, protocols: ["tcp"], priority: 10 },
  ...{ sourceSubnets: [], destinationPorts: ports, sourcePorts: [] },
});

/** TCP of one client: flows that differ in their source port. */
function packets(destination: string, destinationPort: number, firstPort: number, count = COUNT): TestPacket[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ family: 4, source: "192.0.2.1", destination, protocol: 6, tcpFlags: 16, shape: "whole" },
    ...{ sourcePort: firstPort + n, destinationPort },
  }));
}

for (const [name, start] of subjects) {
  describe(`changes under established flows, on packets, ${name}`, function () {
    this.timeout(120_000);
    let lab: SteeringLab;
    let nextPort = 10_000;

    before(async function () {
      const reason = namespacesMissing();
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`);
        this.skip();
      }
      lab = await SteeringLab.create(start);
    });
    beforeEach(() => lab.apply(yamlOf({ vips: [], flows: [] })));
    after(async () => lab?.close());

    /** Flows that no test had before. */
    function fresh(destination: string, destinationPort = 443, count = COUNT): TestPacket[] {
      nextPort += count;
      return packets(destination, destinationPort, nextPort - count, count);
    }

    const serversOf = async (of: readonly TestPacket[]) => new Set(await lab.send(of));

    it("a plain VIP that gets a flow keeps its table, and its other flows stay where they are", async () => {
      const plain: Steering = { vips: [vip(FIRST, 1)], flows: [] };
      // The server that most have is drained: from here on its flows are known to the sticky table alone.
      const drain = (yaml: Yaml) => {
        const [stream] = streamsOf(yaml);
        stream!.servers = stream!.servers.map((address, n) => (n === 0 ? { address, state: "drain" } : address));
      };
      await lab.apply(yamlOf(plain));
      const others = [...fresh(FIRST, 80), ...fresh(FIRST, 443)];
      const taken = fresh(FIRST, 5500);
      const before = await lab.send(others);
      const takenBefore = await lab.send(taken);
      assert.ok(before.includes(serverOf(1, 1)), "some are at the server that is drained");
      await lab.apply(yamlOf(plain, drain));
      const withFlow: Steering = { vips: plain.vips, flows: [flow("app", 2, [FIRST], ["5000-5999"])] };
      for (const next of [withFlow, { ...withFlow, flows: [flow("app", 2, [FIRST], ["5500"])] }, withFlow]) {
        await lab.apply(yamlOf(next, drain));
        assert.deepEqual(await lab.send(others), before);
        for (const server of await lab.send(taken)) assert.match(server ?? "none", /^10\.60\.2\./);
        const row = (await lab.controller.get("vips")).find((one) => one.key === `${FIRST}/32`);
        assert.equal(row?.columns["tableSize"], 64, "it has a table of its own still");
      }
      await lab.apply(yamlOf(plain, drain));
      assert.deepEqual(await lab.send(others), before);
      assert.deepEqual(await lab.send(taken), takenBefore, "what the flow had taken falls back to where it was");
      // The control: the drain was real.
      assert.ok(!(await serversOf(fresh(FIRST))).has(serverOf(1, 1)));
    });

    /** Streams 1 and 2 with the same servers, a VIP each, and a flow from the second VIP to the first's stream. */
    const TWICE: Steering = {
      vips: [vip(FIRST, 1), vip(SECOND, 2)],
      flows: [flow("app", 1, [SECOND], ["5000-5999"])],
    };
    const sameServers = (yaml: Yaml) => {
      const [one, two] = streamsOf(yaml);
      two!.servers = one!.servers;
    };

    for (const [what, options] of [
      ["of one stream", { vip: "stream s1" }],
      ["of all", {}],
    ] as const)
      it(`drain ${what}: established flows stay, new ones go elsewhere, undone they come back`, async () => {
        const server = serverOf(1, 1);
        await lab.apply(yamlOf(TWICE, sameServers));
        const held = [...fresh(FIRST), ...fresh(SECOND, 5500), ...fresh(SECOND)];
        const before = await lab.send(held);
        for (const part of [0, 1, 2])
          assert.ok(before.slice(part * COUNT, (part + 1) * COUNT).includes(server), "each has flows at the server");
        const drained = await lab.controller.drain(server, options);
        assert.ok(drained.apply.ok, JSON.stringify(drained));
        assert.deepEqual(await lab.send(held), before);
        // By the stream: at the VIP that it is the default of, and by a flow from another VIP.
        assert.ok(!(await serversOf(fresh(FIRST))).has(server));
        assert.ok(!(await serversOf(fresh(SECOND, 5500))).has(server));
        assert.equal((await serversOf(fresh(SECOND))).has(server), "vip" in options, "the other stream");
        assert.ok((await lab.controller.drain(server, { ...options, undo: true })).apply.ok);
        assert.deepEqual(await lab.send(held), before);
        assert.ok((await serversOf(fresh(FIRST))).has(server));
        assert.ok((await serversOf(fresh(SECOND))).has(server));
      });

    it("a drain that flushes moves the server's flows, and no others", async () => {
      const server = serverOf(1, 1);
      await lab.apply(yamlOf(TWICE, sameServers));
      const held = [...fresh(FIRST), ...fresh(SECOND)];
      const before = await lab.send(held);
      assert.ok((await lab.controller.drain(server, { vip: "stream s1", flush: true })).apply.ok);
      const after = await lab.send(held);
      before.forEach((one, at) => {
        if (one === server && at < COUNT) assert.notEqual(after[at], server);
        else assert.equal(after[at], one);
      });
      assert.ok((await lab.controller.drain(server, { vip: "stream s1", undo: true })).apply.ok);
    });

    it("servers of a stream that come and go in steps: no established flow moves, and in the end all is as wanted", async () => {
      const STEP = 0.4;
      const wide = (servers: readonly number[]) => (yaml: Yaml) => {
        const [stream] = streamsOf(yaml);
        stream!.servers = servers.map((n) => serverOf(1, n));
        const more = [4, 5, 6].map((n) => ({ address: serverOf(1, n), mac: MAC.server, interface: "host-out0" }));
        (yaml["neighbors"] as unknown[]).push(...more);
        yaml["maxDisruption"] = { limit: 0.1, pace: { step: STEP, intervalMs: 300 } };
      };
      const given: Steering = { vips: [vip(FIRST, 1), vip("20.0.0.2", 1)], flows: [] };
      await lab.apply(yamlOf(given, wide([1, 2, 3])));
      const held = [...fresh(FIRST), ...fresh("20.0.0.2")];
      const before = await lab.send(held);
      assert.ok(before.includes(serverOf(1, 1)), "some are at a server that goes");
      const result = await lab.controller.apply(yamlOf(given, wide([3, 4, 5, 6])));
      assert.equal(result.paced, true, JSON.stringify(result));
      const shares: string[] = [];
      const done = Date.now() + 30_000;
      const state = () => lab.controller.status().sync.state;
      for (;;) {
        const last = state() === "in-sync";
        assert.deepEqual(await lab.send(held), before);
        const rows = (await lab.controller.get("servers")).filter(
          (row) => String(row.columns["vip"]) === "stream s1 (IPv4)",
        );
        const now = rows.filter((row) => row.columns["used"] === true).map((row) => String(row.columns["server"]));
        if (shares.at(-1) !== now.sort().join()) shares.push(now.join());
        if (last) break;
        assert.ok(Date.now() < done, `in sync: ${state()}, ${shares.join(" then ")}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(shares.length >= 3, `in more than one step: ${shares.join(" then ")}`);
      assert.equal(shares.at(-1), [3, 4, 5, 6].map((n) => serverOf(1, n)).join());
      const reached = await serversOf(fresh(FIRST, 443, 60));
      assert.deepEqual(
        [...reached].sort(),
        [3, 4, 5, 6].map((n) => serverOf(1, n)),
      );
    });
  });
}
