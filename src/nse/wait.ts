import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { NsmError } from "@networkservicemesh/sdk-ts";
import { onAbort } from "../sys/on-abort.ts";

const FILE_POLL_MS = 10;

/** The work's outcome, unless the signal fires before; the work goes on by itself then. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const gaveUp = () => reject(NsmError.from(signal.reason));
    if (signal.aborted) return gaveUp();
    const forget = onAbort(signal, gaveUp);
    work.then(resolve, reject).finally(forget);
  });
}

/** Settles when there is such a file. Rejects when the signal fires. */
export async function fileThere(path: string, signal: AbortSignal): Promise<void> {
  while (!(await exists(path))) {
    signal.throwIfAborted();
    await sleep(FILE_POLL_MS);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
