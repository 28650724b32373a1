/**
 * The plain data that flows through vpplb: what VPP should hold, what it holds, and the operations between the two.
 *
 * Everything here is JSON: addresses are RFC 5952 text, prefixes `address/length` with host bits cleared, MACs lower case.
 */

/** How a VIP's packets reach its servers. NAT is not offered: VPP's lb NAT takes UDP only (plugins/lb/node.c:510). */
export type Encap = "gre4" | "gre6" | "l3dsr";

export type Protocol = "tcp" | "udp";

/**
 * What a server of a VIP should do.
 * - `up`: takes new flows.
 * - `drain`: takes no new flows, its established flows go on (the sticky table keeps them).
 * - `down`: takes nothing; its flows are flushed, so that their clients notice at once.
 */
export type ServerState = "up" | "drain" | "down";

export interface DesiredServer {
  readonly address: string;
  /** Share of new flows relative to the VIP's other servers, 1..100. VPP 26.10 and later; earlier only equal weights. */
  readonly weight: number;
  readonly state: ServerState;
}

export interface DesiredVip {
  /** For people; VPP knows no names. */
  readonly name?: string;
  readonly prefix: string;
  /** Absent for an all-port VIP. */
  readonly protocol?: Protocol;
  /** 1..65535; absent for an all-port VIP. */
  readonly port?: number;
  readonly encap: Encap;
  /** 0..63, l3dsr only. */
  readonly dscp?: number;
  /** Length of the new-flow table: a power of two, 1..2^20. */
  readonly tableSize: number;
  readonly srcIpSticky: boolean;
  readonly servers: readonly DesiredServer[];
}

export interface DesiredLbConf {
  /** Source of the GRE packets, IPv4. */
  readonly ip4Source: string;
  /** Source of the GRE packets, IPv6. */
  readonly ip6Source: string;
  /** Sticky buckets per core (4 flows each); a power of two, 1..2^22. VPP's default is 1024. */
  readonly stickyBuckets: number;
  /** An idle flow is forgotten after so long. VPP's default is 40. */
  readonly flowTimeoutS: number;
}

/** lb_conf and who may change it: it is one for all VIPs of a VPP. */
export interface ManagedLbConf extends DesiredLbConf {
  /** Change it also where VIPs of others are served. */
  readonly evenWithForeignVips: boolean;
}

export interface DesiredBridge {
  readonly id: number;
  readonly learn: boolean;
  readonly forward: boolean;
  readonly flood: boolean;
  readonly unknownUnicastFlood: boolean;
  readonly arpTermination: boolean;
  /** Minutes; 0 = learned entries do not age. */
  readonly macAgeMin: number;
}

export interface BridgeMember {
  readonly id: number;
  /** This loopback is the bridge's own L3 interface. */
  readonly bvi: boolean;
  readonly splitHorizonGroup: number;
}

interface DesiredInterfaceBase {
  /** VPP's name: `loop0`, `host-as1`. */
  readonly name: string;
  readonly mac?: string;
  /** L3 MTU in bytes. VPP's own default is 9000, which wedges host-interfaces: the config's default is 1500. */
  readonly mtu: number;
  /** `address/length`, host bits kept. */
  readonly addresses: readonly string[];
  readonly bridge?: BridgeMember;
  /** Attracts traffic as soon as it is up: its addresses and its state come last. */
  readonly outside: boolean;
  readonly up: boolean;
}

export interface DesiredLoopback extends DesiredInterfaceBase {
  readonly kind: "loopback";
  readonly instance: number;
}

/** VPP's af_packet ("host-interface") on one end of a veth or a NIC of the kernel. */
export interface DesiredHostInterface extends DesiredInterfaceBase {
  readonly kind: "host";
  /** The kernel's name of the interface. */
  readonly hostInterface: string;
}

export type DesiredInterface = DesiredLoopback | DesiredHostInterface;

export interface RoutePath {
  /** Next hop; absent for a route to whatever is on the interface. */
  readonly address?: string;
  /** VPP's interface name; absent for a recursive route. */
  readonly interface?: string;
  /** 1..255. */
  readonly weight: number;
  /** Table in which a recursive next hop is looked up. */
  readonly table: number;
}

