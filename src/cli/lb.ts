import type { Command } from "commander";
import { action, examples, type Context } from "./context.ts";
import { addControllerOptions, controllerGiven, startRole, type ControllerOptions } from "./role-options.ts";

export function registerLb(program: Command): void {
  const command = program
    .command("lb")
    .summary("keep VPP as lb.yaml says")
    .description(
      "Keeps VPP as lb.yaml says until it is told to stop: reads the file again when it changes or on SIGHUP (a bad file " +
        "keeps the old state and says why), puts back what others change, programs a VPP that was restarted. " +
        "VPP keeps forwarding when this ends.",
    );
  addControllerOptions(command).action(action(lb, "stop", "own"));
  examples(command, [
    "vpplb lb -f lb.yaml",
    "vpplb lb -f lb.yaml --vpp /run/vpp/api.sock",
    "vpplb --json lb -f lb.yaml | jq .",
  ]);
}

async function lb(context: Context, options: ControllerOptions): Promise<void> {
  const started = await startRole(context, options);
  const { runController } = await import("../roles/controller.ts");
  await runController({ ...controllerGiven(context, options), ...started }, context.signal);
}
