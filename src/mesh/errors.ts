/** What is wrong: `INPUT`: options or the file of services; `LISTEN`: a socket cannot be served. */
export type MeshErrorCode = "INPUT" | "LISTEN";

export class MeshError extends Error {
  override readonly name = "MeshError";
  readonly code: MeshErrorCode;

  constructor(code: MeshErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
