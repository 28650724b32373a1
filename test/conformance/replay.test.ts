/**
 * The recorded requests of VPP, one after the other, against a fresh embedded dataplane: the replies must be the recorded
 * ones but for ids, times and own addresses.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { RECORDINGS } from "../recordings.ts";
import type { Fields } from "./client.ts";
import { readSteps, replay, type Recording, type Step } from "./replay.ts";
import { addRec0, namespacesMissing, startEmbedded } from "./subject.ts";

/** Recorded requests that the embedded dataplane doesn't have: tap, GRE interfaces, reassembly. */
const UNSUPPORTED = new Set([...["gre_tunnel_add_del", "gre_tunnel_dump"]]);

/** The same of the recordings of streams, filters and links. */
const UNSUPPORTED_STREAMS = new Set(["sw_interface_set_unnumbered"]);

/** Interfaces of the recording that only unsupported requests made: GRE. */
const MISSING_INTERFACES = new Set([5]);

/** Policy 1 was added twice with one path, which leaves it on a freed path-list: what VPP tells of it is the next one's. */
function isStrayPolicy({ request, answers }: Step): boolean {
  const { policy } = request.fields as { policy?: { policy_id: number } };
  const texts = answers.map(({ fields }) => String(fields["reply"] ?? "")).join("");
  if (request.name === "abf_policy_add_del") return policy?.policy_id === 1 && request.fields["is_add"] === false;
  return request.name === "abf_policy_dump" || texts.includes("policy:1 ");
}

/** What 26.10 tells otherwise than 26.06, which is embedded: its version, and servers with weights. */
function isNewer({ request }: Step): boolean {
  return request.name === "show_version" || request.fields["cmd"] === "show lb vips verbose";
}

const RECORDED: readonly (Recording & { readonly title: string; readonly atLeast: number })[] = [
  {
    ...{ title: "VPP 26.06", file: `${RECORDINGS}/26.06/exchanges.jsonl`, atLeast: 30 },
    ...{ unsupported: UNSUPPORTED, missingInterfaces: MISSING_INTERFACES },
  },
  ...["26.06", "26.10-rc0"].map((version) => ({
    ...{ title: `VPP ${version}, streams`, file: `${RECORDINGS}/${version}/exchanges-streams.jsonl`, atLeast: 26 },
    ...{ unsupported: UNSUPPORTED_STREAMS, missingInterfaces: new Set<number>() },
    ...{ isExcepted: version === "26.06" ? isStrayPolicy : (step: Step) => isStrayPolicy(step) || isNewer(step) },
  })),
];

for (const recording of RECORDED) {
  describe(`recorded exchanges of ${recording.title}`, function () {
    this.timeout(60_000);

    before(function () {
      const reason = existsSync(recording.file) ? namespacesMissing() : `no recordings at ${recording.file}`;
      if (reason === undefined) return;
      console.log(`      skipped: ${reason}`);
      this.skip();
    });

    it("are answered as recorded", async () => {
      const subject = await startEmbedded(addRec0);
      try {
        const { compared, faults } = await replay(subject.api, recording);
        assert.deepEqual(faults, []);
        assert.ok(compared.size >= recording.atLeast, `${compared.size} kinds of requests were compared`);
      } finally {
        await subject.stop();
      }
    });

    it("leave out nothing but the listed requests", () => {
      const names = new Set(readSteps(recording.file).map((step) => step.request.name));
      for (const name of recording.unsupported) assert.ok(names.has(name), `${name} is recorded`);
    });
  });
}

describe("recorded traps of policies", () => {
  it("are the only answers that are not compared", function () {
    const { file } = RECORDED[1]!;
    if (!existsSync(file)) this.skip();
    const steps = readSteps(file).filter(isStrayPolicy);
    const ids = (answers: Step["answers"]) =>
      answers.map(({ fields }) => (fields["policy"] as Fields | undefined)?.["policy_id"]);
    assert.deepEqual(steps.map(({ request }) => request.name).sort(), [
      ...["abf_policy_add_del", "abf_policy_add_del", "abf_policy_dump", "abf_policy_dump", "cli_inband"],
    ]);
    assert.deepEqual(ids(steps.find(({ request }) => request.name === "abf_policy_dump")!.answers), [1, 2, undefined]);
  });
});
