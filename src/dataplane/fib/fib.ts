import { NO_INDEX, type Interface } from "../model.ts";
import { Pool } from "../pool.ts";
import { Adjacencies } from "./adjacency.ts";
import { spread } from "./buckets.ts";
import { PathLists, samePath } from "./paths.ts";
import { covers, hostPrefix, prefix4, prefix6 } from "./prefix.ts";
import { FibTable } from "./table.ts";
import {
  DpoKind,
  FIB_SOURCES,
  LoadBalance,
  SpecialDpo,
  type Adjacency,
  type Dpo,
  type FibChild,
  type FibEntry,
  type FibEntryFlag,
  type FibEntrySource,
  type FibPrefix,
  type FibSource,
  type Path,
  type PathList,
  type RoutePath,
} from "./types.ts";

/** What the FIB needs of the interfaces. */
export interface FibHost {
  interface(swIfIndex: number): Interface | undefined;
}

/** Recursion deeper than this is cut: a loop that was not recognised must not hang the process. */
const MAX_DEPTH = 32;
const NO_FLAGS: ReadonlySet<FibEntryFlag> = new Set();
const DROP_FLAGS: ReadonlySet<FibEntryFlag> = new Set(["drop"]);

/**
 * The FIB: entries with their sources, path-lists, load-balances and adjacencies, with VPP's rules of which source
 * wins and of what follows when something changes (vnet/fib). Indexes are pool indexes as VPP shows them.
 */
export class Fib {
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
  readonly #receives = new Pool<SpecialDpo>();
  readonly #host: FibHost;

  constructor(host: FibHost) {
    this.#host = host;
    // VPP's load-balance 0 belongs to none of its tables.
    this.loadBalances.add((index) => new LoadBalance(index, 4));
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
    const table = this.#table(proto, fibIndex);
    for (const entry of [...table.entries()].reverse()) {
      if (entry.prefix.length === 0) continue;
      for (const source of [...entry.sources]) this.#removeSource(entry, source);
    }
    const last = [...table.entries()];
    for (const entry of last) for (const source of [...entry.sources]) this.#removeSource(entry, source);
    (proto === 4 ? this.tables4 : this.tables6).remove(fibIndex);
  }

  tableById(proto: 4 | 6, tableId: number): FibTable | undefined {
    for (const table of proto === 4 ? this.tables4 : this.tables6) if (table.tableId === tableId) return table;
    return undefined;
  }

  exact(fibIndex: number, prefix: FibPrefix): FibEntry | undefined {
    return this.#table(prefix.proto, fibIndex).exact(prefix);
  }

  /** Longest match of an address. */
  lookup(fibIndex: number, address: number | Uint8Array): FibEntry | undefined {
    const prefix = hostPrefix(address);
    return this.#table(prefix.proto, fibIndex).match(prefix);
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
    const entry = this.#entry(fibIndex, prefix);
    const known = entry.sources.find((candidate) => candidate.source === source);
    const pathList = this.#pathList(entry, source, flags, routes, exclusive);
    if (known === undefined) this.#addSource(entry, { ...newSource(source, flags), pathList });
    else {
      const old = known.pathList;
      known.flags = flags;
      known.pathList = pathList;
      this.#reevaluate(entry, 0);
      if (old !== undefined) this.#releaseList(old);
    }
    return entry;
  }

  /** Installs a given DPO (fib_table_entry_special_dpo_add with FIB_ENTRY_FLAG_EXCLUSIVE). */
  updateDpo(fibIndex: number, prefix: FibPrefix, source: FibSource, dpo: Dpo): FibEntry {
    return this.update(fibIndex, prefix, source, new Set(["exclusive"]), [{}], dpo);
  }

  /** Adds paths to a source's (fib_table_entry_path_add2); equal ones are replaced. */
  pathsAdd(fibIndex: number, prefix: FibPrefix, source: FibSource, routes: readonly RoutePath[]): FibEntry {
    const known = this.exact(fibIndex, prefix)?.sources.find((candidate) => candidate.source === source);
    const old = known?.pathList?.paths.map((path) => path.route) ?? [];
    const kept = old.filter((route) => !routes.some((added) => samePath(route, added)));
    return this.update(fibIndex, prefix, source, known?.flags ?? NO_FLAGS, [...kept, ...routes]);
  }

