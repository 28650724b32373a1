import { prefix4, prefix6 } from "../fib/prefix.ts";
import type { Interface } from "../model.ts";
import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";
import { LookupContexts, refusal } from "./contexts.ts";
import { DirectionLists, type AclNodes } from "./interface-lists.ts";
import type { AclMatcher } from "./matcher.ts";
import { AclSessions } from "./sessions.ts";
import type { Acl, AclRule } from "./types.ts";

/** vnet/error.h. */
const INVALID_SRC_ADDRESS = -57;
const INVALID_DST_ADDRESS = -58;
const INVALID_VALUE_2 = -8;
const ACL_IN_USE_INBOUND = -142;
const ACL_IN_USE_OUTBOUND = -143;
const ACL_IN_USE_BY_LOOKUP_CONTEXT = -149;
/** Bytes of a tag with its end. */
const TAG_BYTES = 64;
/** acl_add_list's "make a new one". */
export const NEW_ACL = 0xffffffff;

/** What the access lists need of the rest of the dataplane. */
export interface AclHost {
  interface(swIfIndex: number): Interface | undefined;
  /** Seconds since start. */
  now(): number;
  /** The packet path's nodes. */
  readonly nodes: AclNodes;
}

/** A rule as it comes in, before it is known to be one; the family of an address that has none is undefined. */
export type RawRule = Omit<AclRule, "source" | "destination"> & {
  readonly source: number | Uint8Array | undefined;
  readonly destination: number | Uint8Array | undefined;
};

/** Access lists, where they are bound, and sessions, with VPP 26.06's return values (plugins/acl/acl.c). */
export class AclMain {
  readonly acls = new Pool<Acl>();
  readonly contexts = new LookupContexts();
  readonly input = new DirectionLists(true);
  readonly output = new DirectionLists(false);
  readonly sessions = new AclSessions();
  /** Later fragments match by addresses and protocol alone. */
  matchFragments = true;
  /** Changed lists apply to packets of known sessions, too. */
  reclassifySessions = false;
  /** Whether lookups are done with hashes in VPP: shown, and without influence on what matches. */
  useHash = true;
  countersEnabled = false;
  readonly #host: AclHost;
  /** Who else matches against a list: told when it changes. */
  readonly #followers = new Set<AclMatcher>();

  constructor(host: AclHost) {
    this.#host = host;
  }

  now(): number {
    return this.#host.now();
  }

  get(aclIndex: number): Acl | undefined {
    return this.acls.get(aclIndex);
  }

  /** Tells a matcher of abf when lists change; the function ends it. */
  follow(matcher: AclMatcher): () => void {
    this.#followers.add(matcher);
    return () => this.#followers.delete(matcher);
  }

  /** acl_add_list: a new list for {@link NEW_ACL}, else other rules in the place of an existing list's. */
  addReplace(aclIndex: number, tag: string, rules: readonly RawRule[]): { retval: number; aclIndex: number } {
    const refused = (retval: number): { retval: number; aclIndex: number } => ({ retval, aclIndex });
    if (Buffer.byteLength(tag) >= TAG_BYTES) return refused(RV.INVALID_VALUE);
    for (const rule of rules) {
      const fault = ruleFault(rule);
      if (fault !== RV.OK) return refused(fault);
    }
    const checked = rules as readonly AclRule[];
    if (aclIndex === NEW_ACL) {
      const acl = this.acls.add<Acl>((index) => ({ index, tag, rules: checked }));
      // A policy may have named it before it was there.
      this.#changed(acl.index);
      return { retval: RV.OK, aclIndex: acl.index };
    }
    const acl = this.acls.get(aclIndex);
    if (acl === undefined) return refused(RV.NO_SUCH_ENTRY);
    acl.rules = checked;
    acl.tag = tag;
    this.#changed(aclIndex);
    return refused(RV.OK);
  }

  delete(aclIndex: number): number {
    if (!this.acls.has(aclIndex)) return RV.NO_SUCH_ENTRY;
    if (this.input.isUsed(aclIndex)) return ACL_IN_USE_INBOUND;
    if (this.output.isUsed(aclIndex)) return ACL_IN_USE_OUTBOUND;
    if (this.contexts.isUsed(aclIndex)) return ACL_IN_USE_BY_LOOKUP_CONTEXT;
    this.acls.remove(aclIndex);
    this.#changed(aclIndex);
    return RV.OK;
  }

