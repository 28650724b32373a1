import type { Prefix } from "../codec/address.ts";
import type { VppClient } from "../client.ts";
import type { Fields } from "../codec/message.ts";
import { VppError } from "../errors.ts";
import type { FibPath, IpRoute } from "../generated/types.ts";
import { refused } from "./lb-encoding.ts";
import { pathKey, type Path } from "./paths.ts";

const ALL = 0xffff_ffff;
/** FIB_API_PATH_TYPE_NORMAL and FIB_API_PATH_TYPE_LOCAL of fib_types.api. */
const NORMAL = 0;
const LOCAL = 1;

interface GivenRoute {
  readonly table_id?: unknown;
  readonly prefix?: string | object;
  readonly paths?: readonly Path[];
}

/** What `ip_route_add_del` and `ip_route_add_del_v2` end VPP with. Routes that replace all paths need no look into VPP. */
export function changeRoute(name: string) {
  return (fields: Readonly<Fields>, client: VppClient): Promise<void> | undefined => {
    const route = (fields["route"] ?? {}) as GivenRoute;
    const isMultipath = fields["is_multipath"] === true;
    if (fields["is_add"] === true) {
      const isLocal = route.paths?.some(isLocalByInterface) === true;
      return isMultipath || isLocal ? addPaths(name, route, isMultipath, client) : undefined;
    }
    return deletePaths(name, route, isMultipath, client);
  };
}

function isLocalByInterface({ type, sw_if_index }: Path): boolean {
  return Number(type ?? NORMAL) === LOCAL && Number(sw_if_index ?? 0) !== ALL;
}

/**
 * vnet/fib/fib_api.c does not check the interface of a path to VPP itself; fib_attached_export.c then looks for that
 * interface's table (SIGSEGV, seen on 26.06 and 26.10).
 */
async function addPaths(name: string, route: GivenRoute, isMultipath: boolean, client: VppClient): Promise<void> {
  const interfaces = await interfaceIndexes(client);
  const missing = route.paths?.find((path) => isLocalByInterface(path) && !interfaces.has(Number(path.sw_if_index)));
  if (missing !== undefined)
    throw refused(
      name,
      `a local path by interface ${Number(missing.sw_if_index)}, which does not exist: VPP would end`,
    );
  const found = isMultipath ? await existing(route, client) : undefined;
  if (found !== undefined) refuseStale(name, found, interfaces);
}

async function deletePaths(name: string, route: GivenRoute, isMultipath: boolean, client: VppClient): Promise<void> {
  const found = await existing(route, client);
  if (found === undefined) return;
  const given = new Set((route.paths ?? []).map(pathKey));
  const left = found.paths.filter((path) => !given.has(pathKey(path)));
  if (!isMultipath || left.length === 0) return refuseOverNeighbor(name, found, client);
  refuseStale(name, found, await interfaceIndexes(client));
  refuseAttached(name, found, left, route.paths?.at(-1));
}

/**
 * vnet/fib/fib_entry_src.c fib_entry_flags_update: a route is taken for one that is attached to an interface where the last path
 * that is taken from it was so. If no path that stays has an interface, VPP looks for a table that there is not as soon as
 * another route leads by way of this one (fib_entry_src_rr_resolve_via_connected; SIGSEGV, seen on 26.06 and 26.10).
 */
function refuseAttached(name: string, { prefix }: IpRoute, left: readonly FibPath[], last: Path | undefined): void {
  if (last === undefined || !isAttached(last, prefix)) return;
  if (left.some((path) => path.type === NORMAL && path.sw_if_index !== ALL)) return;
  throw refused(
    name,
    `it takes the path by interface ${Number(last.sw_if_index)} from a route of which no other path has an interface, and VPP ` +
      "would end; give all paths anew in one request (is_multipath false)",
  );
}

/** By an interface without next hop, or with the host itself as one. */
function isAttached({ type, ...path }: Path, { address, len }: Prefix): boolean {
  if (Number(path.sw_if_index ?? 0) === ALL || ![NORMAL, LOCAL].includes(Number(type ?? NORMAL))) return false;
  const hop = pathKey(path).split(",").at(-1) ?? "";
  if (/^0*$/.test(hop)) return true;
  return len === bytesOf(address).length * 8 && hop === Buffer.from(bytesOf(address)).toString("hex");
}

/**
 * vnet/fib/fib_path_list.c fib_path_list_copy_and_path_add: a change of some paths makes all anew, and those by an interface
 * that was deleted since end VPP (ip_path_mtu.c ip_pmtu_adj_delegate_adj_created; seen on 26.06 and 26.10).
 */
