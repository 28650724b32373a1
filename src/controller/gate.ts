import { createHash } from "node:crypto";
import { vipKey, type DesiredState, type DesiredVip, type Plan } from "../bridge/index.ts";

/** Tells two versions of a VIP apart by what moves flows. */
export function vipDigest(vip: DesiredVip): string {
  const servers = [...vip.servers].sort((a, b) => (a.address < b.address ? -1 : 1));
  const text = JSON.stringify([vip.encap, vip.dscp, vip.tableSize, vip.srcIpSticky, servers]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

export interface Verdict {
  /** Why the change as a whole is refused. */
  readonly refused?: string;
  /** VIPs that are to be changed in steps. */
  readonly pace: readonly string[];
}

/**
 * Whether a change of configuration moves more than it may. What was accepted before is drift, and is repaired
 * whatever it moves. Pure.
 */
export function judge(desired: DesiredState, plan: Plan, accepted: ReadonlyMap<string, string>): Verdict {
  const policy = desired.maxDisruption;
  if (policy === undefined) return { pace: [] };
  const digests = new Map(desired.vips.map((vip) => [vipKey(vip), vipDigest(vip)]));
  const tooMuch = plan.disruption.filter(
    (one) => one.moved > policy.limit && digests.get(one.vip) !== accepted.get(one.vip),
  );
  const paceable = policy.pace === undefined ? [] : tooMuch.filter((one) => one.recreated === undefined);
  const refused = tooMuch.filter((one) => !paceable.includes(one));
  if (refused.length === 0) return { pace: paceable.map((one) => one.vip) };
  const list = refused.map(
    (one) =>
      `VIP ${one.vip} would move ${percent(one.moved)} of its slots${one.recreated === undefined ? "" : ` (${one.recreated})`}`,
  );
  return {
    refused: `${list.join("; ")}; maxDisruption allows ${percent(policy.limit)}. Change it in smaller steps, set maxDisruption.pace, or apply with force.`,
    pace: [],
  };
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
}
