import type { TargetOptions } from "../target/options.ts";
import { Target } from "../target/target.ts";
import { startTrafficServer } from "../traffic/index.ts";
import { aborted } from "./aborted.ts";

export interface TargetRoleOptions extends Omit<TargetOptions, "namespace"> {
  /** Serve on this port, answering `name`; absent: the host's own application serves. */
  readonly serve?: { readonly port: number; readonly name?: string };
  /** Called once packets of the VIPs are taken and answered. */
  readonly ready?: (what: { readonly gre: string }) => void;
}

/**
 * `vpplb target`: an application server's side of this host until the signal fires; then what was set up is undone.
 * @throws TargetError, TrafficError
 */
export async function runTarget(options: TargetRoleOptions, signal: AbortSignal): Promise<void> {
  const { serve, ready, ...target } = options;
  signal.throwIfAborted();
  const opened = await Target.open(target);
  try {
    const server = serve === undefined ? undefined : await startTrafficServer(serve, signal);
    try {
      ready?.({ gre: opened.gre?.mode ?? "none" });
      await aborted(signal);
    } finally {
      await server?.close();
    }
  } finally {
    await opened.close();
  }
}
