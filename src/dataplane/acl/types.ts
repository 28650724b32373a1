/** Access lists as VPP's acl plugin has them (plugins/acl/types.h, acl.api). */

export const AclAction = { deny: 0, permit: 1, reflect: 2 } as const;

/**
 * One rule. Ports are ICMP types (source) and codes (destination) where the protocol is ICMP, and 0 in packets of other
 * protocols than TCP, UDP and ICMP.
 */
export interface AclRule {
  /** AclAction; anything above 0 permits. */
  readonly action: number;
  /** Addresses are numbers for IPv4 and 16 bytes for IPv6, both of one family, without host bits. */
  readonly source: number | Uint8Array;
  readonly sourceLength: number;
  readonly destination: number | Uint8Array;
  readonly destinationLength: number;
  /** 0: any protocol, and neither ports nor flags are looked at. */
  readonly protocol: number;
  readonly sourcePortFirst: number;
  readonly sourcePortLast: number;
  readonly destinationPortFirst: number;
  readonly destinationPortLast: number;
  readonly tcpFlagsMask: number;
  readonly tcpFlagsValue: number;
}

/** A list of rules, of which the first that matches decides. */
export interface Acl {
  readonly index: number;
  tag: string;
  rules: readonly AclRule[];
}

export interface AclCounters {
  packets: number;
  bytes: number;
}

/** Where a packet matched. */
export interface AclMatch {
  /** Position in the list of access lists. */
  readonly position: number;
  readonly aclIndex: number;
  readonly ruleIndex: number;
  readonly action: number;
}
