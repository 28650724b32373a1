/**
 * `npm run soak -- [--operations N] [--minutes M] [--seed S]`: random operations through controller and dataplane in two
 * legs, in each of which one of the two is killed now and then and the other one is watched. Exit code 1 where VPP does
 * not come to hold what is desired, memory grows, or descriptors or timers are left.
 */
import { parseArgs } from "node:util";
import { bytesOf, growth } from "./flat.ts";
import { soak, type SoakOptions, type SoakResult } from "./soak.ts";

const MOST_GROWTH = 0.05;

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "100000" },
    minutes: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() >>> 0) },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is wrong; nothing where all is well. */
function judge(result: SoakResult, wanted: number): string[] {
  const wrong: string[] = [];
  for (const what of ["heap", "resident"] as const) {
    const mb = result.samples.map((one) => (bytesOf(one, what) / 1e6).toFixed(1));
    const { by, share } = growth(result.samples, what);
    const text = `${what} of the last third, ${by}: ${(share * 100).toFixed(1)} % more`;
    say(`  ${text}; MB: ${mb.join(" ")}`);
    if (!(share <= MOST_GROWTH)) wrong.push(text);
  }
  say(`  descriptors on the way: ${result.samples.map((one) => one.fds).join(" ")}`);
  for (const what of ["fds", "timers"] as const) {
    say(`  ${what}: ${result.start[what]} at the start, ${result.end[what]} at the end`);
    if (result.end[what] > result.start[what]) wrong.push(`${what}: ${result.start[what]} -> ${result.end[what]}`);
  }
  if (result.operations < wanted) say(`  time was up after ${result.operations} of ${wanted} operations`);
  return wrong;
}

async function leg(killed: SoakOptions["killed"]): Promise<string[]> {
  const operations = Math.ceil(Number(values.operations) / 2);
  const deadlineMs = (Number(values.minutes) * 60_000) / 2;
  say(`${killed} is killed now and then; seed ${values.seed}`);
  const result = await soak({
    operations,
    deadlineMs,
    killed,
    seed: Number(values.seed),
    say: (text) => say(`  ${text}`),
  });
  const rate = (result.operations * 1000) / result.elapsedMs;
  say(`  ${result.operations} operations (${rate.toFixed(0)}/s), ${result.kills} kills, ${result.checks} comparisons`);
  say(`  ${JSON.stringify(result.counts)}`);
  return judge(result, operations);
}

const wrong = [...(await leg("lb")), ...(await leg("dataplane"))];
for (const one of wrong) say(`BAD: ${one}`);
process.exit(wrong.length === 0 ? 0 : 1);
