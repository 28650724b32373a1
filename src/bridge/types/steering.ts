import type { PolicyIds } from "./abf.ts";
import type { DesiredServer } from "./lb.ts";

/**
 * A group of servers that share one new-flow table, for as many VIPs and flows as are sent to it. L3DSR is not for
 * streams: it replaces the destination, so that the server could not tell the VIPs apart.
 */
export interface DesiredStream {
  readonly name: string;
  readonly encap: "gre4" | "gre6";
  /** Slots of the new-flow table: a power of two, 1..2^20. */
  readonly tableSize: number;
  readonly srcIpSticky: boolean;
  readonly servers: readonly DesiredServer[];
  /** Addresses inside VPP that the file gives it, at most one of each family; others are taken from the pools. */
  readonly anchors: readonly string[];
}

/** `any` is every protocol, without ports. */
export type FlowProtocol = "tcp" | "udp" | "sctp" | "icmp" | "any";

/** Inclusive; 0..65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Which packets to VIPs go to a stream. Of several that match the one with the highest priority decides. */
export interface DesiredFlow {
  readonly name: string;
  readonly stream: string;
  /** Prefixes of VIPs of the same state. */
  readonly vips: readonly string[];
  /** Empty: any source. */
  readonly sourceSubnets: readonly string[];
  /** TCP and UDP only; empty: any port. */
  readonly destinationPorts: readonly PortRange[];
  /** TCP and UDP only; empty: any port. */
  readonly sourcePorts: readonly PortRange[];
  readonly protocols: readonly FlowProtocol[];
  /** 0..1,000,000; the highest comes first. */
  readonly priority: number;
}

/** A VIP whose packets go to streams. */
export interface StreamVip {
  readonly name?: string;
  readonly prefix: string;
  /** Takes what no flow takes; absent: that is dropped and counted. */
  readonly stream?: string;
}

/** What becomes of ICMP echo requests to a VIP. Without an entry they are treated like any other packet. */
export interface DesiredEcho {
  readonly prefix: string;
  /** `answer`: VPP itself answers. `drop`: nobody does. */
  readonly policy: "answer" | "drop";
}

export interface DesiredSteering {
  readonly streams: readonly DesiredStream[];
  readonly flows: readonly DesiredFlow[];
  readonly vips: readonly StreamVip[];
  readonly echo: readonly DesiredEcho[];
  /** Addresses for use inside VPP, that nobody else uses. */
  readonly pools: { readonly ip4: string; readonly ip6: string };
  /** VPP's names of the interfaces on which packets to VIPs come in. */
  readonly interfaces: readonly string[];
  readonly policyIds: PolicyIds;
}

/** A stream as VPP has it: for each family of its VIPs an address of its own. */
export interface SteeredStream {
  readonly name: string;
  readonly family: 4 | 6;
  /** Prefix of the lb VIP that holds its servers. */
  readonly anchor: string;
}

/** A flow as VPP has it: for each family of its VIPs a rule, and a next hop that leads to the stream and counts. */
export interface SteeredFlow {
  readonly name: string;
  readonly family: 4 | 6;
  readonly stream: string;
  /** Tag of its ACL. */
  readonly acl: string;
  /** Prefix of its next hop. */
  readonly hop: string;
}

/**
 * - `own`: the VIP has a table of its own: an lb VIP, as without streams.
 * - `shared`: it uses its stream's table.
 * - `none`: it has no stream; what no flow takes is dropped.
 */
export interface SteeredVip extends StreamVip {
  readonly table: "own" | "shared" | "none";
}

/** What streams, flows and VIPs have become; for what is told of them. */
export interface Steered {
  readonly streams: readonly SteeredStream[];
  readonly flows: readonly SteeredFlow[];
  readonly vips: readonly SteeredVip[];
  /** As the file has them. */
  readonly names: { readonly streams: readonly string[]; readonly flows: readonly DesiredFlow[] };
  /** Of the file. */
  readonly echo: readonly DesiredEcho[];
  /** By key (assign.ts) all addresses inside VPP, those of what is to go included. */
  readonly assigned: ReadonlyMap<string, string>;
  /** Why something cannot be had. */
  readonly problems: readonly string[];
}
