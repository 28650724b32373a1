import type { Interface } from "../model.ts";

/**
 * What a load-balance bucket leads to ("data-path object", vnet/dpo/dpo.h). The numbers are for the packet path's switch;
 * `next` is the graph slot that VPP prints as `[@n]`.
 */
export const DpoKind = {
  drop: 0,
  punt: 1,
  receive: 2,
  glean: 3,
  incomplete: 4,
  rewrite: 5,
  loadBalance: 6,
  lb: 7,
} as const;
export type DpoKindNumber = (typeof DpoKind)[keyof typeof DpoKind];

export interface Dpo {
  readonly kind: DpoKindNumber;
  /** In the pool of its kind. */
  readonly index: number;
}

/** Drop and punt; `receive` with the interface and address that made it. */
export class SpecialDpo implements Dpo {
  readonly kind: DpoKindNumber;
  readonly index: number;
  readonly swIfIndex: number;
  readonly address: number | Uint8Array | undefined;

  constructor(kind: DpoKindNumber, index: number, swIfIndex: number, address: number | Uint8Array | undefined) {
    this.kind = kind;
    this.index = index;
    this.swIfIndex = swIfIndex;
    this.address = address;
  }
}

/** An lb VIP's DPO: the VIP (all ports) or the prefix index of the port filter. */
export class LbDpo implements Dpo {
  readonly kind = DpoKind.lb;
  readonly index: number;
  /** lb_vip_type_t. */
  readonly vipType: number;
  readonly perPort: boolean;

  constructor(index: number, vipType: number, perPort: boolean) {
    this.index = index;
    this.vipType = vipType;
    this.perPort = perPort;
  }
}

/** An adjacency: a neighbour (incomplete or with a rewrite) or a glean for a connected prefix. */
export class Adjacency implements Dpo {
  readonly index: number;
  readonly proto: 4 | 6;
  readonly iface: Interface;
  readonly nextHop: number | Uint8Array;
  kind: DpoKindNumber;
  /** Ethernet header of what leaves, with tags on a sub-interface; the neighbour's address is broadcast on a glean. */
  rewrite: Uint8Array;
  /** The same bytes. */
  rewriteView: DataView;
  /** Of a glean: the connected prefix (its address is the interface's own) and length. */
  readonly gleanLength: number;
  locks = 0;
  packets = 0;
  bytes = 0;
  /** Dataplane seconds when an ARP or ND request last went out for it. */
  lastProbeS = -1;

  constructor(
    index: number,
    kind: DpoKindNumber,
    proto: 4 | 6,
    iface: Interface,
    nextHop: number | Uint8Array,
    gleanLength: number,
  ) {
    this.index = index;
    this.kind = kind;
    this.proto = proto;
    this.iface = iface;
    this.nextHop = nextHop;
    this.gleanLength = gleanLength;
    this.rewrite = new Uint8Array(14);
    this.rewriteView = new DataView(this.rewrite.buffer);
  }
}

/** dpo-load-balance: a power of two of buckets, chosen by flow hash where there is more than one. */
export class LoadBalance implements Dpo {
  readonly kind = DpoKind.loadBalance;
  readonly index: number;
  readonly proto: 4 | 6;
  buckets: Dpo[] = [];
  mask = 0;
  urpfIndex = 0;
  toPackets = 0;
  toBytes = 0;
  viaPackets = 0;
  viaBytes = 0;

  constructor(index: number, proto: 4 | 6) {
    this.index = index;
    this.proto = proto;
  }
}

/** Sources in VPP's order of preference (vnet/fib/fib_source.h); the names are those of `show ip fib`. */
export const FIB_SOURCES = [
  "special",
  "interface",
  "lb",
  "API",
  "CLI",
  "adjacency",
  "recursive-resolution",
  "default-route",
] as const;
export type FibSource = (typeof FIB_SOURCES)[number];

/** fib_entry_flag_t, as `entry-flags:` prints them. */
export type FibEntryFlag =
  "connected" | "attached" | "drop" | "exclusive" | "local" | "uRPF-exempt" | "no-attached-export";

export interface FibPrefix {
  readonly proto: 4 | 6;
  /** Host bits cleared. */
  readonly address: number | Uint8Array;
  readonly length: number;
  /** The address as it was given; an entry keeps its maker's, and the API shows it. */
  readonly given: number | Uint8Array;
}

/** One path of a route as CLI and API give it (fib_route_path_t). */
export interface RoutePath {
  /** NO_INDEX or left out: no interface, hence recursive or special. */
  readonly swIfIndex?: number;
  /** 0 (or ::) or left out: none. */
  readonly nextHop?: number | Uint8Array;
  /** Default 4 or 6 as the prefix. */
  readonly nextHopProto?: 4 | 6;
  /** FIB in which a recursive next hop is looked up; default: the route's own. */
  readonly fibIndex?: number;
  /** Default 1. */
  readonly weight?: number;
  /** Default 0; only the lowest preference forwards. */
  readonly preference?: number;
  readonly special?: "drop" | "local" | "punt" | "unreach" | "prohibit";
  /** A host route on an interface: the host itself was made its next hop. */
  readonly attachedHost?: boolean;
}

export type PathType = "attached" | "attached-nexthop" | "recursive" | "receive" | "special" | "exclusive";

export interface Path {
  readonly index: number;
  readonly plIndex: number;
  readonly type: PathType;
  readonly proto: 4 | 6;
  readonly weight: number;
  readonly preference: number;
  readonly swIfIndex: number;
  readonly nextHop: number | Uint8Array | undefined;
  readonly fibIndex: number;
  /** Connected prefix: its attached path is a glean. */
  readonly glean: boolean;
  readonly special: RoutePath["special"];
  readonly route: RoutePath;
  resolved: boolean;
  looped: boolean;
  /** Held adjacency, given DPO, or undefined while unresolved. */
  dpo: Dpo | undefined;
  /** Of a recursive path. */
  viaEntry: FibEntry | undefined;
}

export interface PathList {
  readonly index: number;
  readonly shared: boolean;
  readonly flags: ReadonlySet<"shared" | "no-uRPF" | "drop" | "exclusive" | "local">;
  readonly paths: Path[];
  /** -1 of a list without one. */
  readonly urpfIndex: number;
  /** Sources and entries that use it. */
  locks: number;
  readonly entries: Set<FibEntry>;
  /** Others that want to hear when its paths lead elsewhere. */
  readonly children: Set<() => void>;
  readonly key: string;
}

export interface FibEntrySource {
  readonly source: FibSource;
  /** Times it was added; only `recursive-resolution` and `adjacency` count above 1. */
  refs: number;
  flags: ReadonlySet<FibEntryFlag>;
  pathList: PathList | undefined;
  /** Tracked cover of `recursive-resolution` and `adjacency`. */
  cover: FibEntry | undefined;
  active: boolean;
  contributing: boolean;
}

/** Something that wants to know when an entry forwards differently. */
export interface FibChild {
  forwardingChanged(entry: FibEntry): void;
}

export interface FibEntry {
  readonly index: number;
  readonly fibIndex: number;
  readonly prefix: FibPrefix;
  /** Best first. */
  readonly sources: FibEntrySource[];
  /** Of the active source. */
  pathList: PathList | undefined;
  readonly loadBalance: LoadBalance;
  readonly children: Set<FibChild>;
  /** Entries whose sources track this one as their cover. */
  readonly covered: Set<FibEntry>;
}
