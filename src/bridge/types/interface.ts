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

/** What is done to interfaces, their addresses and bridge domains. */
export type InterfaceAction =
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
  | { readonly type: "address"; readonly interface: string; readonly address: string; readonly add: boolean };
