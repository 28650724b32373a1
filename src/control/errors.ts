/**
 * - `NO_CONTROLLER`: nobody serves the control socket.
 * - `IN_USE`: another controller serves the socket that was to be served.
 * - `SOCKET`: the socket cannot be made or reached (path, permissions).
 * - `INPUT`: the request makes no sense; nothing was done.
 * - `READ_ONLY`: the CLI line would change VPP and `write` was not given.
 * - `DEADLINE`: no answer in time. What was asked for may still happen.
 * - `CONTROLLER`: the controller refused or failed; `reason` holds its own code.
 * - `PROTOCOL`: client and controller are of different versions.
 * - `CLOSED`: the connection ended, or the client was closed.
 */
export type ControlErrorCode =
  "NO_CONTROLLER" | "IN_USE" | "SOCKET" | "INPUT" | "READ_ONLY" | "DEADLINE" | "CONTROLLER" | "PROTOCOL" | "CLOSED";

/** The one error class of the control API. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly code: ControlErrorCode;
  /** The controller's own error code, where there is one: `NOT_FOUND`, `VPP`… */
  readonly reason: string | undefined;

  constructor(code: ControlErrorCode, message: string, options: { cause?: unknown; reason?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
  }
}