export interface DesiredRoute {
  readonly prefix: string;
  readonly table: number;
  readonly via: readonly RoutePath[];
}

export interface DesiredNeighbor {
  readonly address: string;
  readonly mac: string;
  /** VPP's interface name. */
  readonly interface: string;
}

export interface Ownership {
  /** VIPs inside these prefixes are ours, also those that are not in the file. Absent: those of the file and journal. */
  readonly prefixes?: readonly string[];
  /** Interface tag that marks our interfaces and bridge domains, 1..63 characters. */
  readonly tag: string;
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
  readonly routes: readonly DesiredRoute[];
  readonly vips: readonly DesiredVip[];
  readonly ownership: Ownership;
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
}

export interface ObservedServer {
  readonly address: string;
  /** VPP 26.10 and later. */
  readonly weight?: number;
  /** Slots of the new-flow table. */
  readonly buckets: number;
  /** Sticky entries that refer to the server. Falls only when entries are reused or flushed. */
  readonly flows: number;
  /** False: removed, kept by VPP until nothing refers to it. */
  readonly used: boolean;
}

export interface ObservedVip {
  readonly prefix: string;
  readonly protocol?: Protocol;
  readonly port?: number;
  /** `nat4` and `nat6` only on VIPs of others. */
  readonly encap: Encap | "nat4" | "nat6";
  readonly dscp?: number;
  readonly tableSize: number;
  readonly srcIpSticky: boolean;
  /** VPP's pool index: the index of its counters. */
  readonly index: number;
  readonly removed: boolean;
  readonly servers: readonly ObservedServer[];
  /** Packets. */
  readonly counters: {
    readonly existingSession: number;
    readonly firstPacket: number;
    readonly untracked: number;
    readonly noServer: number;
  };
}

export interface ObservedLbConf {
  readonly ip4Source: string;
  readonly ip6Source: string;
  /** Absent where VPP does not tell (up to 26.06 before the first packet). Up to 26.06 it lags until the next packet. */
  readonly stickyBuckets?: number;
  /** As stickyBuckets. */
  readonly flowTimeoutS?: number;
  /** Sticky entries in use over all cores; 0 before the first packet. */
  readonly flows: number;
}

export interface ObservedInterface {
  readonly name: string;
  readonly index: number;
  /** VPP's own word: `Loopback`, `af-packet`, `local`, `memif`… */
  readonly deviceType: string;
  readonly kind: "loopback" | "host" | "other";
  readonly hostInterface?: string;
  readonly tag: string;
  readonly mac: string;
  readonly up: boolean;
  readonly linkUp: boolean;
  /** L3 MTU. */
  readonly mtu: number;
  readonly addresses: readonly string[];
  readonly bridge?: BridgeMember;
}

export interface ObservedBridge extends DesiredBridge {
  /** Never desired: without a uu-fwd port it ends VPP (docs/vpp-quirks.md). */
  readonly arpUfwd: boolean;
  readonly tag: string;
  readonly members: readonly string[];
}

export interface ObservedRoute {
  readonly prefix: string;
  readonly table: number;
  readonly via: readonly RoutePath[];
}

export interface ObservedNeighbor extends DesiredNeighbor {
  readonly isStatic: boolean;
}

/** What VPP holds, ours and others'. */
export interface ObservedState {
  readonly features: VppFeatures;
  readonly lbConf: ObservedLbConf;
  readonly bridges: readonly ObservedBridge[];
  readonly interfaces: readonly ObservedInterface[];
  readonly neighbors: readonly ObservedNeighbor[];
  readonly routes: readonly ObservedRoute[];
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
  /** lb_conf as last written by us to this VPP. */
  readonly lbConf?: DesiredLbConf;
}

export type ObjectKind = "lb-conf" | "bridge" | "interface" | "address" | "neighbor" | "route" | "vip" | "server";

export type Verb = "create" | "update" | "delete";

/** Which VIP: enough to name it to VPP. */
export interface VipRef {
  readonly prefix: string;
  readonly protocol?: Protocol;
  readonly port?: number;
}

