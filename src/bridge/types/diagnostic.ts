/** A finding in a configuration file. */
export interface Diagnostic {
  /** `advice` is about what vpplb cannot see: the servers, the routers. */
  readonly severity: "error" | "warning" | "advice";
  /** What is wrong and what to do about it. */
  readonly message: string;
  /** Where: `vips[0].servers[2].address`; empty for the whole file. */
  readonly path: string;
  /** 1-based; absent where the file could not be read at all. */
  readonly line?: number;
  readonly column?: number;
}
