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
  /** Of a stream: it is known by this, its prefix is inside VPP only. */
  readonly title?: string;
  /** The stream that it has its servers from. */
  readonly stream?: string;
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
  /** Resize the sticky table also where that forgets flows: asked for with --force. Default: not. */
  readonly resizeInUse?: boolean;
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
  /** See DesiredVip; VPP does not tell, the controller remembers. */
  readonly title?: string;
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

/** Which VIP: enough to name it to VPP. */
export interface VipRef {
  /** See DesiredVip. */
  readonly title?: string;
  readonly prefix: string;
  readonly protocol?: Protocol;
  readonly port?: number;
}

/** What is done to lb_conf, VIPs and their servers. */
export type LbAction =
  | { readonly type: "lb-conf"; readonly conf: DesiredLbConf; readonly keepBuckets: boolean }
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
