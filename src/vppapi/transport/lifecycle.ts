import { encodeFrame } from "../codec/frame.ts";
import { VppError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { Engine } from "./engine.ts";

export function toVppError(error: unknown): VppError {
  return VppError.is(error) ? error : new VppError("CONNECT", String(error), { cause: error });
}

/** sockclnt_delete, so that VPP frees the client now. */
export function goodbye(connection: Connection, engine: Engine): Uint8Array | undefined {
  if (!engine.table.has("sockclnt_delete")) return undefined;
  const codec = engine.table.codec("sockclnt_delete");
  const { clientIndex } = connection;
  return encodeFrame(codec.encode(engine.table.id(codec), { client_index: clientIndex, index: clientIndex }));
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new VppError("ABORTED", "connecting to VPP was aborted"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** 50, 100, 200, ... ms, each spread by a quarter so that clients of one VPP do not come together. */
export function backoffMs(attempt: number, minMs: number, maxMs: number): number {
  const baseMs = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 16));
  return Math.round(baseMs * (1 + Math.random() / 4));
}
