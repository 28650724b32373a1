import { STAGES, type ExecuteContext, type Kind } from "./kind.ts";
import { interfaceOperationId } from "./interface.ts";
import { indexOf } from "./interface-run.ts";
import { neighborKey } from "./keys.ts";
import type { VppPort } from "./port.ts";
import type { Action, ObservedNeighbor } from "./types.ts";
import { ALL, addressText, macText, number } from "./wire.ts";

const STATIC = 1;

/** Static neighbours. They carry no tag: ours are those of the file and of the journal. */
export const neighborKind: Kind = {
  kind: "neighbor",
  diff({ desired, observed, owned }, plan) {
    const there = new Map(
      observed.neighbors.filter((found) => found.isStatic).map((found) => [neighborKey(found), found]),
    );
    const wanted = new Set(desired.neighbors.map(neighborKey));
    const outside = new Set(desired.interfaces.filter((wanted) => wanted.outside).map((wanted) => wanted.name));
    for (const neighbor of desired.neighbors) {
      const key = neighborKey(neighbor);
      if (there.get(key)?.mac === neighbor.mac) continue;
      plan.add({
        id: `neighbor ${key} add`,
        kind: "neighbor",
        object: key,
        verb: there.has(key) ? "update" : "create",
        stage: outside.has(neighbor.interface) ? STAGES.outside : STAGES.inside,
        action: { type: "neighbor", neighbor, add: true },
        inverse: { type: "neighbor", neighbor, add: false },
        sentence: `set neighbour ${key} to ${neighbor.mac}`,
        dependsOn: [
          interfaceOperationId(neighbor.interface, "create"),
          interfaceOperationId(neighbor.interface, "join bridge"),
        ],
      });
    }
    for (const [key, found] of there) {
      if (wanted.has(key) || !owned.neighbors.has(key)) continue;
      const { isStatic: _, ...neighbor } = found;
      plan.add({
        id: `neighbor ${key} delete`,
        kind: "neighbor",
        object: key,
        verb: "delete",
        stage: STAGES.dropRoutes,
        action: { type: "neighbor", neighbor, add: false },
        inverse: { type: "neighbor", neighbor, add: true },
        sentence: `remove neighbour ${key}`,
      });
    }
    const forgotten = new Set(desired.forgottenNeighbors?.map(neighborKey));
    for (const found of observed.neighbors) {
      const key = neighborKey(found);
      if (found.isStatic || !forgotten.has(key)) continue;
      const { isStatic: _, ...neighbor } = found;
      plan.add({
        id: `neighbor ${key} forget`,
        kind: "neighbor",
        object: key,
        verb: "delete",
        stage: STAGES.inside,
        action: { type: "neighbor", neighbor, add: false },
        sentence: `forget that neighbour ${key} was ${found.mac}`,
      });
    }
  },
};

/** Adding again and deleting what is not there are 0 in VPP. */
export async function runNeighbor(
  action: Extract<Action, { type: "neighbor" }>,
  context: ExecuteContext,
): Promise<void> {
  const { neighbor } = action;
  await context.port.request("ip_neighbor_add_del", {
    is_add: action.add,
    neighbor: {
      sw_if_index: indexOf(neighbor.interface, context),
      flags: STATIC,
      mac_address: neighbor.mac,
      ip_address: neighbor.address,
    },
  });
}

export async function observeNeighbors(port: VppPort, nameOf: (index: number) => string): Promise<ObservedNeighbor[]> {
  const dumps = await Promise.all([0, 1].map((af) => port.dump("ip_neighbor_dump", { sw_if_index: ALL, af })));
  return dumps.flat().map((detail) => {
    const neighbor = detail["neighbor"] as Record<string, unknown>;
    return {
      address: addressText(neighbor["ip_address"]),
      mac: macText(neighbor["mac_address"]),
      interface: nameOf(number(neighbor["sw_if_index"])),
      isStatic: (number(neighbor["flags"]) & STATIC) !== 0,
    };
  });
}
