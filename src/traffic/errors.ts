/**
 * - `OPTION`: a bad option; nothing was started.
 * - `LISTEN`: the server could not bind.
 * - `SOCKET`: a socket could not be made (descriptors, namespace).
 * - `LIMIT`: more than the tool lets itself do.
 * - `TIMEOUT`: a wait passed its deadline.
 * - `CLOSED`: used after it was closed.
 */
export type TrafficErrorCode = "OPTION" | "LISTEN" | "SOCKET" | "LIMIT" | "TIMEOUT" | "CLOSED";

/** The one error class of the traffic tool. */
export class TrafficError extends Error {
  override readonly name = "TrafficError";
  readonly code: TrafficErrorCode;

  constructor(code: TrafficErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The system's code (`ECONNRESET`) or, failing that, the message. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return (error as NodeJS.ErrnoException).code ?? error.message;
  return String(error);
}
