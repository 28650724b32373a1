/**
 * - `NO_VPP`: VPP is not connected; the message says since when and why.
 * - `NO_CONFIG`: nothing is desired yet.
 * - `CONFIG`: the configuration has errors.
 * - `NOT_FOUND`: no such server, VIP or kind of object.
 * - `INPUT`: an argument that makes no sense.
 * - `JOURNAL`: the journal cannot be read or written.
 * - `TIMEOUT`: VPP was not as desired in time.
 * - `VPP`: VPP refused something; see `cause`.
 * - `CLOSED`: the controller has been closed.
 */
export type ControllerErrorCode =
  "NO_VPP" | "NO_CONFIG" | "CONFIG" | "NOT_FOUND" | "INPUT" | "JOURNAL" | "TIMEOUT" | "VPP" | "CLOSED";

export class ControllerError extends Error {
  override readonly name = "ControllerError";
  readonly code: ControllerErrorCode;

  constructor(code: ControllerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** Errors of the rooms below become `VPP` with their own message. */
  static from(error: unknown): ControllerError {
    if (error instanceof ControllerError) return error;
    return new ControllerError("VPP", messageOf(error), { cause: error });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
