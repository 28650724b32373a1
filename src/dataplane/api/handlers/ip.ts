/** ip.api: vnet/ip/ip_api.c, vnet/fib/fib_api.c. */
import { randomInt } from "node:crypto";
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { disableIp6, enableIp6 } from "../../fib/interface-address.ts";
import { isZeroAddress, prefix4, prefix6 } from "../../fib/prefix.ts";
import { lockTable, unlockTable } from "../../fib/table-locks.ts";
import type { FibTable } from "../../fib/table.ts";
import type { FibEntry, FibPrefix, Path, RoutePath } from "../../fib/types.ts";
import { NO_INDEX } from "../../model.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import { AF_IP4, AF_IP6, encodePrefix, fixedText, ip4Bytes, ip4Number, type WirePrefix } from "./wire.ts";

/** fib_api_path_type: fib_types.api. */
const PathType = { normal: 0, local: 1, drop: 2, udpEncap: 3, bierImp: 4, unreach: 5, prohibit: 6 } as const;
const NH_PROTO_IP4 = 0;
const NH_PROTO_IP6 = 1;

export interface WirePath {
  readonly sw_if_index: number;
  readonly table_id: number;
  readonly rpf_id: number;
  readonly weight: number;
  readonly preference: number;
  readonly type: number;
  readonly flags: number;
  readonly proto: number;
  readonly nh: { readonly address: { readonly ip4: Uint8Array; readonly ip6: Uint8Array } };
  readonly n_labels: number;
}

interface RouteFields {
  readonly is_add: boolean;
  readonly is_multipath: boolean;
  readonly route: { readonly table_id: number; readonly prefix: WirePrefix; readonly paths: readonly WirePath[] };
}

/** The prefix with its host bits cleared, or undefined for a length that its family doesn't have. */
function decodePrefix({ address, len }: WirePrefix): FibPrefix | undefined {
  if (address.af === AF_IP4 && len <= 32) return prefix4(ip4Number(address.un.ip4), len);
  return address.af === AF_IP6 && len <= 128 ? prefix6(address.un.ip6, len) : undefined;
}

const SPECIALS: Readonly<Record<number, RoutePath["special"]>> = {
  [PathType.local]: "local",
  [PathType.drop]: "drop",
  [PathType.unreach]: "unreach",
  [PathType.prohibit]: "prohibit",
};

/** fib_api_path_decode: the path, or a return value. MPLS, BIER, UDP and the like aren't here. */
export function decodePath({ fib, interfaces }: Dataplane, path: WirePath): RoutePath | number {
  const common = { weight: path.weight === 0 ? 1 : path.weight, preference: path.preference };
  if (path.proto !== NH_PROTO_IP4 && path.proto !== NH_PROTO_IP6) return RETVAL.UNSPECIFIED;
  const proto = path.proto === NH_PROTO_IP6 ? 6 : 4;
  const special = SPECIALS[path.type];
  if (special !== undefined) {
    const swIfIndex = special === "local" ? path.sw_if_index : NO_INDEX;
    return { ...common, nextHopProto: proto, special, swIfIndex };
  }
  if (path.type !== PathType.normal || path.n_labels !== 0) return RETVAL.UNIMPLEMENTED;
  const nextHop = proto === 6 ? path.nh.address.ip6.slice() : ip4Number(path.nh.address.ip4);
  if (path.sw_if_index !== NO_INDEX) {
    if (!interfaces.has(path.sw_if_index)) return RETVAL.NO_MATCHING_INTERFACE;
    return { ...common, nextHopProto: proto, swIfIndex: path.sw_if_index, nextHop };
  }
  const table = fib.tableById(proto, path.table_id);
  if (table === undefined) return RETVAL.NO_SUCH_FIB;
  return { ...common, nextHopProto: proto, fibIndex: table.index, nextHop };
}

