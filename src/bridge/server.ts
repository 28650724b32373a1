import {
  type PlanBuilder,
  STAGES,
  countText,
  listText,
  type DiffInput,
  type ExecuteContext,
  type Kind,
} from "./kind.ts";
import { vipId, vipRef, vipTitle } from "./keys.ts";
import { serverFields, serverLine } from "./lb-wire.ts";
import { DONE, retvalOf, tolerate } from "./port.ts";
import type { Action, DesiredServer, DesiredVip, ObservedServer, ObservedVip, VipRef } from "./types.ts";
import { vipOperationId, vipStartingPoint } from "./vip.ts";

/** Servers in one `lb as` line: VPP rebuilds the table once a line, and copies long lines more than once. */
const SERVERS_PER_LINE = 500;

/** VPP 26.10's own, of a server that is added without one. */
const DEFAULT_WEIGHT = 100;

export const serverOperationId = (vip: VipRef, what: string): string => `servers of ${vipId(vip)} ${what}`;

/** What a VIP's server should be in VPP: used with a weight, or not used; flushed means that no flow refers to it. */
export interface WantedServer {
  readonly address: string;
  readonly used: boolean;
  readonly flushed: boolean;
  readonly weight: number;
}

/** With weights a draining server stays with weight 0; without, it is removed and its flows are kept. */
export function wantedServer(server: DesiredServer, weights: boolean): WantedServer {
  const { address, weight } = server;
  switch (server.state) {
    case "up":
      return { address, used: true, flushed: false, weight };
    case "drain":
      return { address, used: weights, flushed: false, weight: 0 };
    case "down":
      return { address, used: false, flushed: true, weight: 0 };
  }
}

/** A server of our VIP that is not in the file is drift: it is removed, its flows are left to end by themselves. */
export const serverKind: Kind = {
  kind: "server",
  diff(input, plan) {
    for (const vip of input.desired.vips) {
      const found = vipStartingPoint(vip, input);
      if (found === null) continue;
      warnOfWeights(vip, input, plan);
      diffServers(vip, found, input, plan);
    }
  },
};

function warnOfWeights(vip: DesiredVip, { observed }: DiffInput, plan: PlanBuilder): void {
  if (observed.features.weights) return;
  const weights = new Set(vip.servers.filter((server) => server.state === "up").map((server) => server.weight));
  if (weights.size > 1) {
    plan.warn(
      `${vipTitle(vip)}: VPP ${observed.features.version} knows no weights (26.10 does): its servers get equal shares`,
    );
  }
}

interface ServerChanges {
  /** By weight; without weights all under one. */
  readonly add: Map<number, string[]>;
  readonly reweigh: { address: string; weight: number; from: number }[];
  readonly remove: string[];
  readonly flush: string[];
}

function diffServers(vip: DesiredVip, found: ObservedVip | undefined, input: DiffInput, plan: PlanBuilder): void {
  const { weights } = input.observed.features;
  const changes = serverChanges(vip, found, weights);
  const added: string[] = [];
  for (const [weight, addresses] of changes.add)
    added.push(addServers(vip, addresses, weights ? weight : undefined, plan));
  for (const { address, weight, from } of changes.reweigh) added.push(reweigh(vip, address, weight, from, plan));
  // New ones first: a VIP is never without a server in between.
  if (changes.remove.length > 0) removeServers(vip, found, changes.remove, added, plan);
  if (changes.flush.length > 0) flushServers(vip, changes.flush, added, plan);
}

/** Pure: what differs between the servers wanted and those that VPP has. */
export function serverChanges(vip: DesiredVip, found: ObservedVip | undefined, weights: boolean): ServerChanges {
  const there = new Map((found?.servers ?? []).map((server) => [server.address, server]));
  const changes: ServerChanges = { add: new Map(), reweigh: [], remove: [], flush: [] };
  for (const server of vip.servers) {
    const wanted = wantedServer(server, weights);
    compare(wanted, there.get(wanted.address), weights, changes);
    there.delete(wanted.address);
  }
  for (const server of there.values()) if (server.used) changes.remove.push(server.address);
  return changes;
}

function compare(
  wanted: WantedServer,
  found: ObservedServer | undefined,
  weights: boolean,
  changes: ServerChanges,
): void {
  const { address } = wanted;
  if (wanted.used && found?.used !== true) {
    const weight = weights ? wanted.weight : 0;
    const group = changes.add.get(weight);
    if (group === undefined) changes.add.set(weight, [address]);
    else group.push(address);
  } else if (wanted.used && weights && found?.weight !== wanted.weight) {
    changes.reweigh.push({ address, weight: wanted.weight, from: found?.weight ?? 0 });
  } else if (!wanted.used && found !== undefined && (found.used || (wanted.flushed && found.flows > 0))) {
    (wanted.flushed ? changes.flush : changes.remove).push(address);
  }
}

function addServers(vip: DesiredVip, addresses: string[], weight: number | undefined, plan: PlanBuilder): string {
  const id = serverOperationId(
    vip,
    weight === undefined || weight === DEFAULT_WEIGHT ? "add" : `add with weight ${weight}`,
  );
  plan.add({
    id,
    kind: "server",
    object: vipId(vip),
    verb: "create",
    stage: STAGES.vips,
    action: {
      type: "servers-add",
      vip: vipRef(vip),
      servers: addresses,
      ...(weight === undefined ? {} : { weight }),
    },
    inverse: { type: "servers-delete", vip: vipRef(vip), servers: addresses, flush: false },
    sentence: `add ${countText(addresses.length, "server")}${weight === undefined || weight === DEFAULT_WEIGHT ? "" : ` with weight ${weight}`} to ${vipTitle(vip)}: ${listText(addresses)}`,
    dependsOn: [vipOperationId(vip, "create")],
  });
  return id;
}

