import type { VppPort } from "./port.ts";
import { familyOf } from "./wire.ts";

/** What VPP counted at a route since it was made; changes of its paths keep it. */
export interface RouteCounters {
  /** Packets that the forwarding table sent here. */
  readonly to: { readonly packets: number; readonly bytes: number };
  /** Packets of other routes and policies that go through here. */
  readonly via: { readonly packets: number; readonly bytes: number };
}

const NOTHING = { packets: 0, bytes: 0 };

/**
 * Counters of routes of the default table, by prefix; those that VPP does not have are left out. Asked through the CLI,
 * the one place that every VPP and the embedded dataplane tell them at.
 */
export async function observeCounters(port: VppPort, prefixes: readonly string[]): Promise<Map<string, RouteCounters>> {
  const asked = prefixes.map(async (prefix): Promise<[string, RouteCounters] | undefined> => {
    const shown = await port.cli(`show ${familyOf(prefix) === 4 ? "ip" : "ip6"} fib ${prefix}`);
    const counters = parseRouteCounters(shown, prefix);
    return counters && [prefix, counters];
  });
  return new Map((await Promise.all(asked)).filter((one) => one !== undefined));
}

/** Reads `show ip fib PREFIX`; undefined where it shows another prefix, the one that covers it. */
export function parseRouteCounters(shown: string, prefix: string): RouteCounters | undefined {
  const lines = shown.split("\n");
  if (!lines.some((line) => line.startsWith(`${prefix} fib:`))) return undefined;
  const first = lines.find((line) => line.includes("dpo-load-balance: [proto:") && line.includes("to:["));
  if (first === undefined) return undefined;
  const read = (name: string) => {
    const match = new RegExp(`\\b${name}:\\[(\\d+):(\\d+)\\]`).exec(first);
    return match === null ? NOTHING : { packets: Number(match[1]), bytes: Number(match[2]) };
  };
  return { to: read("to"), via: read("via") };
}
