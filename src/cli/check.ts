import type { Command } from "commander";
import { action, examples, EXIT, type Context } from "./context.ts";
import type { DesiredState } from "../bridge/types.ts";
import { plural } from "./table.ts";

export function registerCheck(program: Command): void {
  const command = program
    .command("check")
    .summary("check lb.yaml without any VPP")
    .description("Checks a lb.yaml. Needs neither VPP nor a controller. Exit code 2 if it has errors.")
    .requiredOption("-f, --file <file>", "configuration")
    .action(action(check));
  examples(command, ["vpplb check -f lb.yaml", "vpplb check -f lb.yaml --json | jq '.diagnostics[].line'"]);
}

async function check(context: Context, { file }: { file: string }): Promise<number> {
  const { formatDiagnostic, parseLbYaml, readConfigFile } = await import("../config/index.ts");
  const { state, diagnostics } = parseLbYaml(await readConfigFile(file));
  const ok = state !== undefined;
  if (context.json) {
    context.printJson({ file, ok, diagnostics });
  } else {
    for (const diagnostic of diagnostics) context.note(formatDiagnostic(diagnostic, file));
    if (state !== undefined) {
      context.print(`${file}: good: ${contents(state)}`);
    }
  }
  return ok ? EXIT.ok : EXIT.badInput;
}

/** `2 VIPs, 5 servers`, and streams and flows where there are any. A stream's servers count once. */
function contents({ vips, steering }: DesiredState): string {
  const { streams = [], flows = [], vips: steered = [] } = steering ?? {};
  const servers = [...vips, ...streams].reduce((sum, one) => sum + one.servers.length, 0);
  const parts = [plural(vips.length + steered.length, "VIP"), plural(servers, "server")];
  if (streams.length > 0) parts.push(plural(streams.length, "stream"));
  if (flows.length > 0) parts.push(plural(flows.length, "flow"));
  return parts.join(", ");
}
