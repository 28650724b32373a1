import type { AbfAction } from "./abf.ts";
import type { AclAction } from "./acl.ts";
import type { FibAction } from "./fib.ts";
import type { InterfaceAction } from "./interface.ts";
import type { LinkAction } from "./link.ts";
import type { LbAction } from "./lb.ts";

export type ObjectKind =
  | "lb-conf"
  | "bridge"
  | "interface"
  | "address"
  | "neighbor"
  | "route"
  | "vip"
  | "server"
  | "acl"
  | "abf"
  | "memif-socket"
  | "table"
  | "reassembly";

export type Verb = "create" | "update" | "delete";

/** What an operation does to VPP, as data. Interfaces are named; their index is looked up when the operation runs. */
export type Action = AbfAction | AclAction | FibAction | InterfaceAction | LbAction | LinkAction;

export interface Operation {
  /** Stable for the same change of the same object: `vip 10.2.2.0/24 create`. */
  readonly id: string;
  readonly kind: ObjectKind;
  /** Key of the object in its kind. */
  readonly object: string;
  readonly verb: Verb;
  readonly action: Action;
  /** What would undo it; absent where nothing can (a flush). */
  readonly inverse?: Action;
  /** For people: what is done and, where it is not obvious, why. */
  readonly sentence: string;
  /** Ids of operations of the same plan that must have succeeded before. */
  readonly dependsOn: readonly string[];
  /** See STAGES in kind.ts: a stage begins when every operation of the stages before it has ended, well or not. */
  readonly stage: number;
}

/** What a plan does to the flows of one VIP. */
export interface VipDisruption {
  /** Key of the VIP. */
  readonly vip: string;
  /** Share 0..1 of the slots of the new-flow table whose server changes: of flows that are not sticky, so many move. */
  readonly moved: number;
  /** The least share that any table could have moved for the same change of servers. */
  readonly least: number;
  /** Sticky flows that lose their server's entry: their server is flushed, or the VIP is made anew. */
  readonly flowsLost: number;
  /** What VPP cannot change in place, if the VIP is deleted and added for it. */
  readonly recreated?: string;
}

export interface PlanProblem {
  /** The object that is held. */
  readonly object: string;
  readonly message: string;
}

export interface Plan {
  /** In an order that respects `dependsOn`. */
  readonly operations: readonly Operation[];
  readonly disruption: readonly VipDisruption[];
  /** What is desired and cannot be had from this VPP: foreign objects in the way, features that it does not have. */
  readonly problems: readonly PlanProblem[];
  /** What stays other than desired on purpose, and why: not an error, nothing to retry. */
  readonly warnings: readonly string[];
  /** What was found and left alone. */
  readonly foreign: readonly string[];
}
