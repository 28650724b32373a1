import type { VppError } from "../errors.ts";

/** Where a client stands. */
export type ConnectionState =
  | { readonly status: "closed" }
  | { readonly status: "connecting"; readonly attempt: number; readonly lastError: VppError | undefined }
  | {
      readonly status: "ready";
      /** VPP's process id (in VPP's pid namespace) and version ("26.06-release"). */
      readonly pid: number;
      readonly version: string;
      readonly clientIndex: number;
    }
  | {
      /** Lost or refused; the next attempt is in `retryInMs`, or never. */
      readonly status: "failed";
      readonly error: VppError;
      readonly retryInMs: number | undefined;
    };
