import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One event of a process's log as it is kept: without what is another one each time. */
export type Line = Readonly<Record<string, unknown>>;

/** Of each process what it logged, in order. */
export type Sequence = Readonly<Record<string, readonly Line[]>>;

/** Golden sequences by lifecycle. Lines of an inner list come in any order: two things happen at once there. */
export type Golden = Readonly<Record<string, Readonly<Record<string, readonly (Line | readonly Line[])[]>>>>;

const FILE = fileURLToPath(new URL("data/nsm-lifecycles.json", import.meta.url));

/** Of a run: they are another one each time. */
const VOLATILE = ["timestamp", "time", "at", "message", "level", "listen", "url", "ms", "pid", "version"];
/** Events that say nothing of a connection's life: how VPP is programmed is told by others. */
const LIFE = /^(mesh|nse|nsc)-/;

/** Collects what processes log, until the next lifecycle begins. */
export class LifecycleLog {
  readonly #ids = new Map<string, string>();
  #lines: Record<string, Line[]> = {};

  take(process: string, text: string): void {
    if (!text.startsWith("{")) return;
    const entry = JSON.parse(text) as Record<string, unknown>;
    if (!LIFE.test(String(entry["event"]))) return;
    const kept = Object.entries(entry).filter(([key]) => !VOLATILE.includes(key));
    (this.#lines[process] ??= []).push(Object.fromEntries(kept.map(([key, value]) => [key, this.#stable(key, value)])));
  }

  /** Whether the process logged this event since the last cut. */
  has(process: string, event: string): boolean {
    return this.count(process, event) > 0;
  }

  count(process: string, event: string): number {
    return (this.#lines[process] ?? []).filter((line) => line["event"] === event).length;
  }

  /** What was logged since the last cut. */
  cut(): Sequence {
    const lines = this.#lines;
    this.#lines = {};
    return lines;
  }

  /** Ids and interface names by the order in which they come. */
  #stable(key: string, value: unknown): unknown {
    if ((key !== "connection" && key !== "interface") || typeof value !== "string") return value;
    const known =
      this.#ids.get(value) ?? `${key} ${[...this.#ids.values()].filter((id) => id.startsWith(key)).length + 1}`;
    this.#ids.set(value, known);
    return known;
  }
}

/** While the next hop is away they come as often as it is tried, and a refresh comes when it is time. */
const AS_OFTEN_AS_IT_TAKES: Readonly<Record<string, readonly string[]>> = {
  connect: ["mesh-refreshed", "nse-refreshed"],
  heal: [
    ...["nsc-healing", "nsc-request-failed", "mesh-request-failed", "nse-registration-failed"],
    ...["mesh-refreshed", "nse-refreshed", "mesh-links-found", "nsc-unready", "nsc-ready"],
  ],
  // The forwarder takes the link away before the Close comes: the endpoint may see it go, or not.
  close: ["mesh-refreshed", "nse-refreshed", "nse-server-down"],
  crash: ["mesh-refreshed", "nse-refreshed", "nse-server-down"],
};

/** Without the events of this lifecycle that may come any number of times. */
export function withoutRepeats(life: string, lines: readonly Line[]): readonly Line[] {
  const often = AS_OFTEN_AS_IT_TAKES[life] ?? [];
  return lines.filter((line) => !often.includes(String(line["event"])));
}

export function readGolden(): Golden {
  return JSON.parse(readFileSync(FILE, "utf8")) as Golden;
}

export function writeGolden(seen: Readonly<Record<string, Sequence>>): void {
  const golden = Object.entries(seen).map(([life, sequence]) => {
    const kept = Object.entries(sequence).map(([process, lines]) => [process, withoutRepeats(life, lines)]);
    return [life, Object.fromEntries(kept)];
  });
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(golden), undefined, 2)}\n`);
}

/** Golden lines where the inner lists are in the order in which they were seen: to be compared with what was seen. */
export function inSeenOrder(golden: readonly (Line | readonly Line[])[], seen: readonly Line[]): Line[] {
  const result: Line[] = [];
  for (const item of golden) {
    if (!isGroup(item)) result.push(item);
    else {
      const rank = (line: Line) => {
        const found = seen.slice(result.length).findIndex((one) => JSON.stringify(one) === JSON.stringify(line));
        return found < 0 ? Number.MAX_SAFE_INTEGER : found;
      };
      result.push(...[...item].sort((a, b) => rank(a) - rank(b)));
    }
  }
  return result;
}

function isGroup(item: Line | readonly Line[]): item is readonly Line[] {
  return Array.isArray(item);
}
