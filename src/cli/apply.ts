import type { Command } from "commander";
import { codeOf, printApplied } from "./changes.ts";
import { withApi } from "./connect.ts";
import { action, duration, examples, type Context } from "./context.ts";
import { noteFindings, readLbFile, whereOf } from "./file.ts";

export function registerApply(program: Command): void {
  const command = program
    .command("apply")
    .summary("make VPP as lb.yaml says, once")
    .description(
      "Makes VPP as a lb.yaml says and waits until it is: through the controller that runs (which then keeps it so until " +
        "its own file changes), or on VPP itself where none runs. Exit code 1 if it was refused or something failed.",
    )
    .requiredOption("-f, --file <file>", "configuration")
    .option("--force", "apply also what maxDisruption refuses, and resize a sticky table that flows are in")
    .option("--timeout <time>", "give up after", duration, 30_000)
    .action(action(apply));
  examples(command, ["vpplb apply -f lb.yaml", "vpplb apply -f lb.yaml --force --timeout 2m"]);
}

interface Options {
  readonly file: string;
  readonly force?: boolean;
  readonly timeout: number;
}

async function apply(context: Context, { file, force, timeout }: Options): Promise<number> {
  const read = await readLbFile(context, file);
  const result = await withApi(context, { ...whereOf(read), write: true }, async (api, direct) => {
    const done = await api.apply(read.text, { force: force === true, timeoutMs: timeout });
    if (direct && done.paced === true) {
      context.note(
        `vpplb: no controller runs that would take the further steps: run this again, or vpplb lb -f ${file}`,
      );
    }
    return done;
  });
  if (context.json) context.printJson(result);
  else {
    await noteFindings(context, file, result.diagnostics);
    printApplied(context, result);
  }
  return codeOf(result, result.ok || result.paced === true);
}
