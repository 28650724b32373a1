import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for sockets, and a signal that ends everything made with it; both end with the work. */
export async function inFolder<T>(work: (folder: string, signal: AbortSignal) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "vpplb-nsm-"));
  const controller = new AbortController();
  try {
    return await work(folder, controller.signal);
  } finally {
    controller.abort();
    rmSync(folder, { recursive: true, force: true });
  }
}
