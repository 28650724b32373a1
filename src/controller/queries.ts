import {
  makePlan,
  observe,
  observeCounters,
  type RouteCounters,
  prepare,
  routeTables,
  vipKey,
  type DesiredState,
  type DiffInput,
  type ObservedState,
} from "../bridge/index.ts";
import { briefVips, isShowLbVips } from "./brief.ts";
import type { VppCounters } from "./counters.ts";
import { ControllerError, messageOf } from "./errors.ts";
import { explain } from "./explain.ts";
import { judge } from "./gate.ts";
import type { VppSession } from "./link.ts";
import type { Reconciler } from "./reconciler.ts";
import { emptyObserved, emptyState } from "./results.ts";
import { rowsOf } from "./rows.ts";
import { countedPrefixes } from "./steering-rows.ts";
import type { GetOptions } from "./types.ts";
import type { ExplainResult, Flow, PlanResult, Row, RowKind } from "./types.ts";

const MAX_COUNTED_ROUTES = 500;

/** Counters that are younger than the last look at VPP. */
export type KnownCounters = Pick<VppCounters, "routes" | "vips">;

/** What is asked of the controller and changes nothing in VPP (but for `vppctl`, which may). */
export class Queries {
  readonly #reconciler: Reconciler;
  readonly #session: () => VppSession;
  readonly #known = new Map<RowKind, readonly Row[]>();
  #knownOf: readonly unknown[] = [];

  /** @param session throws ControllerError NO_VPP where there is none */
  constructor(reconciler: Reconciler, session: () => VppSession) {
    this.#reconciler = reconciler;
    this.#session = session;
  }

  async get(kind: RowKind, { internals = false }: GetOptions): Promise<Row[]> {
    const input = await this.#prepared();
    const counted = kind === "vips" || kind === "flows" ? countedPrefixes(input) : [];
    const counters = await this.#ask((port) => observeCounters(port, counted));
    return rowsOf(kind, { ...input, internals, counters });
  }

  /** What is desired and what VPP has, in the same terms. */
  async #prepared(): Promise<DiffInput> {
    const desired = this.#reconciler.intent.effective;
    const observed = await this.#observe(desired);
    return prepare({ desired: desired ?? emptyState(), observed, owned: this.#reconciler.journal.owned });
  }

  /** As `get`, of what was last seen: VPP is not asked. Without a VPP so far, of what is desired. */
  known(kind: RowKind, counters?: KnownCounters): readonly Row[] {
    const { view, intent, journal } = this.#reconciler;
    const basis = [view.observed, intent.accepted, journal.drains, counters, intent.version] as const;
    if (basis.some((one, i) => one !== this.#knownOf[i])) this.#known.clear();
    this.#knownOf = basis;
    const before = this.#known.get(kind);
    if (before !== undefined) return before;
    const effective = intent.effective ?? emptyState();
    const observed = counted(view.observed ?? emptyObserved(), counters?.vips);
    const input = prepare({ desired: effective, observed, owned: journal.owned });
    const rows = rowsOf(kind, { ...input, ...(counters?.routes === undefined ? {} : { counters: counters.routes }) });
    this.#known.set(kind, rows);
    return rows;
  }

  /** Packets by VIP's and flow's route, where streams need them; a line of VPP's CLI each, so not of more than 500. */
  async routeCounters(): Promise<ReadonlyMap<string, RouteCounters>> {
    const { intent, view, journal } = this.#reconciler;
    const { effective } = intent;
    if (effective === undefined) return new Map();
    const input = prepare({ desired: effective, observed: view.observed ?? emptyObserved(), owned: journal.owned });
    const prefixes = countedPrefixes(input).slice(0, MAX_COUNTED_ROUTES);
    return this.#ask((port) => observeCounters(port, prefixes));
  }

  async plan(desired: DesiredState): Promise<Omit<PlanResult, "diagnostics">> {
    const observed = await this.#observe(desired);
    const { journal } = this.#reconciler;
    const effective = this.#reconciler.intent.effectiveOf(desired);
    const plan = makePlan(effective, observed, journal.owned);
    const { refused } = judge(desired, plan, journal.accepted);
    return { ...plan, ...(refused === undefined ? {} : { refused }) };
  }

  async vppctl(command: string): Promise<{ retval: number; output: string }> {
    const { port, features } = this.#session();
    try {
      if (!isShowLbVips(command)) return { retval: 0, output: await port.cli(command) };
      const observed = await observe(port, features);
      return { retval: 0, output: briefVips(observed.vips) };
    } catch (error) {
      const { retval, output } = error as { retval?: unknown; output?: unknown };
      // As VPP says it: scripts read that.
      if (typeof retval === "number") return { retval, output: typeof output === "string" ? output : messageOf(error) };
      throw ControllerError.from(error);
    }
  }

  async explain(flow: Flow): Promise<ExplainResult> {
    const input = await this.#prepared();
    try {
      return explain(flow, input);
    } catch (error) {
      throw new ControllerError("INPUT", messageOf(error), { cause: error });
    }
  }

  #observe(desired: DesiredState | undefined): Promise<ObservedState> {
    const tables = routeTables(desired, this.#reconciler.journal.routes);
    return this.#ask((port, features) => observe(port, features, tables));
  }

  async #ask<T>(question: (port: VppSession["port"], features: VppSession["features"]) => Promise<T>): Promise<T> {
    const { port, features } = this.#session();
    try {
      return await question(port, features);
    } catch (error) {
      throw ControllerError.from(error);
    }
  }
}

function counted(observed: ObservedState, vips: KnownCounters["vips"] | undefined): ObservedState {
  if (vips === undefined) return observed;
  return {
    ...observed,
    vips: observed.vips.map((vip) => ({ ...vip, counters: vips.get(vipKey(vip)) ?? vip.counters })),
  };
}
