import { Option, type Command } from "commander";
import { action, CliError, collect, examples, EXIT, type Context } from "./context.ts";
import { logLevelOption, octal, startRole, type RoleOptions } from "./role-options.ts";

export function registerDataplane(program: Command): void {
  const command = program
    .command("dataplane")
    .summary("the embedded dataplane")
    .description(
      "Runs the embedded dataplane: it serves VPP's binary API and CLI and forwards packets itself. For trying out and " +
        "testing; production is VPP. Needs root, or a user namespace.",
    )
    .option("--api <socket>", "VPP's binary API", "/run/vpp/api.sock")
    .option("--cli <socket>", "VPP's CLI (default: none)")
    .addOption(
      new Option(
        "--icmp-errors <how>",
        "ICMP errors to a VIP go by their own addresses, as in VPP, or to the flow's server",
      )
        .choices(["hash", "owner"])
        .default("hash"),
    )
    .option("--mode <octal>", "permissions of the sockets", octal)
    .option("--allow-user <name>", "may connect beside root and this user (several)", collect)
    .option("--allow-group <name>", "its members may connect (several; the sockets belong to the first)", collect)
    .addOption(logLevelOption())
    .option("--http <address>", "serve /metrics, /healthz, /readyz there, as 127.0.0.1:9102 (default: nowhere)")
    .action(action(dataplane, "stop"));
  examples(command, ["vpplb dataplane", "vpplb dataplane --api /tmp/api.sock --cli /tmp/cli.sock"]);
}

interface Options extends RoleOptions {
  readonly api: string;
  readonly cli?: string;
  readonly mode?: number;
  readonly icmpErrors: "hash" | "owner";
  readonly http?: string;
  readonly allowUser?: string[];
  readonly allowGroup?: string[];
}

async function dataplane(context: Context, options: Options) {
  const started = await startRole(context, options);
  const { runDataplane } = await import("../roles/dataplane.ts");
  const { api, cli, mode, icmpErrors, http, allowUser, allowGroup } = options;
  await runDataplane(
    {
      api,
      icmpErrors,
      ...(cli === undefined ? {} : { cli }),
      ...(mode === undefined ? {} : { mode }),
      ...(http === undefined ? {} : { http }),
      ...(allowUser === undefined ? {} : { users: allowUser }),
      ...(allowGroup === undefined ? {} : { groups: allowGroup }),
      ...started,
    },
    context.signal,
  ).catch((error: unknown) => {
    if (error instanceof RangeError) throw new CliError(EXIT.badInput, error.message, { cause: error });
    throw error;
  });
}
