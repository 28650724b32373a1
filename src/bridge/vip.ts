import { type PlanBuilder, STAGES, countText, type DiffInput, type ExecuteContext, type Kind } from "./kind.ts";
import { vipId, vipKey, vipRef, vipTitle } from "./keys.ts";
import { parseVips, vipAddFields, vipDeleteFields } from "./lb-wire.ts";
import { DONE, tolerate, type VppPort } from "./port.ts";
import { BridgeError } from "./errors.ts";
import type { Action, DesiredVip, ObservedVip, VipRef } from "./types.ts";
import { vipShape } from "./vip-shape.ts";
import { contains } from "./wire.ts";

export const vipOperationId = (vip: VipRef, what: "create" | "delete"): string => `vip ${vipId(vip)} ${what}`;

/**
 * VIPs carry no tag. Ours are those that the journal names, and those inside the declared prefixes; where none are
 * declared, those of the file.
 */
export function isOurVip(found: VipRef, { desired, owned }: DiffInput): boolean {
  const key = vipKey(found);
  if (found.title !== undefined) return true;
  const { prefixes, leavesVips } = desired.ownership;
  if (leavesVips !== undefined) return owned.vips.has(key) && !leavesVips.includes(found.prefix);
  if (owned.vips.has(key)) return true;
  if (prefixes !== undefined) return prefixes.some((prefix) => contains(prefix, found.prefix));
  return desired.vips.some((vip) => vipKey(vip) === key);
}

/** What VPP cannot change in place of a VIP that it has: each as a sentence; empty where nothing is to be changed. */
export function recreateReasons(wanted: DesiredVip, found: ObservedVip): string[] {
  const reasons: string[] = [];
  const differ = (name: string, from: unknown, to: unknown) => {
    if (from !== to) reasons.push(`${name} ${String(from)} -> ${String(to)}`);
  };
  differ("encapsulation", found.encap, wanted.encap);
  differ("table size", found.tableSize, wanted.tableSize);
  differ("source-address stickiness", found.srcIpSticky, wanted.srcIpSticky);
  if (wanted.encap === "l3dsr" && found.encap === "l3dsr") differ("DSCP", found.dscp ?? 0, wanted.dscp ?? 0);
  return reasons;
}

/** The VIP as the plan's operations on its servers find it; undefined where the plan makes it anew, null where it is foreign. */
export function vipStartingPoint(wanted: DesiredVip, input: DiffInput): ObservedVip | undefined | null {
  const key = vipKey(wanted);
  const found = input.observed.vips.find((vip) => vipKey(vip) === key);
  if (found === undefined) return obstacle(wanted, input) === undefined ? undefined : null;
  if (!isOurVip(found, input)) return null;
  if (recreateReasons(wanted, found).length === 0) return found;
  return obstacle(wanted, input) === undefined ? undefined : null;
}

export const vipKind: Kind = {
  kind: "vip",
  diff(input, plan) {
    for (const wanted of input.desired.vips) diffVip(wanted, input, plan);
    const keys = new Set(input.desired.vips.map(vipKey));
    for (const found of input.observed.vips) {
      const key = vipKey(found);
      if (keys.has(key)) continue;
      if (!isOurVip(found, input)) plan.foreign.push(`VIP ${key}`);
      else
        plan.add(
          deletion(found, input, plan, `remove ${vipTitle(found)} with ${countText(usedServers(found), "server")}`),
        );
    }
  },
};

function diffVip(wanted: DesiredVip, input: DiffInput, plan: PlanBuilder): void {
  const key = vipKey(wanted);
  const found = input.observed.vips.find((vip) => vipKey(vip) === key);
  if (found !== undefined && !isOurVip(found, input)) {
    plan.problem(
      `vip ${key}`,
      `VIP ${key} is in VPP already and not ours: not in ownership.prefixes, not in the journal. Declare its prefix to take it over, or delete it in VPP.`,
    );
    return;
  }
  const reasons = found === undefined ? [] : recreateReasons(wanted, found);
  if (found !== undefined && reasons.length === 0) return;
  const foreign = obstacle(wanted, input);
  if (foreign !== undefined) {
    plan.problem(`vip ${key}`, foreign);
    return;
  }
  if (found !== undefined) {
    const flows = found.servers.reduce((sum, server) => sum + server.flows, 0);
    plan.add(
      deletion(
        found,
        input,
        plan,
        `remove ${vipTitle(found)} to add it again: VPP cannot change ${reasons.join(", ")} in place; ${countText(flows, "flow")} lose stickiness`,
      ),
    );
  }
  plan.add(creation(wanted, input, plan));
}

