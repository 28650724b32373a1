import { type PlanBuilder, STAGES, listText, type ExecuteContext, type Kind } from "./kind.ts";
import { vipKey } from "./keys.ts";
import { isOurVip } from "./vip.ts";
import type { DesiredLbConf, ManagedLbConf, ObservedLbConf, OwnedObjects } from "./types.ts";
import { ALL } from "./wire.ts";

/** lb_conf: one for all VIPs of a VPP, so it is left alone where others have VIPs, and a table in use is not resized. */
export const lbConfKind: Kind = {
  kind: "lb-conf",
  diff(input, plan) {
    const wanted = input.desired.lbConf;
    if (wanted === undefined) return;
    const current = effectiveConf(input.observed.lbConf, input.owned.lbConf);
    const resize = current.stickyBuckets !== wanted.stickyBuckets;
    const keepBuckets =
      resize && current.stickyBuckets !== undefined && input.observed.lbConf.flows > 0 && wanted.resizeInUse !== true;
    if (keepBuckets) {
      plan.warn(
        `the sticky table keeps ${current.stickyBuckets} buckets instead of ${wanted.stickyBuckets}: resizing it would drop ` +
          `${input.observed.lbConf.flows} flows. It is resized when no flow is left, when VPP restarts, or by \`vpplb apply --force\`: these flows then go where the tables say.`,
      );
    }
    const changes = describeChanges(current, wanted, keepBuckets);
    if (changes.length === 0) return;
    const others = input.observed.vips.filter((vip) => !isOurVip(vip, input)).map(vipKey);
    if (others.length > 0 && !wanted.evenWithForeignVips) {
      plan.problem(
        "lb conf",
        `lb_conf is one for all VIPs of a VPP and this one serves VIPs of others (${listText(others)}): not changing ` +
          `${changes.join(", ")}. Set lb.manage to false to leave it alone, or to "always" to change it for them too.`,
      );
      return;
    }
    addOperation(plan, wanted, current, changes, keepBuckets);
  },
};

function addOperation(
  plan: PlanBuilder,
  wanted: ManagedLbConf,
  current: CurrentConf,
  changes: string[],
  keepBuckets: boolean,
): void {
  const { evenWithForeignVips: _, resizeInUse: __, ...asked } = wanted;
  // What VPP will have afterwards: the journal takes its word from here.
  const conf = keepBuckets ? { ...asked, stickyBuckets: current.stickyBuckets ?? asked.stickyBuckets } : asked;
  plan.add({
    id: "lb conf update",
    kind: "lb-conf",
    object: "lb conf",
    verb: "update",
    stage: STAGES.conf,
    action: { type: "lb-conf", conf, keepBuckets },
    inverse:
      current.stickyBuckets === undefined || current.flowTimeoutS === undefined
        ? undefined
        : { type: "lb-conf", conf: { ...conf, ...current } as DesiredLbConf, keepBuckets },
    sentence: `set lb conf: ${changes.join(", ")}`,
  });
}

type CurrentConf = Pick<ObservedLbConf, "ip4Source" | "ip6Source" | "stickyBuckets" | "flowTimeoutS">;

/**
 * Up to 26.06 VPP tells buckets and timeout only of a sticky table that exists, and only as of its last packet
 * (plugins/lb/lb.c:85, node.c:117). What we wrote to this VPP ourselves is then the better witness.
 */
function effectiveConf(observed: ObservedLbConf, written: OwnedObjects["lbConf"]): CurrentConf {
  const { flows: _, ...current } = observed;
  if (written === undefined) return current;
  return { ...current, stickyBuckets: written.stickyBuckets, flowTimeoutS: written.flowTimeoutS };
}

function describeChanges(current: CurrentConf, wanted: DesiredLbConf, keepBuckets: boolean): string[] {
  const changes: string[] = [];
  const differ = (name: string, from: unknown, to: unknown) => {
    if (from !== to)
      changes.push(from === undefined ? `${name} ${String(to)}` : `${name} ${String(from)} -> ${String(to)}`);
  };
  differ("IPv4 source", current.ip4Source, wanted.ip4Source);
  differ("IPv6 source", current.ip6Source, wanted.ip6Source);
  differ("flow timeout (s)", current.flowTimeoutS, wanted.flowTimeoutS);
  if (!keepBuckets) differ("sticky buckets per core", current.stickyBuckets, wanted.stickyBuckets);
  return changes;
}

/** ~0 keeps the buckets; the addresses are always overwritten (plugins/lb/api.c, lb_conf). */
export async function runLbConf(
  action: { readonly conf: DesiredLbConf; readonly keepBuckets: boolean },
  { port }: ExecuteContext,
): Promise<void> {
  await port.request("lb_conf", {
    ip4_src_address: action.conf.ip4Source,
    ip6_src_address: action.conf.ip6Source,
    sticky_buckets_per_core: action.keepBuckets ? ALL : action.conf.stickyBuckets,
    flow_timeout: action.conf.flowTimeoutS,
  });
}
