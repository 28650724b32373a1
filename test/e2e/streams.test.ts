import assert from "node:assert/strict";
import { needNetAdmin } from "../kernel/support.ts";
import { TrafficClient, type FlowSource, type HeldConnections } from "../../src/traffic/index.ts";
import { Scene, SETTING, SUBJECTS, type LbDocument, type VipYaml } from "./harness.ts";

/** A server each, so that its name tells the stream. */
const STREAMS = SETTING.servers.slice(0, 3).map(({ name, ip4 }) => ({ name, encap: "gre4", servers: [ip4] }));
const [FIRST, SECOND, THIRD] = STREAMS.map(({ name }) => name) as [string, string, string];
const VIPS = ["10.2.2.0/24", "10.2.3.1/32"] as const;
const NEW_VIP = "10.2.8.0/24";
/** Behind the client, beside its own address. */
const SUBNET = "192.0.2.0/24";
const FLOWS = [
  { name: "ports", stream: SECOND, vips: [...VIPS], protocols: ["tcp"], sourcePorts: ["20000-20999"], priority: 10 },
  { name: "half", stream: THIRD, vips: [VIPS[0]], sourceSubnets: ["192.0.2.128/25"], priority: 20 },
  { name: "udp", stream: THIRD, vips: [VIPS[1]], protocols: ["udp"], destinationPorts: [SETTING.port], priority: 5 },
];

/** What the flows above say, in words of their own: the highest priority first. */
function streamOf(vip: string, protocol: "tcp" | "udp", { address, port }: Required<FlowSource>): string {
  const upperHalf = address.startsWith("192.0.2.") && Number(address.split(".")[3]) >= 128;
  if (vip === VIPS[0] && upperHalf) return THIRD;
  if (protocol === "tcp" && port >= 20_000 && port <= 20_999) return SECOND;
  if (vip === VIPS[1] && protocol === "udp") return THIRD;
  return FIRST;
}

const SOURCES = ["10.70.0.0", "192.0.2.1", "192.0.2.127", "192.0.2.128", "192.0.2.254"];
const PORTS = [12_000, 19_999, 20_000, 20_500, 20_999, 21_000];

