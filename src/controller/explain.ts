import { contains, hostPrefix, tableOf, vipKey, type DiffInput, type ObservedVip } from "../bridge/index.ts";
import { bucketCounts, explainFlow, type MaglevTable } from "../maglev/index.ts";
import { percent } from "./gate.ts";
import { steer, type Steering } from "./explain-steering.ts";
import type { ExplainResult, Flow } from "./types.ts";

/**
 * Follows a flow through what VPP holds: VIP, rule, stream, hash, slot, server. Pure.
 * @param unchecked why the tables here cannot be compared with VPP's own; absent: they are
 * @throws MaglevError for a flow that is none
 */
export function explain(flow: Flow, input: DiffInput, unchecked?: string): ExplainResult {
  const steered = steer(flow, input);
  if (steered !== undefined) return explainSteered(flow, steered, input, unchecked);
  const found = vipOfFlow(flow, input.observed.vips);
  if ("reason" in found) return { flow, checked: false, steps: [found.reason] };
  return explainTable(flow, found.vip, { vip: vipKey(found.vip) }, [found.why], input, unchecked);
}

/** What `steer` found, to the server where there is one. */
function explainSteered(
  flow: Flow,
  { steps, table, ...found }: Steering,
  input: DiffInput,
  unchecked?: string,
): ExplainResult {
  if (table === undefined) return { flow, ...found, checked: false, steps };
  return explainTable(flow, table, found, steps, input, unchecked);
}

type Known = Pick<ExplainResult, "vip" | "rule" | "stream">;

function explainTable(
  flow: Flow,
  vip: ObservedVip,
  known: Known,
  before: readonly string[],
  { observed }: DiffInput,
  unchecked?: string,
): ExplainResult {
  const table = tableOf(vip, observed.features.weights);
  const base = { flow, ...known, encap: vip.encap, tableSize: vip.tableSize };
  // The table of a stream takes packets to any address: only the hash looks at the destination.
  const where = explainFlow(tableVip(vip, flow), table, { ...flow, protocol: protocolOf(flow) });
  if (!where.hit) return { ...base, checked: false, steps: [...before, where.reason] };
  const mismatch = unchecked ?? compareBuckets(vip, table);
  const { hash, slot, server } = where;
  const steps = [
    ...before,
    `hash of ${hashed(flow, vip)}: 0x${hash.toString(16).padStart(8, "0")}`,
    `slot ${slot} of ${vip.tableSize} (the hash's lowest bits)`,
    server === undefined
      ? "no server has the slot: VPP drops the packet"
      : `slot ${slot} belongs to ${server}${shareText(vip, server)}`,
    `a flow that is in the sticky table stays with the server it has, whatever the slot says`,
    mismatch ?? `checked: the slots of all ${table.servers.length} servers are as many as VPP shows`,
  ];
  return { ...base, hash, slot, ...(server === undefined ? {} : { server }), checked: mismatch === undefined, steps };
}

function tableVip(vip: ObservedVip, flow: Flow): ObservedVip {
  return vip.title === undefined ? vip : { ...vip, prefix: hostPrefix(flow.dst) };
}

/** VPP looks up the destination's longest prefix first, then the port (lb.c, lb_vip_add_port_filter). */
function vipOfFlow(flow: Flow, vips: readonly ObservedVip[]): { vip: ObservedVip; why: string } | { reason: string } {
  const holding = vips.filter((vip) => contains(vip.prefix, flow.dst));
  if (holding.length === 0) return { reason: `no VIP holds ${flow.dst}: the packet is routed like any other` };
  const longest = Math.max(...holding.map((vip) => Number(vip.prefix.split("/")[1])));
  const nearest = holding.filter((vip) => Number(vip.prefix.split("/")[1]) === longest);
  const [allPorts] = nearest.filter((vip) => vip.port === undefined);
  if (allPorts !== undefined)
    return { vip: allPorts, why: `${flow.dst} is in VIP ${allPorts.prefix}, which takes all ports` };
  const byPort = nearest.find((vip) => vip.protocol === flow.protocol && vip.port === flow.dstPort);
  if (byPort !== undefined)
    return { vip: byPort, why: `${flow.dst} ${flow.protocol}/${flow.dstPort} is VIP ${vipKey(byPort)}` };
  return {
    reason: `${nearest[0]!.prefix} takes only ${nearest.map((vip) => `${vip.protocol}/${vip.port}`).join(", ")}: VPP drops the packet`,
  };
}

function protocolOf({ protocol }: Flow): "tcp" | "udp" | "other" {
  if (protocol === "tcp" || protocol === 6) return "tcp";
  return protocol === "udp" || protocol === 17 ? "udp" : "other";
}

function hashed(flow: Flow, vip: ObservedVip): string {
  if (vip.srcIpSticky) return "source and destination address (srcIpSticky)";
  return protocolOf(flow) === "other" ? "source and destination address" : "addresses and ports";
}

function shareText(vip: ObservedVip, server: string): string {
  const buckets = vip.servers.find((one) => one.address === server)?.buckets;
  return buckets === undefined ? "" : ` (${buckets} slots, ${percent(buckets / vip.tableSize)})`;
}

/** How our table differs from VPP's own counts; undefined where it does not. */
export function compareBuckets(vip: ObservedVip, table: MaglevTable): string | undefined {
  const ours = bucketCounts(table);
  const wrong = vip.servers.filter((server) => server.used && (ours.get(server.address) ?? 0) !== server.buckets);
  if (wrong.length === 0) return undefined;
  const { address, buckets } = wrong[0]!;
  return `not checked: VPP shows ${buckets} slots for ${address}, the table computed here has ${ours.get(address) ?? 0}`;
}
