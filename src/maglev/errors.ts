/** What `src/maglev` refuses. `TABLE_SIZE`, `ADDRESS`, `WEIGHT`, `DUPLICATE` and `FLOW` are bad input of the caller. */
export type MaglevErrorCode = "TABLE_SIZE" | "ADDRESS" | "WEIGHT" | "DUPLICATE" | "FLOW";

export class MaglevError extends Error {
  override readonly name = "MaglevError";
  readonly code: MaglevErrorCode;

  constructor(code: MaglevErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