function creation(wanted: DesiredVip, input: DiffInput, plan: PlanBuilder) {
  if (wanted.srcIpSticky && !input.observed.features.srcIpSticky) {
    plan.warn(`${vipTitle(wanted)}: srcIpSticky needs VPP 23.02 or later, this is ${input.observed.features.version}`);
  }
  const port = wanted.port === undefined ? "all ports" : "this port";
  const samePrefix = input.observed.vips.filter((vip) => vip.prefix === wanted.prefix);
  return {
    id: vipOperationId(wanted, "create"),
    kind: "vip" as const,
    object: vipId(wanted),
    verb: "create" as const,
    stage: STAGES.vips,
    action: { type: "vip-create" as const, vip: wanted },
    inverse: { type: "vip-delete" as const, vip: vipRef(wanted) },
    sentence: `add ${vipTitle(wanted)} (${wanted.encap}${wanted.dscp === undefined ? "" : ` dscp ${wanted.dscp}`}, ${port}, table ${wanted.tableSize}${wanted.srcIpSticky ? ", sticky by source address" : ""})`,
    // All-port and per-port VIPs of a prefix exclude each other, and all ports share one encapsulation (lb.c:1056).
    dependsOn: ["lb conf update", ...samePrefix.map((vip) => vipOperationId(vip, "delete"))],
  };
}

function deletion(found: ObservedVip, input: DiffInput, plan: PlanBuilder, sentence: string) {
  const wanted = input.desired.vips.some((vip) => vip.prefix === found.prefix);
  const inverse = asDesired(found);
  return {
    id: vipOperationId(found, "delete"),
    kind: "vip" as const,
    object: vipId(found),
    verb: "delete" as const,
    // Where another VIP of the prefix comes instead, both go in one stage, one right after the other.
    stage: wanted ? STAGES.vips : STAGES.dropVips,
    action: { type: "vip-delete" as const, vip: vipRef(found) },
    inverse: inverse && ({ type: "vip-create", vip: inverse } as Action),
    sentence,
    dependsOn: wanted ? [] : routesAwayFrom(found, plan),
  };
}

/** Whatever was sent to it goes elsewhere before: routes of the plan that led to it, and one that takes its place. */
function routesAwayFrom(found: ObservedVip, plan: PlanBuilder): string[] {
  const [host] = found.prefix.split("/");
  return plan.operations
    .filter(({ action, inverse }) => {
      if (action.type !== "route") return false;
      const before = inverse?.type === "route" ? inverse.route.via : [];
      return before.some((path) => path.address === host) || (action.add && action.route.prefix === found.prefix);
    })
    .map((operation) => operation.id);
}

function asDesired(found: ObservedVip): DesiredVip | undefined {
  const { encap } = found;
  return encap === "nat4" || encap === "nat6" ? undefined : { ...vipShape({ ...found, encap }), servers: [] };
}

/** Why VPP would refuse the VIP because of one that is not ours. */
function obstacle(wanted: DesiredVip, input: DiffInput): string | undefined {
  const rival = input.observed.vips.find(
    (vip) => vip.prefix === wanted.prefix && vipKey(vip) !== vipKey(wanted) && !isOurVip(vip, input),
  );
  if (rival === undefined) return undefined;
  const key = vipKey(wanted);
  if (rival.port === undefined || wanted.port === undefined) {
    return `VIP ${key} cannot be added: ${vipKey(rival)} of someone else is there, and all-port and per-port VIPs of a prefix exclude each other.`;
  }
  if (rival.encap !== wanted.encap) {
    return `VIP ${key} cannot be added: ${vipKey(rival)} of someone else is ${rival.encap}, and all ports of a prefix share one encapsulation.`;
  }
  return undefined;
}

function usedServers(vip: ObservedVip): number {
  return vip.servers.filter((server) => server.used).length;
}

export async function runVip(
  action: Extract<Action, { type: "vip-create" | "vip-delete" }>,
  { port }: ExecuteContext,
): Promise<void> {
  const v2 = port.has("lb_add_del_vip_v2");
  const message = v2 ? "lb_add_del_vip_v2" : "lb_add_del_vip";
  if (action.type === "vip-delete") {
    await tolerate(port.request(message, vipDeleteFields(action.vip, port)), DONE.NO_SUCH_ENTRY);
    return;
  }
  if (action.vip.srcIpSticky && !v2) {
    throw new BridgeError("UNSUPPORTED", "srcIpSticky needs lb_add_del_vip_v2 (VPP 23.02 or later); set it to false");
  }
  const added = await tolerate(port.request(message, vipAddFields(action.vip, port)), DONE.VALUE_EXIST);
  if (added === undefined) await assertThere(action.vip, port);
}

/** VALUE_EXIST is fine where it is this very VIP that exists, and no other on the same prefix. */
async function assertThere(wanted: DesiredVip, port: VppPort): Promise<void> {
  const all = parseVips(await port.cli("show lb vips verbose"));
  const found = all.find((vip) => !vip.removed && vipKey(vip) === vipKey(wanted));
  if (found !== undefined && recreateReasons(wanted, found).length === 0) return;
  const rivals = all.filter((vip) => !vip.removed && vip.prefix === wanted.prefix).map(vipKey);
  throw new BridgeError(
    "REPLY",
    `VPP refuses VIP ${vipKey(wanted)} because of ${rivals.join(", ") || "another"} (VALUE_EXIST)`,
  );
}
