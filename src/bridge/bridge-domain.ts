import { STAGES, type ExecuteContext, type Kind, type NewOperation } from "./kind.ts";
import { DONE, tolerate, type VppPort } from "./port.ts";
import type { Action, DesiredBridge, ObservedBridge } from "./types.ts";
import { ALL, number, text } from "./wire.ts";

/** Bit per flag of vl_api_bd_flags_t. */
const FLAG = { learn: 1, forward: 2, flood: 4, unknownUnicastFlood: 8, arpTermination: 16 } as const;
const ARP_UFWD = 32;

export const bridgeOperationId = (id: number, what: "create" | "update" | "delete"): string => `bridge ${id} ${what}`;

/** Bridge domains, marked as ours by their tag. */
export const bridgeKind: Kind = {
  kind: "bridge",
  diff({ desired, observed, owned }, plan) {
    const { tag } = desired.ownership;
    const there = new Map(observed.bridges.map((bridge) => [bridge.id, bridge]));
    for (const bridge of desired.bridges) {
      const found = there.get(bridge.id);
      if (found === undefined) {
        plan.add({
          ...base(bridge.id, "create"),
          action: { type: "bridge-create", bridge, tag },
          inverse: { type: "bridge-delete", id: bridge.id },
          sentence: `add bridge domain ${bridge.id}`,
        });
      } else if (found.tag !== tag && !(found.tag === "" && owned.bridges.has(bridge.id))) {
        plan.problem(
          `bridge ${bridge.id}`,
          `bridge domain ${bridge.id} exists with tag "${found.tag}", ours is "${tag}": it is left alone. Take another id, or delete it in VPP.`,
        );
      } else {
        diffFlags(bridge, found, (operation) => plan.add(operation));
      }
    }
    const wanted = new Set(desired.bridges.map((bridge) => bridge.id));
    for (const found of observed.bridges) {
      if (wanted.has(found.id)) continue;
      if (found.tag !== tag) plan.foreign.push(`bridge domain ${found.id}`);
      else plan.add(removal(found, tag));
    }
  },
};

function base(id: number, verb: "create" | "update" | "delete") {
  return {
    id: bridgeOperationId(id, verb),
    kind: "bridge" as const,
    object: String(id),
    verb,
    stage: verb === "delete" ? STAGES.dropBridges : STAGES.inside,
  };
}

/** Members first: a bridge domain in use is not deleted (-120). */
function removal(found: ObservedBridge, tag: string) {
  const { members, tag: _tag, arpUfwd: _arpUfwd, ...bridge } = found;
  return {
    ...base(found.id, "delete"),
    action: { type: "bridge-delete", id: found.id } as Action,
    inverse: { type: "bridge-create", bridge, tag } as Action,
    sentence: `remove bridge domain ${found.id}`,
    dependsOn: members.flatMap((name) => [`interface ${name} delete`, `interface ${name} leave bridge`]),
  };
}

type Sink = (operation: NewOperation) => void;

function diffFlags(wanted: DesiredBridge, found: ObservedBridge, add: Sink): void {
  const names = Object.keys(FLAG) as (keyof typeof FLAG)[];
  const changed = names
    .filter((name) => wanted[name] !== found[name])
    .map((name) => `${name} ${wanted[name] ? "on" : "off"}`);
  if (found.arpUfwd) changed.push("arpUfwd off");
  if (wanted.macAgeMin !== found.macAgeMin) changed.push(`MAC age ${wanted.macAgeMin} min`);
  if (changed.length === 0) return;
  add({
    ...base(wanted.id, "update"),
    action: { type: "bridge-update", bridge: wanted },
    inverse: { type: "bridge-update", bridge: found },
    sentence: `change bridge domain ${wanted.id}: ${changed.join(", ")}`,
  });
}

export async function runBridge(
  action: Extract<Action, { type: "bridge-create" | "bridge-update" | "bridge-delete" }>,
  { port }: ExecuteContext,
): Promise<void> {
  if (action.type === "bridge-update") return updateFlags(action.bridge, port);
  const message = port.has("bridge_domain_add_del_v2") ? "bridge_domain_add_del_v2" : "bridge_domain_add_del";
  if (action.type === "bridge-delete") {
    await tolerate(port.request(message, { bd_id: action.id, is_add: false }), DONE.NO_SUCH_ENTRY);
    return;
  }
  const { bridge } = action;
  await tolerate(
    port.request(message, {
      bd_id: bridge.id,
      flood: bridge.flood,
      uu_flood: bridge.unknownUnicastFlood,
      forward: bridge.forward,
      learn: bridge.learn,
      arp_term: bridge.arpTermination,
      arp_ufwd: false,
      mac_age: bridge.macAgeMin,
      bd_tag: action.tag,
      is_add: true,
    }),
    DONE.BD_ALREADY_EXISTS,
  );
}

async function updateFlags(bridge: DesiredBridge, port: VppPort): Promise<void> {
  let on = 0;
  let off = ARP_UFWD;
  for (const [name, bit] of Object.entries(FLAG)) {
    if (bridge[name as keyof typeof FLAG]) on |= bit;
    else off |= bit;
  }
  await port.request("bridge_flags", { bd_id: bridge.id, is_set: true, flags: on });
  await port.request("bridge_flags", { bd_id: bridge.id, is_set: false, flags: off });
  await port.request("bridge_domain_set_mac_age", { bd_id: bridge.id, mac_age: bridge.macAgeMin });
}

/** A bridge domain as dumped, with the membership of its interfaces (by index). */
export interface RawBridge {
  readonly bridge: ObservedBridge;
  readonly members: ReadonlyMap<number, { id: number; bvi: boolean; splitHorizonGroup: number }>;
}

export async function observeBridges(port: VppPort, nameOf: (index: number) => string): Promise<RawBridge[]> {
  const details = await port.dump("bridge_domain_dump", { bd_id: ALL, sw_if_index: ALL });
  return details.map((detail) => {
    const id = number(detail["bd_id"]);
    const bvi = number(detail["bvi_sw_if_index"]);
    const raw = detail["sw_if_details"] as { sw_if_index: number; shg: number }[];
    const members = new Map(
      raw.map(({ sw_if_index: index, shg }) => [index, { id, bvi: index === bvi, splitHorizonGroup: shg }]),
    );
    const bridge: ObservedBridge = {
      id,
      learn: detail["learn"] === true,
      forward: detail["forward"] === true,
      flood: detail["flood"] === true,
      unknownUnicastFlood: detail["uu_flood"] === true,
      arpTermination: detail["arp_term"] === true,
      arpUfwd: detail["arp_ufwd"] === true,
      macAgeMin: number(detail["mac_age"]),
      tag: text(detail["bd_tag"]),
      members: raw.map(({ sw_if_index: index }) => nameOf(index)),
    };
    return { bridge, members };
  });
}