function addDelRoute(dataplane: Dataplane, fields: RouteFields): Fields {
  const { fib } = dataplane;
  const { route } = fields;
  const refused = (retval: number): Fields => ({ retval, stats_index: NO_INDEX });
  const table = fib.tableById(route.prefix.address.af === AF_IP6 ? 6 : 4, route.table_id);
  if (table === undefined) return refused(RETVAL.NO_SUCH_FIB);
  const paths: RoutePath[] = [];
  for (const each of route.paths) {
    const path = decodePath(dataplane, each);
    if (typeof path === "number") return refused(path);
    paths.push(path);
  }
  const prefix = decodePrefix(route.prefix);
  if (prefix === undefined) return refused(RETVAL.INVALID_PREFIX_LENGTH);
  if (paths.length === 0 && (fields.is_multipath || fields.is_add)) return refused(RETVAL.NO_PATHS_IN_ROUTE);
  if (!fields.is_add) {
    if (fields.is_multipath) fib.routeRemove(table.index, prefix, "API", paths);
    else fib.delete(table.index, prefix, "API");
    return { stats_index: NO_INDEX };
  }
  const entry = fib.routeAdd(table.index, prefix, "API", paths, fields.is_multipath);
  return { stats_index: entry.loadBalance.index };
}

/** fib_api_path_encode. The IPv6 link-local prefix's own DPO is no "local" path. */
export function encodePath({ fib }: Dataplane, path: Path, isSpecial: boolean): Fields {
  const table = (path.proto === 6 ? fib.tables6 : fib.tables4).get(path.fibIndex);
  const special = specialOf(path, isSpecial);
  const { nextHop } = path;
  const hasHop = nextHop !== undefined && !isZeroAddress(nextHop);
  return {
    sw_if_index: path.swIfIndex,
    table_id: path.type === "recursive" ? (table?.tableId ?? 0) : 0,
    weight: path.weight,
    preference: path.preference,
    type: special === undefined || special === "punt" ? PathType.normal : PathType[special],
    proto: path.proto === 6 ? NH_PROTO_IP6 : NH_PROTO_IP4,
    nh: hasHop ? { address: typeof nextHop === "number" ? { ip4: ip4Bytes(nextHop) } : { ip6: nextHop } } : {},
  };
}

function specialOf(path: Path, isSpecial: boolean): RoutePath["special"] {
  if (path.type === "receive") return isSpecial ? undefined : "local";
  return path.special;
}

function encodeRoute(dataplane: Dataplane, table: FibTable, entry: FibEntry): Fields {
  const { prefix } = entry;
  const best = entry.sources[0];
  const isSpecial = best?.source === "special";
  // A neighbour's route whose cover isn't attached to its interface forwards nothing: it has paths, no load-balance.
  const isIdle = entry.pathList === undefined && best?.pathList !== undefined;
  const paths = (entry.pathList?.paths ?? best?.pathList?.paths ?? []).map((path) =>
    encodePath(dataplane, path, isSpecial),
  );
  return {
    table_id: table.tableId,
    stats_index: isIdle ? NO_INDEX : entry.loadBalance.index,
    prefix: encodePrefix(prefix.given, prefix.length),
    n_paths: paths.length,
    paths,
  };
}

interface DumpedRoute {
  readonly dataplane: Dataplane;
  readonly table: FibTable;
  readonly entry: FibEntry;
}

/** IPv4 by length, shortest first; within a length VPP's order is its hash's. */
function routes(dataplane: Dataplane, fields: { table: { table_id: number; is_ip6: boolean } }): DumpedRoute[] {
  const table = dataplane.fib.tableById(fields.table.is_ip6 ? 6 : 4, fields.table.table_id);
  if (table === undefined) return [];
  return [...table.entries()]
    .sort((a, b) => a.prefix.length - b.prefix.length)
    .map((entry) => ({ dataplane, table, entry }));
}

interface LookupFields {
  readonly table_id: number;
  readonly exact: number;
  readonly prefix: WirePrefix;
}

function lookup(dataplane: Dataplane, fields: LookupFields): Fields {
  const { fib } = dataplane;
  const prefix = decodePrefix(fields.prefix);
  const table = fib.tableById(fields.prefix.address.af === AF_IP6 ? 6 : 4, fields.table_id);
  const none = { route: { prefix: encodePrefix(0, 0), paths: [] } };
  if (table === undefined) return { retval: RETVAL.NO_SUCH_FIB, ...none };
  const entry = prefix === undefined ? undefined : fields.exact === 0 ? table.match(prefix) : table.exact(prefix);
  if (entry === undefined) return { retval: RETVAL.NO_SUCH_ENTRY, ...none };
  return { route: encodeRoute(dataplane, table, entry) };
}

