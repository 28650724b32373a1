import type { AclMain } from "../acl/acl.ts";
import { removeUnordered, type LookupContext } from "../acl/contexts.ts";
import { AclMatcher } from "../acl/matcher.ts";
import type { Feature } from "../features.ts";
import type { Fib } from "../fib/fib.ts";
import { withoutPaths, withPaths } from "../fib/route-paths.ts";
import type { Dpo, LoadBalance, PathList, RoutePath } from "../fib/types.ts";
import type { Interface } from "../model.ts";
import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";

/** vnet/error.h. */
const ENTRY_ALREADY_EXISTS = -116;
const ARC = { 4: "ip4-unicast", 6: "ip6-unicast" } as const;

export interface AbfPolicy {
  readonly index: number;
  readonly id: number;
  readonly aclIndex: number;
  /** undefined once its paths were deleted while it is attached: what was attached goes on as it did. */
  pathList: PathList | undefined;
  routes: readonly RoutePath[];
  readonly attachments: Set<AbfAttachment>;
  readonly changed: () => void;
}

export interface AbfAttachment {
  readonly index: number;
  readonly policy: AbfPolicy;
  readonly swIfIndex: number;
  readonly proto: 4 | 6;
  readonly priority: number;
  /** Where matching packets go: a path's own target, or `fan` where there are several. */
  dpo: Dpo;
  fan: LoadBalance | undefined;
}

/** Attachments of an interface and family, best first, with what finds the one that matches. */
export interface AbfInterface {
  readonly attachments: AbfAttachment[];
  readonly matcher: AclMatcher;
  readonly context: LookupContext;
  readonly unfollow: () => void;
}

export interface AbfHost {
  readonly fib: Fib;
  readonly acl: AclMain;
  interface(swIfIndex: number): Interface | undefined;
  /** abf-input-ip4 and abf-input-ip6. */
  readonly nodes: Readonly<Record<4 | 6, Feature>>;
}

/**
 * ACL-based forwarding (plugins/abf): packets that a policy's list permits leave by the policy's path. Return values are
 * VPP's. Attachments outlive their interface; the next of its index has them, and does not look at them until all of that
 * family were detached. Differences, all where VPP ends or sends packets astray: an unknown policy or interface, and a family that an
 * attachment is not of, are refused; a policy keeps its path when that is added again; a list that is unknown, or is used
 * by a better policy already, matches nothing instead of keeping the interface's old lists.
 */
export class AbfMain {
  readonly policies = new Pool<AbfPolicy>();
  readonly attachments = new Pool<AbfAttachment>();
  /** By sw_if_index, for the packet path. */
  readonly interfaces: Readonly<Record<4 | 6, (AbfInterface | undefined)[]>> = { 4: [], 6: [] };
  readonly #host: AbfHost;
  readonly #byId = new Map<number, AbfPolicy>();

  constructor(host: AbfHost) {
    this.#host = host;
  }

  policy(id: number): AbfPolicy | undefined {
    return this.#byId.get(id);
  }

  /** abf_policy_update: makes the policy, or adds paths to it; its list can't change (INVALID_VALUE). */
  addPaths(id: number, aclIndex: number, routes: readonly RoutePath[]): number {
    const known = this.#byId.get(id);
    if (known === undefined) {
      this.#create(id, aclIndex, routes);
      return RV.OK;
    }
    if (known.aclIndex !== aclIndex) return RV.INVALID_VALUE;
    this.#setRoutes(known, withPaths(known.routes, routes));
    return RV.OK;
  }

  /** abf_policy_delete: the policy goes with its last path, or when it is detached then. */
  removePaths(id: number, routes: readonly RoutePath[]): number {
    const known = this.#byId.get(id);
    if (known?.pathList === undefined) return RV.INVALID_VALUE;
    const kept = withoutPaths(known.routes, routes);
    if (kept.length > 0) {
      this.#setRoutes(known, kept);
      return RV.OK;
    }
    this.#host.fib.releasePaths(known.pathList, known.changed);
    known.pathList = undefined;
    known.routes = [];
    if (known.attachments.size === 0) this.#remove(known);
    return RV.OK;
  }

