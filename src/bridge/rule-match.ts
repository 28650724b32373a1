import type { AclRule } from "./types.ts";
import { contains, hostPrefix } from "./wire.ts";

/** A packet as ACLs see it: for ICMP type and code stand for the ports. */
export interface Packet {
  readonly src: string;
  readonly dst: string;
  /** IANA's number. */
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
}

/** Protocols whose ports, or type and code, VPP's ACLs look at. */
const WITH_PORTS = new Set([1, 6, 17, 58]);

/** Whether the rule takes the packet (plugins/acl/public_inlines.h, linear_multi_acl_match_5tuple). */
export function ruleMatches(rule: AclRule, packet: Packet): boolean {
  if (!contains(rule.source, hostPrefix(packet.src)) || !contains(rule.destination, hostPrefix(packet.dst)))
    return false;
  if (rule.protocol === 0) return true;
  if (rule.protocol !== packet.protocol) return false;
  if (!WITH_PORTS.has(rule.protocol)) return true;
  const within = ([first, last]: readonly [number, number], port: number) => first <= port && port <= last;
  return within(rule.sourcePorts, packet.srcPort) && within(rule.destinationPorts, packet.dstPort);
}
