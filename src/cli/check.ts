import type { Command } from "commander";
import { action, examples, EXIT, type Context } from "./context.ts";
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
      const servers = state.vips.reduce((sum, vip) => sum + vip.servers.length, 0);
      context.print(`${file}: good: ${plural(state.vips.length, "VIP")}, ${plural(servers, "server")}`);
    }
  }
  return ok ? EXIT.ok : EXIT.badInput;
}
