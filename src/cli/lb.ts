import { Option, type Command } from "commander";
import type { ControllerEvent } from "../control/types.ts";
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

/** `debug`: single operations that went well; `warn`: what failed and will be tried again. */
function levelOf(event: ControllerEvent): LogLevel {
  if ("ok" in event && !event.ok) return "warn";
  if (event.type === "sync" && event.state === "error") return "warn";
  return event.type === "operation" ? "debug" : "info";
}

interface Options {
  readonly file: string;
  readonly journal?: string;
  readonly http?: string;
  readonly logLevel: LogLevel;
}

async function lb(context: Context, options: Options): Promise<void> {
  const started = leanStart();
  const [{ runController }, { logEntry, makeLog }] = await Promise.all([
    import("../roles/controller.ts"),
    import("../observe/log.ts"),
  ]);
  const { control, vpp } = context.options;
  const log = makeLog({ level: options.logLevel, json: context.json, colors: context.colored });
  const socket = control ?? process.env["VPPLB_CONTROL"];
  await runController(
    {
      file: options.file,
      ...(vpp === undefined ? {} : { api: vpp }),
      ...(socket === undefined ? {} : { control: socket }),
      ...(options.journal === undefined ? {} : { journal: options.journal }),
      ...(options.http === undefined ? {} : { http: options.http }),
      onEvent: (event) => logEntry(log, levelOf(event), event),
      ready: (api, http) => {
        started();
        const at = new Date().toISOString();
        const pages = http === undefined ? "" : `, metrics on ${http}`;
        const message = `keeping VPP on ${api.status().vpp.socket} as ${options.file} says${pages}`;
        logEntry(log, "info", { at, type: "ready", message });
      },
    },
    context.signal,
  );
}
