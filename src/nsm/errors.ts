import { status, type ServiceError } from "@grpc/grpc-js";

/**
 * - `INVALID`: what was asked is malformed.
 * - `DENIED`: the peer may not do this (token, identity, policy).
 * - `NOT_FOUND`: no such service, endpoint or connection.
 * - `EXHAUSTED`: no address, id or place is left.
 * - `UNSUPPORTED`: no mechanism in common, or a feature that is not here.
 * - `UNAVAILABLE`: the next hop cannot be reached or is gone; worth another try.
 * - `TIMEOUT`: the deadline passed.
 * - `CANCELLED`: the caller gave up.
 * - `CONFLICT`: somebody else has it.
 * - `CLOSED`: this client, server or connection is closed.
 * - `INTERNAL`: a defect or a failure here.
 */
export type NsmErrorCode =
  | "INVALID"
  | "DENIED"
  | "NOT_FOUND"
  | "EXHAUSTED"
  | "UNSUPPORTED"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "CANCELLED"
  | "CONFLICT"
  | "CLOSED"
  | "INTERNAL";

const TO_GRPC: Readonly<Record<NsmErrorCode, status>> = {
  INVALID: status.INVALID_ARGUMENT,
  DENIED: status.PERMISSION_DENIED,
  NOT_FOUND: status.NOT_FOUND,
  EXHAUSTED: status.RESOURCE_EXHAUSTED,
  UNSUPPORTED: status.FAILED_PRECONDITION,
  UNAVAILABLE: status.UNAVAILABLE,
  TIMEOUT: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
  CONFLICT: status.ALREADY_EXISTS,
  CLOSED: status.UNAVAILABLE,
  INTERNAL: status.INTERNAL,
};

const FROM_GRPC: ReadonlyMap<number, NsmErrorCode> = new Map([
  [status.INVALID_ARGUMENT, "INVALID"],
  [status.OUT_OF_RANGE, "INVALID"],
  [status.PERMISSION_DENIED, "DENIED"],
  [status.UNAUTHENTICATED, "DENIED"],
  [status.NOT_FOUND, "NOT_FOUND"],
  [status.RESOURCE_EXHAUSTED, "EXHAUSTED"],
  [status.FAILED_PRECONDITION, "UNSUPPORTED"],
  [status.UNIMPLEMENTED, "UNSUPPORTED"],
  [status.UNAVAILABLE, "UNAVAILABLE"],
  [status.DEADLINE_EXCEEDED, "TIMEOUT"],
  [status.CANCELLED, "CANCELLED"],
  [status.ALREADY_EXISTS, "CONFLICT"],
]);

export class NsmError extends Error {
  readonly code: NsmErrorCode;

  constructor(code: NsmErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "NsmError";
    this.code = code;
  }

  static is(error: unknown, ...codes: NsmErrorCode[]): error is NsmError {
    return error instanceof NsmError && (codes.length === 0 || codes.includes(error.code));
  }

  /** Any failure as one of ours: gRPC's by its status, others as INTERNAL. */
  static from(error: unknown, what?: string): NsmError {
    if (error instanceof NsmError) return error;
    const prefix = what === undefined ? "" : `${what}: `;
    if (isServiceError(error)) {
      const code = FROM_GRPC.get(error.code) ?? "INTERNAL";
      return new NsmError(code, `${prefix}${error.details || error.message}`, { cause: error });
    }
    const message = error instanceof Error ? error.message : String(error);
    return new NsmError("INTERNAL", `${prefix}${message}`, { cause: error });
  }

  /** Why a signal has fired: TIMEOUT or CANCELLED. */
  static fromAbort({ reason }: AbortSignal): NsmError {
    if (reason instanceof NsmError) return reason;
    const isTimeout = reason instanceof Error && reason.name === "TimeoutError";
    const message = reason instanceof Error ? reason.message : "the caller gave up";
    return new NsmError(isTimeout ? "TIMEOUT" : "CANCELLED", message, { cause: reason });
  }

  /** As a gRPC handler answers it. */
  toStatus(): { code: status; details: string } {
    return { code: TO_GRPC[this.code], details: this.message };
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && typeof (error as Partial<ServiceError>).code === "number" && "details" in error;
}
