import type { LbFile, ParsedLbFile } from "../config/index.ts";

/** Of the file, what a controller takes once: its sockets, files and times. */
const SECTIONS = ["vpp", "control", "state", "http", "repair"] as const;

/** A file that was read again, with a warning for each section that differs from `start` and counts at the next start only. */
export function withStaleSettings(parsed: ParsedLbFile, start: LbFile): ParsedLbFile {
  const { file } = parsed;
  if (file === undefined) return parsed;
  const stale = SECTIONS.filter((section) => JSON.stringify(file[section]) !== JSON.stringify(start[section]));
  const message = "has changed since this controller started, which goes on with what it was: restart the controller";
  const warnings = stale.map((path) => ({ severity: "warning" as const, path, message }));
  return { ...parsed, diagnostics: [...warnings, ...parsed.diagnostics] };
}
