import { NO_INDEX } from "../model.ts";
import { Pool } from "../pool.ts";
import { Adjacencies } from "./adjacency.ts";
import { PathLists } from "./paths.ts";
import type { FibTable } from "./table.ts";
import { DpoKind, LoadBalance, SpecialDpo, type FibEntry } from "./types.ts";

/** What the FIB is made of. Indexes are pool indexes as VPP shows them. */
export class FibState {
  readonly entries = new Pool<FibEntry>();
  readonly pathLists = new PathLists();
  readonly loadBalances = new Pool<LoadBalance>();
  readonly adjacencies = new Adjacencies();
  readonly tables4 = new Pool<FibTable>();
  readonly tables6 = new Pool<FibTable>();
  /** Load-balances by index, for the packet path. */
  readonly loadBalanceAt: LoadBalance[] = [];
  readonly drop4 = new SpecialDpo(DpoKind.drop, 0, NO_INDEX, undefined);
  readonly drop6 = new SpecialDpo(DpoKind.drop, 1, NO_INDEX, undefined);
  readonly punt = new SpecialDpo(DpoKind.punt, 0, NO_INDEX, undefined);

  constructor() {
    // VPP's load-balance 0 belongs to none of its tables.
    this.loadBalances.add((index) => new LoadBalance(index, 4));
  }

  drop(proto: 4 | 6): SpecialDpo {
    return proto === 4 ? this.drop4 : this.drop6;
  }

  /** @throws RangeError where there is no such table */
  table(proto: 4 | 6, fibIndex: number): FibTable {
    const table = (proto === 4 ? this.tables4 : this.tables6).get(fibIndex);
    if (table === undefined) throw new RangeError(`no IPv${proto} FIB ${fibIndex}`);
    return table;
  }
}
