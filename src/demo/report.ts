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
    /** What is about to be seen, and how to read it. `roles`: who plays which part. */
    intro(title: string, picture: string, roles: Readonly<Record<string, string>>): void {
      out.line(`${c.bold(title)}\n${picture}\n`);
      for (const [role, what] of Object.entries(roles)) out.line(`  ${role.padEnd(11)} ${what}`);
      out.line("  prediction  computed here from Maglev table and flow hash alone");
      out.line("\n  Columns of connections that were open before a step:");
      out.line("    broke       reset, closed or silent since");
      out.line("    predicted   may break by the prediction");
      out.line("    unexpected  broke though not predicted: must be 0");
      out.line("    moved       another server answers on the same connection: must be 0");
    },
    title: (text: string) => out.line(`\n${c.bold(text)}`),
    note: (text: string) => out.line(`  ${text}`),
    /** What should come of a step. */
    expected: (text: string) => out.line(`  ${c.dim(`expected: ${text}`)}`),
    /** Distribution beside the predicted one, as a table with bars. */
    distribution(batch: BatchJudgement): void {
      out.line(`  ${"new ones to".padEnd(13)}${"seen".padStart(6)} ${"predicted".padStart(10)}`);
      const most = Math.max(
        1,
        ...Object.values(batch.byServer).map(({ seen, predicted }) => Math.max(seen, predicted)),
      );
      for (const [name, { seen, predicted }] of Object.entries(batch.byServer).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const bar = "█".repeat(Math.round((seen / most) * BAR_WIDTH));
        const mark = seen === predicted ? c.cyan(bar) : c.red(bar);
        out.line(`  ${name.padEnd(13)}${String(seen).padStart(6)} ${String(predicted).padStart(10)}  ${mark}`);
      }
    },
    /** @param way which way they came, where there is more than one */
    batch(batch: BatchJudgement, way?: string): void {
      const { opened, failed, elsewhere, good } = batch;
      out.line(
        `  ${opened} new connections${way === undefined ? "" : ` by ${way}`}: ${failed} broke, ${elsewhere} went elsewhere than predicted  ${verdictOf(good)}`,
      );
    },
    /** What became of earlier batches, a line each and a sum. */
    held(held: HeldJudgement): void {
      const columns = (...texts: (string | number)[]) => texts.map((text) => String(text).padStart(11)).join("");
      out.line(`  ${"opened in".padEnd(13)}${columns("were open", "broke", "predicted", "unexpected", "moved")}`);
      const row = (label: string, { held: alive, broke, predicted, unexpected, changedServer }: HeldCounts) =>
        `  ${label.padEnd(13)}${columns(alive, broke, predicted, unexpected, changedServer)}`;
      for (const [batch, counts] of Object.entries(held.byBatch)) out.line(row(`batch ${batch}`, counts));
      out.line(`${row("all", held)}  ${verdictOf(held.good)}`);
    },
    check: (good: boolean, text: string) => out.line(`  ${text}  ${verdictOf(good)}`),
    verdict: (good: boolean, text: string) =>
      out.line(`\n${good ? c.green(c.bold("GOOD")) : c.red(c.bold("BAD"))}: ${text}`),
  };
}

export type Reporter = ReturnType<typeof reporter>;
