import type {
  AclLists,
  MemifSpec,
  ObservedAclLists,
  ObservedMemif,
  ObservedReassembly,
  ReassemblyMode,
  TapSpec,
  VlanSpec,
} from "./link.ts";

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
  /** Table of its routes; default 0. */
  readonly table?: number;
  /** The other interface of an L2 cross-connect, which names this one. */
  readonly crossConnect?: string;
  /** All of the interface's ACLs, by tag; absent: none of ours, those of others stay. */
  readonly acl?: AclLists;
  /** Of fragments on the way in. Default: full where the interface is outside and routed, else off. */
  readonly reassembly?: ReassemblyMode;
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

export interface DesiredMemif extends DesiredInterfaceBase {
  readonly kind: "memif";
  readonly memif: MemifSpec;
}

/** A sub-interface: takes the frames of its parent that have this one tag. It has its parent's MAC. */
export interface DesiredVlan extends DesiredInterfaceBase {
  readonly kind: "vlan";
  readonly vlan: VlanSpec;
}

/** A kernel interface made by VPP; needs /dev/vhost-net. */
export interface DesiredTap extends DesiredInterfaceBase {
  readonly kind: "tap";
  readonly tap: TapSpec;
}

export type DesiredInterface = DesiredLoopback | DesiredHostInterface | DesiredMemif | DesiredVlan | DesiredTap;
export type InterfaceKind = DesiredInterface["kind"];

export interface ObservedInterface {
  readonly name: string;
  readonly index: number;
  /** VPP's own word: `Loopback`, `af-packet`, `local`, `memif`… */
  readonly deviceType: string;
  readonly kind: InterfaceKind | "other";
  readonly hostInterface?: string;
  readonly memif?: ObservedMemif;
  /** Of kind "vlan"; `pop` as it is now. */
  readonly vlan?: VlanSpec;
  readonly tap?: TapSpec;
  readonly tag: string;
  readonly mac: string;
  readonly up: boolean;
  readonly linkUp: boolean;
  /** L3 MTU. */
  readonly mtu: number;
  readonly addresses: readonly string[];
  readonly bridge?: BridgeMember;
  /** Absent: 0 for both families. */
  readonly tables?: { readonly ip4: number; readonly ip6: number };
  /** Where frames from here go. */
  readonly crossConnect?: string;
  /** Absent: none. */
  readonly acl?: ObservedAclLists;
  /** Absent where VPP cannot be asked, or was not: only interfaces with a tag are looked at. */
  readonly reassembly?: ObservedReassembly;
}

export interface ObservedBridge extends DesiredBridge {
  /** Never desired: without a uu-fwd port it ends VPP (docs/vpp-quirks.md). */
  readonly arpUfwd: boolean;
  readonly tag: string;
  readonly members: readonly string[];
}

/** What is done to interfaces, their addresses and bridge domains. */
export type InterfaceAction =
  | { readonly type: "bridge-create"; readonly bridge: DesiredBridge; readonly tag: string }
  | { readonly type: "bridge-update"; readonly bridge: DesiredBridge }
  | { readonly type: "bridge-delete"; readonly id: number }
  | { readonly type: "interface-create"; readonly interface: DesiredInterface; readonly tag: string }
  | {
      readonly type: "interface-delete";
      readonly name: string;
      readonly kind: InterfaceKind;
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
  | { readonly type: "address"; readonly interface: string; readonly address: string; readonly add: boolean };