function reweigh(vip: DesiredVip, address: string, weight: number, from: number, plan: PlanBuilder): string {
  const id = serverOperationId(vip, `weight of ${address}`);
  plan.add({
    id,
    kind: "server",
    object: vipId(vip),
    verb: "update",
    stage: STAGES.vips,
    action: { type: "server-weight", vip: vipRef(vip), server: address, weight, flush: false },
    inverse: { type: "server-weight", vip: vipRef(vip), server: address, weight: from, flush: false },
    sentence:
      weight === 0
        ? `drain server ${address} of ${vipTitle(vip)}: no new flows`
        : `set the weight of server ${address} of ${vipTitle(vip)} to ${weight} (was ${from})`,
  });
  return id;
}

function removeServers(
  vip: DesiredVip,
  found: ObservedVip | undefined,
  addresses: string[],
  after: string[],
  plan: PlanBuilder,
): void {
  const stillWanted = new Set(vip.servers.map((server) => server.address));
  const draining = addresses.every((address) => stillWanted.has(address));
  const flows = (found?.servers ?? [])
    .filter((server) => addresses.includes(server.address))
    .reduce((sum, { flows }) => sum + flows, 0);
  plan.add({
    id: serverOperationId(vip, "remove"),
    kind: "server",
    object: vipId(vip),
    verb: "delete",
    stage: STAGES.vips,
    action: { type: "servers-delete", vip: vipRef(vip), servers: addresses, flush: false },
    inverse: { type: "servers-add", vip: vipRef(vip), servers: addresses },
    sentence: `${draining ? "drain" : "remove"} ${countText(addresses.length, "server")} of ${vipTitle(vip)}: ${listText(addresses)}; ${countText(flows, "established flow")} stay where they are`,
    dependsOn: after,
  });
}

function flushServers(vip: DesiredVip, addresses: string[], after: string[], plan: PlanBuilder): void {
  plan.add({
    id: serverOperationId(vip, "flush"),
    kind: "server",
    object: vipId(vip),
    verb: "delete",
    stage: STAGES.vips,
    action: { type: "servers-delete", vip: vipRef(vip), servers: addresses, flush: true },
    sentence: `remove ${countText(addresses.length, "server")} of ${vipTitle(vip)} that ${addresses.length === 1 ? "is" : "are"} down and flush their flows: ${listText(addresses)}`,
    dependsOn: after,
  });
}

type ServerAction = Extract<Action, { type: "servers-add" | "servers-delete" | "server-weight" }>;

export async function runServers(action: ServerAction, context: ExecuteContext): Promise<void> {
  switch (action.type) {
    case "server-weight":
      await context.port.request("lb_as_set_weight", {
        ...serverFields(action.vip, action.server),
        weight: action.weight,
        is_flush: action.flush,
      });
      return;
    case "servers-add":
      return runAdd(action, context);
    case "servers-delete":
      return runDelete(action, context);
  }
}

async function runAdd(action: Extract<Action, { type: "servers-add" }>, context: ExecuteContext): Promise<void> {
  const one = (address: string) => addOne(action.vip, address, action.weight, context);
  if (action.servers.length === 1) return one(action.servers[0]!);
  const suffix = action.weight === undefined || !context.features.weights ? "" : ` weight ${action.weight}`;
  await inLines(action.servers, (some) => serverLine(action.vip, some) + suffix, DONE.VALUE_EXIST, one, context);
}

async function runDelete(action: Extract<Action, { type: "servers-delete" }>, context: ExecuteContext): Promise<void> {
  const deleteOne = (address: string) => removeOne(action.vip, address, action.flush, context);
  if (action.servers.length === 1) return deleteOne(action.servers[0]!);
  const suffix = action.flush ? " del flush" : " del";
  await inLines(
    action.servers,
    (some) => serverLine(action.vip, some) + suffix,
    DONE.NO_SUCH_ENTRY,
    deleteOne,
    context,
  );
}

/**
 * Bulk through the CLI: VPP rebuilds the VIP's table once a line instead of once a server. A line is all or nothing
 * (lb.c, lb_vip_add_ass): where it meets a server that is done already, its servers go one by one.
 */
async function inLines(
  servers: readonly string[],
  line: (some: readonly string[]) => string,
  alreadyDone: number,
  one: (server: string) => Promise<void>,
  { port }: ExecuteContext,
): Promise<void> {
  for (let start = 0; start < servers.length; start += SERVERS_PER_LINE) {
    const some = servers.slice(start, start + SERVERS_PER_LINE);
    try {
      await port.cli(line(some));
    } catch (error) {
      if (!String((error as Error).message).includes(`error ${alreadyDone}`) && retvalOf(error) !== alreadyDone)
        throw error;
      for (const server of some) await one(server);
    }
  }
}

async function addOne(
  vip: VipRef,
  address: string,
  weight: number | undefined,
  { port, features }: ExecuteContext,
): Promise<void> {
  const fields = { ...serverFields(vip, address), is_del: false, is_flush: false };
  const request =
    features.weights && weight !== undefined
      ? port.request("lb_add_del_as_v2", { ...fields, weight })
      : port.request("lb_add_del_as", fields);
  await tolerate(request, DONE.VALUE_EXIST);
}

async function removeOne(vip: VipRef, address: string, flush: boolean, { port }: ExecuteContext): Promise<void> {
  const request = port.request("lb_add_del_as", { ...serverFields(vip, address), is_del: true, is_flush: flush });
  await tolerate(request, DONE.NO_SUCH_ENTRY);
}