for (const subject of SUBJECTS) {
  describe(`streams and flows through ${subject.name}`, function () {
    this.timeout(180_000);
    let scene: Scene;
    let shift = 0;

    before(async function () {
      needNetAdmin(this);
      const routed = [...VIPS, NEW_VIP].map((prefix): VipYaml => ({ prefix, encap: "gre4", servers: [] }));
      scene = await Scene.openOwn(routed, {
        ...(subject.vpp === undefined ? {} : { vpp: subject.vpp }),
        prepare: async ({ client, servers }) => {
          for (const address of SOURCES.slice(1)) await client.addAddress("lo", `${address}/32`);
          for (const server of servers.values()) await server.addRoute({ dst: SUBNET, via: SETTING.loopback.ip4 });
        },
        edit: (document) => {
          const via = [{ address: SETTING.uplink.host4, interface: `host-${SETTING.uplink.vppDevice}` }];
          Object.assign(document, {
            streams: structuredClone(STREAMS),
            flows: structuredClone(FLOWS),
            routes: [{ prefix: SUBNET, via }],
          });
          document["vips"] = VIPS.map((prefix) => ({ prefix, stream: FIRST }));
        },
      });
    });

    after(async () => scene?.close());

    function client(vip: string, protocol: "tcp" | "udp" = "tcp"): TrafficClient {
      return new TrafficClient({
        target: { address: vip.replace(/0\/24$/, "33").replace(/\/32$/, ""), port: SETTING.port },
        protocol,
        netns: scene.topology.client.netns.fd,
        packetSize: 256,
        rate: 200,
        connectTimeoutMs: 12_000,
        answerTimeoutMs: 15_000,
      });
    }

    /** Every source with every port, moved by one each time so that no flow comes twice. */
    function sources(): Required<FlowSource>[] {
      const offset = shift++;
      const inner = (port: number) => ([20_999, 19_999].includes(port) ? port - offset : port + offset);
      return SOURCES.flatMap((address) => PORTS.map((port) => ({ address, port: inner(port) })));
    }

    async function judge(vip: string, protocol: "tcp" | "udp", expected: typeof streamOf = streamOf): Promise<void> {
      const from = sources();
      const { records } = await client(vip, protocol).connectBatch(from.length, { sources: from });
      for (const [index, record] of records.entries()) {
        const flow = JSON.stringify(record.flow);
        assert.equal(record.state, "ended", `${record.err} ${flow}`);
        assert.equal(record.host, expected(vip, protocol, from[index]!), flow);
      }
    }

    for (const vip of VIPS)
      for (const protocol of ["tcp", "udp"] as const)
        it(`${vip}, ${protocol}: by source and port range each connection reaches its stream`, () =>
          judge(vip, protocol));

    /** Each connection has had a packet there and back since. */
    async function answered(held: readonly HeldConnections[]): Promise<void> {
      const records = () => held.flatMap((one) => one.records());
      const before = records().map(({ received }) => received);
      const deadline = Date.now() + 20_000;
      while (!records().every(({ state, received }, at) => state !== "open" || received > before[at]! + 1)) {
        assert.ok(Date.now() < deadline, "held connections are answered");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }

    it("no connection breaks or moves while VIPs and flows of others come and go", async () => {
      const from = VIPS.map(() => sources());
      const held = await Promise.all(
        VIPS.map((vip, index) => client(vip).hold(from[index]!.length, { sources: from[index]!, packetRate: 10 })),
      );
      const change = async (edit: (document: LbDocument) => void) => {
        await scene.change(edit);
        await answered(held);
      };
      const flows = (document: LbDocument) => document["flows"] as Record<string, unknown>[];
      const extra = {
        name: "extra",
        stream: THIRD,
        vips: [VIPS[0]],
        protocols: ["tcp"],
        destinationPorts: ["7000-7999"],
        priority: 99,
      };
      await change((document) => void (document["vips"] as object[]).push({ prefix: NEW_VIP, stream: SECOND }));
      await judge(NEW_VIP, "tcp", () => SECOND);
      await change((document) => void flows(document).unshift({ ...extra }));
      await change((document) => void Object.assign(flows(document)[0]!, { priority: 1, stream: SECOND }));
      await change((document) => void Object.assign(flows(document)[0]!, { vips: [NEW_VIP], sourceSubnets: [SUBNET] }));
      await change((document) => void flows(document).shift());
      await change((document) => void (document["vips"] as object[]).pop());
      for (const one of held) {
        const { errors, records } = one.stop();
        assert.deepEqual(errors, {});
        assert.deepEqual(
          records.filter((record) => record.serverChanges > 0),
          [],
        );
      }
      for (const [index, vip] of VIPS.entries())
        for (const [at, record] of held[index]!.records().entries())
          assert.equal(record.host, streamOf(vip, "tcp", from[index]![at]!));
    });

    it("a plain VIP that gets a flow breaks and moves none of its other connections", async () => {
      const servers = SETTING.servers.slice(0, 3).map(({ ip4 }) => ip4);
      await scene.change((document) => {
        (document["streams"] as object[]).push({ name: "all", encap: "gre4", servers });
        (document["vips"] as object[]).push({ prefix: NEW_VIP, stream: "all" });
      });
      const table = async () =>
        (await scene.control.get("vips")).find((row) => row.key === NEW_VIP)?.columns["tableSize"];
      assert.equal(await table(), 1024, "it has a table of its own");
      const [taken, others] = [true, false].map((wanted) =>
        sources().filter(({ port }) => (port >= 20_000 && port <= 20_999) === wanted),
      ) as [Required<FlowSource>[], Required<FlowSource>[]];
      const held = await client(NEW_VIP).hold(others.length, { sources: others, packetRate: 10 });
      const before = held.records().map(({ host }) => host);
      assert.equal(new Set(before).size, 3, "they are at all servers");
      const extra = { name: "late", stream: THIRD, vips: [NEW_VIP], protocols: ["tcp"], sourcePorts: ["20000-20999"] };
      await scene.change((document) => void (document["flows"] as object[]).push(extra));
      await answered([held]);
      const { records } = await client(NEW_VIP).connectBatch(taken.length, { sources: taken });
      for (const record of records) assert.equal(record.host, THIRD, `${record.state} ${record.err}`);
      await scene.change((document) => void (document["flows"] as object[]).pop());
      await answered([held]);
      assert.equal(await table(), 1024, "and has it still");
      const stopped = held.stop();
      assert.deepEqual(stopped.errors, {});
      assert.deepEqual(
        stopped.records.map(({ host, serverChanges }) => [host, serverChanges]),
        before.map((host) => [host, 0]),
      );
    });
  });
}
