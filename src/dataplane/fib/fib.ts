import { FibEntries, type FibHost } from "./entries.ts";
import { LinkLocalTables } from "./link-local.ts";
import { hostPrefix, prefix4, prefix6 } from "./prefix.ts";
import { newSource, NO_FLAGS } from "./relations.ts";
import { fixedRemoval, fixedRoute, pathsOfNewSource, withoutPaths, withPaths } from "./route-paths.ts";
import { FibState } from "./state.ts";
import { FibTable } from "./table.ts";
import { NO_INDEX, type Interface } from "../model.ts";
import { LoadBalance } from "./types.ts";
import type { Dpo, FibChild, FibEntry, FibEntryFlag, FibPrefix, FibSource, PathList, RoutePath } from "./types.ts";

const ATTACHED_FLAGS: ReadonlySet<FibEntryFlag> = new Set(["attached"]);
/** Of a route to the host itself, without interface. */
const OWN_FLAGS: ReadonlySet<FibEntryFlag> = new Set(["connected", "local"]);

/**
 * The FIB: entries with their sources, path-lists, load-balances and adjacencies, with VPP's rules of which source
 * wins and of what follows when something changes (vnet/fib). Indexes are pool indexes as VPP shows them.
 */
export class Fib {
  readonly #state = new FibState();
  readonly entries = this.#state.entries;
  readonly pathLists = this.#state.pathLists;
  readonly loadBalances = this.#state.loadBalances;
  readonly adjacencies = this.#state.adjacencies;
  readonly tables4 = this.#state.tables4;
  readonly tables6 = this.#state.tables6;
  /** Load-balances by index, for the packet path. */
  readonly loadBalanceAt = this.#state.loadBalanceAt;
  readonly linkLocal = new LinkLocalTables(this);
  readonly #host: FibHost;
  readonly #entries: FibEntries;

  constructor(host: FibHost) {
    this.#host = host;
    this.#entries = new FibEntries(this.#state, host);
    this.createTable(4, 0, "ipv4-VRF:0");
    this.createTable(6, 0, "ipv6-VRF:0");
  }

  createTable(proto: 4 | 6, tableId: number, name: string): FibTable {
    const pool = proto === 4 ? this.tables4 : this.tables6;
    const table = pool.add((index) => new FibTable(index, proto, tableId, name));
    const special = (prefix: FibPrefix, source: FibSource) =>
      this.update(table.index, prefix, source, new Set(["drop"]), [{ special: "drop" }]);
    if (proto === 4) {
      special(prefix4(0, 0), "default-route");
      special(prefix4(0, 32), "default-route");
      special(prefix4(0xf0000000, 4), "special");
      special(prefix4(0xe0000000, 4), "special");
      special(prefix4(0xffffffff, 32), "default-route");
    } else {
      special(prefix6(new Uint8Array(16), 0), "default-route");
      this.update(table.index, LINK_LOCAL, "special", NO_FLAGS, [{ special: "local" }]);
    }
    return table;
  }

  /** Removes a table with all that is in it. */
  deleteTable(proto: 4 | 6, fibIndex: number): void {
    const table = this.#state.table(proto, fibIndex);
    for (const entry of [...table.entries()].reverse()) {
      if (entry.prefix.length === 0) continue;
      for (const source of [...entry.sources]) this.#entries.removeSource(entry, source);
    }
    const last = [...table.entries()];
    for (const entry of last) for (const source of [...entry.sources]) this.#entries.removeSource(entry, source);
    (proto === 4 ? this.tables4 : this.tables6).remove(fibIndex);
  }

  tableById(proto: 4 | 6, tableId: number): FibTable | undefined {
    for (const table of this.tables(proto)) if (table.tableId === tableId) return table;
    return undefined;
  }

  /** By index, without those of link-local addresses. */
  tables(proto: 4 | 6): FibTable[] {
    return [...(proto === 4 ? this.tables4 : this.tables6)].filter(
      (table) => table.tableId !== NO_INDEX || proto === 4,
    );
  }

  exact(fibIndex: number, prefix: FibPrefix): FibEntry | undefined {
    return this.#state.table(prefix.proto, fibIndex).exact(prefix);
  }