/** What an operation does to VPP, as data. Interfaces are named; their index is looked up when the operation runs. */
export type Action =
  | { readonly type: "lb-conf"; readonly conf: DesiredLbConf; readonly keepBuckets: boolean }
  | { readonly type: "bridge-create"; readonly bridge: DesiredBridge; readonly tag: string }
  | { readonly type: "bridge-update"; readonly bridge: DesiredBridge }
  | { readonly type: "bridge-delete"; readonly id: number }
  | { readonly type: "interface-create"; readonly interface: DesiredInterface; readonly tag: string }
  | {
      readonly type: "interface-delete";
      readonly name: string;
      readonly kind: "loopback" | "host";
      readonly hostInterface?: string;
    }
  | { readonly type: "interface-tag"; readonly name: string; readonly tag: string }
  | { readonly type: "interface-state"; readonly name: string; readonly up: boolean }
  | { readonly type: "interface-mtu"; readonly name: string; readonly mtu: number }
  | { readonly type: "interface-mac"; readonly name: string; readonly mac: string }
  | {
      readonly type: "interface-bridge";
      readonly name: string;
      readonly bridge: BridgeMember;
      readonly enable: boolean;
    }
  | { readonly type: "address"; readonly interface: string; readonly address: string; readonly add: boolean }
  | { readonly type: "neighbor"; readonly neighbor: DesiredNeighbor; readonly add: boolean }
  | { readonly type: "route"; readonly route: DesiredRoute; readonly add: boolean }
  | { readonly type: "vip-create"; readonly vip: DesiredVip }
  | { readonly type: "vip-delete"; readonly vip: VipRef }
  | {
      readonly type: "servers-add";
      readonly vip: VipRef;
      readonly servers: readonly string[];
      readonly weight?: number;
    }
  | {
      readonly type: "servers-delete";
      readonly vip: VipRef;
      readonly servers: readonly string[];
      readonly flush: boolean;
    }
  | {
      readonly type: "server-weight";
      readonly vip: VipRef;
      readonly server: string;
      readonly weight: number;
      readonly flush: boolean;
    };

export interface Operation {
  /** Stable for the same change of the same object: `vip 10.2.2.0/24 create`. */
  readonly id: string;
  readonly kind: ObjectKind;
  /** Key of the object in its kind. */
  readonly object: string;
  readonly verb: Verb;
  readonly action: Action;
  /** What would undo it; absent where nothing can (a flush). */
  readonly inverse?: Action;
  /** For people: what is done and, where it is not obvious, why. */
  readonly sentence: string;
  /** Ids of operations of the same plan that must have succeeded before. */
  readonly dependsOn: readonly string[];
  /** See STAGES in kind.ts: a stage begins when every operation of the stages before it has ended, well or not. */
  readonly stage: number;
}

/** What a plan does to the flows of one VIP. */
export interface VipDisruption {
  /** Key of the VIP. */
  readonly vip: string;
  /** Share 0..1 of the slots of the new-flow table whose server changes: of flows that are not sticky, so many move. */
  readonly moved: number;
  /** The least share that any table could have moved for the same change of servers. */
  readonly least: number;
  /** Sticky flows that lose their server's entry: their server is flushed, or the VIP is made anew. */
  readonly flowsLost: number;
  /** What VPP cannot change in place, if the VIP is deleted and added for it. */
  readonly recreated?: string;
}

export interface PlanProblem {
  /** The object that is held. */
  readonly object: string;
  readonly message: string;
}

export interface Plan {
  /** In an order that respects `dependsOn`. */
  readonly operations: readonly Operation[];
  readonly disruption: readonly VipDisruption[];
  /** What is desired and cannot be had from this VPP: foreign objects in the way, features that it does not have. */
  readonly problems: readonly PlanProblem[];
  /** What stays other than desired on purpose, and why: not an error, nothing to retry. */
  readonly warnings: readonly string[];
  /** What was found and left alone. */
  readonly foreign: readonly string[];
}

/** A finding in a configuration file. */
export interface Diagnostic {
  /** `advice` is about what vpplb cannot see: the servers, the routers. */
  readonly severity: "error" | "warning" | "advice";
  /** What is wrong and what to do about it. */
  readonly message: string;
  /** Where: `vips[0].servers[2].address`; empty for the whole file. */
  readonly path: string;
  /** 1-based; absent where the file could not be read at all. */
  readonly line?: number;
  readonly column?: number;
}
