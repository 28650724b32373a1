/**
 * - `UNSUPPORTED`: this VPP cannot do it; the message names what it lacks.
 * - `INTERFACE`: an interface that an operation needs is not in VPP.
 * - `REPLY`: VPP answered something that makes no sense here.
 * - `CLI`: a debug CLI line was refused; the message holds VPP's own text.
 * - `INPUT`: desired state that can never be applied.
 */
export type BridgeErrorCode = "UNSUPPORTED" | "INTERFACE" | "REPLY" | "CLI" | "INPUT";

export class BridgeError extends Error {
  override readonly name = "BridgeError";
  readonly code: BridgeErrorCode;

  constructor(code: BridgeErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
