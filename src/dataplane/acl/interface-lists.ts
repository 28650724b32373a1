import type { InterfaceFeatures } from "../features.ts";
import type { Acl } from "./types.ts";
import { AclMatcher } from "./matcher.ts";
import { removeUnordered, type LookupContext } from "./contexts.ts";

/** Policy epochs are 15 bits, with the direction above them (fa_node.h). */
const EPOCH_MASK = 0x7fff;
export const EPOCH_IS_INPUT = 0x8000;

/** Access lists of one direction on all interfaces. */
export class DirectionLists {
  readonly isInput: boolean;
  /** By sw_if_index: what the packet path matches against; undefined where no list is bound. */
  readonly matchers: (AclMatcher | undefined)[] = [];
  readonly lists = new Map<number, readonly number[]>();
  readonly contexts = new Map<number, LookupContext>();
  /** sw_if_index by ACL, in VPP's order; a list remains, empty, once an ACL was bound. */
  readonly interfacesByAcl = new Map<number, number[]>();
  readonly whitelists = new Map<number, readonly number[]>();
  readonly epochs = new Map<number, number>();
  /** The highest sw_if_index that ever had a list set, be it an empty one: up to it VPP shows lookup contexts. */
  highestSet = -1;

  constructor(isInput: boolean) {
    this.isInput = isInput;
  }

  listOf(swIfIndex: number): readonly number[] {
    return this.lists.get(swIfIndex) ?? [];
  }

  /** Puts a list in place of another. Returns whether they name different ACLs, whatever the order. */
  replace(swIfIndex: number, aclIndexes: readonly number[], lookup: (index: number) => Acl | undefined): boolean {
    const old = this.listOf(swIfIndex);
    const added = aclIndexes.filter((index) => !old.includes(index)).sort((a, b) => a - b);
    const removed = old.filter((index) => !aclIndexes.includes(index));
    for (const index of removed) removeUnordered(this.interfacesByAcl.get(index), swIfIndex);
    for (const index of added) {
      const users = this.interfacesByAcl.get(index) ?? [];
      users.push(swIfIndex);
      this.interfacesByAcl.set(index, users);
    }
    this.lists.set(swIfIndex, [...aclIndexes]);
    this.highestSet = Math.max(this.highestSet, swIfIndex);
    if (aclIndexes.length === 0) this.matchers[swIfIndex] = undefined;
    else (this.matchers[swIfIndex] ??= new AclMatcher(lookup)).set(aclIndexes);
    return added.length + removed.length > 0;
  }

  isUsed(aclIndex: number): boolean {
    return (this.interfacesByAcl.get(aclIndex)?.length ?? 0) > 0;
  }

  epochOf(swIfIndex: number): number {
    return this.epochs.get(swIfIndex) ?? (this.isInput ? EPOCH_IS_INPUT : 0);
  }

  /** Sessions of before are stale (increment_policy_epoch). */
  nextEpoch(swIfIndex: number): void {
    const next = ((this.epochs.get(swIfIndex) ?? 0) + 1) & EPOCH_MASK;
    this.epochs.set(swIfIndex, next + (this.isInput ? EPOCH_IS_INPUT : 0));
  }

  isWhitelisted(swIfIndex: number, etherType: number): boolean {
    const list = this.whitelists.get(swIfIndex) ?? [];
    return list.length === 0 || list.includes(etherType);
  }

  /** Switches the nodes of this direction on or off on an interface. */
  enable(features: InterfaceFeatures, swIfIndex: number, nodes: AclNodes, on: boolean): void {
    const direction = this.isInput ? "in" : "out";
    const l2 = this.isInput ? "l2-input" : "l2-output";
    const hasWhitelist = (this.whitelists.get(swIfIndex)?.length ?? 0) > 0;
    for (const proto of ["ip4", "ip6"] as const) {
      const arc = this.isInput ? (`${proto}-unicast` as const) : (`${proto}-output` as const);
      for (const [each, node] of [
        [arc, `acl-plugin-${direction}-${proto}-fa`],
        [`${l2}-${proto}`, `acl-plugin-${direction}-${proto}-l2`],
      ] as const) {
        if (on) features.enable(each, nodes(node));
        else features.disable(each, node);
      }
    }
    const nonIp = `acl-plugin-${direction}-nonip-l2`;
    if (hasWhitelist && on) features.enable(`${l2}-nonip`, nodes(nonIp));
    else if (hasWhitelist) features.disable(`${l2}-nonip`, nonIp);
  }
}

/** A node of the packet graph by its name. */
export type AclNodes = (node: string) => Parameters<InterfaceFeatures["enable"]>[1];
