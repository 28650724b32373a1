import { VppError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { Engine } from "./engine.ts";

/**
 * Notices a VPP that is silent without closing its socket (stopped, or stuck in a handler). Any message counts as life;
 * a control_ping is sent only after an interval without one. @returns a function that ends it
 */
export function startProbe(
  engine: Engine,
  connection: Connection,
  probe: { readonly intervalMs: number; readonly timeoutMs: number; readonly failures: number } | undefined,
  onSilent: (error: VppError) => void,
): () => void {
  if (probe === undefined) return () => undefined;
  let failures = 0;
  let asking = false;
  const tick = (): void => {
    if (asking) return;
    if (performance.now() - connection.lastReceivedMs() < probe.intervalMs) {
      failures = 0;
      return;
    }
    asking = true;
    engine.request(engine.table.entry("control_ping"), {}, { timeoutMs: probe.timeoutMs }).then(
      () => {
        asking = false;
        failures = 0;
      },
      (error: unknown) => {
        asking = false;
        if (!VppError.is(error, "TIMEOUT") && !VppError.is(error, "QUEUE_FULL")) return;
        if (++failures >= probe.failures) {
          onSilent(new VppError("TIMEOUT", `VPP is silent: ${failures} probes of ${probe.timeoutMs} ms unanswered`));
        }
      },
    );
  };
  const timer = setInterval(tick, probe.intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
