import { abfKind } from "./abf-plan.ts";
import { aclKind } from "./acl.ts";
import { addressKind } from "./address.ts";
import { bridgeKind } from "./bridge-domain.ts";
import { disruptions } from "./disruption.ts";
import { interfaceKind } from "./interface.ts";
import { linkKind } from "./link.ts";
import { memifSocketKind } from "./memif-socket.ts";
import { tableKind } from "./table.ts";
import { PlanBuilder, type Kind } from "./kind.ts";
import { lbConfKind } from "./lb-conf.ts";
import { neighborKind } from "./neighbor.ts";
import { prepare } from "./prepare.ts";
import { reassemblyKind } from "./reassembly.ts";
import { routeKind } from "./route.ts";
import { serverKind } from "./server.ts";
import type { DesiredState, ObservedState, Operation, OwnedObjects, Plan } from "./types.ts";
import { vipKind } from "./vip.ts";

const KINDS: readonly Kind[] = [
  lbConfKind,
  reassemblyKind,
  bridgeKind,
  memifSocketKind,
  tableKind,
  interfaceKind,
  linkKind,
  addressKind,
  neighborKind,
  routeKind,
  vipKind,
  serverKind,
  aclKind,
  abfKind,
];

export const NOTHING_OWNED: OwnedObjects = {
  vips: new Set(),
  routes: new Set(),
  neighbors: new Set(),
  pendingInterfaces: new Set(),
  bridges: new Set(),
};

export interface PlanOptions {
  /** Whether to compute what moves, which builds two tables for each VIP that changes. Default true. */
  readonly disruption?: boolean;
}

/**
 * What makes VPP hold what is desired: pure. The plan of a VPP that holds it is empty.
 * Its operations are ordered so that each comes after all that it depends on.
 */
export function makePlan(
  desired: DesiredState,
  observed: ObservedState,
  owned: OwnedObjects = NOTHING_OWNED,
  options: PlanOptions = {},
): Plan {
  const input = prepare({ desired, observed, owned });
  const builder = new PlanBuilder();
  for (const problem of input.desired.steered?.problems ?? []) builder.problem("steering", problem);
  for (const kind of KINDS) kind.diff(input, builder);
  return {
    operations: order(builder.operations),
    disruption: builder.operations.length === 0 || options.disruption === false ? [] : disruptions(input),
    problems: builder.problems,
    warnings: builder.warnings,
    foreign: builder.foreign,
  };
}

/** By stage, and in a stage as late as its dependencies demand; dependencies on what is not in the plan are met. */
function order(operations: readonly Operation[]): Operation[] {
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const ordered: Operation[] = [];
  const placed = new Set<string>();
  const place = (operation: Operation) => {
    if (placed.has(operation.id)) return;
    placed.add(operation.id);
    const dependsOn = [...new Set(operation.dependsOn)].filter((id) => id !== operation.id && byId.has(id));
    for (const id of dependsOn) place(byId.get(id)!);
    ordered.push({ ...operation, dependsOn });
  };
  // Stable: within a stage the order of the kinds.
  for (const operation of [...operations].sort((a, b) => a.stage - b.stage)) place(operation);
  return ordered;
}
