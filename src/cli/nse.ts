import { Option, type Command } from "commander";
import { LOG_LEVELS, type LogLevel } from "../observe/levels.ts";
import { leanStart } from "../roles/lean-start.ts";
import { action, examples, type Context } from "./context.ts";

export function registerNse(program: Command): void {
  const command = program
    .command("nse")
    .summary("vpplb lb, and the endpoint whose clients become servers")
    .description(
      "Does what `vpplb lb` does, and serves a network service beside it, as lb.yaml's section `nsm` and the environment " +
        "say: each client that connects gets an interface in a bridge domain of VPP and becomes a server of the VIPs; " +
        "when it goes, it leaves them. A restart takes everything up again and writes nothing to VPP.",
    )
    .requiredOption("-f, --file <file>", "configuration")
    .option("--insecure", "clear text, without identities (NSM_INSECURE=true)")
    .addOption(new Option("--log-level <level>", "what is logged").choices(LOG_LEVELS).default("info"))
    .option("--journal <file>", "file of what is ours in VPP and of the history, instead of the configuration's")
    .option("--http <address>", "serve /metrics, /healthz, /readyz there, instead of the configuration's http.listen")
    .action(action(nse, "stop", "own"));
  examples(command, [
    "NSM_INSECURE=true vpplb nse -f lb.yaml",
    "IP_ADDRESS=10.60.1.0/24 VIP_ADDRESS=10.2.2.0/24 vpplb nse -f lb.yaml",
  ]);
}

interface Options {
  readonly file: string;
  readonly insecure?: boolean;
  readonly journal?: string;
  readonly http?: string;
  readonly logLevel: LogLevel;
}

async function nse(context: Context, options: Options): Promise<void> {
  const started = leanStart();
  const [{ runNse }, { EventLog }] = await Promise.all([import("../roles/nse.ts"), import("../observe/log.ts")]);
  const { control, vpp } = context.options;
  const log = new EventLog({ level: options.logLevel, json: context.json, colors: context.colored });
  const socket = control ?? process.env["VPPLB_CONTROL"];
  await runNse(
    {
      file: options.file,
      ...(vpp === undefined ? {} : { api: vpp }),
      ...(socket === undefined ? {} : { control: socket }),
      ...(options.journal === undefined ? {} : { journal: options.journal }),
      ...(options.http === undefined ? {} : { http: options.http }),
      ...(options.insecure === undefined ? {} : { insecure: options.insecure }),
      log: (entry) => log.log(entry),
      ready: () => started(),
    },
    context.signal,
  );
}
