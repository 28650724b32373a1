import { bytesOf, growth } from "../flat.ts";
import { COUNTED, SOAK_ROLES, type NsmSoakResult } from "./soak.ts";

const MOST_GROWTH = 0.05;

/** What is wrong with a run; nothing where all is well. @param memory false: too short to judge memory by */
export function judge(result: NsmSoakResult, memory: boolean, say: (text: string) => void): string[] {
  const wrong: string[] = [];
  for (const role of SOAK_ROLES) {
    const samples = result.samples.map((sample) => sample[role]);
    for (const what of memory ? (["heap", "resident"] as const) : []) {
      const mb = samples.map((one) => (bytesOf(one, what) / 1e6).toFixed(1));
      const { by, share } = growth(samples, what);
      const text = `${role}: ${what} of the last third, ${by}: ${(share * 100).toFixed(1)} % more`;
      say(`${text}; MB: ${mb.join(" ")}`);
      if (!(share <= MOST_GROWTH)) wrong.push(text);
    }
    for (const what of COUNTED) {
      const [start, end] = [result.start[role][what], result.end[role][what]];
      const text = `${role}: ${what}: ${start} before, ${end} after`;
      say(text);
      if (end > start) wrong.push(text);
    }
  }
  for (const what of ["interfaces", "servers", "links"] as const) {
    const [before, after] = [result.before[what], result.after[what]];
    const text = `dataplane: ${what}: ${before} before, ${after} after`;
    say(text);
    if (after !== before) wrong.push(text);
  }
  return wrong;
}
