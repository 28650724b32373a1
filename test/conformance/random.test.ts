/**
 * Sequences of API calls and CLI lines, recorded ones and random ones: the embedded dataplane and a real VPP must give the same replies, details,
 * events and texts. `VPPLB_VPP_COMMAND` names a command that takes a directory and runs VPP 26.06 with `api.sock` in it,
 * in the foreground; without it the sequences run against two embedded dataplanes, which only shows that they answer
 * everything, the same way each time: that is no comparison with VPP, and the suite says so.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { SEED } from "../seed.ts";
import { withoutTraps } from "./acl-commands.ts";
import { areas, opening, type Command } from "./commands.ts";
import { BareClient } from "./client.ts";
import { describeDifference, firstDifference } from "./pair.ts";
import { withoutRouteTraps } from "./route-traps.ts";
import { readSequence, sequenceNames } from "./sequence.ts";
import { namespacesMissing, startEmbedded, startVpp } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
/** Sequences per area; `VPPLB_RANDOM_RUNS` for a long search. */
const RUNS = Number(process.env["VPPLB_RANDOM_RUNS"] ?? (VPP_COMMAND === undefined ? 1 : 4));
const LENGTH = 120;
/** With this message the lb plugin differs from 26.06's, which is what is embedded. */
const LB_OF_26_10 = "lb_conf_get_51077d14";

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
  return withoutRouteTraps(withoutTraps([...opening, ...fc.sample(arbitrary, { seed, numRuns: 1 })[0]!]));
}

async function same(commands: readonly Command[], what: string): Promise<void> {
  const difference = await compare(commands);
  // assert.equal would cut it short.
  if (difference !== undefined) assert.fail(`${what}:\n${difference}`);
}

function usesLb(area: keyof typeof areas): boolean {
  return area === "lb" || area === "all";
}

describe("random API calls", function () {
  this.timeout(600_000);

  /** The named VPP is newer than the embedded one. */
  let newer = false;

  before(async function () {
    const reason = namespacesMissing();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    if (VPP_COMMAND === undefined) {
      console.log("      VPPLB_VPP_COMMAND is not set: only run against itself, not compared with a real VPP");
      return;
    }
    const vpp = await startVpp(VPP_COMMAND);
    try {
      const client = await BareClient.connect(vpp.api);
      newer = client.listed.has(LB_OF_26_10);
      client.close();
    } finally {
      await vpp.stop();
    }
    if (newer)
      console.log("      left out what calls lb: the VPP's plugin is newer than the one of 26.06, which is embedded");
  });

  for (const area of Object.keys(areas) as (keyof typeof areas)[]) {
    for (const name of [...sequenceNames(`given-${area}`), ...sequenceNames(`found-${area}`)]) {
      it(`${area}: ${name}`, async function () {
        if (newer && usesLb(area)) this.skip();
        await same(withoutRouteTraps(readSequence(name)), name);
      });
    }
    it(`${area}: new seeds`, async function () {
      if (newer && usesLb(area)) this.skip();
      for (let run = 0; run < RUNS; run += 1) {
        const seed = (SEED + run * 7919) & 0x7fffffff;
        await same(sequence(area, seed), `area ${area}, seed ${seed}`);
      }
    });
  }
});
