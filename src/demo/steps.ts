import type { Crowd } from "./crowd.ts";
import {
  judgeBatch,
  judgeHeld,
  type BatchJudgement,
  type Expectation,
  type HeldFlow,
  type HeldJudgement,
} from "./judge.ts";
import type { Prediction } from "./prediction.ts";
import type { Reporter } from "./report.ts";
import { SETTING, type Family } from "./setting.ts";

/** Something that was looked at, and whether it was as it must be. JSON. */
export interface Check {
  readonly text: string;
  readonly good: boolean;
}

/** One step of the demo with what came of it. JSON. */
export interface StepResult {
  readonly name: string;
  readonly good: boolean;
  readonly fresh?: BatchJudgement;
  readonly held?: HeldJudgement;
  /** Further checks: what was looked at, and whether it was so. */
  readonly checks: readonly Check[];
}

/** A client of the demo with the way that its connections take. */
export interface Way {
  /** For people; absent where there is one way only. */
  readonly name?: string;
  readonly crowd: Crowd;
}

export interface Step {
  /** What should come of it, in words. */
  readonly expectation: string;
  readonly change?: () => Promise<void>;
  readonly expected?: Expectation | (() => Expectation);
  /** Connections to open afterwards, by each way. */
  readonly fresh?: Readonly<Record<Family, number>>;
  readonly checks?: () => Promise<readonly Check[]>;
}

/** The course of a demo: steps, connections that are held over them, and what was found. */
export class Steps {
  readonly results: StepResult[] = [];
  readonly #ways: readonly Way[];
  readonly #report: Reporter;
  readonly #signal: AbortSignal;
  readonly #prediction: () => Prediction;

  /** @param options.prediction what the tables say with the servers that take new flows now */
  constructor(options: { ways: readonly Way[]; report: Reporter; signal: AbortSignal; prediction: () => Prediction }) {
    this.#ways = options.ways;
    this.#report = options.report;
    this.#signal = options.signal;
    this.#prediction = options.prediction;
  }

  get good(): boolean {
    return this.results.length > 0 && this.results.every((step) => step.good);
  }

  async step(name: string, step: Step): Promise<void> {
    this.#report.title(`${this.results.length + 1}. ${name}`);
    this.#report.expected(step.expectation);
    const before = this.#flows();
    await step.change?.();
    if (before.length > 0) await Promise.all(this.#ways.map(({ crowd }) => crowd.settle(this.#signal)));
    const held = this.#judgeHeld(before, step.expected ?? "none");
    if (held) this.#report.held(held);
    const fresh = step.fresh ? await this.#open(step.fresh) : undefined;
    const checks = (await step.checks?.()) ?? [];
    for (const { good, text } of checks) this.#report.check(good, text);
    const good = (held?.good ?? true) && (fresh?.good ?? true) && checks.every((check) => check.good);
    this.results.push({ name, good, checks, ...(fresh ? { fresh } : {}), ...(held ? { held } : {}) });
  }

  /** Every connection so far, by way; in each always in the same order. */
  #flows(): HeldFlow[][] {
    return this.#ways.map(({ crowd }) => crowd.flows());
  }

  #judgeHeld(before: HeldFlow[][], expected: Expectation | (() => Expectation)): HeldJudgement | undefined {
    if (before.every((flows) => flows.length === 0)) return undefined;
    const after = this.#flows().map((flows, index) => flows.slice(0, before[index]!.length));
    return judgeHeld(before.flat(), after.flat(), typeof expected === "function" ? expected() : expected);
  }

  async #open(count: Readonly<Record<Family, number>>): Promise<BatchJudgement> {
    const prediction = this.#prediction();
    const batches = await Promise.all(this.#ways.map(({ crowd }) => crowd.open(count, this.#signal)));
    const all = judgeBatch(batches.flat(), prediction);
    this.#report.distribution(all);
    if (batches.length > 1)
      batches.forEach((flows, index) => this.#report.batch(judgeBatch(flows, prediction), this.#ways[index]!.name));
    else this.#report.batch(all);
    return all;
  }
}

/** One after another to the last; what was broken on purpose has shown itself with the first bad step, which ends them. */
export async function playSteps(
  run: { readonly good: boolean },
  sabotaged: boolean,
  steps: readonly (() => Promise<void>)[],
): Promise<void> {
  for (const step of steps) {
    await step();
    if (sabotaged && !run.good) return;
  }
}

/** VPP's own bucket counts against the predicted ones. @param text of `show lb vips verbose` */
export function checkBuckets(
  text: string,
  prediction: Prediction,
  nameOf: (address: string) => string,
): readonly Check[] {
  return ([4, 6] as const).map((family) => {
    const wanted = prediction.buckets(family);
    const wrong = [...wanted].filter(([address, count]) => !hasBuckets(text, address, count));
    const vip = family === 4 ? SETTING.vip4 : SETTING.vip6;
    const counts = [...wanted].map(([address, count]) => `${nameOf(address)} ${count}`).join(", ");
    const outcome = wrong.length === 0 ? "as predicted" : "not as predicted";
    return { good: wrong.length === 0, text: `slots of ${vip} in VPP ${outcome}: ${counts}` };
  });
}

/** VPP prints `10.60.1.2 342 buckets` (26.06) or `10.60.1.2 weight:100 buckets:342` (26.10). */
function hasBuckets(text: string, address: string, count: number): boolean {
  return text
    .split("\n")
    .map((line) => line.trim())
    .some(
      (line) =>
        line.startsWith(`${address} `) && (line.includes(` ${count} buckets`) || line.includes(`buckets:${count} `)),
    );
}
