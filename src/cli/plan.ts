import type { Command } from "commander";
import type { Operation } from "../bridge/types.ts";
import { codeOf, printPlan } from "./changes.ts";
import { withApi } from "./connect.ts";
import { action, examples, type Context } from "./context.ts";
import { noteFindings, readLbFile, whereOf } from "./file.ts";

export function registerPlan(program: Command): void {
  const command = program
    .command("plan")
    .summary("what would change in VPP")
    .description(
      "Prints what would change in VPP for a lb.yaml (default: the one that the controller has), and which share of the " +
        "flows of each VIP would move. Writes nothing. Exit code 1 if apply would refuse it.",
    )
    .option("-f, --file <file>", "configuration")
    .action(action(plan));
  examples(command, ["vpplb plan -f lb.yaml", "vpplb plan -f lb.yaml --json | jq '.disruption'"]);
}

async function plan(context: Context, { file }: { file?: string }): Promise<number> {
  const read = file === undefined ? undefined : await readLbFile(context, file);
  const result = await withApi(context, read === undefined ? {} : whereOf(read), (api) => api.plan(read?.text));
  if (context.json) context.printJson({ ...result, operations: result.operations.map(told) });
  else {
    // Advice is told by `check` and `apply`.
    const findings = result.diagnostics.filter(({ severity }) => severity !== "advice");
    await noteFindings(context, file ?? "lb.yaml", findings);
    printPlan(context, result);
  }
  return codeOf(result, true);
}

/** What an operation is of and does; with a key of its own what VPP is told for it, addresses inside VPP included. */
function told({ kind, object, verb, sentence, ...internals }: Operation) {
  return { kind, object, verb, sentence, internals };
}
