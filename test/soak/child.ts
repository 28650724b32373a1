/**
 * A role in a process of its own that can be asked how much memory it holds: `child.ts dataplane SOCKET`,
 * `child.ts lb FILE`. Needs --expose-gc.
 */
import { readdirSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { Measure } from "./measure.ts";

const [role, where = ""] = process.argv.slice(2);
const abort = new AbortController();

async function measure(): Promise<Measure> {
  for (let i = 0; i < 4; i += 1) {
    await turn();
    globalThis.gc?.();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "Immediate").length;
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    fds: readdirSync("/proc/self/fd").length,
    timers,
  };
}

process.on("message", () => void measure().then((found) => process.send?.(found)));
process.on("disconnect", () => abort.abort());
process.on("SIGTERM", () => abort.abort());

async function run(): Promise<void> {
  const ready = () => process.send?.("ready");
  if (role === "dataplane") {
    const { runDataplane } = await import("../../src/roles/dataplane.ts");
    await runDataplane({ api: where, ready }, abort.signal);
  } else {
    const { runController } = await import("../../src/roles/controller.ts");
    await runController({ file: where, ready }, abort.signal);
  }
}

run().then(
  // The channel to the parent would keep this process.
  () => process.connected && process.disconnect(),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
