/**
 * The shapes that the dataplane's parts share: packet graph, API server and CLI server.
 *
 * Pools keep their indexes for as long as an element lives and hand out the most recently freed index first, as VPP's
 * pool_get does (vppinfra/pool.h), because VPP shows those indexes in `show` commands and in API replies.
 *
 * IPv4 addresses are unsigned 32-bit numbers in host order (10.0.0.1 = 0x0a000001); IPv6 addresses and MAC addresses are
 * Uint8Array(16) and Uint8Array(6).
 */

import type { InterfaceFeatures } from "./features.ts";
import type { IpMacs } from "./l2/ip-macs.ts";
import type { SubInterface, SubInterfaces } from "./l2/sub-interfaces.ts";

/** VPP's "no index" (`~0`). */
export const NO_INDEX = 0xffffffff;

/** `sub`: a VLAN sub-interface, which has no hardware of its own. */
export type InterfaceKind = "local" | "host" | "loopback" | "sub" | "tap" | "memif";

/** Counters of one software interface; names follow `show interface`. All only grow until cleared. */
export class InterfaceCounters {
  rxPackets = 0;
  rxBytes = 0;
  txPackets = 0;
  txBytes = 0;
  drops = 0;
  punts = 0;
  ip4 = 0;
  ip6 = 0;
  rxNoBuf = 0;
  rxMiss = 0;
  rxError = 0;
  txError = 0;

  clear(): void {
    for (const key of Object.keys(this) as (keyof InterfaceCounters)[])
      if (typeof this[key] === "number") (this as unknown as Record<string, number>)[key] = 0;
  }
}

/** Where an L2 interface is attached. `bvi` routes into the bridge domain, `uu-fwd` takes unknown unicast. */
export interface L2Attachment {
  readonly bdIndex: number;
  readonly shg: number;
  readonly portType: "normal" | "bvi" | "uu-fwd";
  /** What it receives is dropped. */
  readonly isDeaf: boolean;
}

export interface InterfaceMtu {
  /** The default of the three that follow where they are 0. */
  l3: number;
  ip4: number;
  ip6: number;
  mpls: number;
}

export interface Ip4InterfaceAddress {
  readonly address: number;
  readonly length: number;
}

export interface Ip6InterfaceAddress {
  readonly address: Uint8Array;
  readonly length: number;
}

/**
 * The edge of the graph: what takes the frames that an interface transmits. `transmit` may keep a reference to the memory
 * until `flush` returns; afterwards the memory belongs to the caller again.
 */
export interface Port {
  /** Longest frame (Ethernet header included) that can leave here. */
  readonly maxFrameBytes: number;
  /** Whether there is somebody at the other end; left out where the link follows the admin state. */
  readonly linkUp?: boolean;
  /** Queues `length` bytes of `memory` from `offset`. Returns false when the frame can't leave (counted as tx-error). */
  transmit(memory: FrameMemory, offset: number, length: number): boolean;
  /** Hands all queued frames over; returns how many of them were lost. */
  flush(): number;
  /** The interface's admin state has changed. */
  adminChanged?(up: boolean): void;
  close(): void;
}

/** Memory that frames live in: bytes that the program sees and the address that the kernel sees. See {@link frameMemory}. */
export interface FrameMemory {
  readonly bytes: Uint8Array;
  /** The same bytes: for fields of more than one. */
  readonly view: DataView;
  /** The same bytes: for copies. */
  readonly quads: BigInt64Array | undefined;
  /** Address of bytes[0], split as it goes into an iovec; both 0 for memory that only in-memory ports use. */
  readonly addressLow: number;
  readonly addressHigh: number;
}

/** Memory as the graph takes it; `address` is left out where no kernel reads it. */
export function frameMemory(bytes: Uint8Array, address = 0n): FrameMemory {
  const { buffer, byteOffset, length } = bytes;
  return {
    bytes,
    view: new DataView(buffer, byteOffset, length),
    quads: byteOffset % 8 === 0 ? new BigInt64Array(buffer, byteOffset, length >>> 3) : undefined,
    addressLow: Number(address & 0xffffffffn),
    addressHigh: Number(address >> 32n),
  };
}

