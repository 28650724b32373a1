import { parseIp46, parseIp46Prefix, prefixContains, type Ip46Prefix } from "./address.ts";
import { MaglevError } from "./errors.ts";
import { flowHash, type Flow } from "./hash.ts";
import { bucketCounts, buildTable, serverOfSlot, type MaglevServer, type MaglevTable } from "./table.ts";

/** A VIP as `explain` needs it. */
export interface ExplainedVip {
  readonly prefix: string;
  /** Absent: the VIP takes every protocol and port. */
  readonly protocol?: "tcp" | "udp";
  readonly port?: number;
  readonly srcIpSticky?: boolean;
}

/** Where a flow goes and why. */
export type FlowExplanation =
  | { readonly hit: true; readonly hash: number; readonly slot: number; readonly server: string | undefined }
  | { readonly hit: false; readonly reason: string };

/** Follows a flow through a VIP's table: match, hash, slot, server. @throws MaglevError ADDRESS or FLOW */
export function explainFlow(vip: ExplainedVip, table: MaglevTable, flow: Flow): FlowExplanation {
  const miss = missReason(vip, parseIp46Prefix(vip.prefix), flow);
  if (miss !== undefined) return { hit: false, reason: miss };
  const hash = flowHash(flow, { srcIpSticky: vip.srcIpSticky ?? false });
  const slot = hash & (table.size - 1);
  return { hit: true, hash, slot, server: serverOfSlot(table, slot) };
}

function missReason(vip: ExplainedVip, prefix: Ip46Prefix, flow: Flow): string | undefined {
  if (!prefixContains(prefix, parseIp46(flow.dst))) return `${flow.dst} is not in ${prefix.text}`;
  if (vip.protocol !== undefined && vip.protocol !== flow.protocol) {
    return `the VIP takes ${vip.protocol}, the flow is ${flow.protocol}`;
  }
  if (vip.port !== undefined && vip.port !== flow.dstPort) {
    return `the VIP takes port ${vip.port}, the flow goes to port ${flow.dstPort ?? "(none)"}`;
  }
  return undefined;
}

/** What `vpplb explain --offline` reads. `weights`: VPP 26.10's table, else 26.06's. */
export interface OfflineInput {
  readonly vip: string;
  readonly encap: "gre4" | "gre6" | "l3dsr" | "nat4" | "nat6";
  readonly tableSize: number;
  readonly protocol?: "tcp" | "udp";
  readonly port?: number;
  readonly srcIpSticky?: boolean;
  readonly as: readonly string[];
  readonly weights?: readonly number[];
  readonly flows: readonly (readonly [
    src: string,
    dst: string,
    protocol: "tcp" | "udp",
    sport: number,
    dport: number,
  ])[];
}

/** What it prints: slots per server; per flow its server, null where the flow misses the VIP or nobody serves it. */
export interface OfflineOutput {
  readonly buckets: Record<string, number>;
  readonly flows: readonly (string | null)[];
}

/** Explains flows without a VPP. Servers are named as the input names them. @throws MaglevError */
export function explainOffline(input: OfflineInput): OfflineOutput {
  const names = new Map(input.as.map((name) => [checkFamily(name, input), name]));
  const servers: MaglevServer[] = input.as.map((address, index) =>
    input.weights === undefined ? { address } : { address, weight: weightOf(input.weights, index, address) },
  );
  const table = buildTable(servers, input.tableSize, input.weights === undefined ? "plain" : "weighted");
  const vip: ExplainedVip = {
    prefix: input.vip,
    ...(input.protocol === undefined ? {} : { protocol: input.protocol }),
    ...(input.port === undefined ? {} : { port: input.port }),
    srcIpSticky: input.srcIpSticky ?? false,
  };
  const nameOf = (server: string) => names.get(server) ?? server;
  return {
    buckets: Object.fromEntries([...bucketCounts(table)].map(([server, count]) => [nameOf(server), count])),
    flows: input.flows.map(([src, dst, protocol, srcPort, dstPort]) => {
      const found = explainFlow(vip, table, { src, dst, protocol, srcPort, dstPort });
      return found.hit && found.server !== undefined ? nameOf(found.server) : null;
    }),
  };
}

function weightOf(weights: readonly number[], index: number, address: string): number {
  const weight = weights[index];
  if (weight === undefined) {
    throw new MaglevError(
      "WEIGHT",
      `"weights" has ${weights.length} numbers, "as" has more: none for server ${address}`,
    );
  }
  return weight;
}

/** A server must be of the encapsulation's outer family (lb.c: VNET_API_ERROR_INVALID_ADDRESS_FAMILY). */
function checkFamily(address: string, { encap }: OfflineInput): string {
  const parsed = parseIp46(address);
  const wanted = encap === "gre6" || encap === "nat6" ? 6 : 4;
  if (parsed.version !== wanted) {
    throw new MaglevError(
      "ADDRESS",
      `server ${address} is IPv${parsed.version}, encapsulation ${encap} needs IPv${wanted}`,
    );
  }
  return parsed.text;
}
