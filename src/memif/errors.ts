/**
 * What can go wrong with a memif:
 *
 * - `OPTION`: a value given by the caller is out of range
 * - `LISTEN`: the listener's socket cannot be had
 * - `CONNECT`: nobody listens at the socket, or it may not be opened
 * - `TIMEOUT`: the peer was silent in the middle of the handshake
 * - `CLOSED`: the peer closed the connection, or its process ended
 * - `REJECTED`: the peer sent DISCONNECT
 * - `VERSION`, `MODE`, `ID`, `SECRET`: the peer's HELLO or INIT does not fit
 * - `PROTOCOL`: a message that is malformed or not due now
 * - `REGION`: shared memory that the peer gave is not what it says, or may not be used
 * - `RING`: the peer wrote something into a ring that cannot be
 */
export type MemifErrorCode =
  | "OPTION"
  | "LISTEN"
  | "CONNECT"
  | "TIMEOUT"
  | "CLOSED"
  | "REJECTED"
  | "VERSION"
  | "MODE"
  | "ID"
  | "SECRET"
  | "PROTOCOL"
  | "REGION"
  | "RING";

/** An error of the memif protocol or of what a peer wrote into shared memory. */
export class MemifError extends Error {
  override readonly name = "MemifError";
  readonly code: MemifErrorCode;
  /** As it goes to the peer in DISCONNECT: at most 95 bytes, VPP's words where VPP has some. */
  readonly reason: string;

  constructor(code: MemifErrorCode, reason: string, options: { hint?: string; cause?: unknown } = {}) {
    const { hint, cause } = options;
    super(hint === undefined ? reason : `${reason}; ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
  }

  static is(error: unknown, ...codes: MemifErrorCode[]): error is MemifError {
    return error instanceof MemifError && (codes.length === 0 || codes.includes(error.code));
  }
}
