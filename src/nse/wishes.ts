import { NsmError, type Connection } from "@networkservicemesh/sdk-ts";
import { EXTRA } from "./context.ts";
import { parseDuration } from "./environment.ts";
import type { ConnectionRecord } from "./record.ts";

/** What the client said of its drain. */
export interface Wishes {
  /** `undefined`: none. `deadlineMs` from now, absent: no end. */
  readonly drain: { readonly afterMs?: number } | undefined;
  readonly idle: boolean;
}

/** Reads `vpplb/drain` and `vpplb/connections`. @throws NsmError INVALID */
export function readWishes({ context }: Connection): Wishes {
  const extra = context?.extraContext ?? {};
  const count = extra[EXTRA.connections] || undefined;
  if (count !== undefined && !/^\d{1,10}$/.test(count))
    throw new NsmError("INVALID", `${EXTRA.connections} is a number, not ${JSON.stringify(count.slice(0, 32))}`);
  return { drain: readDrain(extra[EXTRA.drain]), idle: count !== undefined && Number(count) === 0 };
}

function readDrain(text: string | undefined): Wishes["drain"] {
  if (text === undefined || text === "" || text === "false") return undefined;
  if (text === "true") return {};
  const afterMs = parseDuration(text);
  if (afterMs === undefined)
    throw new NsmError(
      "INVALID",
      `${EXTRA.drain} is a time (30s), true or false, not ${JSON.stringify(text.slice(0, 32))}`,
    );
  return { afterMs };
}

/**
 * Takes over what the client said. A drain that is repeated goes on from when it began.
 * @returns what changed, undefined where nothing did
 */
export function takeWishes(
  record: ConnectionRecord,
  { drain, idle }: Wishes,
  nowMs: number,
): "started" | "undone" | "changed" | undefined {
  const before = { drain: record.drain, idle: record.idle === true };
  record.idle = idle;
  if (drain === undefined) record.drain = undefined;
  else {
    const sinceMs = record.drain?.sinceMs ?? nowMs;
    record.drain = { sinceMs, ...(drain.afterMs === undefined ? {} : { deadlineMs: sinceMs + drain.afterMs }) };
  }
  if (before.drain === undefined && record.drain !== undefined) return "started";
  if (before.drain !== undefined && record.drain === undefined) return "undone";
  const same = before.idle === idle && before.drain?.deadlineMs === record.drain?.deadlineMs;
  return same ? undefined : "changed";
}