  /** Longest match of an address. */
  lookup(fibIndex: number, address: number | Uint8Array): FibEntry | undefined {
    const prefix = hostPrefix(address);
    return this.#state.table(prefix.proto, fibIndex).match(prefix);
  }

  /** Sets all paths of a source (fib_table_entry_update). */
  update(
    fibIndex: number,
    prefix: FibPrefix,
    source: FibSource,
    flags: ReadonlySet<FibEntryFlag>,
    routes: readonly RoutePath[],
    exclusive?: Dpo,
  ): FibEntry {
    const entry = this.#entries.entry(fibIndex, prefix);
    const known = entry.sources.find((candidate) => candidate.source === source);
    const pathList = this.#entries.pathList(entry, source, flags, routes, exclusive);
    if (known === undefined) this.#entries.addSource(entry, { ...newSource(source, flags), pathList });
    else {
      const old = known.pathList;
      known.flags = flags;
      known.pathList = pathList;
      this.#entries.pathsChanged(entry, known);
      if (old !== undefined) this.#entries.releaseList(old);
    }
    return entry;
  }

  /** Installs a given DPO (fib_table_entry_special_dpo_add with FIB_ENTRY_FLAG_EXCLUSIVE). */
  updateDpo(fibIndex: number, prefix: FibPrefix, source: FibSource, dpo: Dpo): FibEntry {
    return this.update(fibIndex, prefix, source, new Set(["exclusive"]), [{}], dpo);
  }

  /** Adds paths to a source's, or makes the source of them; ones that it has stay (fib_table_entry_path_add2). */
  pathsAdd(
    fibIndex: number,
    prefix: FibPrefix,
    source: FibSource,
    routes: readonly RoutePath[],
    flags: ReadonlySet<FibEntryFlag> = NO_FLAGS,
  ): FibEntry {
    const known = this.exact(fibIndex, prefix)?.sources.find((candidate) => candidate.source === source);
    const old = known?.pathList?.paths.map((path) => path.route) ?? [];
    return this.update(fibIndex, prefix, source, flags, withPaths(old, routes));
  }

  /** Removes paths of a source's; the source goes with the last (fib_table_entry_path_remove2). */
  pathsRemove(fibIndex: number, prefix: FibPrefix, source: FibSource, routes: readonly RoutePath[]): void {
    const entry = this.exact(fibIndex, prefix);
    const known = entry?.sources.find((candidate) => candidate.source === source);
    if (entry === undefined || known === undefined) return;
    const old = known.pathList?.paths.map((path) => path.route) ?? [];
    const kept = withoutPaths(old, routes);
    if (kept.length === 0) this.#entries.removeSource(entry, known);
    else this.update(fibIndex, prefix, source, known.flags, kept);
  }

  /** A route of API or CLI: replaces the source's paths (fib_table_entry_update) or adds to them. */
  routeAdd(
    fibIndex: number,
    prefix: FibPrefix,
    source: "API" | "CLI",
    given: readonly RoutePath[],
    isMultipath: boolean,
  ): FibEntry {
    // ip_api.c ip_route_add_del_t_handler; the CLI has no such rule.
    const isOwn =
      source === "API" && given.some((path) => path.special === "local" && (path.swIfIndex ?? NO_INDEX) === NO_INDEX);
    const { paths, flags } = fixedRoute(prefix, given, isOwn ? OWN_FLAGS : NO_FLAGS);
    if (!isMultipath) return this.update(fibIndex, prefix, source, flags, paths);
    const entry = this.exact(fibIndex, prefix);
    const known = entry?.sources.find((candidate) => candidate.source === source);
    if (known === undefined) return this.update(fibIndex, prefix, source, flags, pathsOfNewSource(entry, paths, flags));
    const kept = new Set<FibEntryFlag>([...known.flags].filter((flag) => flag !== "attached"));
    if (flags.has("attached")) kept.add("attached");
    return this.pathsAdd(fibIndex, prefix, source, paths, kept);
  }

