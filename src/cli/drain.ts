import type { Command } from "commander";
import { codeOf } from "./changes.ts";
import { withApi } from "./connect.ts";
import { action, CliError, duration, examples, EXIT, type Context } from "./context.ts";
import { formatTable, percent } from "./table.ts";

export function registerDrain(program: Command): void {
  const command = program
    .command("drain")
    .summary("take a server out of new flows")
    .description(
      "Takes a server out of new flows; its established flows go on. With a deadline, or --flush, the flows that are left " +
        "then are flushed: their connections move to other servers, which reset them. Needs a running controller.",
    )
    .argument("<server>", "the server's address")
    .option("--vip <vip>", 'only of this VIP: "10.2.2.0/24", "10.2.2.0/24 tcp/5001"')
    .option("--stream <name>", "only of this stream")
    .option("--deadline <time>", "end of the drain, at which what is left is flushed (see --no-flush)", duration)
    .option("--flush", "flush its flows: now, or at the deadline (the default with one)")
    .option("--no-flush", "at the deadline, leave its flows alone")
    .option("--undo", "let it take new flows again")
    .action(action(drain));
  examples(command, ["vpplb drain 10.60.1.3", "vpplb drain 10.60.1.3 --deadline 5m", "vpplb drain 10.60.1.3 --undo"]);
}

interface Options {
  readonly vip?: string;
  readonly stream?: string;
  readonly deadline?: number;
  readonly flush?: boolean;
  readonly undo?: boolean;
}

async function drain(context: Context, server: string, options: Options): Promise<number> {
  const { deadline, flush, undo } = options;
  if (options.vip !== undefined && options.stream !== undefined) {
    throw new CliError(EXIT.badInput, "a drain is of one VIP or of one stream: give --vip or --stream, not both");
  }
  const vip = options.stream === undefined ? options.vip : `stream ${options.stream}`;
  const result = await withApi(context, {}, (api, direct) => {
    if (direct) {
      throw new CliError(EXIT.failed, "a drain is kept by the controller, and none runs: start `vpplb lb -f lb.yaml`");
    }
    return api.drain(server, {
      ...(vip === undefined ? {} : { vip }),
      ...(deadline === undefined ? {} : { deadlineMs: deadline }),
      ...(flush === undefined ? {} : { flush }),
      ...(undo === undefined ? {} : { undo }),
    });
  });
  if (context.json) context.printJson(result);
  else {
    const until = result.deadlineAt === undefined ? "" : ` until ${result.deadlineAt}`;
    context.print(result.undone ? `${result.server} takes new flows again` : `${result.server} is drained${until}`);
    const rows = result.vips.map((one) => [one.vip, percent(one.moved), one.flows]);
    context.print(formatTable(["VIP", "SLOTS MOVED", "FLOWS LEFT"], rows));
    for (const { sentence, error } of result.apply.failed) context.print(context.colors.red(`${sentence}: ${error}`));
  }
  return codeOf(result.apply, result.apply.ok || result.apply.paced === true);
}
