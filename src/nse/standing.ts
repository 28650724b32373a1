import type { ServerStanding } from "./events.ts";

/** What is known of a client's interface. */
export interface LinkMemory {
  readonly up: boolean;
  /** It was up once. */
  readonly wasUp: boolean;
  /** Since when it is not, ms since 1970. */
  readonly lostAtMs?: number;
  /** VPP was restarted: until then it is taken to be coming back. */
  readonly returningUntilMs?: number;
}

export const NEVER_UP: LinkMemory = { up: false, wasUp: false };
/** After a restart of the agent: as it was, until VPP was looked at. */
export const WAS_UP: LinkMemory = { up: true, wasUp: true };

export interface Sight {
  readonly up: boolean;
  /** VPP is another one, which holds nothing of ours yet. */
  readonly fresh: boolean;
  readonly nowMs: number;
  /** For so long an interface may be away. */
  readonly lossMs: number;
}

/** The memory after another look. Pure. */
export function seen(memory: LinkMemory, { up, fresh, nowMs, lossMs }: Sight): LinkMemory {
  if (up) return memory.up ? memory : WAS_UP;
  if (!memory.wasUp) return NEVER_UP;
  if (fresh) return { up: false, wasUp: true, returningUntilMs: nowMs + lossMs };
  const { returningUntilMs } = memory;
  if (returningUntilMs !== undefined && nowMs < returningUntilMs && returningUntilMs - nowMs <= lossMs) return memory;
  const lostAtMs = returningUntilMs === undefined ? (memory.lostAtMs ?? nowMs) : returningUntilMs - lossMs;
  return { up: false, wasUp: true, lostAtMs };
}

/** Whether packets can be sent to the client, or will be able to in a moment. */
export function isAlive({ up, returningUntilMs }: LinkMemory, nowMs: number): boolean {
  return up || (returningUntilMs !== undefined && nowMs < returningUntilMs);
}

/** A drain that the client asked for. */
export interface ClientDrain {
  readonly sinceMs: number;
  /** Absent: no end. */
  readonly deadlineMs?: number;
}

export interface Wish {
  readonly drain?: ClientDrain | undefined;
  /** An operator drains it. */
  readonly ordered?: boolean;
  /** The client says that it has no connections. */
  readonly idle?: boolean | undefined;
}

/** What the client is to its VIPs. Pure. */
export function standingOf(memory: LinkMemory, wish: Wish, nowMs: number, lossMs: number): ServerStanding {
  if (!memory.wasUp) return "none";
  const { drain, ordered = false, idle = false } = wish;
  const drained = drain !== undefined || ordered;
  if (drained && (idle || nowMs >= (drain?.deadlineMs ?? Infinity))) return "down";
  if (isAlive(memory, nowMs)) return drained ? "drain" : "up";
  return nowMs < (memory.lostAtMs ?? -Infinity) + lossMs ? "drain" : "down";
}

/** When the standing changes by itself next, ms since 1970. */
export function nextChange(memory: LinkMemory, { drain }: Wish, nowMs: number, lossMs: number): number | undefined {
  const times = [
    memory.up ? undefined : memory.returningUntilMs,
    memory.lostAtMs === undefined ? undefined : memory.lostAtMs + lossMs,
    drain?.deadlineMs,
  ].filter((time) => time !== undefined && time > nowMs);
  return times.length === 0 ? undefined : Math.min(...(times as number[]));
}
