import {
  emptyVpp,
  NOTHING_OWNED,
  prepare,
  tableOf,
  vipShape,
  type DesiredState,
  type DesiredVip,
  type DiffInput,
  type ObservedState,
  type ObservedVip,
} from "../bridge/index.ts";
import { bucketCounts } from "../maglev/index.ts";
import { explain } from "./explain.ts";
import type { ExplainResult, Flow } from "./types.ts";

const NOT_CHECKED = "not checked: this is what a VPP that holds the configuration does";

/**
 * Where a flow would go in a VPP that holds all of a desired state and nothing else, told as `explain` tells it. Pure.
 * Where VPPs with weights (26.10) and without (up to 26.06) send it to different servers, that is told too.
 * @param weights as VPPs with weights do it
 * @throws MaglevError for a flow that is none
 */
export function explainForeseen(flow: Flow, desired: DesiredState, weights: boolean): ExplainResult {
  const result = explain(flow, foreseen(desired, weights), NOT_CHECKED);
  const other = explain(flow, foreseen(desired, !weights), NOT_CHECKED);
  if (other.server === result.server) return result;
  const which = weights ? "a VPP without weights (up to 26.06)" : "a VPP with weights (26.10)";
  return { ...result, steps: [...result.steps, `${which} sends it to ${other.server ?? "no server"}`] };
}

/** A VPP that holds what is desired, and nothing else. Pure. */
export function foreseen(desired: DesiredState, weights: boolean): DiffInput {
  const empty = emptyOf(weights);
  const { desired: compiled } = prepare({ desired, observed: empty, owned: NOTHING_OWNED });
  const attached = (compiled.abf ?? []).flatMap(({ priority, via, interfaces }, policy) =>
    interfaces.map((name) => ({
      policy,
      interfaceIndex: 0,
      interface: name,
      priority,
      ipv6: via.includes(":"),
      active: true,
    })),
  );
  const acls = (compiled.acls ?? []).map(({ tag, rules }, index) => ({ index, tag, rules }));
  const indexOf = new Map(acls.map(({ tag, index }) => [tag, index]));
  const observed: ObservedState = {
    ...empty,
    routes: compiled.routes,
    acls,
    abfPolicies: (compiled.abf ?? []).map(({ acl, via }, id) => ({ id, aclIndex: indexOf.get(acl) ?? -1, via: [via] })),
    abfAttachments: attached,
    vips: compiled.vips.map((vip, index) => foreseenVip(vip, index, weights)),
  };
  // Once more: VIPs get the titles of their streams.
  return prepare({ desired, observed, owned: { ...NOTHING_OWNED, assigned: compiled.steered?.assigned ?? new Map() } });
}

function foreseenVip(vip: DesiredVip, index: number, weights: boolean): ObservedVip {
  const servers = vip.servers
    // A draining server stays with weight 0 where there are weights, else it goes; a slot it has in neither.
    .filter(({ state }) => state === "up" || (state === "drain" && weights))
    .map(({ address, weight, state }) => ({ address, weight: state === "drain" ? 0 : weight, flows: 0, used: true }));
  const found: ObservedVip = {
    ...vipShape(vip),
    index,
    removed: false,
    servers: servers.map(({ weight, ...server }) => ({ ...server, ...(weights ? { weight } : {}), buckets: 0 })),
    counters: { existingSession: 0, firstPacket: 0, untracked: 0, noServer: 0 },
  };
  const slots = bucketCounts(tableOf(found, weights));
  return {
    ...found,
    servers: found.servers.map((server) => ({ ...server, buckets: slots.get(server.address) ?? 0 })),
  };
}

function emptyOf(weights: boolean): ObservedState {
  const version = weights ? "26.10" : "26.06";
  const features = {
    version,
    weights,
    lbConfGet: weights,
    srcIpSticky: true,
    garbageByCli: !weights,
    acl: true,
    abf: true,
  };
  return emptyVpp(features);
}
