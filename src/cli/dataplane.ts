import { InvalidArgumentError, Option, type Command } from "commander";
import { leanStart } from "../roles/lean-start.ts";
import { action, examples, type Context } from "./context.ts";

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
    .option("--mode <octal>", "permissions of the API socket", octal)
    .addOption(
      new Option(
        "--icmp-errors <how>",
        "ICMP errors to a VIP go by their own addresses, as in VPP, or to the flow's server",
      )
        .choices(["hash", "owner"])
        .default("hash"),
    )
    .option("--http <address>", "serve /metrics, /healthz, /readyz there, as 127.0.0.1:9102 (default: nowhere)")
    .action(action(dataplane, "stop"));
  examples(command, ["vpplb dataplane", "vpplb dataplane --api /tmp/api.sock --cli /tmp/cli.sock"]);
}

function octal(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new InvalidArgumentError("It must be three octal digits: 660.");
  return Number.parseInt(text, 8);
}

interface Options {
  readonly api: string;
  readonly cli?: string;
  readonly mode?: number;
  readonly icmpErrors: "hash" | "owner";
  readonly http?: string;
}

async function dataplane(context: Context, { api, cli, mode, icmpErrors, http }: Options) {
  const started = leanStart();
  const { runDataplane } = await import("../roles/dataplane.ts");
  await runDataplane(
    {
      api,
      icmpErrors,
      ...(cli === undefined ? {} : { cli }),
      ...(mode === undefined ? {} : { mode }),
      ...(http === undefined ? {} : { http }),
      ready: (metrics) => {
        started();
        const ready = { ready: true, api, cli, http: metrics };
        const more = `${cli === undefined ? "" : `, CLI on ${cli}`}${metrics === undefined ? "" : `, metrics on ${metrics}`}`;
        context.print(context.json ? JSON.stringify(ready) : `ready: API on ${api}${more}`);
      },
    },
    context.signal,
  );
}
