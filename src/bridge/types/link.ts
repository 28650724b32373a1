import type { Secret } from "../secret.ts";

/** A unix socket at which memif interfaces meet. */
export interface DesiredMemifSocket {
  /** 1 and up; 0 is VPP's own `memif.sock` in its runtime directory. */
  readonly id: number;
  /** An absolute path, or `abstract:NAME`. */
  readonly filename: string;
}

export type ObservedMemifSocket = DesiredMemifSocket;

export interface MemifSpec {
  readonly socket: number;
  /** Names the interface at its socket, the same at both ends. */
  readonly id: number;
  /** The master listens, the slave connects; all memifs of a socket have one role. */
  readonly role: "master" | "slave";
  readonly mode: "ethernet" | "ip";
  /** Entries of a ring, a power of two up to 2^14; the slave's counts. */
  readonly ringSize: number;
  /** Bytes. */
  readonly bufferSize: number;
  readonly rxQueues: number;
  readonly txQueues: number;
  /** Up to 23 bytes. */
  readonly secret?: Secret;
  /** Slaves only. */
  readonly zeroCopy: boolean;
}

/** What VPP tells of a memif; the rest is known only to who made it. */
export interface ObservedMemif {
  readonly socket: number;
  readonly id: number;
  readonly role: MemifSpec["role"];
  readonly mode: MemifSpec["mode"] | "punt";
  readonly zeroCopy: boolean;
  /** The other end's own name for itself, while it is connected. */
  readonly peer?: string;
  /** Why it is not connected, as the other end or VPP said last. */
  readonly disconnected?: string;
}

export interface VlanSpec {
  /** VPP's name of the interface that carries the tagged frames. */
  readonly parent: string;
  /** 1..4094 */
  readonly id: number;
  /** In a bridge or a cross-connect: take the tag off on the way in and put it on on the way out. */
  readonly pop: boolean;
}

export interface TapSpec {
  readonly id: number;
  /** The kernel's name of its end. */
  readonly hostName: string;
  /** Network namespace of the kernel's end: a name under /run/netns, `pid:N`, or a path. */
  readonly hostNamespace?: string;
  readonly hostMac?: string;
  /** Addresses of the kernel's end: at most one of each family. */
  readonly hostAddresses: readonly string[];
}

export type ReassemblyMode = "full" | "virtual" | "off";

/** What VPP shows of reassembly on an interface: how often each is on. */
export interface ObservedReassembly {
  readonly full4: number;
  readonly full6: number;
  readonly virtual4: number;
  readonly virtual6: number;
}

/** Limits of full reassembly. VPP's own: 3 fragments, 1,024 datagrams, 200 ms, 50 ms (vnet/ip/reass/ip4_full_reass.c:23). */
export interface ReassemblyLimits {
  /** Of one datagram: what is longer is dropped. */
  readonly maxFragments: number;
  /** Datagrams at a time, on each core. */
  readonly maxReassemblies: number;
  /** From a datagram's last fragment on. */
  readonly timeoutMs: number;
  /** How often VPP looks for what has timed out. */
  readonly expireIntervalMs: number;
}

/** Of both families. */
export interface DesiredReassembly {
  /** These exactly; what is absent stays as VPP has it. */
  readonly limits: Partial<ReassemblyLimits>;
  /** Where `limits` has no `maxFragments`: raised to this many where VPP takes fewer. */
  readonly leastFragments: number;
}

/** A table of routes of its own (VRF), for IPv4 and IPv6. */
export interface DesiredTable {
  /** 1 and up. */
  readonly id: number;
  readonly name?: string;
}

export interface ObservedTable {
  readonly id: number;
  readonly family: 4 | 6;
  readonly name: string;
}

export type LinkAction =
  | { readonly type: "memif-socket"; readonly socket: DesiredMemifSocket; readonly add: boolean }
  | { readonly type: "interface-tag-rewrite"; readonly name: string; readonly pop: boolean }
  | {
      /** Both directions, or with `to` absent none. */
      readonly type: "interface-cross-connect";
      readonly name: string;
      readonly to: string;
      readonly enable: boolean;
    }
  | { readonly type: "reassembly-limits"; readonly family: 4 | 6; readonly limits: ReassemblyLimits }
  | { readonly type: "interface-reassembly"; readonly name: string; readonly mode: ReassemblyMode }
  | {
      readonly type: "interface-table";
      readonly name: string;
      readonly table: number;
      readonly families: readonly (4 | 6)[];
    }
  | {
      /** All ACLs of the interface, by tag, in one step. */
      readonly type: "interface-acl";
      readonly name: string;
      readonly in: readonly AclRef[];
      readonly out: readonly AclRef[];
    }
  | {
      readonly type: "table";
      readonly table: number;
      readonly name: string;
      readonly families: readonly (4 | 6)[];
      readonly add: boolean;
    };

/** One of ours by its tag, one of others by its index. */
export type AclRef = { readonly tag: string } | { readonly index: number };

/** Names of ACLs in the order in which they are asked. */
export interface AclLists {
  readonly in: readonly string[];
  readonly out: readonly string[];
}

export interface ObservedAclLists {
  readonly in: readonly number[];
  readonly out: readonly number[];
}
