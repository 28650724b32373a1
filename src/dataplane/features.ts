/**
 * Feature arcs (vnet/feature): what looks at an interface's packets between two nodes of the graph, in VPP's order. An
 * interface without features pays one comparison per arc.
 */
import type { Nodes, Packet } from "./graph/context.ts";

/**
 * One node of an arc. `run` says whether the packet goes on; where it does not, the feature has dropped it, sent it
 * elsewhere or keeps it. It may point `p` at other bytes (a reassembled packet), header first.
 */
export interface Feature {
  /** VPP's node name: its place in the arc. */
  readonly node: string;
  readonly run: (n: Nodes, p: Packet) => boolean;
}

/** Features of one arc on one interface, undefined without any. */
export type FeatureChain = readonly Feature[] | undefined;

/**
 * Nodes by arc, in the order of VPP 26.06's `show features`. In ip4-unicast and ip6-unicast `p.start` is the IP header, in
 * ip4-output and ip6-output too (the rewrite comes after), in the l2 arcs it is the Ethernet header. `ip4-unicast` runs
 * after ip4-input's checks and before "ip4 not enabled" and lookup; packets to groups take another arc.
 */
export const ARCS = {
  "ip4-unicast": ["acl-plugin-in-ip4-fa", "ip4-full-reassembly-feature", "ip4-sv-reassembly-feature", "abf-input-ip4"],
  "ip6-unicast": ["acl-plugin-in-ip6-fa", "ip6-sv-reassembly-feature", "ip6-full-reassembly-feature", "abf-input-ip6"],
  "ip4-output": ["acl-plugin-out-ip4-fa", "ip4-sv-reassembly-output-feature"],
  "ip6-output": ["acl-plugin-out-ip6-fa", "ip6-sv-reassembly-output-feature"],
  "l2-input-ip4": ["acl-plugin-in-ip4-l2"],
  "l2-input-ip6": ["acl-plugin-in-ip6-l2"],
  "l2-input-nonip": ["acl-plugin-in-nonip-l2"],
  "l2-output-ip4": ["acl-plugin-out-ip4-l2"],
  "l2-output-ip6": ["acl-plugin-out-ip6-l2"],
  "l2-output-nonip": ["acl-plugin-out-nonip-l2"],
} as const satisfies Record<string, readonly string[]>;
export type Arc = keyof typeof ARCS;

/** An interface's feature chains, as the packet path reads them. */
export class InterfaceFeatures {
  readonly #chains = new Map<Arc, readonly Feature[]>();
  ip4Unicast: FeatureChain = undefined;
  ip6Unicast: FeatureChain = undefined;
  ip4Output: FeatureChain = undefined;
  ip6Output: FeatureChain = undefined;
  /** Whether any l2-input or l2-output arc has features. */
  l2Input = false;
  l2Output = false;

  chain(arc: Arc): FeatureChain {
    return this.#chains.get(arc);
  }

  /** Whether a node runs. */
  has(arc: Arc, node: string): boolean {
    return this.#chains.get(arc)?.some((feature) => feature.node === node) ?? false;
  }

  /** Adds a feature at its place; one of the same node is replaced. @throws RangeError for a node that the arc lacks */
  enable(arc: Arc, feature: Feature): void {
    const order: readonly string[] = ARCS[arc];
    if (!order.includes(feature.node)) throw new RangeError(`${arc} has no ${feature.node}`);
    const others = (this.#chains.get(arc) ?? []).filter(({ node }) => node !== feature.node);
    const chain = [...others, feature].sort((a, b) => order.indexOf(a.node) - order.indexOf(b.node));
    this.#set(arc, chain);
  }

  /** Removes a node's feature; none is fine. */
  disable(arc: Arc, node: string): void {
    this.#set(
      arc,
      (this.#chains.get(arc) ?? []).filter((feature) => feature.node !== node),
    );
  }

  #set(arc: Arc, chain: readonly Feature[]): void {
    if (chain.length === 0) this.#chains.delete(arc);
    else this.#chains.set(arc, chain);
    this.ip4Unicast = this.#chains.get("ip4-unicast");
    this.ip6Unicast = this.#chains.get("ip6-unicast");
    this.ip4Output = this.#chains.get("ip4-output");
    this.ip6Output = this.#chains.get("ip6-output");
    const arcs = [...this.#chains.keys()];
    this.l2Input = arcs.some((each) => each.startsWith("l2-input"));
    this.l2Output = arcs.some((each) => each.startsWith("l2-output"));
  }
}

/** Runs a chain; false where a feature took the packet. */
export function runFeatures(n: Nodes, p: Packet, chain: readonly Feature[]): boolean {
  for (let i = 0; i < chain.length; i += 1) if (!chain[i]!.run(n, p)) return false;
  return true;
}

/** Runs what comes after `feature` in a chain: for a packet that the feature kept and now lets go. */
export function runFeaturesAfter(n: Nodes, p: Packet, chain: FeatureChain, feature: Feature): boolean {
  if (chain === undefined) return true;
  const order = chain.indexOf(feature);
  // A feature that was switched off meanwhile lets go of what it kept.
  for (let i = order + 1; i < chain.length; i += 1) if (!chain[i]!.run(n, p)) return false;
  return true;
}
