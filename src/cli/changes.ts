import type { Diagnostic, PlanProblem, VipDisruption } from "../bridge/types.ts";
import type { ApplyResult, PlanResult } from "../control/types.ts";
import { EXIT, type Context } from "./context.ts";
import { formatTable, percent, plural } from "./table.ts";

/** A plan for people: what would be done, which flows move, what stands in the way. */
export function printPlan({ print, colors }: Context, plan: PlanResult): void {
  if (plan.operations.length === 0) print("VPP is as desired: nothing to do.");
  else print(`${plural(plan.operations.length, "operation")}:`);
  const sign = {
    create: colors.green("+"),
    update: colors.yellow("~"),
    delete: colors.red("-"),
  } as const;
  for (const { verb, sentence } of plan.operations) print(`  ${sign[verb]} ${sentence}`);
  printDisruption(print, plan.disruption);
  printProblems({ print, colors }, plan);
  for (const foreign of plan.foreign) print(`  ${colors.dim(`left alone: ${foreign}`)}`);
  if (plan.refused !== undefined) print(colors.red(`apply would refuse this: ${plan.refused}`));
}

export function printApplied({ print, colors }: Context, result: ApplyResult): void {
  if (result.refused !== undefined) print(colors.red(`refused: ${result.refused}`));
  for (const sentence of result.applied) print(`  ${colors.green("done")} ${sentence}`);
  for (const { sentence, error, attempts } of result.failed) {
    print(`  ${colors.red("failed")} ${sentence}: ${error} (${plural(attempts, "attempt")})`);
  }
  printDisruption(print, result.disruption);
  printProblems({ print, colors }, result);
  if (result.paced === true) print(colors.yellow("the rest of the change comes in steps: see vpplb status"));
  if (result.ok)
    print(result.applied.length === 0 ? "VPP was as desired already." : colors.green("VPP is as desired."));
}

function printDisruption(print: Context["print"], disruption: readonly VipDisruption[]): void {
  const moving = disruption.filter((one) => one.moved > 0 || one.flowsLost > 0 || one.recreated !== undefined);
  if (moving.length === 0) return;
  const rows = moving.map((one) => [one.vip, percent(one.moved), percent(one.least), one.flowsLost, one.recreated]);
  print(`\nflows that are not sticky and move, per VIP:`);
  print(indent(formatTable(["VIP", "MOVED", "LEAST", "STICKY LOST", "MADE ANEW FOR"], rows)));
}

function printProblems(
  { print, colors }: Pick<Context, "print" | "colors">,
  { problems, warnings = [] }: { problems: readonly PlanProblem[]; warnings?: readonly string[] },
): void {
  for (const { object, message } of problems) print(`  ${colors.red("problem")} ${object}: ${message}`);
  for (const warning of warnings) print(`  ${colors.yellow("warning")} ${warning}`);
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

/** 2 where the configuration is wrong, 1 where it is refused or not done, else 0. */
export function codeOf(result: { refused?: string; diagnostics: readonly Diagnostic[] }, good: boolean): number {
  if (result.diagnostics.some(({ severity }) => severity === "error")) return EXIT.badInput;
  return result.refused !== undefined || !good ? EXIT.failed : EXIT.ok;
}
