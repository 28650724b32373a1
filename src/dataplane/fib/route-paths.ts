import { NO_INDEX } from "../model.ts";
import { samePath } from "./paths.ts";
import { addressKey, isZeroAddress } from "./prefix.ts";
import type { FibEntry, FibEntryFlag, FibPrefix, RoutePath } from "./types.ts";

export interface Route {
  readonly paths: readonly RoutePath[];
  readonly flags: ReadonlySet<FibEntryFlag>;
}

/**
 * What FIB makes of paths that API or CLI give (fib_table.c fib_table_route_path_fixup): a prefix by way of itself drops, a
 * host on an interface is its own next hop, and after a path to the host itself all are such.
 */
export function fixedRoute(prefix: FibPrefix, given: readonly RoutePath[], flags: ReadonlySet<FibEntryFlag>): Route {
  const result = new Set(flags);
  const paths = given.map((path) => {
    const fixed = fixedPath(prefix, path, result);
    if (fixed.special === "local") {
      result.add("local");
      if (hasInterface(fixed)) result.add("connected");
    }
    return fixed;
  });
  paths.sort(compareRoutes);
  setAttached(result, paths);
  return { paths, flags: result };
}

/** Paths to remove: local where the source's are. The flag of an attached route follows them, too (fib_entry_flags_update). */
export function fixedRemoval(prefix: FibPrefix, given: readonly RoutePath[], flags: ReadonlySet<FibEntryFlag>): Route {
  const result = new Set(flags);
  const paths = given.map((path) => fixedPath(prefix, path, flags));
  setAttached(result, paths);
  return { paths, flags: result };
}

/** Each path takes the first of the same away, if there is one (fib_path_list_copy_and_path_remove). */
export function withoutPaths(paths: readonly RoutePath[], removed: readonly RoutePath[]): RoutePath[] {
  const left = [...paths];
  for (const path of removed) {
    const at = left.findIndex((each) => samePath(each, path));
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

/** Paths that are there stay as they are (fib_path_list_copy_and_path_add). */
export function withPaths(paths: readonly RoutePath[], added: readonly RoutePath[]): RoutePath[] {
  return [...paths, ...added.filter((path) => !paths.some((each) => samePath(each, path)))];
}

/**
 * What is added to an entry that has other sources only. With flags a new source starts with a path of theirs, one to the
 * host itself that names interface 0 (fib_path.c fib_path_create_special sets another arm of the union), and all paths to
 * the host itself are the same (fib_entry_src.c fib_entry_src_action_path_add).
 */
export function pathsOfNewSource(
  entry: FibEntry | undefined,
  paths: readonly RoutePath[],
  flags: ReadonlySet<FibEntryFlag>,
): readonly RoutePath[] {
  if (entry === undefined || !flags.has("local")) return paths;
  return withPaths([{ special: "local", nextHopProto: entry.prefix.proto, swIfIndex: 0 }], paths);
}

/** The next hop is fixed first: a path that only the flags make one to the host itself keeps it. */
function fixedPath(prefix: FibPrefix, path: RoutePath, flags: ReadonlySet<FibEntryFlag>): RoutePath {
  const fixed = path.special === undefined ? fixedHop(prefix, path) : path;
  return flags.has("local") ? { ...fixed, special: "local" } : fixed;
}

function fixedHop(prefix: FibPrefix, path: RoutePath): RoutePath {
  const isHost = prefix.length === (prefix.proto === 4 ? 32 : 128);
  if (isZeroAddress(path.nextHop))
    return isHost && hasInterface(path) ? { ...path, nextHop: prefix.address, attachedHost: true } : path;
  const isItself = !hasInterface(path) && addressKey(path.nextHop!) === addressKey(prefix.given);
  return isItself ? { ...path, special: "drop" } : path;
}

function hasInterface(path: RoutePath): boolean {
  return (path.swIfIndex ?? NO_INDEX) !== NO_INDEX;
}

function setAttached(flags: Set<FibEntryFlag>, paths: readonly RoutePath[]): void {
  const last = paths.at(-1);
  if (last === undefined) return;
  const isAttached = hasInterface(last) && (isZeroAddress(last.nextHop) || last.attachedHost === true);
  if (isAttached) flags.add("attached");
  else flags.delete("attached");
}

/** fib_route_path_cmp: by next hop, then interface, none first. */
function compareRoutes(a: RoutePath, b: RoutePath): number {
  const [left, right] = [a, b].map(({ nextHop }) => (isZeroAddress(nextHop) ? undefined : nextHop));
  if (left === undefined || right === undefined) {
    if (left !== right) return left === undefined ? -1 : 1;
  } else if (typeof left === "number" && typeof right === "number") {
    if (left !== right) return left - right;
  } else if (typeof left !== "number" && typeof right !== "number") {
    const byHop = Buffer.compare(left, right);
    if (byHop !== 0) return byHop;
  }
  return ((a.swIfIndex ?? NO_INDEX) | 0) - ((b.swIfIndex ?? NO_INDEX) | 0);
}
