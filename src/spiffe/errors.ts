/**
 * - `INPUT`: what the user gave is malformed, or is missing.
 * - `INVALID`: an id or certificate is malformed.
 * - `UNAVAILABLE`: the Workload API cannot be reached.
 * - `DENIED`: the Workload API has no identity for this process.
 * - `CLOSED`: the source is closed.
 * - `UNTRUSTED`: a peer's certificate is not what its trust domain vouches for.
 */
export type SpiffeErrorCode = "INPUT" | "INVALID" | "UNAVAILABLE" | "DENIED" | "CLOSED" | "UNTRUSTED";

export class SpiffeError extends Error {
  readonly code: SpiffeErrorCode;

  constructor(code: SpiffeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "SpiffeError";
    this.code = code;
  }
}
