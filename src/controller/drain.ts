import { canonicalAddress, parseVipKey, vipKey, type ObservedState, type Plan } from "../bridge/index.ts";
import { ControllerError, messageOf } from "./errors.ts";
import type { DrainRecord } from "./journal.ts";
import type { DrainOptions, DrainResult } from "./types.ts";

export function toDrain(server: string, vip: string | undefined, opts: DrainOptions): DrainRecord {
  const { deadlineMs } = opts;
  if (deadlineMs !== undefined && !(Number.isFinite(deadlineMs) && deadlineMs >= 0)) {
    throw new ControllerError("INPUT", `a drain's deadline is a number of milliseconds, not ${deadlineMs}`);
  }
  const sinceMs = Date.now();
  return {
    server,
    ...(vip === undefined ? {} : { vip }),
    sinceMs,
    ...(deadlineMs === undefined ? {} : { deadlineMs: sinceMs + deadlineMs }),
    flush: opts.flush ?? deadlineMs !== undefined,
  };
}

export function readAddress(text: string): string {
  try {
    return canonicalAddress(text);
  } catch (error) {
    throw new ControllerError("INPUT", messageOf(error), { cause: error });
  }
}

export function readVip(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ref = parseVipKey(text);
  if (ref === undefined) {
    throw new ControllerError("INPUT", `"${text}" is no VIP: write "10.2.2.0/24" or "10.2.2.0/24 tcp/5001"`);
  }
  return vipKey(ref);
}

export function drainedVip(
  vip: string,
  server: string,
  plan: Plan,
  before: ObservedState,
): DrainResult["vips"][number] {
  const found = before.vips.find((one) => vipKey(one) === vip)?.servers.find((one) => one.address === server);
  return { vip, moved: plan.disruption.find((one) => one.vip === vip)?.moved ?? 0, flows: found?.flows ?? 0 };
}
