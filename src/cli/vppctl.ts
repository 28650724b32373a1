import type { Command } from "commander";
import { withApi } from "./connect.ts";
import { action, examples, EXIT, type Context } from "./context.ts";

export function registerVppctl(program: Command): void {
  const command = program
    .command("vppctl")
    .summary("one line of VPP's CLI")
    .description(
      "Runs one line of VPP's CLI through the controller. `show lb vips` prints the VIPs also where VPP's own prints " +
        "nothing. Lines that may change VPP need --write: the controller puts back what is not as its configuration says.",
    )
    .argument("<command...>", "VPP's command")
    .option("--write", "the line may change VPP")
    .action(action(vppctl));
  examples(command, [
    "vpplb vppctl show lb vips",
    "vpplb vppctl show lb vips verbose",
    "vpplb vppctl --write clear errors",
  ]);
}

async function vppctl(context: Context, words: string[], { write }: { write?: boolean }): Promise<number> {
  const line = words.join(" ");
  const { retval, output } = await withApi(context, {}, (api) => api.vppctl(line, { write: write === true }));
  if (context.json) context.printJson({ command: line, retval, output });
  else if (output !== "") (retval === 0 ? context.print : context.note)(output);
  return retval === 0 ? EXIT.ok : EXIT.failed;
}
