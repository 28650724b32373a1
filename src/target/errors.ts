/** INVALID: the options contradict themselves. SETUP: a step failed; `cause` is the kernel's error. */
export type TargetErrorCode = "INVALID" | "SETUP" | "CLOSED";

/** An error of an application server's set-up; the message says which step, why it matters and what helps. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  readonly code: TargetErrorCode;

  constructor(code: TargetErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