  /** Removes paths of a source's; the source goes with the last (fib_table_entry_path_remove2). */
  pathsRemove(fibIndex: number, prefix: FibPrefix, source: FibSource, routes: readonly RoutePath[]): void {
    const entry = this.exact(fibIndex, prefix);
    const known = entry?.sources.find((candidate) => candidate.source === source);
    if (entry === undefined || known === undefined) return;
    const old = known.pathList?.paths.map((path) => path.route) ?? [];
    const kept = old.filter((route) => !routes.some((removed) => samePath(route, removed)));
    if (kept.length === 0) this.#removeSource(entry, known);
    else if (kept.length < old.length) this.update(fibIndex, prefix, source, known.flags, kept);
  }

  /** Removes a source whatever its paths; an unknown one is left alone (fib_table_entry_delete). */
  delete(fibIndex: number, prefix: FibPrefix, source: FibSource): void {
    const entry = this.exact(fibIndex, prefix);
    const known = entry?.sources.find((candidate) => candidate.source === source);
    if (entry !== undefined && known !== undefined) this.#removeSource(entry, known);
  }

  /** Adds the recursive-resolution source once more and a child that hears of changes; `unfollow` undoes it. */
  follow(fibIndex: number, prefix: FibPrefix, child: FibChild): FibEntry {
    const entry = this.#entry(fibIndex, prefix);
    const known = entry.sources.find((candidate) => candidate.source === "recursive-resolution");
    if (known === undefined) this.#addSource(entry, newSource("recursive-resolution", NO_FLAGS));
    else known.refs += 1;
    entry.children.add(child);
    return entry;
  }

  unfollow(entry: FibEntry, child: FibChild): void {
    entry.children.delete(child);
    const known = entry.sources.find((candidate) => candidate.source === "recursive-resolution");
    if (known === undefined) return;
    known.refs -= 1;
    if (known.refs === 0) this.#removeSource(entry, known);
  }

  /** The host route of a neighbour (FIB_SOURCE_ADJ): forwards only while its cover is attached to the same interface. */
  neighborAdd(fibIndex: number, iface: Interface, address: number | Uint8Array): void {
    const host = hostPrefix(address);
    const route = { swIfIndex: iface.swIfIndex, nextHop: address };
    const others = this.exact(fibIndex, host)?.sources.some((source) => source.source === "adjacency");
    if (others === true) this.pathsAdd(fibIndex, host, "adjacency", [route]);
    else this.update(fibIndex, host, "adjacency", new Set(["attached"]), [route]);
  }

  /** Other interfaces may have a neighbour of that address too: only this one's path goes. */
  neighborDelete(fibIndex: number, swIfIndex: number, address: number | Uint8Array): void {
    this.pathsRemove(fibIndex, hostPrefix(address), "adjacency", [{ swIfIndex, nextHop: address }]);
  }

  /** An interface went up, down or away: its paths are resolved anew. */
  interfaceChanged(swIfIndex: number): void {
    if (this.#host.interface(swIfIndex) === undefined) this.adjacencies.interfaceRemoved(swIfIndex);
    const entries = new Set<FibEntry>();
    for (const path of this.pathLists.paths) {
      if (path.swIfIndex !== swIfIndex) continue;
      const list = this.pathLists.lists.get(path.plIndex);
      if (list === undefined) continue;
      this.#resolve(path, list, undefined);
      for (const entry of list.entries) entries.add(entry);
    }
    for (const entry of entries) this.#updateForwarding(entry, 0);
  }

  /** Buckets of a path-list's best resolved paths. */
  contribution(list: PathList | undefined, proto: 4 | 6): Dpo[] {
    const resolved = (list?.paths ?? []).filter((path) => path.dpo !== undefined && (path.resolved || path.special));
    const best = Math.min(...resolved.map((path) => path.preference));
    const paths = resolved.filter((path) => path.preference === best);
    if (paths.length === 0) return [proto === 4 ? this.drop4 : this.drop6];
    return spread(paths.map((path) => ({ dpo: path.dpo!, weight: path.weight })));
  }

  #table(proto: 4 | 6, fibIndex: number): FibTable {
    const table = (proto === 4 ? this.tables4 : this.tables6).get(fibIndex);
    if (table === undefined) throw new RangeError(`no IPv${proto} FIB ${fibIndex}`);
    return table;
  }

