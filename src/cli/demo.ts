import { Option, type Command } from "commander";
import type { DemoOptions } from "../demo/index.ts";
import { action, CliError, examples, EXIT, type Context } from "./context.ts";

export function registerDemo(program: Command): void {
  const command = program
    .command("demo")
    .summary("watch real connections being balanced, in network namespaces")
    .description(
      "Builds a topology in network namespaces, spreads TCP connections over application servers, kills, drains and adds " +
        "servers, kills the controller and the dataplane, and compares what happened with what the table predicts. Takes " +
        "about 30 s; leaves nothing behind. Needs root, or a kernel that allows user namespaces.",
    )
    .option("--keep", "keep everything running after the verdict, until ctrl-C")
    .addOption(
      new Option("--break <what>", "break something on purpose: the verdict must be bad").choices([
        "sticky",
        "table",
        "server",
        "client",
      ]),
    )
    .option(
      "--nsm",
      "connect the application servers by Network Service Mesh; they come, leave and crash by themselves",
    )
    .action(action(demo, "result"));
  examples(command, [
    "vpplb demo",
    "vpplb demo --keep",
    "vpplb demo --nsm",
    "vpplb demo --vpp /run/vpp/api.sock",
    "vpplb demo --break table",
  ]);
}

async function demo(
  context: Context,
  { keep, nsm, break: sabotage }: { keep?: boolean; nsm?: boolean; break?: string },
): Promise<number> {
  const { demoPrivileges, runDemo } = await import("../demo/index.ts");
  const privileges = demoPrivileges.check();
  if (privileges.kind === "refused") throw new CliError(EXIT.failed, privileges.reason);
  if (privileges.kind === "user-namespace") return demoPrivileges.runAgain();
  const { vpp } = context.options;
  const options: DemoOptions = {
    ...(vpp === undefined ? {} : { vpp }),
    ...(keep === undefined ? {} : { keep }),
    ...(nsm === undefined ? {} : { nsm }),
    ...(sabotage === undefined ? {} : { sabotage }),
    out: { line: (text = "") => (context.json ? context.note(text) : context.print(text === "" ? "\n" : text)) },
    colors: context.colored,
  };
  const verdict = await runDemo(options, context.signal);
  if (context.json) context.printJson(verdict);
  return verdict.good ? EXIT.ok : EXIT.failed;
}
