/**
 * - `INPUT`: what the user gave is malformed, or is missing.
 * - `INVALID`: an id, certificate, key or answer is malformed.
 * - `UNAVAILABLE`: the Workload API, or a peer, cannot be reached.
 * - `DENIED`: the Workload API has no such identity for this process.
 * - `EXPIRED`: this process's identity has expired, and no newer one has come.
 * - `CLOSED`: the source is closed.
 * - `UNTRUSTED`: a peer's certificate is not what its trust domain vouches for.
 */
export type SpiffeErrorCode = "INPUT" | "INVALID" | "UNAVAILABLE" | "DENIED" | "EXPIRED" | "CLOSED" | "UNTRUSTED";

export class SpiffeError extends Error {
  readonly code: SpiffeErrorCode;

  constructor(code: SpiffeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "SpiffeError";
    this.code = code;
  }

  static is(error: unknown, ...codes: SpiffeErrorCode[]): error is SpiffeError {
    return error instanceof SpiffeError && (codes.length === 0 || codes.includes(error.code));
  }
}
