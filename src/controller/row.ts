import { makePlan, type DesiredState, type ObservedState, type OwnedObjects } from "../bridge/index.ts";
import type { RouteCounters } from "../bridge/index.ts";
import type { Row } from "./types.ts";

/** What rows are made of: prepared (bridge's `prepare`). */
export interface RowInput {
  readonly desired: DesiredState;
  readonly observed: ObservedState;
  readonly owned: OwnedObjects;
  /** By prefix, of routes of streams and flows. */
  readonly counters?: ReadonlyMap<string, RouteCounters>;
  /** Tell also what streams and flows are made of. */
  readonly internals?: boolean;
}

export type Columns = Record<string, string | number | boolean>;

/** Joins what is wanted and what is there by key, wanted first. */
export function join<D, O>(wanted: readonly D[], there: readonly O[], keyOf: (one: D | O) => string) {
  const byKey = new Map(there.map((one) => [keyOf(one), one]));
  const pairs = wanted.map((desired) => ({
    key: keyOf(desired),
    desired: desired as D | undefined,
    observed: byKey.get(keyOf(desired)),
  }));
  const keys = new Set(pairs.map((pair) => pair.key));
  const rest = there.filter((one) => !keys.has(keyOf(one)));
  return [
    ...pairs,
    ...rest.map((observed) => ({ key: keyOf(observed), desired: undefined, observed: observed as O | undefined })),
  ];
}

export function row(
  key: string,
  ours: boolean,
  desired: object | undefined,
  observed: object | undefined,
  columns: Columns,
  differs: boolean,
  special?: string,
): Row {
  const state =
    special ??
    (desired === undefined
      ? ours
        ? "extra"
        : "foreign"
      : observed === undefined
        ? "missing"
        : !ours
          ? "foreign"
          : differs
            ? "differs"
            : "ok");
  return {
    key,
    owner: ours ? "ours" : "foreign",
    state,
    ...(desired === undefined ? {} : { desired: desired as Record<string, unknown> }),
    ...(observed === undefined ? {} : { observed: observed as Record<string, unknown> }),
    columns: { ...columns, state },
  };
}

/** Objects that the plan would touch. */
export function touched({ desired, observed, owned }: RowInput, ...kinds: string[]): Set<string> {
  const plan = makePlan(desired, observed, owned, { disruption: false });
  return new Set(
    plan.operations.filter((operation) => kinds.includes(operation.kind)).map((operation) => operation.object),
  );
}
