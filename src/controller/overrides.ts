import { vipKey, type DesiredServer, type DesiredState, type DesiredStream, type DesiredVip } from "../bridge/index.ts";
import type { DrainRecord } from "./journal.ts";

/** Desired state with the drains that an operator ordered on top of the file. Pure. */
export function withDrains(desired: DesiredState, drains: readonly DrainRecord[], nowMs: number): DesiredState {
  if (drains.length === 0) return desired;
  const drained = <T extends Group>(group: T): T => drainGroup(group, drains, nowMs);
  const { steering } = desired;
  return {
    ...desired,
    vips: desired.vips.map(drained),
    ...(steering === undefined ? {} : { steering: { ...steering, streams: steering.streams.map(drained) } }),
  };
}

/** What has servers: a VIP, or a stream. */
type Group = DesiredVip | DesiredStream;

/** By which a drain names it: a VIP's key, or `stream web`. */
function groupKey(group: Group): string {
  return "prefix" in group ? vipKey(group) : `stream ${group.name}`;
}

function drainGroup<T extends Group>(group: T, drains: readonly DrainRecord[], nowMs: number): T {
  const key = groupKey(group);
  const mine = drains.filter((drain) => drain.vip === undefined || drain.vip === key);
  if (mine.length === 0) return group;
  return { ...group, servers: group.servers.map((server) => drainServer(server, mine, nowMs)) };
}

function drainServer(server: DesiredServer, drains: readonly DrainRecord[], nowMs: number): DesiredServer {
  const drain = drains.find((one) => one.server === server.address);
  if (drain === undefined || server.state === "down") return server;
  const over = drain.flush && nowMs >= (drain.deadlineMs ?? drain.sinceMs);
  return { ...server, state: over ? "down" : "drain" };
}

/** Drains whose server is still in the file; the others have nothing left to say. */
export function liveDrains(desired: DesiredState, drains: readonly DrainRecord[]): DrainRecord[] {
  return drains.filter((drain) => groupsOf(desired, drain.server, drain.vip).length > 0);
}

/** Keys of the VIPs and streams of the file that have the server. */
export function groupsOf(desired: DesiredState, server: string, key?: string): string[] {
  return [...desired.vips, ...(desired.steering?.streams ?? [])]
    .filter((group) => group.servers.some((one) => one.address === server))
    .map(groupKey)
    .filter((one) => key === undefined || one === key);
}

/** When the next drain's deadline comes, if one does. */
export function nextDeadline(drains: readonly DrainRecord[], nowMs: number): number | undefined {
  const coming = drains.flatMap((drain) =>
    drain.flush && drain.deadlineMs !== undefined && drain.deadlineMs > nowMs ? [drain.deadlineMs] : [],
  );
  return coming.length === 0 ? undefined : Math.min(...coming);
}