  routeRemove(fibIndex: number, prefix: FibPrefix, source: "API" | "CLI", given: readonly RoutePath[]): void {
    const known = this.exact(fibIndex, prefix)?.sources.find((candidate) => candidate.source === source);
    if (known === undefined) return;
    const { paths, flags } = fixedRemoval(prefix, given, known.flags);
    known.flags = flags;
    this.pathsRemove(fibIndex, prefix, source, paths);
  }

  /** Removes a source whatever its paths; an unknown one is left alone (fib_table_entry_delete). */
  delete(fibIndex: number, prefix: FibPrefix, source: FibSource): void {
    const entry = this.exact(fibIndex, prefix);
    const known = entry?.sources.find((candidate) => candidate.source === source);
    if (entry !== undefined && known !== undefined) this.#entries.removeSource(entry, known);
  }

  /** Adds the recursive-resolution source once more and a child that hears of changes; `unfollow` undoes it. */
  follow(fibIndex: number, prefix: FibPrefix, child: FibChild): FibEntry {
    return this.#entries.follow(fibIndex, prefix, child);
  }

  unfollow(entry: FibEntry, child: FibChild): void {
    this.#entries.unfollow(entry, child);
  }

  /** Paths of a policy, resolved; `changed` is called when they lead elsewhere. Equal ones are one list. */
  obtainPaths(routes: readonly RoutePath[], changed: () => void): PathList {
    const list = this.#entries.policyPaths(routes);
    list.children.add(changed);
    return list;
  }

  /** Gives a list back; without `changed` its holder has it once more. */
  releasePaths(list: PathList, changed?: () => void): void {
    if (changed !== undefined) list.children.delete(changed);
    this.#entries.releaseList(list);
  }

  /** Buckets that a policy's paths lead to. */
  targets(list: PathList, proto: 4 | 6): Dpo[] {
    return this.#entries.contribution(list, proto);
  }

  drop(proto: 4 | 6): Dpo {
    return this.#state.drop(proto);
  }

  /** A load-balance that no entry owns; its index is the owner's to free. */
  newLoadBalance(proto: 4 | 6): LoadBalance {
    const made = this.loadBalances.add((index) => new LoadBalance(index, proto));
    made.urpfIndex = -1;
    this.loadBalanceAt[made.index] = made;
    return made;
  }

  /** The host route of a neighbour (FIB_SOURCE_ADJ): forwards only while its cover is attached to the same interface. */
  neighborAdd(fibIndex: number, iface: Interface, address: number | Uint8Array): void {
    const host = hostPrefix(address);
    const route = { swIfIndex: iface.swIfIndex, nextHop: address };
    const others = this.exact(fibIndex, host)?.sources.some((source) => source.source === "adjacency");
    if (others === true) this.pathsAdd(fibIndex, host, "adjacency", [route], ATTACHED_FLAGS);
    else this.update(fibIndex, host, "adjacency", ATTACHED_FLAGS, [route]);
  }

  /** Other interfaces may have a neighbour of that address too: only this one's path goes. */
  neighborDelete(fibIndex: number, swIfIndex: number, address: number | Uint8Array): void {
    this.pathsRemove(fibIndex, hostPrefix(address), "adjacency", [{ swIfIndex, nextHop: address }]);
  }

  /** An interface went up, down or away: its paths are resolved anew. */
  interfaceChanged(swIfIndex: number): void {
    if (this.#host.interface(swIfIndex) === undefined) this.adjacencies.interfaceRemoved(swIfIndex);
    const entries = new Set<FibEntry>();
    const children = new Set<() => void>();
    const woken = new Set<PathList>();
    for (const path of this.pathLists.paths) {
      if (path.swIfIndex !== swIfIndex) continue;
      const list = this.pathLists.lists.get(path.plIndex);
      if (list === undefined) continue;
      const wasResolved = path.resolved;
      this.#entries.paths.resolve(path, list, undefined);
      if (path.resolved !== wasResolved) woken.add(list);
      for (const entry of list.entries) entries.add(entry);
      for (const changed of list.children) children.add(changed);
    }
    this.#entries.reactivate(woken);
    for (const entry of entries) this.#entries.updateForwarding(entry, 0);
    for (const changed of children) changed();
  }
}

const LINK_LOCAL = prefix6(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 10);
