/**
 * The numbers of graph arcs that VPP prints in forwarding: `[@n]` of a bucket and `next:n` of a rewrite. VPP hands them
 * out when a kind of target or an interface is first used from a node; here they are handed out in the order of our
 * pools when they are first shown, which gives VPP's numbers where nothing was deleted before.
 */
import type { Dataplane } from "../../dataplane.ts";
import { DpoKind } from "../../fib/types.ts";
import type { Adjacency, Dpo, LbDpo, SpecialDpo } from "../../fib/types.ts";
import { NO_INDEX } from "../../model.ts";

/** Arcs that ip4-load-balance and ip6-load-balance have from the start: ip_lookup_next_t (src/vnet/ip/lookup.h). */
const FIXED: Readonly<Record<number, number>> = {
  [DpoKind.drop]: 0,
  [DpoKind.punt]: 1,
  [DpoKind.incomplete]: 3,
  [DpoKind.glean]: 4,
  [DpoKind.rewrite]: 5,
};
const FIRST_SLOT = { 4: 11, 6: 14 } as const;
/** Arcs of ip4-rewrite and ip6-rewrite (3 each), ip4-glean (1) and ip6-glean (2) before the first interface's. */
const FIRST_NEXT = { rewrite4: 3, rewrite6: 3, glean4: 1, glean6: 2 } as const;

const perDataplane = new WeakMap<Dataplane, GraphSlots>();

export class GraphSlots {
  readonly #dp: Dataplane;
  readonly #slots = { 4: new Map<string, number>(), 6: new Map<string, number>() };
  readonly #next = new Map<keyof typeof FIRST_NEXT, Map<number, number>>();

  private constructor(dp: Dataplane) {
    this.#dp = dp;
  }

  static of(dp: Dataplane): GraphSlots {
    const known = perDataplane.get(dp) ?? new GraphSlots(dp);
    perDataplane.set(dp, known);
    return known;
  }

  /** `[@n]` of a bucket. */
  of(dpo: Dpo, proto: 4 | 6): number {
    const fixed = FIXED[dpo.kind];
    if (fixed !== undefined) return fixed;
    const key = kindOf(dpo);
    const slots = this.#slots[proto];
    if (!slots.has(key)) {
      for (const lb of this.#dp.fib.loadBalances) {
        if (lb.proto !== proto) continue;
        for (const bucket of lb.buckets)
          if (FIXED[bucket.kind] === undefined) claim(slots, kindOf(bucket), FIRST_SLOT[proto]);
      }
    }
    return claim(slots, key, FIRST_SLOT[proto]);
  }

  /** `next:n` of an adjacency's rewrite. */
  next(adjacency: Adjacency): number {
    const node = nodeOf(adjacency);
    const known = this.#next.get(node) ?? new Map<number, number>();
    this.#next.set(node, known);
    const first = FIRST_NEXT[node];
    if (!known.has(adjacency.iface.swIfIndex)) {
      for (const one of this.#dp.fib.adjacencies.pool) {
        if (one.kind !== DpoKind.incomplete && nodeOf(one) === node) claim(known, one.iface.swIfIndex, first);
      }
    }
    return claim(known, adjacency.iface.swIfIndex, first);
  }
}

function nodeOf(adjacency: Adjacency): keyof typeof FIRST_NEXT {
  return `${adjacency.kind === DpoKind.glean ? "glean" : "rewrite"}${adjacency.proto}`;
}

function kindOf(dpo: Dpo): string {
  if (dpo.kind === DpoKind.lb) {
    const { vipType, perPort } = dpo as LbDpo;
    const encap = ["gre6", "gre4", "gre6", "gre4", "l3dsr", "nat4", "nat6"][vipType] ?? "";
    return `lb-${encap}${perPort ? "-port" : ""}`;
  }
  if (dpo.kind !== DpoKind.receive) return String(dpo.kind);
  const { address, swIfIndex } = dpo as SpecialDpo;
  return address instanceof Uint8Array && swIfIndex === NO_INDEX ? "link-local" : "receive";
}

function claim<K>(taken: Map<K, number>, key: K, first: number): number {
  const slot = taken.get(key) ?? first + taken.size;
  taken.set(key, slot);
  return slot;
}
