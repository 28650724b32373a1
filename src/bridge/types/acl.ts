/** A rule of an ACL. Ranges are inclusive. */
export interface AclRule {
  readonly permit: boolean;
  /** With `permit`: the answers are let back, too. */
  readonly reflect?: true;
  /** Of TCP: those of `mask` must be as in `value`. */
  readonly tcpFlags?: { readonly mask: number; readonly value: number };
  /** Of one family; `0.0.0.0/0` or `::/0` for any. */
  readonly source: string;
  readonly destination: string;
  /** IANA's number; 0: any, and the ranges do not matter. */
  readonly protocol: number;
  /** Ports of TCP and UDP, type of ICMP (0..255), of other protocols 0..65535. */
  readonly sourcePorts: readonly [number, number];
  /** Ports of TCP and UDP, code of ICMP (0..255), of other protocols 0..65535. */
  readonly destinationPorts: readonly [number, number];
}

/** An ACL of ours. VPP knows it by an index; ours are found again by their tag. */
export interface DesiredAcl {
  /** Made by `aclTag` (acl.ts) from kind and name: at most 63 characters. */
  readonly tag: string;
  /** For people: `flow http (IPv4)`. */
  readonly title: string;
  readonly rules: readonly AclRule[];
}

export interface ObservedAcl {
  readonly index: number;
  readonly tag: string;
  readonly rules: readonly AclRule[];
}

/** What is done to ACLs. They are named by tag; their index is looked up when the operation runs. */
export type AclAction =
  | { readonly type: "acl-set"; readonly acl: DesiredAcl }
  /** `index`: this one of several with the tag. */
  | { readonly type: "acl-delete"; readonly tag: string; readonly index?: number };
