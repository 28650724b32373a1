import { canonicalAddress, type DisruptionPolicy, type ManagedLbConf } from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

export function toLbConf(lb: LbFile["lb"]): ManagedLbConf | undefined {
  if (lb === undefined || lb.manage === false) return undefined;
  return {
    ip4Source: canonicalAddress(lb.ip4Source),
    ip6Source: canonicalAddress(lb.ip6Source),
    stickyBuckets: stickyBucketsOf(lb),
    flowTimeoutS: lb.flowTimeoutS,
    evenWithForeignVips: lb.manage === "always",
  };
}

export function toPolicy(policy: LbFile["maxDisruption"]): DisruptionPolicy | undefined {
  if (policy === undefined) return undefined;
  if (typeof policy === "number") return { limit: policy };
  return { limit: policy.limit, ...(policy.pace === undefined ? {} : { pace: policy.pace }) };
}

const DEFAULT_BUCKETS = 65_536;
const MOST_BUCKETS = 1 << 22;

/**
 * Buckets for so many flows at a time: a power of two, one bucket of four entries (lbhash.h) for each flow. Then at most
 * 0.4 % of the flows find their bucket full and are not remembered; with two flows for each bucket it is 3.8 % (Poisson).
 */
export function bucketsFor(flows: number): number {
  return Math.min(MOST_BUCKETS, Math.max(64, 2 ** Math.ceil(Math.log2(flows))));
}

/** Bytes of the sticky table, on each core. */
export function stickyBytes(buckets: number): number {
  return buckets * 64;
}

export function stickyBucketsOf(lb: Pick<NonNullable<LbFile["lb"]>, "stickyBuckets" | "expectedFlows">): number {
  return lb.stickyBuckets ?? (lb.expectedFlows === undefined ? DEFAULT_BUCKETS : bucketsFor(lb.expectedFlows));
}
