import { NO_INDEX } from "../model.ts";
import { Pool } from "../pool.ts";
import { addressKey, isZeroAddress } from "./prefix.ts";
import type { Dpo, FibEntryFlag, FibPrefix, Path, PathList, PathType, RoutePath } from "./types.ts";

type Make = {
  readonly prefix: FibPrefix;
  readonly fibIndex: number;
  readonly routes: readonly RoutePath[];
  readonly flags: ReadonlySet<FibEntryFlag>;
  /** CLI and API routes share equal path-lists. */
  readonly shared: boolean;
  /** For policies, not for routes: without a list for unicast RPF. */
  readonly noUrpf?: boolean;
  readonly exclusive?: Dpo;
};

/** Path-lists and paths; equal shared ones are one (vnet/fib/fib_path_list.c). */
export class PathLists {
  readonly lists = new Pool<PathList>();
  readonly paths = new Pool<Path>();
  readonly #shared = new Map<string, PathList>();
  readonly #urpf = new Pool<number>();

  /** A list with one more lock; `resolve` is called for the paths of a new one. */
  obtain(make: Make, resolve: (list: PathList) => void): PathList {
    const key = make.shared ? listKey(make) : "";
    const existing = key === "" ? undefined : this.#shared.get(key);
    if (existing !== undefined) {
      existing.locks += 1;
      return existing;
    }
    const flags = new Set<"shared" | "no-uRPF" | "drop" | "exclusive" | "local">();
    if (make.shared) flags.add("shared");
    if (make.noUrpf === true) flags.add("no-uRPF");
    if (make.flags.has("drop")) flags.add("drop");
    if (make.exclusive !== undefined) flags.add("exclusive");
    const list = this.lists.add((index) => ({
      index,
      shared: make.shared,
      flags,
      paths: [] as Path[],
      urpfIndex: make.noUrpf === true ? -1 : this.#urpf.add((urpf) => urpf),
      locks: 1,
      entries: new Set<never>(),
      children: new Set<never>(),
      key,
    })) as PathList;
    for (const route of make.routes) list.paths.push(this.paths.add((index) => toPath(index, list.index, route, make)));
    list.paths.sort(comparePaths);
    if (key !== "") this.#shared.set(key, list);
    resolve(list);
    return list;
  }

  /** Gives a lock back; the last one frees list and paths after `unresolve`. */
  release(list: PathList, unresolve: (path: Path) => void): void {
    list.locks -= 1;
    if (list.locks > 0) return;
    for (const path of list.paths) {
      unresolve(path);
      this.paths.remove(path.index);
    }
    if (list.key !== "") this.#shared.delete(list.key);
    if (list.urpfIndex >= 0) this.#urpf.remove(list.urpfIndex);
    this.lists.remove(list.index);
  }
}

function toPath(index: number, plIndex: number, route: RoutePath, make: Make): Path {
  const swIfIndex = route.swIfIndex ?? NO_INDEX;
  const nextHop = isZeroAddress(route.nextHop) ? undefined : route.nextHop;
  return {
    index,
    plIndex,
    type: pathType(swIfIndex, nextHop, route, make),
    proto: route.nextHopProto ?? (nextHop === undefined ? make.prefix.proto : typeof nextHop === "number" ? 4 : 6),
    weight: route.weight ?? 1,
    preference: route.preference ?? 0,
    swIfIndex,
    nextHop,
    fibIndex: route.fibIndex ?? make.fibIndex,
    glean: make.flags.has("connected") && !make.flags.has("local"),
    special: route.special,
    route,
    resolved: false,
    looped: false,
    dpo: make.exclusive,
    viaEntry: undefined,
  };
}

function pathType(swIfIndex: number, nextHop: number | Uint8Array | undefined, route: RoutePath, make: Make): PathType {
  if (make.exclusive !== undefined) return "exclusive";
  if (make.flags.has("local") || route.special === "local") return "receive";
  if (route.special !== undefined) return "special";
  if (swIfIndex !== NO_INDEX) return nextHop === undefined ? "attached" : "attached-nexthop";
  return nextHop === undefined ? "special" : "recursive";
}

const TYPE_ORDER: readonly PathType[] = [
  "attached-nexthop",
  "attached",
  "recursive",
  "special",
  "exclusive",
  "receive",
];

/** fib_path_cmp_for_sort: by preference, then type and protocol, then what the path leads to. */
function comparePaths(a: Path, b: Path): number {
  const byKind =
    a.preference - b.preference || TYPE_ORDER.indexOf(a.type) - TYPE_ORDER.indexOf(b.type) || a.proto - b.proto;
  if (byKind !== 0) return byKind;
  if (a.type === "attached") return a.swIfIndex - b.swIfIndex;
  const byHop = compareAddresses(a.nextHop, b.nextHop);
  if (a.type === "attached-nexthop") return byHop || a.swIfIndex - b.swIfIndex;
  return a.type === "recursive" ? byHop || a.fibIndex - b.fibIndex : 0;
}

function compareAddresses(a: number | Uint8Array | undefined, b: number | Uint8Array | undefined): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) : 0;
}

/** Whether two routes' paths are the same path: weight and preference don't count (fib_path.c fib_path_cmp_i). */
export function samePath(a: RoutePath, b: RoutePath): boolean {
  return pathKey(a) === pathKey(b);
}

function pathKey({ special, swIfIndex = NO_INDEX, nextHop, nextHopProto, fibIndex }: RoutePath): string {
  const proto = nextHopProto ?? (typeof nextHop === "number" ? 4 : 6);
  if (special !== undefined) return `${special === "local" ? "receive" : "special"},${proto}`;
  const hop = isZeroAddress(nextHop) ? "" : `${proto},${addressKey(nextHop!)}`;
  return swIfIndex === NO_INDEX ? `${hop},${fibIndex ?? ""}` : `${swIfIndex}|${hop}`;
}

/** All of a path that VPP hashes: of a path to the host itself the next hop, too, though samePath doesn't look at it. */
function routeKey(route: RoutePath): string {
  const hop = isZeroAddress(route.nextHop) ? "" : addressKey(route.nextHop!);
  const special = `${route.special ?? ""},${hop},${route.attachedHost === true}`;
  return `${pathKey(route)},${route.swIfIndex ?? NO_INDEX},${special},${route.preference ?? 0},${route.weight ?? 1}`;
}

/** In the order of the paths: VPP's hash depends on it where paths are the same (fib_path_list.c fib_path_list_hash). */
function listKey(make: Make): string {
  const sorted = make.routes.map((route) => toPath(0, 0, route, make)).sort(comparePaths);
  const keys = sorted.map(({ route }) => routeKey(route));
  return `${make.noUrpf === true ? "policy|" : ""}${make.prefix.proto}|${make.fibIndex}|${[...make.flags].sort().join()}|${keys.join("|")}`;
}
