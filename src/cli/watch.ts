import { Option, type Command } from "commander";
import type { ControllerEvent } from "../control/types.ts";
import { controlSocket } from "./connect.ts";
import { action, examples, EXIT, type Context } from "./context.ts";

const TYPES: readonly ControllerEvent["type"][] = [
  "vpp",
  "config",
  "plan",
  "operation",
  "sync",
  "drain",
  "untracked",
  "rival",
  "state",
];

export function registerWatch(program: Command): void {
  const command = program
    .command("watch")
    .summary("what the controller does, as it happens")
    .description(
      "Shows the controller's events from now on, until ctrl-C or until the controller ends: connections to VPP, " +
        "configurations, plans, every operation, states, drains.",
    )
    .addOption(new Option("--only <types...>", "these types of events only").choices(TYPES))
    .action(action(watch, "stop"));
  examples(command, [
    "vpplb watch",
    "vpplb watch --only vpp sync",
    "vpplb --json watch | jq -c 'select(.ok == false)'",
  ]);
}

async function watch(context: Context, { only }: { only?: readonly string[] }): Promise<number> {
  const { ControlClient } = await import("../control/index.ts");
  const client = new ControlClient({ socket: controlSocket(context) });
  try {
    // Told on standard error once nothing is missed any more: scripts wait for it.
    const ready = () => context.note(`vpplb: watching the controller on ${client.socket}`);
    for await (const event of client.watch(context.signal, ready)) {
      if (only === undefined || only.includes(event.type)) print(context, event);
    }
    return EXIT.ok;
  } finally {
    client.close();
  }
}

function print(context: Context, event: ControllerEvent): void {
  if (context.json) return context.print(JSON.stringify(event));
  const { colors } = context;
  const bad =
    ("ok" in event && !event.ok) || ("state" in event && (event.state === "failed" || event.state === "error"));
  // Whatever VPP or a file put into it: one line, and nothing that a terminal obeys.
  const message = event.message.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
  const line = `${event.at} ${event.type.padEnd(9)} ${message}`;
  context.print(bad ? colors.red(line) : line);
}
