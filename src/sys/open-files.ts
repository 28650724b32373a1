import { readFileSync } from "node:fs";

/** Where the limit cannot be read: what Linux gives to every process. */
const USUAL_LIMIT = 1024;

/** How many descriptors this process may have open (RLIMIT_NOFILE; Node raises it to the hard limit as it starts). */
export function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? USUAL_LIMIT : Number(soft);
  } catch {
    return USUAL_LIMIT;
  }
}
