import { Option, type Command } from "commander";
import { LOG_LEVELS, type LogLevel } from "../observe/levels.ts";
import { leanStart } from "../roles/lean-start.ts";
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
    .addOption(new Option("--log-level <level>", "what is logged").choices(LOG_LEVELS).default("info"))
    .option("--journal <file>", "file of what is ours in VPP and of the history, instead of the configuration's")
    .option("--http <address>", "serve /metrics, /healthz, /readyz there, instead of the configuration's http.listen")
    .action(action(lb, "stop", "own"));
  examples(command, [
    "vpplb lb -f lb.yaml",
    "vpplb lb -f lb.yaml --vpp /run/vpp/api.sock",
    "vpplb --json lb -f lb.yaml | jq .",
  ]);
}

interface Options {
  readonly file: string;
  readonly journal?: string;
  readonly http?: string;
  readonly logLevel: LogLevel;
}

async function lb(context: Context, options: Options): Promise<void> {
  const started = leanStart();
  const [{ runController }, { EventLog }] = await Promise.all([
    import("../roles/controller.ts"),
    import("../observe/log.ts"),
  ]);
  const { control, vpp } = context.options;
  const log = new EventLog({ level: options.logLevel, json: context.json, colors: context.colored });
  const socket = control ?? process.env["VPPLB_CONTROL"];
  await runController(
    {
      file: options.file,
      ...(vpp === undefined ? {} : { api: vpp }),
      ...(socket === undefined ? {} : { control: socket }),
      ...(options.journal === undefined ? {} : { journal: options.journal }),
      ...(options.http === undefined ? {} : { http: options.http }),
      log: (entry) => log.log(entry),
      ready: () => started(),
    },
    context.signal,
  );
}