function refuseStale(name: string, route: IpRoute, interfaces: ReadonlySet<number>): void {
  const stale = route.paths.find((path) => path.type === NORMAL && !interfaces.has(path.sw_if_index));
  if (stale === undefined) return;
  throw refused(
    name,
    `the route has a path by interface ${stale.sw_if_index}, which was deleted, and VPP would end; give all paths anew ` +
      "in one request (is_multipath false), or delete the route",
  );
}

/** All routes of the API out of a table: each is deleted as by itself. */
export async function flushTable(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const table = fields["table"] as Fields | undefined;
  for (const row of await client.dumpAll("ip_route_dump", { table: table ?? {} }))
    await refuseOverNeighbor("ip_table_flush", row.route, client);
}

/**
 * vnet/fib/fib_entry_src_adj.c fib_entry_src_adj_reactivate: a route gives up its last path; if one led by the address of a
 * neighbour that the route itself covers, the neighbour is evaluated again and asks the route for the path-list that it no
 * longer has (SIGSEGV, seen on 26.06 and 26.10). With the connected prefix of an interface in between it does not happen.
 */
async function refuseOverNeighbor(name: string, route: IpRoute, client: VppClient): Promise<void> {
  const af = route.prefix.address.af;
  const through = route.paths.filter((path) => isThroughItself(path, route));
  if (through.length === 0) return;
  const neighbors = (await client.dumpAll("ip_neighbor_dump", { sw_if_index: ALL, af })).map((row) => row.neighbor);
  for (const path of through) {
    const hop = hopOf(path);
    for (const one of neighbors.filter(({ ip_address }) => same(bytesOf(ip_address), hop))) {
      const at = await client.request("sw_interface_get_table", { sw_if_index: one.sw_if_index, is_ipv6: af === 1 });
      if (at.vrf_id !== route.table_id || !(await isCover(route, hop, client))) continue;
      throw refused(
        name,
        "the route leads by the address of a neighbour that it covers itself, and VPP would end; delete the neighbour " +
          "first, or give the route another path in one request (is_multipath false)",
      );
    }
  }
}

/** Recursive, by an address in the route's own prefix. */
function isThroughItself(path: FibPath, { prefix, table_id }: IpRoute): boolean {
  if (path.type !== NORMAL || path.sw_if_index !== ALL || path.table_id !== table_id) return false;
  if (path.proto !== prefix.address.af) return false;
  const [hop, own] = [hopOf(path), bytesOf(prefix.address)];
  if (hop.every((byte) => byte === 0)) return false;
  return hop.every((byte, i) => ((byte ^ own[i]!) & (0xff00 >> Math.min(8, Math.max(0, prefix.len - i * 8)))) === 0);
}

/** Whether the route is the longest match of the address, but for the neighbour's own. */
async function isCover(route: IpRoute, hop: Uint8Array, client: VppClient): Promise<boolean> {
  const { af } = route.prefix.address;
  const un = af === 1 ? { ip6: hop } : { ip4: hop };
  const beyond = await lookup(route.table_id, { address: { af, un }, len: hop.length * 8 - 1 }, 0, client);
  return beyond?.prefix.len === route.prefix.len;
}

async function interfaceIndexes(client: VppClient): Promise<ReadonlySet<number>> {
  const rows = await client.dumpAll("sw_interface_dump", { sw_if_index: ALL });
  return new Set([ALL, ...rows.map((row) => row.sw_if_index)]);
}

async function existing({ table_id, prefix }: GivenRoute, client: VppClient): Promise<IpRoute | undefined> {
  return prefix === undefined ? undefined : lookup(Number(table_id ?? 0), prefix, 1, client);
}

async function lookup(
  table_id: number,
  prefix: string | object,
  exact: 0 | 1,
  client: VppClient,
): Promise<IpRoute | undefined> {
  try {
    const reply = await client.requestUntyped("ip_route_lookup", { table_id, exact, prefix });
    return reply["route"] as IpRoute;
  } catch (error) {
    if (VppError.is(error, "RETVAL")) return undefined;
    throw error;
  }
}

function hopOf(path: FibPath): Uint8Array {
  return path.proto === 1 ? path.nh.address.ip6 : path.nh.address.ip4;
}

function bytesOf({ af, un }: Prefix["address"]): Uint8Array {
  return af === 1 ? un.ip6 : un.ip4;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
