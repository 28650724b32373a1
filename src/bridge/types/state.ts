import type { DesiredAbf, ObservedAbfAttachment, ObservedAbfPolicy, PolicyIds } from "./abf.ts";
import type { DesiredSteering, Steered } from "./steering.ts";
import type { DesiredAcl, ObservedAcl } from "./acl.ts";
import type { DesiredNeighbor, DesiredRoute, ObservedNeighbor, ObservedRoute } from "./fib.ts";
import type { DesiredBridge, DesiredInterface, ObservedBridge, ObservedInterface } from "./interface.ts";
import type {
  DesiredMemifSocket,
  DesiredReassembly,
  DesiredTable,
  ObservedMemifSocket,
  ObservedTable,
  ReassemblyLimits,
} from "./link.ts";
import type { DesiredLbConf, DesiredVip, ManagedLbConf, ObservedLbConf, ObservedVip } from "./lb.ts";

export interface Ownership {
  /** VIPs inside these prefixes are ours, also those that are not in the file. Absent: those of the file and journal. */
  readonly prefixes?: readonly string[];
  /** Interface tag that marks our interfaces and bridge domains, 1..63 characters. */
  readonly tag: string;
  /**
   * VIPs are somebody else's from now on. Those of these prefixes that were made before stay as they are, and are
   * forgotten; others of the journal are removed.
   */
  readonly leavesVips?: readonly string[];
}

export interface DisruptionPolicy {
  /** A change of configuration that moves a larger share of a VIP's new-flow slots than this (0..1) is refused or paced. */
  readonly limit: number;
  /** Instead of refusing: move at most `step` (0..1) of the slots each `intervalMs`. */
  readonly pace?: { readonly step: number; readonly intervalMs: number };
}

/** What VPP should hold. Immutable. */
export interface DesiredState {
  /** Absent: lb_conf is not ours and never changed. */
  readonly lbConf?: ManagedLbConf;
  readonly bridges: readonly DesiredBridge[];
  readonly interfaces: readonly DesiredInterface[];
  readonly neighbors: readonly DesiredNeighbor[];
  /** What VPP must not remember having learnt: whoever has the address next has another MAC. */
  readonly forgottenNeighbors?: readonly Pick<DesiredNeighbor, "address" | "interface">[];
  readonly routes: readonly DesiredRoute[];
  readonly vips: readonly DesiredVip[];
  readonly memifSockets?: readonly DesiredMemifSocket[];
  readonly tables?: readonly DesiredTable[];
  /** Absent: no interface of ours reassembles, or VPP's limits are not ours. */
  readonly reassembly?: DesiredReassembly;
  readonly acls?: readonly DesiredAcl[];
  readonly abf?: readonly DesiredAbf[];
  readonly policyIds?: PolicyIds;
  /** Streams and flows as the file has them. `compile` turns them into the rest. */
  readonly steering?: DesiredSteering;
  /** What became of `steering`. */
  readonly steered?: Steered;
  readonly ownership: Ownership;
  /** Other controllers of the same VIPs: addresses of their `/digests`. */
  readonly replicas?: { readonly urls: readonly string[]; readonly periodMs: number };
  readonly maxDisruption?: DisruptionPolicy;
}

/** What this VPP can do, from its message table. */
export interface VppFeatures {
  readonly version: string;
  /** lb_add_del_as_v2, lb_as_set_weight (26.10). */
  readonly weights: boolean;
  /** lb_conf_get (26.10). */
  readonly lbConfGet: boolean;
  /** lb_add_del_vip_v2 (23.02). */
  readonly srcIpSticky: boolean;
  /** Deleted VIPs and servers are collected only when the CLI asks (up to 26.06). */
  readonly garbageByCli: boolean;
  /** The ACL plugin. */
  readonly acl?: boolean;
  /** The ABF plugin. */
  readonly abf?: boolean;
  readonly memif?: boolean;
  readonly tap?: boolean;
  /** Sub-interfaces and tag rewrites. */
  readonly vlan?: boolean;
  readonly crossConnect?: boolean;
  readonly tables?: boolean;
  readonly reassembly?: boolean;
}

/** What VPP holds, ours and others'. */
export interface ObservedState {
  readonly features: VppFeatures;
  readonly lbConf: ObservedLbConf;
  readonly bridges: readonly ObservedBridge[];
  readonly interfaces: readonly ObservedInterface[];
  readonly neighbors: readonly ObservedNeighbor[];
  readonly routes: readonly ObservedRoute[];
  readonly memifSockets?: readonly ObservedMemifSocket[];
  readonly tables?: readonly ObservedTable[];
  /** Limits of full reassembly; absent where VPP does not tell. */
  readonly reassembly?: { readonly ip4: ReassemblyLimits; readonly ip6: ReassemblyLimits } | undefined;
  /** Absent without the plugin. */
  readonly acls?: readonly ObservedAcl[];
  readonly abfPolicies?: readonly ObservedAbfPolicy[];
  readonly abfAttachments?: readonly ObservedAbfAttachment[];
  /** Without those that VPP has removed and not collected. */
  readonly vips: readonly ObservedVip[];
  /** Removed VIPs and servers that VPP keeps; of those so many that nothing refers to. */
  readonly garbage: { readonly vips: number; readonly servers: number; readonly collectable: number };
}

/**
 * What of the untagged objects in VPP is ours. Valid for one life of VPP: a new VPP holds nothing of ours.
 * Keys as made by `vipKey`, `routeKey`, `neighborKey` (keys.ts).
 */
export interface OwnedObjects {
  readonly vips: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  readonly neighbors: ReadonlySet<string>;
  /** Names of interfaces whose creation was begun and perhaps not tagged. */
  readonly pendingInterfaces: ReadonlySet<string>;
  /** Ids of bridge domains whose creation was begun. */
  readonly bridges: ReadonlySet<number>;
  /** Ids of memif sockets whose creation was begun. */
  readonly memifSockets?: ReadonlySet<number>;
  /** What VPP does not tell of memifs that we made, by name (memif.ts). */
  readonly memifs?: ReadonlyMap<string, string>;
  /** Ids of ABF policies whose creation was begun. */
  readonly abfPolicies?: ReadonlySet<number>;
  /** Addresses of streams and flows inside VPP, by key (assign.ts); these outlive VPP. */
  readonly assigned?: ReadonlyMap<string, string>;
  /** lb_conf as last written by us to this VPP. */
  readonly lbConf?: DesiredLbConf;
}