export interface Interface {
  readonly swIfIndex: number;
  readonly hwIfIndex: number;
  readonly name: string;
  readonly kind: InterfaceKind;
  /** Of the loopback (`loop3` = 3); 0 otherwise. */
  readonly instance: number;
  /** The kernel's device of a host-interface. */
  readonly hostIfName: string | undefined;
  mac: Uint8Array;
  adminUp: boolean;
  linkUp: boolean;
  readonly mtu: InterfaceMtu;
  /** What the hardware takes, L3 bytes; 0 for local0. */
  linkMtu: number;
  /** Takes unicast to anybody also while it routes. */
  promiscuous: boolean;
  tag: string;
  l2: L2Attachment | undefined;
  /** Index of the interface that everything received leaves by (l2 cross-connect); excludes `l2`. */
  xconnect: number | undefined;
  /** Of a sub-interface: the interface it is on, and its tags. */
  readonly sup: Interface | undefined;
  readonly sub: SubInterface | undefined;
  /** Which tags lead to which sub-interface; made with the first one. */
  subs: SubInterfaces | undefined;
  /** FIB indexes (not table ids) of the interface. */
  fibIndex4: number;
  fibIndex6: number;
  /** In the order in which they were added. */
  readonly addresses4: Ip4InterfaceAddress[];
  readonly addresses6: Ip6InterfaceAddress[];
  ip6Enabled: boolean;
  /** Valid while IPv6 is enabled; made from the MAC address (RFC 4291 appendix A). */
  linkLocal: Uint8Array;
  readonly counters: InterfaceCounters;
  readonly features: InterfaceFeatures;
  port: Port | undefined;
}

export interface BridgeDomain {
  readonly bdIndex: number;
  readonly bdId: number;
  flood: boolean;
  uuFlood: boolean;
  forward: boolean;
  learn: boolean;
  arpTerm: boolean;
  arpUfwd: boolean;
  /** Minutes; 0 = entries stay. */
  macAgeMin: number;
  tag: string;
  /** Bridge sequence number. */
  seqNum: number;
  bviSwIfIndex: number;
  uuFwdSwIfIndex: number;
  /** Members in the order of VPP's vector: a BVI is first (vnet/l2/l2_bd.c bd_add_member). */
  readonly members: BridgeMember[];
  learnLimit: number;
  learnCount: number;
  /** For ARP termination. */
  readonly ipMacs: IpMacs;
}

export interface BridgeMember {
  readonly swIfIndex: number;
  readonly shg: number;
  readonly flags: "normal" | "bvi" | "uu-fwd";
  /** False of loopbacks that aren't the BVI: nothing is flooded to them (`TxFlood`). */
  readonly floods: boolean;
}

export interface L2FibEntry {
  readonly mac: Uint8Array;
  readonly bdIndex: number;
  swIfIndex: number;
  static: boolean;
  filter: boolean;
  bvi: boolean;
  /** Learned with the aging not yet off ('-' in `show l2fib`), kept for `show`. */
  ageNot: boolean;
  /** Sequence numbers BSN/ISN at the time of learning. */
  bdSeqNum: number;
  ifSeqNum: number;
  lastSeenS: number;
}

/** One IP neighbour (vnet/ip-neighbor/ip_neighbor.h). */
export interface Neighbor {
  readonly index: number;
  readonly swIfIndex: number;
  readonly address: number | Uint8Array;
  mac: Uint8Array;
  static: boolean;
  dynamic: boolean;
  noFibEntry: boolean;
  /** Whether it has a host route: also one that was to have none, once its interface was bound to a table. */
  hasRoute: boolean;
  /** Dataplane seconds (`Dataplane.now()`) of the last update. */
  updatedS: number;
  /** How often it was asked for since its time was over. */
  probes: number;
}

/** Severity as `show errors` prints it. */
export type Severity = "error" | "warn" | "info" | "success";

export interface ErrorCounter {
  readonly node: string;
  readonly reason: string;
  readonly severity: Severity;
  count: number;
}

/** One node's record of a traced packet. `data` depends on the node: see trace/records.ts. */
export interface TraceRecord {
  readonly node: string;
  /** Dataplane seconds. */
  readonly timeS: number;
  readonly data: object;
}

export interface TracedPacket {
  readonly records: TraceRecord[];
}

export interface InterfaceEvent {
  readonly swIfIndex: number;
  readonly adminUp: boolean;
  readonly linkUp: boolean;
  readonly deleted: boolean;
}
