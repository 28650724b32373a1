/** What an operator changes on an interface beyond up, down and addresses; return values are VPP's. */
import type { Dataplane } from "./dataplane.ts";
import { lockTable, unlockTable } from "./fib/table-locks.ts";
import type { Interface } from "./model.ts";
import { RV } from "./retval.ts";

/** vnet/error.h. */
const FEATURE_DISABLED = -30;
const ADDRESS_FOUND_FOR_INTERFACE = -114;
const UNSUPPORTED = -126;

/** ip_table_bind: an interface with addresses stays where it is (-114), an unknown table is -3. */
export function bindTable({ fib, neighbors }: Dataplane, iface: Interface, proto: 4 | 6, tableId: number): number {
  let table = fib.tableById(proto, tableId);
  if (table === undefined) return RV.NO_SUCH_FIB;
  if ((proto === 4 ? iface.addresses4 : iface.addresses6).length > 0) return ADDRESS_FOUND_FOR_INTERFACE;
  const old = (proto === 4 ? fib.tables4 : fib.tables6).get(proto === 4 ? iface.fibIndex4 : iface.fibIndex6);
  neighbors.rebind(iface, proto, table.index);
  // Where the interface alone held the table, it goes and comes anew.
  if (old !== undefined) unlockTable(fib, old, `interface ${iface.swIfIndex}`);
  if (tableId !== 0) table = lockTable(fib, proto, tableId, `interface ${iface.swIfIndex}`);
  if (proto === 4) iface.fibIndex4 = table.index;
  else iface.fibIndex6 = table.index;
  return RV.OK;
}

/** vnet_hw_interface_set_mtu: only a host-interface's hardware can be told; the L3 MTU follows, its sub-interfaces' too. */
export function setLinkMtu(iface: Interface, mtu: number, subs: Iterable<Interface> = []): number {
  if (iface.sup !== undefined) return RV.INVALID_VALUE;
  if (iface.kind === "local") return FEATURE_DISABLED;
  if (iface.linkMtu === mtu) return RV.OK;
  if (iface.kind !== "host" && iface.kind !== "memif") return UNSUPPORTED;
  iface.linkMtu = mtu;
  iface.mtu.l3 = mtu;
  for (const sub of subs) sub.mtu.l3 = mtu;
  return RV.OK;
}
