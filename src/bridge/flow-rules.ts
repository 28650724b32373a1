import type { AclRule, DesiredFlow, FlowProtocol, PortRange } from "./types.ts";
import { anyPrefix } from "./acl.ts";
import { familyOf } from "./wire.ts";

/** The highest priority that a flow may have. */
export const MAX_PRIORITY = 1_000_000;

/** What comes before all flows: echo requests that are answered or filtered. */
export const FIRST_PRIORITY = 0;

/** A flow may be so many rules at most: VIPs x subnets x protocols x port ranges. */
export const MAX_RULES = 4096;

/** VPP's priority: there the lowest number comes first. */
export function vppPriority(priority: number): number {
  return 1 + MAX_PRIORITY - priority;
}

const ALL_PORTS: readonly [number, number] = [0, 65_535];
const ALL_TYPES: readonly [number, number] = [0, 255];

export const ECHO_REQUEST = { 4: 8, 6: 128 } as const;

export function protocolNumber(protocol: FlowProtocol, family: 4 | 6): number {
  switch (protocol) {
    case "any":
      return 0;
    case "icmp":
      return family === 4 ? 1 : 58;
    case "tcp":
      return 6;
    case "udp":
      return 17;
    case "sctp":
      return 132;
  }
}

/** The flow's rules for its VIPs of a family; empty where it has none. */
export function flowRules(flow: DesiredFlow, family: 4 | 6): AclRule[] {
  const vips = flow.vips.filter((prefix) => familyOf(prefix) === family);
  const sources = sourcesOf(flow, family);
  const from = rangesOf(flow.sourcePorts);
  const to = rangesOf(flow.destinationPorts);
  return vips.flatMap((destination) =>
    sources.flatMap((source) =>
      flow.protocols.flatMap((protocol) => {
        const rule = { permit: true, source, destination, protocol: protocolNumber(protocol, family) };
        if (protocol === "icmp") return [{ ...rule, sourcePorts: ALL_TYPES, destinationPorts: ALL_TYPES }];
        if (protocol !== "tcp" && protocol !== "udp")
          return [{ ...rule, sourcePorts: ALL_PORTS, destinationPorts: ALL_PORTS }];
        return from.flatMap((sourcePorts) =>
          to.map((destinationPorts) => ({ ...rule, sourcePorts, destinationPorts })),
        );
      }),
    ),
  );
}

function sourcesOf({ sourceSubnets }: DesiredFlow, family: 4 | 6): readonly string[] {
  if (sourceSubnets.length === 0) return [family === 4 ? "0.0.0.0/0" : "::/0"];
  return sourceSubnets.filter((prefix) => familyOf(prefix) === family);
}

function rangesOf(ranges: readonly PortRange[]): (readonly [number, number])[] {
  return ranges.length === 0 ? [ALL_PORTS] : ranges.map(({ first, last }) => [first, last]);
}

/** Echo requests to a VIP. */
export function echoRule(destination: string): AclRule {
  const family = familyOf(destination);
  const type = ECHO_REQUEST[family];
  return {
    permit: true,
    source: anyPrefix(destination),
    destination,
    protocol: protocolNumber("icmp", family),
    sourcePorts: [type, type],
    destinationPorts: ALL_TYPES,
  };
}

/** Everything to a prefix. */
export function anythingTo(destination: string): AclRule {
  return {
    permit: true,
    source: anyPrefix(destination),
    destination,
    protocol: 0,
    sourcePorts: ALL_PORTS,
    destinationPorts: ALL_PORTS,
  };
}
