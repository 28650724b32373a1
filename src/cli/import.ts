import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Imported } from "../config/index.ts";
import { action, CliError, examples, EXIT, type Context } from "./context.ts";

export function registerImport(program: Command): void {
  const command = program
    .command("import")
    .summary("a running VPP's load-balancing, or vpp-maglev's configuration, as lb.yaml")
    .description(
      "Writes a lb.yaml of what a VPP balances now, of which `vpplb plan` is empty; with --maglev, of a configuration of " +
        "vpp-maglev. What cannot be carried over is named in its comments and on standard error. Changes nothing in VPP.",
    )
    .option("--maglev <file>", "a maglev.yaml instead of VPP")
    .option("--tag <tag>", "take over interfaces and bridges of VPP that bear this tag", "vpplb")
    .option("-o, --output <file>", "write there, where nothing is yet, instead of to standard output")
    .option("--overwrite", "replace what is there")
    .action(action(run));
  examples(command, [
    "vpplb import --vpp /run/vpp/api.sock -o lb.yaml && vpplb plan -f lb.yaml",
    "vpplb import --maglev /etc/vpp-maglev/maglev.yaml > lb.yaml",
  ]);
}

interface Options {
  readonly maglev?: string;
  readonly tag: string;
  readonly output?: string;
  readonly overwrite?: boolean;
}

const DEFAULT_VPP_SOCKET = "/run/vpp/api.sock";

async function run(context: Context, { maglev, tag, output, overwrite = false }: Options): Promise<void> {
  const imported = maglev === undefined ? await fromVpp(context, tag) : await fromMaglev(maglev);
  for (const warning of imported.warnings) context.note(`vpplb: ${warning}`);
  if (context.json) context.printJson(imported);
  if (output === undefined) {
    if (!context.json) context.print(imported.yaml);
    return;
  }
  try {
    await writeFile(output, imported.yaml, { flag: overwrite ? "w" : "wx" });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? `${output} is there already: give --overwrite to replace it` : message;
    throw new CliError(EXIT.badInput, why, { cause });
  }
}

async function fromVpp(context: Context, tag: string): Promise<Imported> {
  const [{ observeVpp }, { importVpp }] = await Promise.all([
    import("../roles/observe-vpp.ts"),
    import("../config/index.ts"),
  ]);
  return importVpp(await observeVpp(context.options.vpp ?? DEFAULT_VPP_SOCKET, context.signal), { tag });
}

async function fromMaglev(file: string): Promise<Imported> {
  const { importMaglev, readConfigFile } = await import("../config/index.ts");
  return importMaglev(await readConfigFile(file), file);
}
