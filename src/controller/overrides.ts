import { vipKey, type DesiredServer, type DesiredState, type DesiredVip } from "../bridge/index.ts";
import type { DrainRecord } from "./journal.ts";

/** Desired state with the drains that an operator ordered on top of the file. Pure. */
export function withDrains(desired: DesiredState, drains: readonly DrainRecord[], nowMs: number): DesiredState {
  if (drains.length === 0) return desired;
  return { ...desired, vips: desired.vips.map((vip) => drainVip(vip, drains, nowMs)) };
}

function drainVip(vip: DesiredVip, drains: readonly DrainRecord[], nowMs: number): DesiredVip {
  const key = vipKey(vip);
  const mine = drains.filter((drain) => drain.vip === undefined || drain.vip === key);
  if (mine.length === 0) return vip;
  return { ...vip, servers: vip.servers.map((server) => drainServer(server, mine, nowMs)) };
}

function drainServer(server: DesiredServer, drains: readonly DrainRecord[], nowMs: number): DesiredServer {
  const drain = drains.find((one) => one.server === server.address);
  if (drain === undefined || server.state === "down") return server;
  const over = drain.flush && nowMs >= (drain.deadlineMs ?? drain.sinceMs);
  return { ...server, state: over ? "down" : "drain" };
}

/** Drains whose server is still in the file; the others have nothing left to say. */
export function liveDrains(desired: DesiredState, drains: readonly DrainRecord[]): DrainRecord[] {
  return drains.filter((drain) => vipsOf(desired, drain.server, drain.vip).length > 0);
}

/** VIPs of the file that have the server. */
export function vipsOf(desired: DesiredState, server: string, key?: string): DesiredVip[] {
  return desired.vips.filter(
    (vip) => (key === undefined || vipKey(vip) === key) && vip.servers.some((one) => one.address === server),
  );
}

/** When the next drain's deadline comes, if one does. */
export function nextDeadline(drains: readonly DrainRecord[], nowMs: number): number | undefined {
  const coming = drains.flatMap((drain) =>
    drain.flush && drain.deadlineMs !== undefined && drain.deadlineMs > nowMs ? [drain.deadlineMs] : [],
  );
  return coming.length === 0 ? undefined : Math.min(...coming);
}
