import {
  canonicalAddress,
  makePlan,
  parseVipKey,
  prepare,
  vipId,
  vipKey,
  type DesiredState,
  type DiffInput,
  type ObservedState,
  type Plan,
} from "../bridge/index.ts";
import { ControllerError, messageOf } from "./errors.ts";
import type { DrainRecord } from "./journal.ts";
import { groupsOf } from "./overrides.ts";
import type { Reconciler } from "./reconciler.ts";
import type { DrainOptions, DrainResult } from "./types.ts";

/** What is asked of a drain, checked against what is configured. */
export interface DrainOrder {
  readonly address: string;
  /** Of one VIP, or `stream NAME`; absent: wherever the server is. */
  readonly key?: string;
  /** Keys of the VIPs and streams that have the server. */
  readonly groups: readonly string[];
  /** Absent: the drain ends. */
  readonly drain?: DrainRecord;
}

/** @throws ControllerError INPUT, NO_CONFIG, NOT_FOUND */
export function toOrder({ intent }: Reconciler, server: string, opts: DrainOptions): DrainOrder {
  const address = readAddress(server);
  if (intent.accepted === undefined) throw new ControllerError("NO_CONFIG", "no configuration is applied yet");
  const desired = intent.overlaid(intent.accepted);
  const key = readVip(opts.vip);
  const groups = groupsOf(desired, address, key);
  if (groups.length === 0) throw new ControllerError("NOT_FOUND", notFound(desired, address, key));
  return {
    address,
    groups,
    ...(key === undefined ? {} : { key }),
    ...(opts.undo === true ? {} : { drain: toDrain(address, key, opts) }),
  };
}

/** What the drain that was just noted will move, of a VPP as it was before. */
export function foreseen(
  { intent, journal }: Reconciler,
  order: DrainOrder,
  observed: ObservedState,
): DrainResult["vips"] {
  const desired = intent.effective;
  if (desired === undefined) return [];
  const input = prepare({ desired, observed, owned: journal.owned });
  const plan = makePlan(input.desired, input.observed, journal.owned);
  return drainedVips(order, plan, input);
}

function toDrain(server: string, vip: string | undefined, opts: DrainOptions): DrainRecord {
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

function readAddress(text: string): string {
  try {
    return canonicalAddress(text);
  } catch (error) {
    throw new ControllerError("INPUT", messageOf(error), { cause: error });
  }
}

/** Key of a VIP, or `stream web`. */
function readVip(text: string | undefined): string | undefined {
  if (text === undefined || /^stream \S+$/.test(text)) return text;
  const ref = parseVipKey(text);
  if (ref === undefined) {
    throw new ControllerError(
      "INPUT",
      `"${text}" is no VIP: write "10.2.2.0/24" or "10.2.2.0/24 tcp/5001"; of a stream "stream NAME"`,
    );
  }
  return vipKey(ref);
}

/** Why there is nothing to drain. */
function notFound({ steering }: DesiredState, server: string, key: string | undefined): string {
  const vip = steering?.vips.find((one) => one.prefix === key);
  if (vip?.stream !== undefined) return `VIP ${vip.prefix} has its servers from stream ${vip.stream}: drain it there`;
  if (key?.startsWith("stream ") === true) return `no ${key} of the configuration has server ${server}`;
  return `no VIP${key === undefined ? " and no stream" : ` ${key}`} of the configuration has server ${server}`;
}

/** What a drain moves and leaves, for each table that has the server. */
function drainedVips(
  { groups, address }: DrainOrder,
  plan: Plan,
  { desired, observed }: DiffInput,
): DrainResult["vips"] {
  const concerned = desired.vips.filter((vip) =>
    groups.includes(vip.stream === undefined ? vipKey(vip) : `stream ${vip.stream}`),
  );
  return concerned.map((vip) => {
    const found = observed.vips.find((one) => vipKey(one) === vipKey(vip));
    const moved = plan.disruption.find((one) => one.vip === vipId(vip))?.moved ?? 0;
    return { vip: vipId(vip), moved, flows: found?.servers.find((one) => one.address === address)?.flows ?? 0 };
  });
}
