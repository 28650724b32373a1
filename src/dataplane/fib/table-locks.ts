import type { Fib } from "./fib.ts";
import type { FibTable } from "./table.ts";

/** Who may hold a table. API and CLI hold it once however often they ask, each interface once (vnet/fib/fib_table.c). */
export type TableHolder = "API" | "CLI" | "adjacency" | `interface ${number}`;

/** The table of an id, made if need be, held by `holder`. Without a name it is called as VPP calls it. */
export function lockTable(fib: Fib, proto: 4 | 6, tableId: number, holder: TableHolder, name = ""): FibTable {
  const known = fib.tableById(proto, tableId);
  const table = known ?? fib.createTable(proto, tableId, name === "" ? `ipv${proto}-VRF:${tableId}` : name);
  table.locks.set(holder, 1);
  return table;
}

/** The table goes with its last holder, and all that is in it; the default tables stay. */
export function unlockTable(fib: Fib, table: FibTable, holder: TableHolder): void {
  table.locks.delete(holder);
  if (table.locks.size === 0 && table.tableId !== 0) fib.deleteTable(table.proto, table.index);
}

/** Neighbours hold their table as long as there are any, once (ip_neighbor.c ip_neighbor_adj_fib_add); counted are the neighbours. */
export function lockForNeighbor(fib: Fib, proto: 4 | 6, fibIndex: number): void {
  const locks = (proto === 4 ? fib.tables4 : fib.tables6).get(fibIndex)?.locks;
  locks?.set("adjacency", (locks.get("adjacency") ?? 0) + 1);
}

export function unlockForNeighbor(fib: Fib, proto: 4 | 6, fibIndex: number): void {
  const table = (proto === 4 ? fib.tables4 : fib.tables6).get(fibIndex);
  const count = table?.locks.get("adjacency") ?? 0;
  if (count > 1) table!.locks.set("adjacency", count - 1);
  else if (count === 1) unlockTable(fib, table!, "adjacency");
}