  attach(id: number, swIfIndex: number, proto: 4 | 6, priority: number): number {
    const policy = this.#byId.get(id);
    if (policy?.pathList === undefined) return RV.NO_SUCH_ENTRY;
    const iface = this.#host.interface(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    if (this.#find(id, swIfIndex) !== undefined) return ENTRY_ALREADY_EXISTS;
    const dpo = this.#host.fib.drop(proto);
    const attachment = this.attachments.add<AbfAttachment>((index) => ({
      ...{ index, policy, swIfIndex, proto, priority, dpo, fan: undefined },
    }));
    policy.attachments.add(attachment);
    this.#stack(attachment);
    const all = this.#interfaceOf(swIfIndex, proto);
    all.attachments.push(attachment);
    // By the first one only, even where that was attached to an earlier interface of this index (abf_itf_attach.c:165).
    if (all.attachments.length === 1) iface.features.enable(ARC[proto], this.#host.nodes[proto]);
    this.#relist(all);
    return RV.OK;
  }

  detach(id: number, swIfIndex: number, proto: 4 | 6): number {
    const attachment = this.#find(id, swIfIndex);
    if (attachment === undefined || attachment.proto !== proto) return RV.NO_SUCH_ENTRY;
    const all = this.interfaces[proto][swIfIndex];
    if (all !== undefined) {
      removeUnordered(all.attachments, attachment);
      if (all.attachments.length === 0) this.#removeInterface(swIfIndex, proto, all);
      else this.#relist(all);
    }
    this.attachments.remove(attachment.index);
    if (attachment.fan !== undefined) this.#host.fib.loadBalances.remove(attachment.fan.index);
    const { policy } = attachment;
    policy.attachments.delete(attachment);
    if (policy.attachments.size === 0 && policy.pathList === undefined) this.#remove(policy);
    return RV.OK;
  }

  #create(id: number, aclIndex: number, routes: readonly RoutePath[]): void {
    const changed = (): void => {
      for (const attachment of policy.attachments) this.#stack(attachment);
    };
    const policy = this.policies.add<AbfPolicy>((index) => ({
      ...{ index, id, aclIndex, routes, changed },
      pathList: this.#host.fib.obtainPaths(routes, changed),
      attachments: new Set(),
    }));
    this.#byId.set(id, policy);
  }

  #setRoutes(policy: AbfPolicy, routes: readonly RoutePath[]): void {
    const old = policy.pathList;
    policy.pathList = this.#host.fib.obtainPaths(routes, policy.changed);
    policy.routes = routes;
    if (old !== undefined && old !== policy.pathList) this.#host.fib.releasePaths(old, policy.changed);
    else if (old !== undefined) this.#host.fib.releasePaths(old);
    policy.changed();
  }

  #remove(policy: AbfPolicy): void {
    this.#byId.delete(policy.id);
    this.policies.remove(policy.index);
  }

  #find(id: number, swIfIndex: number): AbfAttachment | undefined {
    const policy = this.#byId.get(id);
    for (const each of policy?.attachments ?? []) if (each.swIfIndex === swIfIndex) return each;
    return undefined;
  }

  /** Takes over where the policy's paths lead now; without paths it stays as it was. */
  #stack(attachment: AbfAttachment): void {
    const { fib } = this.#host;
    const list = attachment.policy.pathList;
    if (list === undefined) return;
    const buckets = fib.targets(list, attachment.proto);
    if (buckets.length === 1) {
      if (attachment.fan !== undefined) fib.loadBalances.remove(attachment.fan.index);
      attachment.fan = undefined;
      attachment.dpo = buckets[0]!;
    } else {
      attachment.fan ??= fib.newLoadBalance(attachment.proto);
      attachment.fan.buckets = buckets;
      attachment.fan.mask = buckets.length - 1;
      attachment.dpo = attachment.fan;
    }
  }

  #interfaceOf(swIfIndex: number, proto: 4 | 6): AbfInterface {
    const known = this.interfaces[proto][swIfIndex];
    if (known !== undefined) return known;
    const { acl } = this.#host;
    const matcher = new AclMatcher((index) => acl.get(index));
    const made = {
      attachments: [],
      matcher,
      context: acl.contexts.add(1, swIfIndex, 0),
      unfollow: acl.follow(matcher),
    };
    this.interfaces[proto][swIfIndex] = made;
    return made;
  }

  #removeInterface(swIfIndex: number, proto: 4 | 6, all: AbfInterface): void {
    this.interfaces[proto][swIfIndex] = undefined;
    all.unfollow();
    this.#host.acl.contexts.remove(all.context);
    this.#host.interface(swIfIndex)?.features.disable(ARC[proto], this.#host.nodes[proto].node);
  }

  /** Sorted as VPP's signed difference of priorities sorts; equal ones stay in their order. */
  #relist({ attachments, matcher, context }: AbfInterface): void {
    attachments.sort((a, b) => (a.priority - b.priority) | 0);
    const aclIndexes = attachments.map(({ policy }) => policy.aclIndex);
    matcher.set(aclIndexes);
    const { acl } = this.#host;
    acl.contexts.set(context, aclIndexes, (index) => acl.get(index) !== undefined);
  }
}
