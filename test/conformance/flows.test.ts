/**
 * Streams and flows on real packets: port ranges, source subnets, priorities, several VIPs on a stream, IPv4 and IPv6, ICMP,
 * fragments, an input filter. The embedded dataplane must send each packet to the stream that a simple model says, and
 * with `VPPLB_VPP_COMMAND` (a command that takes a directory and runs VPP with `api.sock` in it) a real VPP must send
 * the same frames, byte for byte.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FlowLab, streamOfFrame } from "./flow-lab.ts";
import { GIVEN, scenario, streamOf, type Scenario, type TestPacket } from "./flow-model.ts";
import { delivered, frameOf } from "./frames.ts";
import { namespacesMissing, startEmbedded, startVpp } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
/** Scenarios of 40 packets each. */
const SCENARIOS = Number(process.env["VPPLB_RANDOM_RUNS"] ?? 12);

function generated(): readonly Scenario[] {
  return fc.sample(scenario, SCENARIOS);
}

function told(packet: TestPacket, given: Scenario): string {
  return `${JSON.stringify(packet)}\n  in ${JSON.stringify({ ...given, packets: [] })}`;
}

const OUTER_TOS = 15;
const OUTER_CHECKSUM = 24;

/**
 * A frame as it is compared: VPP leaves the outer header's TOS as it finds it in the buffer (lb/node.c sets all fields but
 * this), and the checksum follows.
 */
function hex(frame: Uint8Array | undefined): string {
  if (frame === undefined) return "dropped";
  const copy = Buffer.from(frame);
  copy[OUTER_TOS] = 0;
  copy.writeUInt16BE(0, OUTER_CHECKSUM);
  return copy.toString("hex");
}

describe("streams and flows on packets", function () {
  this.timeout(300_000);
  const labs = new Map<string, FlowLab>();

  before(async function () {
    const reason = namespacesMissing();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    labs.set("embedded", await FlowLab.create(startEmbedded));
    if (VPP_COMMAND === undefined) console.log("      VPPLB_VPP_COMMAND is not set: not compared with a real VPP");
    else labs.set("VPP", await FlowLab.create((prepare) => startVpp(VPP_COMMAND, prepare)));
  });
  after(async () => {
    for (const lab of labs.values()) await lab.close();
  });

  /** `lost`: the stream without an IPv4 anchor. Runs on all, compares with the model and with each other; counts by outcome. */
  async function check(given: Scenario, model = given, lost?: number): Promise<{ delivered: number; dropped: number }> {
    const results = new Map<string, (Uint8Array | undefined)[]>();
    for (const [name, lab] of labs) results.set(name, await lab.run(given));
    const counts = { delivered: 0, dropped: 0 };
    for (const [i, packet] of given.packets.entries()) {
      const wanted = streamOf(model, packet);
      const expected = packet.family === 4 && wanted === lost ? undefined : wanted;
      for (const [name, frames] of results) {
        const frame = frames[i];
        assert.equal(
          frame === undefined ? undefined : streamOfFrame(frame),
          expected,
          `${name}: ${told(packet, given)}`,
        );
        if (frame === undefined) continue;
        const sent = frameOf(packet, 0).subarray(14, -4);
        const { inner } = delivered(frame);
        // Bytes 4 and 5 of an IPv4 packet and 44 to 47 of an IPv6 fragment hold the id: compared by length alone.
        assert.equal(inner.length, sent.length + 4, `${name}: ${told(packet, given)}`);
      }
      const [first, ...others] = [...results.values()].map((frames) => hex(frames[i]));
      for (const other of others) assert.equal(other, first, `VPP sends another frame: ${told(packet, given)}`);
      counts[expected === undefined ? "dropped" : "delivered"] += 1;
    }
    return counts;
  }

  it("given cases: port ranges, source subnets, priorities, SCTP, VIPs without a stream", async () => {
    const counts = await check(GIVEN);
    assert.ok(counts.delivered >= 50 && counts.dropped >= 10, JSON.stringify(counts));
  });

  it("a stream whose anchor goes drops what its routes and flows had, and has it again with the anchor", async () => {
    for (const stream of [2, 1]) {
      const lost = GIVEN.packets.filter((packet) => packet.family === 4 && streamOf(GIVEN, packet) === stream).length;
      assert.ok(lost > 0);
      const before = await check(GIVEN);
      for (const lab of labs.values()) await lab.setAnchor(stream, false);
      assert.equal((await check(GIVEN, GIVEN, stream)).dropped, before.dropped + lost);
      for (const lab of labs.values()) await lab.setAnchor(stream, true);
      await check(GIVEN);
    }
  });

  it("a flow that is elsewhere than the model has it is noticed", async () => {
    const [first, ...others] = GIVEN.flows;
    const moved = { ...GIVEN, flows: [{ ...first!, stream: 2 }, ...others] };
    await assert.rejects(check(GIVEN, moved), assert.AssertionError);
    const later = { ...GIVEN, flows: [{ ...first!, priority: 1 }, ...others] };
    await assert.rejects(check(GIVEN, later), assert.AssertionError);
  });

  it(`${SCENARIOS * 40} generated cases`, async () => {
    const total = { delivered: 0, dropped: 0 };
    for (const given of generated()) {
      const counts = await check(given);
      total.delivered += counts.delivered;
      total.dropped += counts.dropped;
    }
    console.log(`      ${total.delivered} delivered, ${total.dropped} dropped, on ${[...labs.keys()].join(" and ")}`);
    assert.ok(Math.min(total.delivered, total.dropped) >= SCENARIOS * 5, "both outcomes are met");
  });
});