  #entry(fibIndex: number, prefix: FibPrefix): FibEntry {
    const table = this.#table(prefix.proto, fibIndex);
    const existing = table.exact(prefix);
    if (existing !== undefined) return existing;
    const entry = this.entries.add<FibEntry>((index) => ({
      index,
      fibIndex,
      prefix,
      sources: [],
      pathList: undefined,
      loadBalance: this.loadBalances.add((lb) => new LoadBalance(lb, prefix.proto)),
      children: new Set(),
      covered: new Set(),
    }));
    entry.loadBalance.buckets = [prefix.proto === 4 ? this.drop4 : this.drop6];
    this.loadBalanceAt[entry.loadBalance.index] = entry.loadBalance;
    table.add(entry);
    table.install(entry);
    return entry;
  }

  #addSource(entry: FibEntry, source: FibEntrySource): void {
    entry.sources.push(source);
    entry.sources.sort((a, b) => FIB_SOURCES.indexOf(a.source) - FIB_SOURCES.indexOf(b.source));
    this.#reevaluate(entry, 0);
    this.#coversChanged(entry, 0);
  }

  #removeSource(entry: FibEntry, source: FibEntrySource): void {
    this.#deactivate(entry, source);
    entry.sources.splice(entry.sources.indexOf(source), 1);
    const own = source.pathList;
    source.pathList = undefined;
    if (entry.sources.length > 0) this.#reevaluate(entry, 0);
    else this.#removeEntry(entry);
    if (own !== undefined) this.#releaseList(own);
  }

  #removeEntry(entry: FibEntry): void {
    const table = this.#table(entry.prefix.proto, entry.fibIndex);
    this.#setPathList(entry, undefined);
    table.remove(entry);
    table.uninstall(entry, table.lessSpecific(entry.prefix));
    const orphans = [...entry.covered];
    for (const covered of orphans) this.#recover(covered, 0);
    for (const child of [...entry.children]) child.forwardingChanged(entry);
    this.entries.remove(entry.index);
    this.loadBalances.remove(entry.loadBalance.index);
  }

  /** Entries that a new entry now covers take it as their cover. */
  #coversChanged(entry: FibEntry, depth: number): void {
    // A host prefix holds no other.
    if (entry.prefix.length === (entry.prefix.proto === 4 ? 32 : 128)) return;
    const cover = this.#table(entry.prefix.proto, entry.fibIndex).lessSpecific(entry.prefix);
    for (const covered of [...(cover?.covered ?? [])])
      if (covered !== entry && covers(entry.prefix, covered.prefix)) this.#recover(covered, depth);
  }

  /** The entry's sources that track a cover look it up again. */
  #recover(entry: FibEntry, depth: number): void {
    for (const source of entry.sources) if (source.active) this.#deactivate(entry, source);
    this.#reevaluate(entry, depth);
  }

  /** Makes the best source that can forward the active one. */
  #reevaluate(entry: FibEntry, depth: number): void {
    const best = entry.sources[0];
    for (const source of entry.sources) if (source !== best && source.active) this.#deactivate(entry, source);
    if (best === undefined) return;
    if (!best.active) this.#activate(entry, best);
    this.#setPathList(entry, best.contributing ? best.pathList : undefined);
    this.#updateForwarding(entry, depth);
  }

  #activate(entry: FibEntry, source: FibEntrySource): void {
    source.active = true;
    source.contributing = true;
    if (source.source !== "recursive-resolution" && source.source !== "adjacency") return;
    const cover = this.#table(entry.prefix.proto, entry.fibIndex).lessSpecific(entry.prefix);
    source.cover = cover;
    cover?.covered.add(entry);
    if (source.source === "adjacency") source.contributing = attachedTo(cover) === firstInterface(source.pathList);
    else source.pathList = this.#resolveVia(entry, source, cover);
  }

  /** fib_entry_src_rr: an attached cover makes the address a neighbour, any other lends its paths. */
  #resolveVia(entry: FibEntry, source: FibEntrySource, cover: FibEntry | undefined): PathList | undefined {
    const swIfIndex = attachedTo(cover);
    source.flags = NO_FLAGS;
    if (swIfIndex !== undefined) {
      source.flags = inheritedFlags(cover);
      const route = { swIfIndex, nextHop: entry.prefix.address };
      return this.#pathList(entry, "recursive-resolution", NO_FLAGS, [route], undefined);
    }
    const lent = cover?.pathList;
    // A cover that itself goes by this entry would make a loop that holds itself.
    if (lent !== undefined && restsOn(lent, entry, 0))
      return this.#pathList(entry, "recursive-resolution", DROP_FLAGS, [{ special: "drop" }], undefined);
    if (lent !== undefined) lent.locks += 1;
    return lent;
  }

  #deactivate(entry: FibEntry, source: FibEntrySource): void {
    source.active = false;
    source.contributing = false;
    if (source.cover !== undefined) {
      source.cover.covered.delete(entry);
      source.cover = undefined;
    }
    if (source.source !== "recursive-resolution" || source.pathList === undefined) return;
    const list = source.pathList;
    source.pathList = undefined;
    if (entry.pathList === list) this.#setPathList(entry, undefined);
    this.#releaseList(list);
  }

  #setPathList(entry: FibEntry, list: PathList | undefined): void {
    const old = entry.pathList;
    if (old === list) return;
    entry.pathList = list;
    if (list !== undefined) {
      list.locks += 1;
      list.entries.add(entry);
    }
    if (old !== undefined) {
      old.entries.delete(entry);
      this.#releaseList(old);
    }
  }

  #updateForwarding(entry: FibEntry, depth: number): void {
    const { loadBalance } = entry;
    for (const path of entry.pathList?.paths ?? [])
      if (path.type === "recursive") this.#resolve(path, this.pathLists.lists.get(path.plIndex)!, entry);
    const buckets = this.contribution(entry.pathList, entry.prefix.proto);
    loadBalance.urpfIndex = entry.pathList?.urpfIndex ?? 0;
    const same =
      buckets.length === loadBalance.buckets.length && buckets.every((dpo, i) => dpo === loadBalance.buckets[i]);
    loadBalance.buckets = buckets;
    loadBalance.mask = buckets.length - 1;
    if (same || depth > MAX_DEPTH) return;
    for (const covered of [...entry.covered]) this.#recover(covered, depth + 1);
    for (const child of [...entry.children]) child.forwardingChanged(entry);
  }

  #pathList(
    entry: FibEntry,
    source: FibSource,
    flags: ReadonlySet<FibEntryFlag>,
    routes: readonly RoutePath[],
    exclusive: Dpo | undefined,
  ): PathList {
    const shared = source === "API" || source === "CLI";
    const make = { prefix: entry.prefix, fibIndex: entry.fibIndex, routes, flags, shared };
    return this.pathLists.obtain(exclusive === undefined ? make : { ...make, exclusive }, (list) => {
      for (const path of list.paths) this.#resolve(path, list, entry);
    });
  }

  #releaseList(list: PathList): void {
    this.pathLists.release(list, (path) => this.#unresolve(path, list));
  }

  /** Finds out where a path leads now. */
  #resolve(path: Path, list: PathList, entry: FibEntry | undefined): void {
    const iface = path.swIfIndex === NO_INDEX ? undefined : this.#host.interface(path.swIfIndex);
    // The adjacency of a deleted interface must not serve the next one with its index.
    if (iface === undefined && path.type.startsWith("attached")) this.#unresolve(path, list);
    const isUp = iface !== undefined && iface.adminUp && iface.linkUp;
    switch (path.type) {
      case "attached":
        path.dpo ??= iface === undefined ? undefined : this.#attached(path, iface, entry);
        path.resolved = isUp;
        break;
      case "attached-nexthop":
        path.dpo ??= iface === undefined ? undefined : this.adjacencies.neighbor(path.proto, iface, path.nextHop!);
        path.resolved = isUp;
        break;
      case "receive":
        path.dpo ??= this.#receive(path, entry);
        path.resolved = true;
        break;
      case "recursive":
        this.#resolveRecursive(path, list);
        break;
      case "exclusive":
        path.resolved = true;
        break;
      case "special":
        path.dpo = path.special === "punt" ? this.punt : path.proto === 4 ? this.drop4 : this.drop6;
        path.resolved = false;
    }
  }

  #attached(path: Path, iface: Interface, entry: FibEntry | undefined): Dpo {
    const own = path.proto === 4 ? iface.addresses4 : iface.addresses6;
    const match = entry === undefined ? undefined : own.find((a) => covers(entry.prefix, hostPrefix(a.address)));
    const zero = path.proto === 4 ? 0 : new Uint8Array(16);
    const address = match?.address ?? own[0]?.address ?? zero;
    return this.adjacencies.glean(path.proto, iface, address, entry?.prefix.length ?? 0);
  }

  #receive(path: Path, entry: FibEntry | undefined): Dpo {
    const address = path.nextHop ?? entry?.prefix.address;
    return this.#receives.add((index) => new SpecialDpo(DpoKind.receive, index, path.swIfIndex, address));
  }

  /** A recursive path forwards as the entry of its next hop does, unless that leads back here. */
  #resolveRecursive(path: Path, list: PathList): void {
    if (path.viaEntry === undefined) {
      const child: FibChild = {
        forwardingChanged: () => {
          for (const entry of [...list.entries]) this.#updateForwarding(entry, 1);
        },
      };
      this.#viaChildren.set(path, child);
      path.viaEntry = this.follow(path.fibIndex, hostPrefix(path.nextHop!), child);
    }
    path.looped = leadsTo(path.viaEntry, list, 0);
    path.resolved = !path.looped && isResolved(path.viaEntry, 0);
    path.dpo = path.resolved ? path.viaEntry.loadBalance : undefined;
  }

  readonly #viaChildren = new Map<Path, FibChild>();

  #unresolve(path: Path, _list: PathList): void {
    if (path.type === "attached" || path.type === "attached-nexthop") {
      if (path.dpo !== undefined) this.adjacencies.release(path.dpo as Adjacency);
    } else if (path.type === "receive" && path.dpo !== undefined) {
      this.#receives.remove(path.dpo.index);
    } else if (path.viaEntry !== undefined) {
      const child = this.#viaChildren.get(path)!;
      this.#viaChildren.delete(path);
      this.unfollow(path.viaEntry, child);
      path.viaEntry = undefined;
    }
    path.dpo = undefined;
  }
}

