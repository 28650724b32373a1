/**
 * - `SETUP`: namespaces, links or processes could not be made.
 * - `REFUSED`: the given VPP holds what the demo would disturb.
 * - `TIMEOUT`: something did not come in time.
 * - `CLEANUP`: something of the demo may be left in a VPP that is not its own.
 * - `INPUT`: what was asked for cannot be.
 */
export type DemoErrorCode = "INPUT" | "SETUP" | "REFUSED" | "TIMEOUT" | "CLEANUP";

/** What keeps the demo from coming to a verdict. */
export class DemoError extends Error {
  override readonly name = "DemoError";
  readonly code: DemoErrorCode;

  constructor(code: DemoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
