import { NO_INDEX } from "../model.ts";
import type { FibEntry, FibEntryFlag, FibEntrySource, FibSource, PathList } from "./types.ts";

/** Recursion deeper than this is cut: a loop that was not recognised must not hang the process. */
export const MAX_DEPTH = 32;
export const NO_FLAGS: ReadonlySet<FibEntryFlag> = new Set();

export function newSource(source: FibSource, flags: ReadonlySet<FibEntryFlag>): FibEntrySource {
  return { source, refs: 1, flags, pathList: undefined, cover: undefined, active: false, contributing: false };
}

/** FIB_ENTRY_FLAGS_RR_INHERITED. */
export function inheritedFlags(cover: FibEntry | undefined): ReadonlySet<FibEntryFlag> {
  const flags = cover === undefined ? NO_FLAGS : entryFlags(cover);
  return new Set((["connected", "attached"] as const).filter((flag) => flags.has(flag)));
}

/** The flags of an entry's best source. */
export function entryFlags(entry: FibEntry): ReadonlySet<FibEntryFlag> {
  return entry.sources[0]?.flags ?? NO_FLAGS;
}

/** The interface that an attached entry is attached to. */
export function attachedTo(entry: FibEntry | undefined): number | undefined {
  if (entry === undefined || !entryFlags(entry).has("attached")) return undefined;
  return firstInterface(entry.pathList);
}

export function firstInterface(list: PathList | undefined): number | undefined {
  return list?.paths.find((path) => path.swIfIndex !== NO_INDEX)?.swIfIndex;
}

/** Whether a neighbour's path is on the interface that its cover is attached to (fib_entry_src_adj.c). */
export function refines(list: PathList | undefined, swIfIndex: number | undefined): boolean {
  return swIfIndex !== undefined && list?.paths.some((path) => path.swIfIndex === swIfIndex) === true;
}

export function isResolved(entry: FibEntry, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  return (entry.pathList?.paths ?? []).some((path) =>
    path.type === "recursive" && path.viaEntry !== undefined && !path.looped
      ? isResolved(path.viaEntry, depth + 1)
      : path.resolved,
  );
}

/** Whether a path of `list` is resolved through `entry`, directly or by others. */
export function restsOn(list: PathList, entry: FibEntry, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  return list.paths.some(({ viaEntry }) => {
    if (viaEntry === undefined) return false;
    return viaEntry === entry || (viaEntry.pathList !== undefined && restsOn(viaEntry.pathList, entry, depth + 1));
  });
}

/** Whether forwarding through `entry` comes to a path of `list` again. */
export function leadsTo(entry: FibEntry, list: PathList, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  if (entry.pathList === list) return true;
  return (entry.pathList?.paths ?? []).some(
    (path) => path.type === "recursive" && path.viaEntry !== undefined && leadsTo(path.viaEntry, list, depth + 1),
  );
}
