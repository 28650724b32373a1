/**
 * Failures of the API server itself (not of a request: those are return values).
 * `ADDRESS_IN_USE`: another process answers on the socket. `NOT_A_SOCKET`: the path is something else. `LISTEN`: the
 * socket can't be made.
 */
export type ApiServerErrorCode = "ADDRESS_IN_USE" | "NOT_A_SOCKET" | "LISTEN";

export class ApiServerError extends Error {
  readonly code: ApiServerErrorCode;

  constructor(code: ApiServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ApiServerError";
    this.code = code;
  }
}
