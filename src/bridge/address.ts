import { STAGES, type DiffInput, type ExecuteContext, type Kind, type PlanBuilder } from "./kind.ts";
import { interfaceOperationId, isOurInterface, stageOf, startingPoint } from "./interface.ts";
import { indexOf } from "./interface-run.ts";
import { BridgeError } from "./errors.ts";
import { DONE, tolerate } from "./port.ts";
import { movedFamilies } from "./link.ts";
import type { Action, DesiredInterface, ObservedInterface } from "./types.ts";
import { familyOf, overlaps, prefixText } from "./wire.ts";

interface Placed {
  readonly interface: string;
  readonly address: string;
}

const id = (placed: Placed, what: "add" | "delete") => `address ${placed.address} on ${placed.interface} ${what}`;

/** Addresses of our interfaces. VPP refuses an address whose subnet another interface has: what is in the way goes first. */
export const addressKind: Kind = {
  kind: "address",
  diff(input, plan) {
    const additions = wantedAdditions(input);
    const removals = unwanted(input);
    for (const removal of removals) addRemoval(removal, additions, input, plan);
    for (const addition of additions) {
      const inTheWay = removals.filter((removal) => overlaps(removal.address, addition.address));
      plan.add({
        id: id(addition, "add"),
        kind: "address",
        object: `${addition.address} on ${addition.interface}`,
        verb: "create",
        stage: addition.stage,
        action: { type: "address", interface: addition.interface, address: addition.address, add: true },
        inverse: { type: "address", interface: addition.interface, address: addition.address, add: false },
        sentence: `add address ${addition.address} to ${addition.interface}`,
        dependsOn: [
          interfaceOperationId(addition.interface, "create"),
          interfaceOperationId(addition.interface, "table"),
          interfaceOperationId(addition.interface, "join bridge"),
          interfaceOperationId(addition.interface, "leave bridge"),
          ...inTheWay.map((removal) => id(removal, "delete")),
        ],
      });
    }
  },
};

function wantedAdditions(input: DiffInput): (Placed & { stage: number })[] {
  return input.desired.interfaces.flatMap((wanted) => {
    const there = startingPoint(wanted, input);
    if (there === null) return [];
    return wanted.addresses
      .filter((address) => !(there?.addresses.includes(address) ?? false) || isMoved(wanted, there, address))
      .map((address) => ({ interface: wanted.name, address, stage: stageOf(wanted) }));
  });
}

/** Whether the address has to go off and on because its interface goes to another table. */
function isMoved(wanted: DesiredInterface | undefined, there: ObservedInterface | undefined | null, address: string) {
  return wanted !== undefined && there != null && movedFamilies(wanted, there).includes(familyOf(address));
}

/** Addresses on our interfaces that nobody declared: someone added them, or they were ours once. */
function unwanted(input: DiffInput): Placed[] {
  return input.observed.interfaces.flatMap((found) => {
    if (!isOurInterface(found, input)) return [];
    const wanted = input.desired.interfaces.find((other) => other.name === found.name);
    return found.addresses
      .filter((address) => {
        if (isLinkLocal(address)) return false;
        return !(wanted?.addresses.includes(address) ?? false) || isMoved(wanted, found, address);
      })
      .map((address) => ({ interface: found.name, address }));
  });
}

/** VPP makes these itself. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/.test(address);
}

function addRemoval(removal: Placed, additions: readonly Placed[], input: DiffInput, plan: PlanBuilder): void {
  const blocking = additions.filter((addition) => overlaps(addition.address, removal.address));
  const moved = input.desired.interfaces.find(
    (wanted) => wanted.name === removal.interface && isMoved(wanted, startingPoint(wanted, input), removal.address),
  );
  const stays = input.desired.interfaces.some((wanted) => wanted.name === removal.interface);
  // An interface that goes takes its addresses with it.
  if (!stays && blocking.length === 0) return;
  plan.add({
    id: id(removal, "delete"),
    kind: "address",
    object: `${removal.address} on ${removal.interface}`,
    verb: "delete",
    // Before the interface can go to another table.
    stage: moved !== undefined ? stageOf(moved) : blocking.length === 0 ? STAGES.dropRoutes : STAGES.inside,
    action: { type: "address", interface: removal.interface, address: removal.address, add: false },
    inverse: { type: "address", interface: removal.interface, address: removal.address, add: true },
    sentence: `remove address ${removal.address} from ${removal.interface}`,
  });
}

export async function runAddress(action: Extract<Action, { type: "address" }>, context: ExecuteContext): Promise<void> {
  const index = indexOf(action.interface, context);
  const { port } = context;
  const request = port.request("sw_interface_add_del_address", {
    sw_if_index: index,
    is_add: action.add,
    del_all: false,
    prefix: action.address,
  });
  if (!action.add) {
    await tolerate(request, DONE.ADDRESS_NOT_FOUND_FOR_INTERFACE);
    return;
  }
  if ((await tolerate(request, DONE.DUPLICATE_IF_ADDRESS)) !== undefined) return;
  const there = await port.dump("ip_address_dump", { sw_if_index: index, is_ipv6: familyOf(action.address) === 6 });
  if (there.some((detail) => prefixText(detail["prefix"]) === action.address)) return;
  throw new BridgeError(
    "REPLY",
    `VPP refuses ${action.address} on ${action.interface}: another interface has an address of that subnet (DUPLICATE_IF_ADDRESS)`,
  );
}
