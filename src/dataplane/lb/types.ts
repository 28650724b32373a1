import type { LoadBalance } from "../fib/types.ts";

/** lb_vip_type_t: VIP family and encapsulation, in VPP's numbering (plugins/lb/lb.h). */
export const VipType = {
  ip6Gre6: 0,
  ip6Gre4: 1,
  ip4Gre6: 2,
  ip4Gre4: 3,
  ip4L3dsr: 4,
  ip4Nat4: 5,
  ip6Nat6: 6,
} as const;

export type VipTypeNumber = (typeof VipType)[keyof typeof VipType];

/** As VPP prints them, indexed by {@link VipType}. */
export const VIP_TYPE_NAMES = [
  "ip6-gre6",
  "ip6-gre4",
  "ip4-gre6",
  "ip4-gre4",
  "ip4-l3dsr",
  "ip4-nat4",
  "ip6-nat6",
] as const;

/** Per-VIP counters, in the order of VPP's lb_foreach_vip_counter; the texts are VPP's. */
export const VIP_COUNTER_NAMES = [
  "packet from existing sessions",
  "first session packet",
  "untracked packet",
  "no server configured",
] as const;
export const COUNTER_NEXT = 0;
export const COUNTER_FIRST = 1;
export const COUNTER_UNTRACKED = 2;
export const COUNTER_NO_SERVER = 3;

/** An application server of one VIP. The same address under two VIPs is two of these. */
export interface LbAs {
  readonly index: number;
  /** ip46: 16 bytes, IPv4 as twelve zero bytes and the address. */
  readonly address: Uint8Array;
  /** Host order; only where the encapsulation is over IPv4. */
  readonly address4: number;
  readonly vipIndex: number;
  used: boolean;
  /** Whole dataplane seconds of the last removal; 0 if never. A reused index keeps its predecessor's, as in VPP. */
  lastUsedS: number;
  /** Sticky slots that point here (VPP's "flows"). */
  refs: number;
  /** Where its packets go after encapsulation; kept up to date by the FIB. undefined for AS 0: drop. */
  forwarding: LoadBalance | undefined;
  /** The FIB entry it rides on; closed on garbage collection. */
  readonly release: () => void;
}

export interface LbVip {
  readonly index: number;
  /** ip46, host bits cleared. */
  readonly prefix: Uint8Array;
  /** Of the ip46: 96 + n for IPv4. */
  readonly plen: number;
  /** 255 for an all-port VIP. */
  readonly protocol: number;
  /** Host order; 0 for an all-port VIP. */
  readonly port: number;
  readonly type: VipTypeNumber;
  dscp: number;
  srvType: number;
  /** Host order. */
  targetPort: number;
  /** First byte of VPP's union of the two above and dscp; see lb_vip_details. */
  readonly encapByte: number;
  readonly srcIpSticky: boolean;
  used: boolean;
  /** Slot -> AS index (0 = none). Length is a power of two. */
  newFlowTable: Uint32Array;
  /** Index that the port filter's key holds; for per-port VIPs only. */
  prefixIndex: number;
  lastGarbageCollectionS: number;
  /** Pool slots -> AS indexes; gaps are undefined. Iterate with {@link Pool}'s order. */
  readonly asIndexes: Iterable<number> & { readonly size: number };
  /** By COUNTER_*. */
  readonly counters: Float64Array;
}

/** lb_vip_add_args_t. */
export interface LbVipAddArgs {
  /** ip46, 16 bytes; host bits may be set. */
  readonly prefix: Uint8Array;
  readonly plen: number;
  readonly protocol: number;
  /** Host order, 0 = all ports. */
  readonly port: number;
  readonly type: VipTypeNumber;
  readonly dscp?: number;
  readonly srvType?: number;
  readonly targetPort?: number;
  readonly newLength: number;
  readonly srcIpSticky?: boolean;
}

export function vipIsIp4(type: number): boolean {
  return type >= VipType.ip4Gre6 && type <= VipType.ip4Nat4;
}

/** Whether servers are reached over IPv4. */
export function encapIsIp4(type: number): boolean {
  return type === VipType.ip6Gre4 || type === VipType.ip4Gre4 || type === VipType.ip4L3dsr || type === VipType.ip4Nat4;
}

export function vipIsNat(type: number): boolean {
  return type === VipType.ip4Nat4 || type === VipType.ip6Nat6;
}

/** Whether the first twelve bytes are zero (ip46_address_is_ip4). */
export function ip46IsIp4(address: Uint8Array): boolean {
  for (let i = 0; i < 12; i += 1) if (address[i] !== 0) return false;
  return true;
}

/** ip46_prefix_is_ip4: an IPv4 prefix is at least 96 bits of zeroes long. */
export function prefixIsIp4(prefix: Uint8Array, plen: number): boolean {
  return plen >= 96 && ip46IsIp4(prefix);
}