interface TableFields {
  readonly is_add: boolean;
  readonly table: { readonly table_id: number; readonly is_ip6: boolean; readonly name: string };
}

/** The default tables are left alone; adding twice is fine, one delete undoes it (ip_api.c ip_table_create). */
function addDelTable({ fib }: Dataplane, { is_add, table }: TableFields): number {
  if (table.table_id === 0) return 0;
  const proto = table.is_ip6 ? 6 : 4;
  const known = fib.tableById(proto, table.table_id);
  if (is_add) lockTable(fib, proto, table.table_id, "API", table.name);
  else if (known !== undefined) unlockTable(fib, known, "API");
  return 0;
}

/** Takes down what is in the table, and routes of the API out of it (ip_api.c vl_api_ip_table_flush_t_handler). */
function flushTable(dataplane: Dataplane, { table }: { readonly table: TableFields["table"] }): number {
  const { fib } = dataplane;
  const proto = table.is_ip6 ? 6 : 4;
  const known = fib.tableById(proto, table.table_id);
  if (known === undefined) return RETVAL.NO_SUCH_FIB;
  for (const iface of dataplane.interfaces)
    if ((proto === 4 ? iface.fibIndex4 : iface.fibIndex6) === known.index) dataplane.setAdminUp(iface.swIfIndex, false);
  for (const entry of [...known.entries()]) fib.delete(known.index, entry.prefix, "API");
  return 0;
}

/** A given table id, or for ~0 one that nobody has. */
function allocateTable({ fib }: Dataplane, { table }: { readonly table: TableFields["table"] }): Fields {
  const proto = table.is_ip6 ? 6 : 4;
  let id = table.table_id;
  while (id === NO_INDEX || (table.table_id === NO_INDEX && fib.tableById(proto, id) !== undefined))
    id = randomInt(1, NO_INDEX);
  if (id !== 0) lockTable(fib, proto, id, "API", table.name);
  return { table: { table_id: id, is_ip6: table.is_ip6, name: fixedText(table.name) } };
}

interface AddressDumpFields {
  readonly sw_if_index: number;
  readonly is_ipv6: boolean;
}

export const ipHandlers: Handlers = {
  ip_table_add_del: action<TableFields>((fields, { dataplane }) => addDelTable(dataplane, fields)),
  ip_table_add_del_v2: action<TableFields>((fields, { dataplane }) => addDelTable(dataplane, fields)),
  ip_table_flush: action<TableFields>((fields, { dataplane }) => flushTable(dataplane, fields)),
  ip_table_allocate: request<TableFields>((fields, { dataplane }) => allocateTable(dataplane, fields)),
  ip_table_dump: dump(
    (_fields: Fields, { dataplane: { fib } }) => [...fib.tables(4), ...fib.tables(6)],
    (table) => ({ table: { table_id: table.tableId, is_ip6: table.proto === 6, name: fixedText(table.name) } }),
  ),
  ip_route_add_del: request<RouteFields>((fields, { dataplane }) => addDelRoute(dataplane, fields)),
  ip_route_dump: dump(
    (fields: { table: { table_id: number; is_ip6: boolean } }, { dataplane }) => routes(dataplane, fields),
    ({ dataplane, table, entry }) => ({ route: encodeRoute(dataplane, table, entry) }),
  ),
  ip_route_lookup: request<LookupFields>((fields, { dataplane }) => lookup(dataplane, fields)),
  ip_address_dump: dump(
    (fields: AddressDumpFields, { dataplane }) => {
      const iface = dataplane.interfaces.get(fields.sw_if_index);
      const addresses = fields.is_ipv6 ? iface?.addresses6 : iface?.addresses4;
      return (addresses ?? []).map((each) => ({ ...each, swIfIndex: fields.sw_if_index }));
    },
    ({ address, length, swIfIndex }) => ({ sw_if_index: swIfIndex, prefix: encodePrefix(address, length) }),
  ),
  sw_interface_ip6_enable_disable: action<{ sw_if_index: number; enable: boolean }>((fields, { dataplane }) => {
    const iface = dataplane.interfaces.get(fields.sw_if_index);
    if (iface === undefined) return RETVAL.INVALID_SW_IF_INDEX;
    return fields.enable ? enableIp6(dataplane.fib, iface) : disableIp6(dataplane.fib, iface);
  }),
};
