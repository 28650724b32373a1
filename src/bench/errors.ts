/** `SKIP`: what a section needs is not there. `USAGE`: the command line. `PEER`: the other side of a comparison failed. */
export type BenchErrorCode = "SKIP" | "USAGE" | "PEER";

export class BenchError extends Error {
  override readonly name = "BenchError";
  readonly code: BenchErrorCode;

  constructor(code: BenchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static is(error: unknown, code: BenchErrorCode): error is BenchError {
    return error instanceof BenchError && error.code === code;
  }
}
