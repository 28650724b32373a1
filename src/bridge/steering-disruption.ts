import { disruption } from "../maglev/index.ts";
import type { DiffInput } from "./kind.ts";
import { tableOf, wantedTable } from "./lb-tables.ts";
import type { DesiredVip, ObservedVip, SteeredFlow, SteeredVip, VipDisruption } from "./types.ts";
import { hostPrefix } from "./wire.ts";

/** What happens to packets that another stream gets than now: of VIPs, of flows, and of what a new flow takes. */
export function steeringDisruptions(input: DiffInput): VipDisruption[] {
  const { steered } = input.desired;
  if (steered === undefined) return [];
  return [
    ...steered.vips.flatMap((vip) => vipMove(vip, input) ?? []),
    ...steered.flows.flatMap((flow) => flowMove(flow, input) ?? []),
  ];
}

/** A VIP with a table of its own has its servers changed in place: that is told with its servers. */
function vipMove(vip: SteeredVip, input: DiffInput): VipDisruption | undefined {
  if (vip.table === "own") return undefined;
  const own = input.observed.vips.find((one) => one.prefix === vip.prefix && one.port === undefined);
  const before = own ?? tableBehind(vip.prefix, input);
  const after = wantedAt(vip.stream, vip.prefix, input);
  return before && move(vip.prefix, before, after, input);
}

function flowMove(flow: SteeredFlow, input: DiffInput): VipDisruption | undefined {
  const id = `flow ${flow.name} (IPv${flow.family})`;
  const after = wantedAt(flow.stream, flow.hop, input);
  const before = tableBehind(flow.hop, input);
  if (before !== undefined) return move(id, before, after, input);
  // A new flow takes from its VIPs what went to their own streams.
  const vips = input.desired.steered?.names.flows.find((one) => one.name === flow.name)?.vips ?? [];
  const moves = vips.flatMap((prefix) => {
    const own = input.observed.vips.find((one) => one.prefix === prefix && one.port === undefined);
    const taken = own ?? tableBehind(prefix, input);
    return (taken && move(id, taken, after, input)) ?? [];
  });
  return moves.reduce<VipDisruption | undefined>(
    (most, one) => (most && most.moved >= one.moved ? most : one),
    undefined,
  );
}

/** The lb VIP that a route of VPP's leads to. */
function tableBehind(prefix: string, { observed }: DiffInput): ObservedVip | undefined {
  const lead = observed.routes.find((route) => route.prefix === prefix && route.table === 0)?.via[0]?.address;
  return lead === undefined ? undefined : observed.vips.find((vip) => vip.prefix === hostPrefix(lead));
}

function wantedAt(stream: string | undefined, like: string, { desired }: DiffInput): DesiredVip | undefined {
  const family = like.includes(":") ? 6 : 4;
  const anchor = desired.steered?.streams.find((one) => one.name === stream && one.family === family)?.anchor;
  return desired.vips.find((vip) => vip.prefix === anchor);
}

/** Undefined where the same table goes on. */
function move(
  vip: string,
  before: ObservedVip,
  after: DesiredVip | undefined,
  { observed }: DiffInput,
): VipDisruption | undefined {
  if (before.prefix === after?.prefix || !before.servers.some((server) => server.used)) return undefined;
  const { weights } = observed.features;
  const to = after === undefined ? "nowhere" : (after.stream ?? after.prefix);
  const recreated = after === undefined ? "goes to no stream" : `goes to stream ${to}`;
  if (after === undefined) return { vip, moved: 1, least: 1, flowsLost: 0, recreated };
  const { movedShare, idealShare } = disruption(tableOf(before, weights), wantedTable(after, weights));
  return { vip, moved: movedShare, least: idealShare, flowsLost: 0, recreated };
}
