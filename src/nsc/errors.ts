/**
 * - `INPUT`: an argument or environment variable is wrong.
 * - `OFFER`: what an endpoint gives cannot be used; it is not configured.
 * - `STATE`: the agent's state file cannot be used.
 */
export type NscErrorCode = "INPUT" | "OFFER" | "STATE";

/** An error of the client agent; the message says what is wrong and what helps. */
export class NscError extends Error {
  override readonly name = "NscError";
  readonly code: NscErrorCode;

  constructor(code: NscErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  static is(error: unknown, ...codes: NscErrorCode[]): error is NscError {
    return error instanceof NscError && (codes.length === 0 || codes.includes(error.code));
  }
}
