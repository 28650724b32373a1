import { readdirSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { Measure } from "./measure.ts";

/** What this process holds. Needs --expose-gc. */
export async function measureSelf(): Promise<Measure> {
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
