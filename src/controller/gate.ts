import { createHash } from "node:crypto";
import { vipId, type DesiredState, type DesiredVip, type Plan } from "../bridge/index.ts";

/** Tells two versions of a VIP apart by what moves flows. */
export function vipDigest(vip: Pick<DesiredVip, "encap" | "dscp" | "tableSize" | "srcIpSticky" | "servers">): string {
  const servers = [...vip.servers].sort((a, b) => (a.address < b.address ? -1 : 1));
  const text = JSON.stringify([vip.encap, vip.dscp, vip.tableSize, vip.srcIpSticky, servers]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

/** Digests of all that flows depend on, by the names that a plan's disruption has. */
export function digestsOf({ vips, steering }: DesiredState): Map<string, string> {
  const digests = new Map(vips.map((vip) => [vipId(vip), vipDigest(vip)]));
  const streams = new Map(steering?.streams.map((stream) => [stream.name, vipDigest(stream)]));
  for (const [name, digest] of streams)
    for (const family of [4, 6]) digests.set(`stream ${name} (IPv${family})`, digest);
  for (const { prefix, stream } of steering?.vips ?? [])
    digests.set(prefix, `${stream ?? ""} ${streams.get(stream ?? "") ?? ""}`);
  for (const { name, stream } of steering?.flows ?? [])
    for (const family of [4, 6]) digests.set(`flow ${name} (IPv${family})`, stream);
  return digests;
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
  const digests = digestsOf(desired);
  // What a new flow takes is its own: how much of its VIPs' traffic that is, nobody can tell.
  const isNewFlow = (id: string) => id.startsWith("flow ") && !accepted.has(id);
  const tooMuch = plan.disruption.filter(
    (one) => one.moved > policy.limit && digests.get(one.vip) !== accepted.get(one.vip) && !isNewFlow(one.vip),
  );
  const paceable = policy.pace === undefined ? [] : tooMuch.filter((one) => one.recreated === undefined);
  const refused = tooMuch.filter((one) => !paceable.includes(one));
  if (refused.length === 0) return { pace: paceable.map((one) => one.vip) };
  const list = refused.map(
    (one) =>
      `${disruptedText(one.vip)} would move ${percent(one.moved)} of its slots${one.recreated === undefined ? "" : ` (${one.recreated})`}`,
  );
  return {
    refused: `${list.join("; ")}; maxDisruption allows ${percent(policy.limit)}. Change it in smaller steps, set maxDisruption.pace, or apply with force.`,
    pace: [],
  };
}

/** `VIP 10.2.2.0/24`, `stream web (IPv4)` */
function disruptedText(id: string): string {
  return /^(stream|flow) /.test(id) ? id : `VIP ${id}`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
}