const LINK_LOCAL = prefix6(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 10);

function newSource(source: FibSource, flags: ReadonlySet<FibEntryFlag>): FibEntrySource {
  return { source, refs: 1, flags, pathList: undefined, cover: undefined, active: false, contributing: false };
}

/** FIB_ENTRY_FLAGS_RR_INHERITED. */
function inheritedFlags(cover: FibEntry | undefined): ReadonlySet<FibEntryFlag> {
  const flags = cover === undefined ? NO_FLAGS : entryFlags(cover);
  return new Set((["connected", "attached"] as const).filter((flag) => flags.has(flag)));
}

/** The flags of an entry's best source. */
export function entryFlags(entry: FibEntry): ReadonlySet<FibEntryFlag> {
  return entry.sources[0]?.flags ?? NO_FLAGS;
}

/** The interface that an attached entry is attached to. */
function attachedTo(entry: FibEntry | undefined): number | undefined {
  if (entry === undefined || !entryFlags(entry).has("attached")) return undefined;
  return firstInterface(entry.pathList);
}

function firstInterface(list: PathList | undefined): number | undefined {
  return list?.paths.find((path) => path.swIfIndex !== NO_INDEX)?.swIfIndex;
}

function isResolved(entry: FibEntry, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  return (entry.pathList?.paths ?? []).some((path) =>
    path.type === "recursive" && path.viaEntry !== undefined && !path.looped
      ? isResolved(path.viaEntry, depth + 1)
      : path.resolved,
  );
}

/** Whether a path of `list` is resolved through `entry`, directly or by others. */
function restsOn(list: PathList, entry: FibEntry, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  return list.paths.some(({ viaEntry }) => {
    if (viaEntry === undefined) return false;
    return viaEntry === entry || (viaEntry.pathList !== undefined && restsOn(viaEntry.pathList, entry, depth + 1));
  });
}

/** Whether forwarding through `entry` comes to a path of `list` again. */
function leadsTo(entry: FibEntry, list: PathList, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  if (entry.pathList === list) return true;
  return (entry.pathList?.paths ?? []).some(
    (path) => path.type === "recursive" && path.viaEntry !== undefined && leadsTo(path.viaEntry, list, depth + 1),
  );
}
