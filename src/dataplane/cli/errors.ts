/**
 * What a command answers when it refuses its line: VPP's `clib_error_t`. The dispatcher puts the command's path in front
 * (`set interface state: unknown interface ...`, VPP src/vlib/cli.c:619), so `what` holds the words after it.
 */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: "REFUSED" | "LIMIT" | "SERVER";
  /** The return value that `cli_inband` gives for it; VPP's errors carry none and become -1 (src/vlib/cli.c:721). */
  readonly retval: number;

  constructor(what: string, options: { code?: CliError["code"]; retval?: number; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? "REFUSED";
    this.retval = options.retval ?? -1;
  }
}
