/**
 * - `ADDRESS`: what is to be listened on is no address.
 * - `LISTEN`: it cannot be listened on.
 * - `CLOSED`: the server was closed while it began.
 */
export type ObserveErrorCode = "ADDRESS" | "LISTEN" | "CLOSED";

/** The one error class of metrics, health and logs. */
export class ObserveError extends Error {
  override readonly name = "ObserveError";
  readonly code: ObserveErrorCode;

  constructor(code: ObserveErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
