import { STAGES, type ExecuteContext, type Kind } from "./kind.ts";
import type { VppPort } from "./port.ts";
import type { DesiredReassembly, LinkAction, ObservedState, ReassemblyLimits } from "./types.ts";
import { number } from "./wire.ts";

/** IP_REASS_TYPE_FULL. */
const FULL = 0;

/** What this VPP has as limits of full reassembly; undefined where it does not tell. */
export async function observeReassemblyLimits(port: VppPort): Promise<ObservedState["reassembly"]> {
  if (!port.has("ip_reassembly_get") || !port.has("ip_reassembly_set")) return undefined;
  const [ip4, ip6] = await Promise.all([limitsOf(port, 4), limitsOf(port, 6)]);
  return { ip4, ip6 };
}

async function limitsOf(port: VppPort, family: 4 | 6): Promise<ReassemblyLimits> {
  const reply = await port.request("ip_reassembly_get", { is_ip6: family === 6, type: FULL });
  return {
    maxFragments: number(reply["max_reassembly_length"]),
    maxReassemblies: number(reply["max_reassemblies"]),
    timeoutMs: number(reply["timeout_ms"]),
    expireIntervalMs: number(reply["expire_walk_interval_ms"]),
  };
}

const NAMES: Readonly<Record<keyof ReassemblyLimits, string>> = {
  maxFragments: "fragments of a datagram",
  maxReassemblies: "datagrams at a time",
  timeoutMs: "timeout (ms)",
  expireIntervalMs: "expiry interval (ms)",
};

/**
 * Limits of full reassembly: one set for each family of a VPP. What is not asked for is left as it is, and nothing is
 * changed where no interface of ours reassembles.
 */
export const reassemblyKind: Kind = {
  kind: "reassembly",
  diff({ desired, observed }, plan) {
    const wanted = desired.reassembly;
    if (wanted === undefined) return;
    if (observed.reassembly === undefined) {
      if (Object.keys(wanted.limits).length > 0) {
        plan.problem("reassembly", "this VPP has no ip_reassembly_get and ip_reassembly_set: its limits stay");
      }
      return;
    }
    for (const family of [4, 6] as const) {
      const current = family === 4 ? observed.reassembly.ip4 : observed.reassembly.ip6;
      const limits = limitsWanted(wanted, current);
      const fields = Object.keys(NAMES) as (keyof ReassemblyLimits)[];
      const changes = fields.filter((field) => limits[field] !== current[field]);
      if (changes.length === 0) continue;
      const object = `reassembly IPv${family}`;
      plan.add({
        id: `${object} update`,
        kind: "reassembly",
        object,
        verb: "update",
        stage: STAGES.conf,
        action: { type: "reassembly-limits", family, limits },
        inverse: { type: "reassembly-limits", family, limits: current },
        sentence: `set limits of IPv${family} reassembly: ${changes
          .map((field) => `${NAMES[field]} ${current[field]} -> ${limits[field]}`)
          .join(", ")}`,
      });
    }
  },
};

function limitsWanted({ limits, leastFragments }: DesiredReassembly, current: ReassemblyLimits): ReassemblyLimits {
  const maxFragments = Math.max(current.maxFragments, leastFragments);
  return { ...current, maxFragments, ...limits };
}

/** All four are always written (vnet/ip/reass/ip4_full_reass.c, ip4_full_reass_set). */
export async function runReassemblyLimits(
  { family, limits }: Extract<LinkAction, { type: "reassembly-limits" }>,
  { port }: ExecuteContext,
): Promise<void> {
  await port.request("ip_reassembly_set", {
    timeout_ms: limits.timeoutMs,
    max_reassemblies: limits.maxReassemblies,
    max_reassembly_length: limits.maxFragments,
    expire_walk_interval_ms: limits.expireIntervalMs,
    is_ip6: family === 6,
    type: FULL,
  });
}
