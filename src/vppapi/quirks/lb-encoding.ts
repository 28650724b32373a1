import { parsePrefix } from "../codec/address.ts";
import type { Prefix } from "../codec/address.ts";
import { VppError } from "../errors.ts";

/** `vl_api_lb_encap_type_t` by its name in the CLI. */
export const lbEncaps = { gre4: 0, gre6: 1, l3dsr: 2, nat4: 3, nat6: 4 } as const;
export type LbEncap = keyof typeof lbEncaps;

/**
 * In the table of every VPP whose lb API reads its fields in network order, and of no other: the commit that fixed the
 * handlers (db44addb60c, 2026-05-21, after v26.06) added this message. Versions do not tell.
 */
export const LB_FIXED_MARK = "lb_conf_get_51077d14";

/**
 * The one encoding of a VIP's prefix that every VPP takes: af IPv6, `::a.b.c.d`, 96 + n.
 * Up to 26.06 the length is used as it comes (lb/api.c:75,82,100,213), so the documented `10.0.0.0/24` would program
 * `::/24`, with retval 0. Fixed versions add 96 for af IPv4 only.
 */
export function vipPrefix(prefix: string | Prefix): Prefix {
  const { address, len } = typeof prefix === "string" ? parsePrefix(prefix) : prefix;
  if (address.af !== 0) return { address, len };
  const ip6 = new Uint8Array(16);
  ip6.set(address.un.ip4, 12);
  return { address: { af: 1, un: { ip4: ip6.slice(0, 4), ip6 } }, len: len + 96 };
}

/** {@link vipPrefix} read back: IPv4 where it can be. The prefixes `::a.b.c.d/96+n` of IPv6 proper are not in use. */
export function vipPrefixFromWire(prefix: Prefix): Prefix {
  const { address, len } = prefix;
  const { ip6 } = address.un;
  if (address.af === 0 || len < 96 || ip6.subarray(0, 12).some((byte) => byte !== 0)) return prefix;
  const ip4 = ip6.slice(12);
  const padded = new Uint8Array(16);
  padded.set(ip4);
  return { address: { af: 0, un: { ip4, ip6: padded } }, len: len - 96 };
}

/** Up to 26.06 `encap` is compared without a swap (lb/api.c:83-97,150-166): little-endian there. */
export function encapOnWire(encap: LbEncap, fixed: boolean): number {
  const value = lbEncaps[encap];
  return fixed ? value : value << 24;
}

/** Largest new-flow table that is sent: lb.c:1089 has no upper bound, and one change of it holds up all workers. */
export const MAX_TABLE_SIZE = 1 << 20;
/** From 2^26 buckets on the size of the sticky table overflows 32 bits (lbhash.h:77); 2^22 are 1 GB per worker. */
export const MAX_STICKY_BUCKETS = 1 << 22;

export function isPowerOf2(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}

export function refused(messageName: string, why: string): VppError {
  return new VppError("REFUSED", `${messageName}: not sent: ${why}`, { messageName });
}
