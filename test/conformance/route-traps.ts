/** Leaves out of random calls what is known to end VPP (docs/vpp-quirks.md), so that the rest is compared. */
import type { Command } from "./commands.ts";
import type { Fields } from "./client.ts";

const NO_INDEX = 0xffffffff;

/** FIB_API_PATH_TYPE_DROP of fib_types.api. */
const DROP = 2;

interface Path extends Fields {
  readonly type: number;
  readonly sw_if_index: number;
  readonly proto: number;
  readonly nh: { readonly address: { readonly ip4: Uint8Array; readonly ip6: Uint8Array } };
}

interface RouteFields {
  readonly is_add: boolean;
  readonly is_multipath: boolean;
  readonly route: {
    readonly table_id: number;
    readonly prefix: {
      readonly address: { readonly af: number; readonly un: { readonly ip4: Uint8Array; readonly ip6: Uint8Array } };
      readonly len: number;
    };
    readonly paths: readonly Path[];
  };
}

/** What the calls so far made, as far as it matters: taken to be done, whatever VPP answered. */
class Seen {
  readonly #routes = new Map<string, Path[]>();
  readonly #deleted = new Set<number>();
  readonly #neighbors = new Set<string>();
  /** Tables by interface and family. */
  readonly #tables = new Map<string, number>();

  keep(command: Command): boolean {
    if (command.kind !== "api") return true;
    const { name, fields } = command;
    if (name === "delete_loopback") this.#deleted.add(Number(fields["sw_if_index"]));
    if (name === "ip_neighbor_add_del") this.#neighbors.add(hostOf(fields));
    if (name === "sw_interface_set_table") return this.#keepBinding(fields);
    return name !== "ip_route_add_del" || this.#keepRoute(fields as unknown as RouteFields);
  }

  /** To the table where it is, unless that is 0: VPP frees what nobody else holds. */
  #keepBinding(fields: Fields): boolean {
    const key = `${String(fields["sw_if_index"])} ${String(fields["is_ipv6"])}`;
    const id = Number(fields["vrf_id"]);
    const known = this.#tables.get(key);
    this.#tables.set(key, id);
    return id === 0 || id !== known;
  }

  #keepRoute({ is_add, is_multipath, route }: RouteFields): boolean {
    const key = `${route.table_id} ${hex(bytesOf(route.prefix.address))}/${route.prefix.len}`;
    const known = this.#routes.get(key) ?? [];
    if (is_multipath && known.some((path) => this.#deleted.has(path.sw_if_index))) return false;
    if (!is_add && is_multipath && leavesAttached(route, known)) return false;
    if (!is_add) return !known.some((path) => this.#leadsToCovered(path, route));
    this.#routes.set(key, is_multipath ? [...known, ...route.paths] : [...route.paths]);
    return true;
  }

  /** By way of a neighbour within the route's own prefix. */
  #leadsToCovered(path: Path, { prefix }: RouteFields["route"]): boolean {
    if (path.proto !== prefix.address.af) return false;
    const hop = path.proto === 0 ? path.nh.address.ip4 : path.nh.address.ip6;
    const isWithin = bitsOf(hop).startsWith(bitsOf(bytesOf(prefix.address)).slice(0, prefix.len));
    return path.sw_if_index === NO_INDEX && isWithin && this.#neighbors.has(hex(hop));
  }
}

/** The last path that goes is by an interface alone, and one that may stay has none. */
function leavesAttached({ paths, prefix }: RouteFields["route"], known: readonly Path[]): boolean {
  const last = paths.at(-1);
  if (last === undefined || last.type === DROP || last.sw_if_index === NO_INDEX) return false;
  const hop = hex(last.proto === 0 ? last.nh.address.ip4 : last.nh.address.ip6);
  const isAttached = /^0*$/.test(hop) || hop === hex(bytesOf(prefix.address));
  return isAttached && known.some((path) => path.type !== 0 || path.sw_if_index === NO_INDEX);
}

function hostOf(fields: Fields): string {
  return hex(bytesOf((fields["neighbor"] as { ip_address: RouteFields["route"]["prefix"]["address"] }).ip_address));
}

function bytesOf({ af, un }: RouteFields["route"]["prefix"]["address"]): Uint8Array {
  return af === 0 ? un.ip4 : un.ip6;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function bitsOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

export function withoutRouteTraps(commands: readonly Command[]): Command[] {
  const seen = new Seen();
  return commands.filter((command) => seen.keep(command));
}
