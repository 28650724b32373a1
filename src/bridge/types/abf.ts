/**
 * What packets match an ACL as they come in goes to a next hop, whatever their destination. In VPP a policy (ACL and
 * path) and its attachments to interfaces.
 */
export interface DesiredAbf {
  /** Tag of the ACL; by it the policy is known. */
  readonly acl: string;
  /** For people: `flow http (IPv4)`. */
  readonly title: string;
  /** Address of the next hop, looked up in the default table. Its family is the policy's. */
  readonly via: string;
  /** VPP's: the lowest number comes first. */
  readonly priority: number;
  /** VPP's names of the interfaces. */
  readonly interfaces: readonly string[];
}

/** Policy ids that vpplb uses: `first` .. `first + count - 1`. */
export interface PolicyIds {
  readonly first: number;
  readonly count: number;
}

export interface ObservedAbfPolicy {
  readonly id: number;
  readonly aclIndex: number;
  /** Next hops; a path that is no plain next hop is given as `?`. */
  readonly via: readonly string[];
}

export interface ObservedAbfAttachment {
  readonly policy: number;
  readonly interfaceIndex: number;
  /** VPP's name; absent where VPP has no such interface any more. */
  readonly interface?: string;
  readonly priority: number;
  readonly ipv6: boolean;
  /** False: the interface was made anew since, and VPP does not look at its attachments. */
  readonly active: boolean;
}

export interface AbfAttachment {
  readonly policy: number;
  readonly interface: string;
  readonly priority: number;
  readonly ipv6: boolean;
}

export type AbfAction =
  | { readonly type: "abf-policy-create"; readonly id: number; readonly acl: string; readonly via: string }
  | { readonly type: "abf-policy-delete"; readonly id: number; readonly via: readonly string[] }
  | { readonly type: "abf-attach"; readonly attachment: AbfAttachment }
  /** `interfaceIndex`: of an interface that is gone, or was made anew. */
  | { readonly type: "abf-detach"; readonly attachment: AbfAttachment; readonly interfaceIndex?: number };