  /** acl_interface_set_acl_list: an error of either direction is 1, and the input list waits for the output's. */
  setLists(swIfIndex: number, input: readonly number[], output: readonly number[]): number {
    if (this.#host.interface(swIfIndex) === undefined) return RV.INVALID_SW_IF_INDEX;
    if (![...input, ...output].every((index) => this.acls.has(index))) return RV.NO_SUCH_ENTRY;
    const failed = this.#setList(this.output, swIfIndex, output) || this.#setList(this.input, swIfIndex, input);
    return failed ? 1 : RV.OK;
  }

  /** acl_interface_add_del: one list at the end, or out of the middle, whose place the last one takes. */
  addDelList(swIfIndex: number, isAdd: boolean, isInput: boolean, aclIndex: number): number {
    if (this.#host.interface(swIfIndex) === undefined) return RV.INVALID_SW_IF_INDEX;
    const lists = isInput ? this.input : this.output;
    const list = [...lists.listOf(swIfIndex)];
    const at = list.indexOf(aclIndex);
    if (isAdd) {
      this.#touch(lists, swIfIndex);
      if (at >= 0) return isInput ? ACL_IN_USE_INBOUND : ACL_IN_USE_OUTBOUND;
      list.push(aclIndex);
    } else {
      if (at < 0) return RV.NO_SUCH_ENTRY;
      const last = list.pop()!;
      if (at < list.length) list[at] = last;
    }
    return this.#setList(lists, swIfIndex, list);
  }

  setEtherTypes(swIfIndex: number, input: readonly number[], output: readonly number[]): number {
    const iface = this.#host.interface(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    this.input.whitelists.set(swIfIndex, input);
    this.output.whitelists.set(swIfIndex, output);
    for (const lists of [this.input, this.output]) {
      if (lists.listOf(swIfIndex).length === 0) continue;
      lists.enable(iface.features, swIfIndex, this.#host.nodes, false);
      lists.enable(iface.features, swIfIndex, this.#host.nodes, true);
    }
    return RV.OK;
  }

  /** Asking for an interface's lists makes VPP show it from then on. */
  shown(swIfIndex: number): void {
    this.#touch(this.input, swIfIndex);
    this.#touch(this.output, swIfIndex);
  }

  /** An interface goes: its lists are unbound; its whitelist stays with the index, as in VPP. */
  interfaceRemoved(swIfIndex: number): void {
    this.sessions.clear(swIfIndex);
    this.#setList(this.output, swIfIndex, []);
    this.#setList(this.input, swIfIndex, []);
  }

  #touch(lists: DirectionLists, swIfIndex: number): void {
    if (!lists.lists.has(swIfIndex)) lists.lists.set(swIfIndex, []);
  }

  #setList(lists: DirectionLists, swIfIndex: number, aclIndexes: readonly number[]): number {
    const refused = refusal(aclIndexes, (index) => this.acls.has(index));
    if (refused !== RV.OK) return refused;
    const wasEmpty = lists.listOf(swIfIndex).length === 0;
    const changed = lists.replace(swIfIndex, aclIndexes, (index) => this.acls.get(index));
    if (this.reclassifySessions) lists.nextEpoch(swIfIndex);
    else if (changed) this.sessions.clear(swIfIndex);
    this.#setContext(lists, swIfIndex, aclIndexes);
    const isEmpty = aclIndexes.length === 0;
    const iface = this.#host.interface(swIfIndex);
    if (iface !== undefined && wasEmpty !== isEmpty)
      lists.enable(iface.features, swIfIndex, this.#host.nodes, !isEmpty);
    return RV.OK;
  }

  #setContext(lists: DirectionLists, swIfIndex: number, aclIndexes: readonly number[]): void {
    const known = lists.contexts.get(swIfIndex);
    if (aclIndexes.length === 0) {
      if (known !== undefined) this.contexts.remove(known);
      lists.contexts.delete(swIfIndex);
      return;
    }
    const context = known ?? this.contexts.add(0, swIfIndex, lists.isInput ? 1 : 0);
    lists.contexts.set(swIfIndex, context);
    this.contexts.set(context, aclIndexes, (index) => this.acls.has(index));
  }

  #changed(aclIndex: number): void {
    for (const lists of [this.input, this.output]) {
      for (const swIfIndex of lists.interfacesByAcl.get(aclIndex) ?? []) {
        lists.matchers[swIfIndex]?.invalidate();
        if (this.reclassifySessions) lists.nextEpoch(swIfIndex);
      }
    }
    for (const matcher of this.#followers) if (matcher.aclIndexes.includes(aclIndex)) matcher.invalidate();
  }
}

/** What acl_add_list refuses a rule for, in its order. */
function ruleFault(rule: RawRule): number {
  const { source, destination } = rule;
  if (!isPrefix(source, rule.sourceLength)) return INVALID_SRC_ADDRESS;
  if (!isPrefix(destination, rule.destinationLength)) return INVALID_DST_ADDRESS;
  if (typeof source !== typeof destination) return INVALID_SRC_ADDRESS;
  if (rule.sourcePortFirst > rule.sourcePortLast) return INVALID_VALUE_2;
  return rule.destinationPortFirst > rule.destinationPortLast ? INVALID_VALUE_2 : RV.OK;
}

/** ip_prefix_validate: a length that the family has, and no host bits. */
function isPrefix(address: number | Uint8Array | undefined, length: number): boolean {
  if (typeof address === "number") return length <= 32 && prefix4(address, length).address === address;
  if (address === undefined || length > 128) return false;
  return Buffer.compare(prefix6(address, length).address as Uint8Array, address) === 0;
}
