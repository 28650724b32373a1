import { makePlan, observe, type DesiredState, type ObservedState } from "../bridge/index.ts";
import { briefVips, isShowLbVips } from "./brief.ts";
import { ControllerError, messageOf } from "./errors.ts";
import { explain } from "./explain.ts";
import { judge } from "./gate.ts";
import type { VppSession } from "./link.ts";
import { withDrains } from "./overrides.ts";
import type { Reconciler } from "./reconciler.ts";
import { emptyObserved, emptyState } from "./results.ts";
import { rowsOf } from "./rows.ts";
import type { ExplainResult, Flow, PlanResult, Row, RowKind } from "./types.ts";

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

  async get(kind: RowKind): Promise<Row[]> {
    const desired = this.#reconciler.effective;
    const observed = await this.#observe(desired);
    const nothing: DesiredState = emptyState();
    return rowsOf(kind, { desired: desired ?? nothing, observed, owned: this.#reconciler.journal.owned });
  }

  /** As `get`, of what was last seen: VPP is not asked. Without a VPP so far, of what is desired. */
  known(kind: RowKind): readonly Row[] {
    const { view, desired, journal } = this.#reconciler;
    const basis = [view.observed, desired, journal.drains] as const;
    if (basis.some((one, i) => one !== this.#knownOf[i])) this.#known.clear();
    this.#knownOf = basis;
    const before = this.#known.get(kind);
    if (before !== undefined) return before;
    const effective = this.#reconciler.effective ?? emptyState();
    const observed = view.observed ?? emptyObserved();
    const rows = rowsOf(kind, { desired: effective, observed, owned: journal.owned });
    this.#known.set(kind, rows);
    return rows;
  }

  async plan(desired: DesiredState): Promise<Omit<PlanResult, "diagnostics">> {
    const observed = await this.#observe(desired);
    const { journal } = this.#reconciler;
    const effective = withDrains(desired, journal.drains, Date.now());
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
      const retval = (error as { retval?: unknown }).retval;
      if (typeof retval === "number") return { retval, output: messageOf(error) };
      throw ControllerError.from(error);
    }
  }

  async explain(flow: Flow): Promise<ExplainResult> {
    const observed = await this.#observe(this.#reconciler.desired);
    try {
      return explain(flow, observed);
    } catch (error) {
      throw new ControllerError("INPUT", messageOf(error), { cause: error });
    }
  }

  async #observe(desired: DesiredState | undefined): Promise<ObservedState> {
    const { port, features } = this.#session();
    try {
      return await observe(port, features, [...new Set([0, ...(desired?.routes.map((route) => route.table) ?? [])])]);
    } catch (error) {
      throw ControllerError.from(error);
    }
  }
}
