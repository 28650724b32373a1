/**
 * - `INPUT`: configuration or environment cannot be used.
 * - `STATE`: the file of the connections cannot be used.
 */
export type NseErrorCode = "INPUT" | "STATE";

export class NseError extends Error {
  override readonly name = "NseError";
  readonly code: NseErrorCode;

  constructor(code: NseErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
