import { setTimeout as sleep } from "node:timers/promises";
import {
  flowSources,
  TrafficClient,
  TrafficError,
  type FlowSource,
  type HeldConnections,
  type TrafficClientOptions,
  type TrafficReport,
} from "../traffic/index.ts";

export interface TrafficClientRoleOptions extends TrafficClientOptions {
  /** Connections in all. */
  readonly connections: number;
  /** Hold them for so long with traffic on them; absent: one exchange on each. At most a day. */
  readonly holdMs?: number;
  /** Packets per second and connection while held. */
  readonly packetRate?: number;
  /** Source addresses, in turn. */
  readonly sources?: readonly string[];
  /** First source port; absent: the kernel chooses. */
  readonly firstPort?: number;
  /** Called each second while connections are held. */
  readonly progress?: (held: HeldConnections) => void;
}

const MAX_HOLD_MS = 24 * 3600 * 1000;

/** `vpplb traffic client`: ends by itself, or at the signal with what there is. @throws TrafficError */
export async function runTrafficClient(options: TrafficClientRoleOptions, signal: AbortSignal): Promise<TrafficReport> {
  const { connections, holdMs, packetRate, sources, firstPort, progress, ...rest } = options;
  if (holdMs !== undefined && !(holdMs >= 0 && holdMs <= MAX_HOLD_MS)) {
    throw new TrafficError("OPTION", `connections can be held for at most ${MAX_HOLD_MS / 3600_000} hours`);
  }
  const client = new TrafficClient(rest);
  const from = sourcesOf(connections, sources, firstPort);
  const opening = { signal, ...(from === undefined ? {} : { sources: from }) };
  if (holdMs === undefined) return client.connectBatch(connections, opening);
  const held = await client.hold(connections, { ...opening, ...(packetRate === undefined ? {} : { packetRate }) });
  const timer = setInterval(() => progress?.(held), 1000);
  try {
    await sleep(holdMs, undefined, { signal }).catch(() => undefined);
  } finally {
    clearInterval(timer);
  }
  return held.stop();
}

function sourcesOf(count: number, addresses: readonly string[] = [], firstPort?: number): FlowSource[] | undefined {
  if (firstPort !== undefined) return flowSources({ addresses, firstPort, count });
  if (addresses.length === 0) return undefined;
  return Array.from({ length: count }, (_, i) => ({ address: addresses[i % addresses.length] ?? "" }));
}
