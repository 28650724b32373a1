/**
 * - `LOCKED`: another controller uses the state file.
 * - `OPEN`: the state file cannot be opened, and what is there is not ours to replace.
 * - `VERSION`: the state file is of a newer vpplb.
 * - `WRITE`: the state file could not be written; see `cause`.
 * - `NOT_FOUND`: there is no such entry, file or time.
 * - `INPUT`: an argument that makes no sense.
 */
export type HistoryErrorCode = "LOCKED" | "OPEN" | "VERSION" | "WRITE" | "NOT_FOUND" | "INPUT";

export class HistoryError extends Error {
  override readonly name = "HistoryError";
  readonly code: HistoryErrorCode;

  constructor(code: HistoryErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
