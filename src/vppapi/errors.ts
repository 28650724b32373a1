/** Every way in which the binding fails. */
export type VppErrorCode =
  /** VPP answered with a negative return value: see `retval` and `retvalName`. */
  | "RETVAL"
  /** No answer in time. VPP answers nothing to an unknown id or to a short message. */
  | "TIMEOUT"
  /** The caller's AbortSignal fired. */
  | "ABORTED"
  /** The connection is closed, or was lost while the answer was awaited. */
  | "CLOSED"
  /** The socket cannot be opened, or VPP refused the client. */
  | "CONNECT"
  /** The socket, or who listens there, is not to be trusted (`trust: { check: "refuse" }`). */
  | "INSECURE"
  /** The connected VPP has no such message (in any version that is known here). */
  | "UNKNOWN_MESSAGE"
  /** A value does not fit its field: see `path`. */
  | "ENCODE"
  /** A message from VPP is shorter than its definition: see `path`. */
  | "DECODE"
  /** A frame that no VPP sends (length out of bounds). */
  | "FRAME"
  /** An API definition that cannot be compiled. */
  | "SCHEMA"
  /** More requests than the window and the queue behind it hold. */
  | "QUEUE_FULL"
  /** A request that would crash or corrupt VPP: refused before the wire. */
  | "REFUSED"
  /** The statistics segment cannot be read. */
  | "STATS"
  /** VPP's text output is not understood. */
  | "PARSE";

export interface VppErrorDetails {
  readonly cause?: unknown;
  /** The message (request) concerned. */
  readonly messageName?: string;
  /** Dotted path of the field concerned: `route.paths[3].weight`. */
  readonly path?: string;
  /** VPP's return value and its name, for RETVAL. */
  readonly retval?: number;
  readonly retvalName?: string;
  /** What VPP's CLI said to a line that failed. */
  readonly output?: string;
}

/** The one error class of the binding; `code` is from a closed set. */
export class VppError extends Error {
  override readonly name = "VppError";
  readonly code: VppErrorCode;
  readonly messageName: string | undefined;
  readonly path: string | undefined;
  readonly retval: number | undefined;
  readonly retvalName: string | undefined;
  readonly output: string | undefined;

  constructor(code: VppErrorCode, message: string, details: VppErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.messageName = details.messageName;
    this.path = details.path;
    this.retval = details.retval;
    this.retvalName = details.retvalName;
    this.output = details.output;
  }

  /** Is this a VppError (of that code)? */
  static is(error: unknown, code?: VppErrorCode): error is VppError {
    return error instanceof VppError && (code === undefined || error.code === code);
  }
}
