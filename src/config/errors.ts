import type { Diagnostic } from "../bridge/index.ts";

/**
 * - `FILE`: the file cannot be read.
 * - `INVALID`: it has errors; see `diagnostics`.
 */
export type ConfigErrorCode = "FILE" | "INVALID";

export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigErrorCode;
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    code: ConfigErrorCode,
    message: string,
    diagnostics: readonly Diagnostic[],
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.diagnostics = diagnostics;
  }
}

/** `lb.yaml:12:5: error: vips[0].encap: …` */
export function formatDiagnostic(diagnostic: Diagnostic, file = "lb.yaml"): string {
  const where = diagnostic.line === undefined ? file : `${file}:${diagnostic.line}:${diagnostic.column ?? 1}`;
  const path = diagnostic.path === "" ? "" : `${diagnostic.path}: `;
  return `${where}: ${diagnostic.severity}: ${path}${diagnostic.message}`;
}
