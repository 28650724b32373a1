import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";

/** vnet/error.h. */
const ENTRY_ALREADY_EXISTS = -116;

/** Who uses lookup contexts, as VPP numbers them: the acl plugin itself and abf. */
export const LOOKUP_USERS = [
  { name: "interface ACL", label1: "sw_if_index", label2: "is_input" },
  { name: "ABF plugin", label1: "sw_if_index", label2: "(nil)" },
] as const;
export type LookupUser = 0 | 1;

export interface LookupContext {
  readonly index: number;
  readonly user: LookupUser;
  readonly value1: number;
  readonly value2: number;
  aclIndexes: readonly number[];
}

/**
 * Lookup contexts: lists of access lists that somebody matches against, and thereby holds (plugins/acl/lookup_context.c).
 * What is matched is the users' own affair; these are what VPP shows and what keeps lists from being deleted.
 */
export class LookupContexts {
  readonly pool = new Pool<LookupContext>();
  /** By ACL, the contexts that hold it, in VPP's order; a list remains, empty, once it was used. */
  readonly usersByAcl = new Map<number, number[]>();

  add(user: LookupUser, value1: number, value2: number): LookupContext {
    return this.pool.add((index) => ({ index, user, value1, value2, aclIndexes: [] }));
  }

  /** Takes other lists; where one is unknown or comes twice all stays as it was, as in VPP. */
  set(context: LookupContext, aclIndexes: readonly number[], isKnown: (aclIndex: number) => boolean): number {
    const refused = refusal(aclIndexes, isKnown);
    if (refused !== RV.OK) return refused;
    this.#unlock(context);
    context.aclIndexes = [...aclIndexes];
    for (const aclIndex of aclIndexes) {
      const users = this.usersByAcl.get(aclIndex) ?? [];
      users.push(context.index);
      this.usersByAcl.set(aclIndex, users);
    }
    return RV.OK;
  }

  remove(context: LookupContext): void {
    this.#unlock(context);
    this.pool.remove(context.index);
  }

  isUsed(aclIndex: number): boolean {
    return (this.usersByAcl.get(aclIndex)?.length ?? 0) > 0;
  }

  #unlock(context: LookupContext): void {
    for (const aclIndex of context.aclIndexes) removeUnordered(this.usersByAcl.get(aclIndex), context.index);
  }
}

/** NO_SUCH_ENTRY for an unknown list, ENTRY_ALREADY_EXISTS for one that comes twice, in the order of the lists. */
export function refusal(aclIndexes: readonly number[], isKnown: (aclIndex: number) => boolean): number {
  const seen = new Set<number>();
  for (const aclIndex of aclIndexes) {
    if (!isKnown(aclIndex)) return RV.NO_SUCH_ENTRY;
    if (seen.has(aclIndex)) return ENTRY_ALREADY_EXISTS;
    seen.add(aclIndex);
  }
  return RV.OK;
}

/** vec_del1: the last element takes the place of the removed one. */
export function removeUnordered<T>(list: T[] | undefined, value: T): void {
  const at = list?.indexOf(value) ?? -1;
  if (list === undefined || at < 0) return;
  const last = list.pop()!;
  if (at < list.length) list[at] = last;
}
