import { canonicalAddress, type DisruptionPolicy, type ManagedLbConf } from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

export function toLbConf(lb: LbFile["lb"]): ManagedLbConf | undefined {
  if (lb === undefined || lb.manage === false) return undefined;
  return {
    ip4Source: canonicalAddress(lb.ip4Source),
    ip6Source: canonicalAddress(lb.ip6Source),
    stickyBuckets: lb.stickyBuckets,
    flowTimeoutS: lb.flowTimeoutS,
    evenWithForeignVips: lb.manage === "always",
  };
}

export function toPolicy(policy: LbFile["maxDisruption"]): DisruptionPolicy | undefined {
  if (policy === undefined) return undefined;
  if (typeof policy === "number") return { limit: policy };
  return { limit: policy.limit, ...(policy.pace === undefined ? {} : { pace: policy.pace }) };
}
