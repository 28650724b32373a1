/**
 * Sequences of API calls and CLI lines, recorded ones and random ones: the embedded dataplane and a real VPP must give the same replies, details,
 * events and texts. `VPPLB_VPP_COMMAND` names a command that takes a directory and runs VPP 26.06 with `api.sock` in it,
 * in the foreground; without it the sequences run against two embedded dataplanes, which only shows that they answer
 * everything, the same way each time: that is no comparison with VPP, and the suite says so.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { areas, opening, type Command } from "./commands.ts";
import { describeDifference, firstDifference } from "./pair.ts";
import { readSequence, sequenceNames } from "./sequence.ts";
import { namespacesMissing, startEmbedded, startVpp } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
/** Sequences per area; `VPPLB_RANDOM_RUNS` for a long search. */
const RUNS = Number(process.env["VPPLB_RANDOM_RUNS"] ?? (VPP_COMMAND === undefined ? 1 : 4));
const LENGTH = 120;

/** The difference between fresh subjects, or undefined. */
async function compare(commands: readonly Command[]): Promise<string | undefined> {
  const other = VPP_COMMAND === undefined ? startEmbedded() : startVpp(VPP_COMMAND);
  const [embedded, vpp] = await Promise.all([startEmbedded(), other]);
  try {
    const difference = await firstDifference(embedded, vpp, commands);
    return difference === undefined ? undefined : describeDifference(difference, commands);
  } finally {
    await Promise.all([embedded.stop(), vpp.stop()]);
  }
}

function sequence(area: keyof typeof areas, seed: number): readonly Command[] {
  const arbitrary = fc.array(areas[area], { minLength: LENGTH, maxLength: LENGTH });
  return [...opening, ...fc.sample(arbitrary, { seed, numRuns: 1 })[0]!];
}

describe("random API calls", function () {
  this.timeout(600_000);

  before(function () {
    const reason = namespacesMissing();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    if (VPP_COMMAND === undefined) {
      console.log("      VPPLB_VPP_COMMAND is not set: only run against itself, not compared with a real VPP");
    }
  });

  for (const area of Object.keys(areas) as (keyof typeof areas)[]) {
    for (const name of [...sequenceNames(`given-${area}`), ...sequenceNames(`found-${area}`)]) {
      it(`${area}: ${name}`, async () => {
        assert.equal(await compare(readSequence(name)), undefined);
      });
    }
    it(`${area}: new seeds`, async () => {
      for (let run = 0; run < RUNS; run += 1) {
        const seed = (Date.now() + run * 7919) & 0x7fffffff;
        assert.equal(await compare(sequence(area, seed)), undefined, `area ${area}, seed ${seed}`);
      }
    });
  }
});
