import type { ObservedVip, VipRef } from "./types.ts";

/** All that a VIP is but its servers: what it is found by, and what VPP cannot change in place. */
export interface VipShape<Encap extends ObservedVip["encap"] = ObservedVip["encap"]> extends VipRef {
  readonly encap: Encap;
  readonly dscp?: number;
  readonly tableSize: number;
  readonly srcIpSticky: boolean;
}

/** These fields of a VIP, and no others. */
export function vipShape<Encap extends ObservedVip["encap"]>(vip: VipShape<Encap>): VipShape<Encap> {
  const { prefix, title, protocol, port, encap, dscp, tableSize, srcIpSticky } = vip;
  return {
    prefix,
    ...(title === undefined ? {} : { title }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(port === undefined ? {} : { port }),
    encap,
    ...(dscp === undefined ? {} : { dscp }),
    tableSize,
    srcIpSticky,
  };
}
