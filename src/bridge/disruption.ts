import { disruption } from "../maglev/index.ts";
import { tableOf, wantedTable } from "./lb-tables.ts";
import { steeringDisruptions } from "./steering-disruption.ts";
import type { DiffInput } from "./kind.ts";
import { vipId, vipKey } from "./keys.ts";
import { serverChanges } from "./server.ts";
import type { DesiredVip, ObservedVip, VipDisruption } from "./types.ts";
import { recreateReasons, vipStartingPoint } from "./vip.ts";

/** What the difference does to the flows of each VIP. VIPs that stay as they are, or that are new, are left out. */
export function disruptions(input: DiffInput): VipDisruption[] {
  return [...input.desired.vips.flatMap((vip) => disruptionOf(vip, input) ?? []), ...steeringDisruptions(input)];
}

function disruptionOf(vip: DesiredVip, input: DiffInput): VipDisruption | undefined {
  const { weights } = input.observed.features;
  const key = vipKey(vip);
  const found = input.observed.vips.find((other) => vipKey(other) === key);
  const start = vipStartingPoint(vip, input);
  if (found === undefined || start === null) return undefined;
  const reasons = recreateReasons(vip, found);
  const changes = serverChanges(vip, found, weights);
  const unchanged = changes.add.size + changes.reweigh.length + changes.remove.length + changes.flush.length === 0;
  if (unchanged && reasons.length === 0) return undefined;
  const moved = moveOf(vip, found, weights);
  const flushed = new Set(changes.flush);
  const lost = found.servers.filter((server) => reasons.length > 0 || flushed.has(server.address));
  return {
    vip: vipId(vip),
    ...moved,
    flowsLost: lost.reduce((sum, server) => sum + server.flows, 0),
    ...(reasons.length === 0 ? {} : { recreated: reasons.join(", ") }),
  };
}

/** A VIP without a server has nobody to take flows from. */
function moveOf(vip: DesiredVip, found: ObservedVip, weights: boolean): { moved: number; least: number } {
  if (!found.servers.some((server) => server.used)) return { moved: 0, least: 0 };
  const { movedShare, idealShare } = disruption(tableOf(found, weights), wantedTable(vip, weights));
  return { moved: movedShare, least: idealShare };
}
