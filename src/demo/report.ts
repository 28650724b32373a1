import pc from "picocolors";
import type { BatchJudgement, HeldCounts, HeldJudgement } from "./judge.ts";

/** Prints what happens, or nothing where the caller prints JSON at the end. */
export interface DemoOutput {
  line(text?: string): void;
}

const BAR_WIDTH = 40;

/** Colours only where `enabled`: a terminal. */
export function reporter(out: DemoOutput, enabled: boolean) {
  const c = pc.createColors(enabled);
  const verdictOf = (good: boolean) => (good ? c.green("ok") : c.red("BAD"));
  return {
    title: (text: string) => out.line(`\n${c.bold(text)}`),
    note: (text: string) => out.line(`  ${text}`),
    /** Distribution beside the predicted one, as a table with bars. */
    distribution(label: string, batch: BatchJudgement): void {
      out.line(`  ${label.padEnd(10)}${"seen".padStart(5)} ${"predicted".padStart(10)}`);
      const most = Math.max(
        1,
        ...Object.values(batch.byServer).map(({ seen, predicted }) => Math.max(seen, predicted)),
      );
      for (const [name, { seen, predicted }] of Object.entries(batch.byServer).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const bar = "█".repeat(Math.round((seen / most) * BAR_WIDTH));
        const mark = seen === predicted ? c.cyan(bar) : c.red(bar);
        out.line(`  ${name.padEnd(10)}${String(seen).padStart(5)} ${String(predicted).padStart(10)}  ${mark}`);
      }
    },
    batch(batch: BatchJudgement): void {
      const { opened, failed, elsewhere, good } = batch;
      out.line(
        `  ${opened} fresh connections: ${failed} broke, ${elsewhere} went elsewhere than the table says  ${verdictOf(good)}`,
      );
    },
    /** What became of earlier batches, a line each and a sum. */
    held(held: HeldJudgement): void {
      const columns = (...texts: (string | number)[]) => texts.map((text) => String(text).padStart(10)).join("");
      out.line(`  ${"opened in".padEnd(10)}${columns("held", "broke", "predicted", "unexpected", "moved")}`);
      const row = (label: string, { held: alive, broke, predicted, unexpected, changedServer }: HeldCounts) =>
        `  ${label.padEnd(10)}${columns(alive, broke, predicted, unexpected, changedServer)}`;
      for (const [batch, counts] of Object.entries(held.byBatch)) out.line(row(`batch ${batch}`, counts));
      out.line(`${row("all", held)}  ${verdictOf(held.good)}`);
    },
    check: (good: boolean, text: string) => out.line(`  ${text}  ${verdictOf(good)}`),
    verdict: (good: boolean, text: string) =>
      out.line(`\n${good ? c.green(c.bold("GOOD")) : c.red(c.bold("BAD"))}: ${text}`),
  };
}

export type Reporter = ReturnType<typeof reporter>;
