import type { Command } from "commander";
import type { ControllerEvent } from "../control/types.ts";
import { action, examples, type Context } from "./context.ts";

export function registerLb(program: Command): void {
  const command = program
    .command("lb")
    .summary("keep VPP as lb.yaml says")
    .description(
      "Keeps VPP as lb.yaml says until it is told to stop: reads the file again when it changes or on SIGHUP (a bad file " +
        "keeps the old state and says why), puts back what others change, programs a VPP that was restarted. " +
        "VPP keeps forwarding when this ends.",
    )
    .requiredOption("-f, --file <file>", "configuration")
    .option("--journal <file>", "file of what is ours in VPP, instead of the configuration's")
    .action(action(lb, "stop"));
  examples(command, [
    "vpplb lb -f lb.yaml",
    "vpplb lb -f lb.yaml --vpp /run/vpp/api.sock",
    "vpplb --json lb -f lb.yaml | jq .",
  ]);
}

async function lb(context: Context, options: { file: string; journal?: string }): Promise<void> {
  const { runController } = await import("../roles/controller.ts");
  const { control, vpp } = context.options;
  const { json, colors } = context;
  const show = ({ at, type, message, ...rest }: ControllerEvent): void => {
    if (json) return context.print(JSON.stringify({ at, type, message, ...rest }));
    const bad = "ok" in rest && !rest.ok;
    context.print(`${colors.dim(at)} ${type.padEnd(9)} ${bad ? colors.red(message) : message}`);
  };
  const socket = control ?? process.env["VPPLB_CONTROL"];
  await runController(
    {
      file: options.file,
      ...(vpp === undefined ? {} : { api: vpp }),
      ...(socket === undefined ? {} : { control: socket }),
      ...(options.journal === undefined ? {} : { journal: options.journal }),
      onEvent: show,
      ready: (api) => {
        const at = new Date().toISOString();
        const message = `ready: keeping VPP on ${api.status().vpp.socket} as ${options.file} says`;
        context.print(json ? JSON.stringify({ at, type: "ready", message }) : `${colors.dim(at)} ${message}`);
      },
    },
    context.signal,
  );
}
