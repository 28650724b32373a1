/**
 * lb.yaml with streams and flows through the controller, and real packets through what it made of it: each goes to the
 * stream that a model of lb.yaml says. On the embedded dataplane, and with `VPPLB_VPP_COMMAND` on a real VPP too.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { VppClient } from "vpp-api-ts";
import { parseLbYaml } from "../../src/config/index.ts";
import { explainForeseen, type ControllerEvent } from "../../src/controller/index.ts";
import type { ExplainResult, Flow } from "../../src/controller/types.ts";
import { SEED } from "../seed.ts";
import { ControllerHttp } from "../../src/roles/controller-http.ts";
import { inSync } from "../controller/support.ts";
import { MAC } from "./frames.ts";
import type { TestPacket } from "./flow-model.ts";
import { serverOf, SteeringLab, streamOfServer, yamlOf } from "./steering-lab.ts";
import { PACKETS_EACH, steeringCase, streamOfPacket, type Steering, type SteeringCase } from "./steering-model.ts";
import { namespacesMissing, startEmbedded, startVpp } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
const CASES = Number(process.env["VPPLB_RANDOM_RUNS"] ?? 10);

const subjects = [
  ["the embedded dataplane", startEmbedded],
  ...(VPP_COMMAND === undefined
    ? []
    : [["VPP", (prepare: Parameters<typeof startEmbedded>[0]) => startVpp(VPP_COMMAND, prepare)] as const]),
] as const;

/** One VIP with a stream, one without, and a flow on each. */
const BASE: Steering = {
  vips: [
    { address: "20.0.0.1", stream: 1, icmp: undefined },
    { address: "20.0.0.2", stream: undefined, icmp: "drop" },
    { address: "2001:db8:20::1", stream: 1, icmp: "answer" },
  ],
  flows: [
    {
      ...{ name: "web", stream: 2, vips: ["20.0.0.1", "2001:db8:20::1"], protocols: ["tcp"], priority: 10 },
      ...{ sourceSubnets: [], destinationPorts: ["80", "5000-5999"], sourcePorts: [] },
    },
  ],
};

/** What else may come: another VIP on the same stream, another stream, flows for both. */
const MORE: Steering = {
  vips: [
    ...BASE.vips,
    { address: "20.0.1.1", stream: 1, icmp: undefined },
    { address: "20.0.0.129", stream: 3, icmp: undefined },
  ],
  flows: [
    ...BASE.flows,
    {
      ...{ name: "other", stream: 4, vips: ["20.0.1.1", "20.0.0.129"], protocols: ["udp"], priority: 20 },
      ...{ sourceSubnets: [], destinationPorts: ["53"], sourcePorts: [] },
    },
    {
      ...{ name: "beside", stream: 3, vips: ["20.0.0.1"], protocols: ["tcp"], priority: 30 },
      ...{ sourceSubnets: ["10.9.0.0/16"], destinationPorts: [], sourcePorts: [] },
    },
  ],
};

/** Someone deletes a host-interface of the controller and makes one like it, of the same index, in its place. */
async function remake(api: string, device: string, mac: string): Promise<void> {
  const client = new VppClient({ socket: api, name: "saboteur" });
  await client.connect();
  try {
    const all = await client.dumpAll("sw_interface_dump", { sw_if_index: 0xffffffff });
    const { sw_if_index: index, tag } = all.find((one) => one.interface_name === `host-${device}`)!;
    const rings = { rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 4, tx_frames_per_block: 512 };
    // At once, so that the controller finds nothing missing.
    const [, made] = await Promise.all([
      client.request("af_packet_delete", { host_if_name: device }),
      client.request("af_packet_create_v3", {
        ...{ mode: 1, host_if_name: device, hw_addr: mac, use_random_hw_addr: false, ...rings },
        ...{ num_rx_queues: 1, num_tx_queues: 1 },
      }),
      client.request("sw_interface_tag_add_del", { is_add: true, sw_if_index: index, tag }),
    ]);
    assert.equal(made.sw_if_index, index);
    const attached = await client.dumpAll("abf_itf_attach_dump");
    assert.ok(
      attached.some((one) => one.attach.sw_if_index === index),
      "attachments outlive their interface",
    );
  } finally {
    client.close();
  }
}

/** Of each test its own ports: a bucket of the sticky table has room for four flows, also for four lives of one. */
function held(firstPort: number): TestPacket[] {
  const targets = ["20.0.0.1", "2001:db8:20::1"].flatMap((destination) =>
    [80, 443, 5500].map((port) => ({ destination, port })),
  );
  return targets.flatMap(({ destination, port }) =>
    Array.from({ length: 12 }, (_, n): TestPacket => ({
      ...{ family: destination.includes(":") ? 6 : 4, destination, protocol: 6, destinationPort: port, tcpFlags: 16 },
      ...{
        source: destination.includes(":") ? "2001:db8:c0::1" : "192.0.2.1",
        sourcePort: firstPort + n,
        shape: "whole",
      },
    })),
  );
}

