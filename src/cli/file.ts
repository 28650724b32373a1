import type { Diagnostic } from "../bridge/types.ts";
import type { LbFile } from "../config/index.ts";
import { CliError, EXIT, type Context } from "./context.ts";

export interface ReadFile {
  readonly text: string;
  readonly settings: LbFile;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a lb.yaml. Its errors are printed, each with file, line and column. @throws CliError 2, ConfigError */
export async function readLbFile(context: Context, file: string): Promise<ReadFile> {
  const { parseLbYaml, readConfigFile } = await import("../config/index.ts");
  const text = await readConfigFile(file);
  const { file: settings, diagnostics } = parseLbYaml(text);
  if (settings !== undefined) return { text, settings, diagnostics };
  await noteFindings(context, file, diagnostics);
  throw new CliError(EXIT.badInput, `${file} has errors: nothing was done`);
}

/** Where the file says that controller, VPP and journal are. */
export function whereOf({ settings }: ReadFile): { control: string; vpp: string; journal: string } {
  return { control: settings.control.socket, vpp: settings.vpp.api, journal: settings.state.journal };
}

/** Warnings and advice, on standard error. */
export async function noteFindings(context: Context, file: string, found: readonly Diagnostic[]): Promise<void> {
  const { formatDiagnostic } = await import("../config/index.ts");
  for (const diagnostic of found) context.note(formatDiagnostic(diagnostic, file));
}
