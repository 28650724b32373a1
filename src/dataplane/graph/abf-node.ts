import { FiveTuple } from "../acl/tuple.ts";
import type { Feature } from "../features.ts";
import type { ErrorCounters } from "../trace/errors.ts";
import type { Nodes, Packet } from "./context.ts";
import { forwardDpo } from "./forward.ts";

/**
 * abf-input-ip4 and abf-input-ip6 (plugins/abf/abf_itf_attach.c): what a policy's list permits leaves by its path, all
 * else goes on, what a list denies, too. VPP counts only in the IPv4 node.
 */
export function abfNode(errors: ErrorCounters, proto: 4 | 6): Feature {
  const isIp4 = proto === 4;
  const node = isIp4 ? "abf-input-ip4" : "abf-input-ip6";
  const matched = isIp4 ? errors.register(node, "matched") : undefined;
  const missed = isIp4 ? errors.register(node, "missed") : undefined;
  const tuple = new FiveTuple();
  const run = (n: Nodes, p: Packet): boolean => {
    const { abf, acl } = n.dp;
    const here = abf.interfaces[proto][p.rx.swIfIndex];
    if (here === undefined) return true;
    tuple.fill(p.bytes, p.start, p.end, isIp4);
    const placed = here.matcher.match(p.bytes, tuple, acl.matchFragments);
    if (placed === undefined || placed.rule.action === 0) {
      if (missed !== undefined) missed.count += 1;
      if (p.trace !== undefined) n.record(p, node, { kind: "abf", next: "feature", index: 0 });
      return true;
    }
    if (matched !== undefined) matched.count += 1;
    const { dpo } = here.attachments[placed.position]!;
    if (p.trace !== undefined) n.record(p, node, { kind: "abf", next: "dpo", index: dpo.index });
    forwardDpo(n, p, dpo, isIp4);
    return false;
  };
  return { node, run };
}