/** Of each case so many packets are explained too: each asks the VPP. */
const EXPLAINED_EACH = 6;

/** A packet that begins a flow; of ICMP `explain` follows echo requests alone. */
function flowOf({ source, destination, protocol, sourcePort, destinationPort, shape }: TestPacket): Flow | undefined {
  if (shape !== "whole" || protocol === 1 || protocol === 58) return undefined;
  const ports = protocol === 6 || protocol === 17 ? { srcPort: sourcePort, dstPort: destinationPort } : {};
  return { src: source, dst: destination, protocol, ...{ srcPort: 0, dstPort: 0 }, ...ports };
}

/** What is told up to the server: behind that is what was checked, and how. */
const toServer = ({ checked: _, steps, ...rest }: ExplainResult) => ({
  ...rest,
  steps: steps.filter((step) => !/^(not )?checked: |^a VPP with/.test(step)),
});

function metricsOf(socketPath: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: "/metrics", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve(body.split("\n")));
    });
    call.on("error", reject);
    call.end();
  });
}

for (const [name, start] of subjects) {
  describe(`lb.yaml with streams and flows, on packets, ${name}`, function () {
    this.timeout(300_000);
    let lab: SteeringLab;

    before(async function () {
      const reason = namespacesMissing();
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`);
        this.skip();
      }
      lab = await SteeringLab.create(start);
    });
    after(async () => lab?.close());

    /** Sends a case's packets; @returns how many were delivered. */
    async function check(given: SteeringCase, model: Steering = given): Promise<number> {
      const servers = await lab.send(given.packets);
      given.packets.forEach((packet, index) => {
        const got = streamOfServer(servers[index]);
        const said = `${JSON.stringify(packet)} in ${JSON.stringify({ ...given, packets: [] })}`;
        assert.equal(got, streamOfPacket(model, packet), said);
      });
      return servers.filter((server) => server !== undefined).length;
    }

    it("a flow that is elsewhere than the model has it is noticed", async () => {
      await lab.apply(yamlOf(BASE));
      const packets = held(2000);
      await check({ ...BASE, packets });
      const [flow] = BASE.flows;
      const elsewhere = { ...BASE, flows: [{ ...flow!, stream: 3 }] };
      await assert.rejects(check({ ...BASE, packets }, elsewhere), assert.AssertionError);
    });

    it("VIPs, flows and streams that come and go move no flow of others, not even one that only the sticky table holds", async () => {
      await lab.apply(yamlOf(BASE));
      const packets = held(3000);
      const before = await lab.send(packets);
      // From here on what is established at these servers is known to the sticky table alone.
      for (const stream of [1, 2]) assert.ok(before.includes(serverOf(stream, 1)), "some flows are there");
      const drain = (yaml: Record<string, unknown>) => {
        for (const stream of yaml["streams"] as { servers: unknown[] }[])
          stream.servers = stream.servers.map((address, n) => (n === 0 ? { address, state: "drain" } : address));
      };
      for (const next of [BASE, MORE, BASE, { ...MORE, flows: [...MORE.flows].reverse() }, BASE]) {
        const plan = await lab.controller.plan(yamlOf(next, drain));
        await lab.apply(yamlOf(next, drain));
        assert.deepEqual(await lab.send(packets), before);
        assert.ok(
          plan.disruption.every((one) => one.flowsLost === 0),
          JSON.stringify(plan.disruption),
        );
      }
      // The control: what is meant to move does.
      const [first, ...others] = BASE.vips;
      await lab.apply(yamlOf({ ...BASE, vips: [{ ...first!, stream: 3 }, ...others] }, drain));
      assert.notDeepEqual(await lab.send(packets), before);
    });

    it("an uplink that someone deletes and makes anew has its flows again, though VPP does not look at what it kept", async () => {
      const yaml = yamlOf(BASE);
      await lab.apply(yaml);
      const packets = held(5000);
      const before = await lab.send(packets);
      await check({ ...BASE, packets });
      const events: ControllerEvent[] = [];
      const subscription = lab.controller.events$.subscribe((event) => events.push(event));
      await remake(lab.api, "in0", MAC.in);
      await lab.apply(yaml);
      await inSync({ controller: lab.controller, events });
      subscription.unsubscribe();
      const done = events.flatMap((event) => (event.type === "operation" ? [event.id] : []));
      for (const end of [/^abf .* detach /, /^abf .* attach /])
        assert.ok(
          done.some((id) => end.test(id)),
          done.join("\n"),
        );
      assert.deepEqual(await lab.send(packets), before);
      assert.deepEqual((await lab.controller.plan(yaml)).operations, []);
    });

    it("what no flow wants is counted at its VIP, what a flow takes at the flow", async () => {
      await lab.apply(yamlOf({ vips: [], flows: [] }));
      await lab.apply(yamlOf(BASE));
      const [tcp] = held(4000);
      const to = (destination: string, destinationPort: number) => ({ ...tcp!, destination, destinationPort });
      await lab.send([
        to("20.0.0.2", 1),
        to("20.0.0.2", 2),
        to("20.0.0.1", 80),
        to("20.0.0.1", 81),
        to("20.0.0.1", 5555),
      ]);
      const column = async (kind: "vips" | "flows" | "streams", key: string, name: string) =>
        (await lab.controller.get(kind)).find((row) => row.key === key)?.columns[name];
      assert.equal(await column("vips", "20.0.0.2/32", "dropped"), 2);
      assert.equal(await column("flows", "web", "packets"), 2);
      assert.equal(await column("vips", "20.0.0.1/32", "toStream"), 1);
      assert.equal(await column("streams", "s2", "newSessions"), 2);
      const { rule, stream, server, checked } = await lab.controller.explain({
        ...{ src: "192.0.2.1", dst: "20.0.0.1", protocol: "tcp", srcPort: 4000, dstPort: 5555 },
      });
      assert.deepEqual([rule, stream, checked], ["web", "s2", true]);
      const [sent] = await lab.send([to("20.0.0.1", 5555)]);
      assert.equal(server, sent);
    });

    it("/metrics tells the packets of streams and flows that `get` tells, and no address inside VPP", async () => {
      await lab.apply(yamlOf({ vips: [], flows: [] }));
      await lab.apply(yamlOf(BASE));
      const [tcp] = held(5000);
      const to = (destination: string, destinationPort: number) => ({ ...tcp!, destination, destinationPort });
      const http = join(mkdtempSync(join(tmpdir(), "vpplb-metrics-")), "http.sock");
      const pages = new ControllerHttp({ listen: http }).pages(lab.controller);
      await pages.serve();
      try {
        await lab.send([to("20.0.0.2", 1), to("20.0.0.1", 80), to("20.0.0.1", 81), to("20.0.0.1", 5555)]);
        const value = (lines: readonly string[], name: string) =>
          Number(
            lines
              .find((line) => line.startsWith(`vpplb_${name}}`))
              ?.split(" ")
              .at(-1),
          );
        // A VPP without a statistics segment tells streams at its next look only.
        const inTime = Date.now() + 30_000;
        let lines: readonly string[] = [];
        while (!(value(lines, 'stream_packets_total{stream="s2",flow="first"') > 0)) {
          assert.ok(Date.now() < inTime, "the stream's packets are told");
          await new Promise((resolve) => setTimeout(resolve, 100));
          lines = await metricsOf(http);
        }
        assert.equal(value(lines, 'stream_packets_total{stream="s2",flow="first"'), 2);
        assert.equal(value(lines, 'flow_packets_total{flow="web"'), 2);
        assert.ok(value(lines, 'flow_bytes_total{flow="web"') >= 2 * 40);
        assert.equal(value(lines, 'vip_unmatched_packets_total{vip="20.0.0.1/32",to="stream"'), 1);
        assert.equal(value(lines, 'vip_unmatched_packets_total{vip="20.0.0.2/32",to="dropped"'), 1);
        assert.ok(!/198\.1[89]\.|"2001:2:/.test(lines.join("\n")), "no address inside VPP is told");
      } finally {
        await pages.close();
        rmSync(dirname(http), { recursive: true });
      }
    });

    // After those that hold flows: what these leave in the sticky table may fill the bucket of such a flow.
    it(`${CASES * PACKETS_EACH} generated packets go where the model says, whatever was configured before`, async () => {
      let through = 0;
      for (const given of fc.sample(steeringCase, CASES)) {
        await lab.apply(yamlOf(given));
        through += await check(given);
      }
      console.log(`      ${through} of ${CASES * PACKETS_EACH} delivered`);
      assert.ok(through > CASES * 5 && through < CASES * (PACKETS_EACH - 5), "both outcomes are met");
    });

    it("explained without a VPP, a flow goes the way that it goes in VPP, in the same words", async () => {
      const seen = { flows: 0, served: 0 };
      for (const given of fc.sample(steeringCase, { seed: SEED + 1, numRuns: CASES })) {
        const yaml = yamlOf(given);
        await lab.apply(yaml);
        const packets = given.packets.filter((one) => flowOf(one) !== undefined).slice(0, EXPLAINED_EACH);
        const servers = await lab.send(packets);
        const weights = lab.controller.status().vpp.version?.startsWith("26.10") ?? false;
        for (const [index, packet] of packets.entries()) {
          const online = await lab.controller.explain(flowOf(packet)!);
          const offline = explainForeseen(flowOf(packet)!, parseLbYaml(yaml).state!, weights);
          assert.deepEqual(toServer(offline), toServer(online));
          assert.equal(offline.server, servers[index], JSON.stringify(packet));
          assert.equal(offline.checked, false);
          seen.flows++;
          if (offline.server !== undefined) seen.served++;
        }
      }
      assert.ok(seen.served > CASES && seen.served < seen.flows, "both outcomes are met");
    });
  });
}
