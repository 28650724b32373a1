import type {
  Action,
  DesiredState,
  ObjectKind,
  ObservedState,
  Operation,
  OwnedObjects,
  PlanProblem,
  VppFeatures,
} from "./types.ts";
import type { VppPort } from "./port.ts";

/**
 * The order of a plan. A stage begins when all operations of earlier ones have ended.
 * lb_conf precedes the VIPs, because they take the tunnel's source from it; the outside interface comes after the
 * servers, because flows that meet a VIP without a server never become sticky (plugins/lb/node.c:357).
 */
export const STAGES = {
  withdraw: 0,
  conf: 1,
  inside: 2,
  vips: 3,
  /** What sends packets to VIPs: they have their servers by now. */
  steer: 4,
  outside: 5,
  attach: 6,
  attract: 7,
  detach: 8,
  dropVips: 9,
  dropRoutes: 10,
  dropInterfaces: 11,
  dropBridges: 12,
  dropPolicies: 13,
} as const;

export interface DiffInput {
  readonly desired: DesiredState;
  readonly observed: ObservedState;
  readonly owned: OwnedObjects;
}

/** One kind of object of VPP. */
export interface Kind {
  readonly kind: ObjectKind;
  /** Adds to the plan what makes `observed` into `desired`. Pure. */
  diff(input: DiffInput, plan: PlanBuilder): void;
}

/** What running operations need. `interfaces` (VPP's name to index) is kept current by the operations themselves. */
export interface ExecuteContext {
  readonly port: VppPort;
  readonly features: VppFeatures;
  readonly interfaces: Map<string, number>;
}

export type NewOperation = Omit<Operation, "dependsOn" | "inverse"> & {
  dependsOn?: readonly string[];
  inverse?: Action | undefined;
};

/** Collects operations and findings of all kinds. */
export class PlanBuilder {
  readonly operations: Operation[] = [];
  readonly problems: PlanProblem[] = [];
  readonly warnings: string[] = [];
  readonly foreign: string[] = [];

  add({ inverse, dependsOn = [], ...operation }: NewOperation): void {
    this.operations.push({ ...operation, dependsOn, ...(inverse === undefined ? {} : { inverse }) });
  }

  problem(object: string, message: string): void {
    this.problems.push({ object, message });
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}

/** `10.60.1.2, 10.60.1.3, 10.60.1.4 and 7 more` */
export function listText(items: readonly string[], shown = 4): string {
  if (items.length <= shown) return items.join(", ");
  return `${items.slice(0, shown - 1).join(", ")} and ${items.length - shown + 1} more`;
}

/** `1 server`, `2 servers` */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
