import { spread } from "./buckets.ts";
import { PathResolver } from "./path-resolver.ts";
import { covers, prefix4 } from "./prefix.ts";
import {
  attachedTo,
  firstInterface,
  inheritedFlags,
  MAX_DEPTH,
  newSource,
  NO_FLAGS,
  refines,
  restsOn,
} from "./relations.ts";
import type { FibState } from "./state.ts";
import {
  FIB_SOURCES,
  LoadBalance,
  type Dpo,
  type FibChild,
  type FibEntry,
  type FibEntryFlag,
  type FibEntrySource,
  type FibPrefix,
  type FibSource,
  type PathList,
  type RoutePath,
} from "./types.ts";
import type { Interface } from "../model.ts";

/** What the FIB needs of the interfaces. */
export interface FibHost {
  interface(swIfIndex: number): Interface | undefined;
}

const ANYWHERE = prefix4(0, 0);
const DROP_FLAGS: ReadonlySet<FibEntryFlag> = new Set(["drop"]);

/** Entries and their sources: which one forwards, and who must hear of it (vnet/fib/fib_entry.c, fib_entry_src*.c). */
export class FibEntries {
  readonly paths: PathResolver;
  readonly #state: FibState;
  readonly #host: FibHost;

  constructor(state: FibState, host: FibHost) {
    this.#state = state;
    this.#host = host;
    this.paths = new PathResolver(state, this);
  }

  interface(swIfIndex: number): Interface | undefined {
    return this.#host.interface(swIfIndex);
  }

  /** Adds the recursive-resolution source once more and a child that hears of changes; `unfollow` undoes it. */
  follow(fibIndex: number, prefix: FibPrefix, child: FibChild): FibEntry {
    const entry = this.entry(fibIndex, prefix);
    const known = entry.sources.find((candidate) => candidate.source === "recursive-resolution");
    if (known === undefined) this.addSource(entry, newSource("recursive-resolution", NO_FLAGS));
    else known.refs += 1;
    entry.children.add(child);
    return entry;
  }

  /** Undoes one `follow`. */
  unfollow(entry: FibEntry, child: FibChild): void {
    entry.children.delete(child);
    const known = entry.sources.find((candidate) => candidate.source === "recursive-resolution");
    if (known === undefined) return;
    known.refs -= 1;
    if (known.refs === 0) this.removeSource(entry, known);
  }

  /** Buckets of a path-list's best resolved paths; `only` those of an interface, where given. */
  contribution(list: PathList | undefined, proto: 4 | 6, only?: number): Dpo[] {
    const resolved = (list?.paths ?? [])
      .filter((path) => path.dpo !== undefined && (path.resolved || path.special))
      .filter((path) => only === undefined || path.swIfIndex === only);
    const best = Math.min(...resolved.map((path) => path.preference));
    const paths = resolved.filter((path) => path.preference === best);
    if (paths.length === 0) return [this.#state.drop(proto)];
    return spread(paths.map((path) => ({ dpo: path.dpo!, weight: path.weight })));
  }

  /** The entry of a prefix, made without a source where there is none. */
  entry(fibIndex: number, prefix: FibPrefix): FibEntry {
    const table = this.#state.table(prefix.proto, fibIndex);
    const existing = table.exact(prefix);
    if (existing !== undefined) return existing;
    const entry = this.#state.entries.add<FibEntry>((index) => ({
      index,
      fibIndex,
      prefix,
      sources: [],
      pathList: undefined,
      loadBalance: this.#state.loadBalances.add((lb) => new LoadBalance(lb, prefix.proto)),
      children: new Set(),
      covered: new Set(),
    }));
    entry.loadBalance.buckets = [this.#state.drop(prefix.proto)];
    this.#state.loadBalanceAt[entry.loadBalance.index] = entry.loadBalance;
    table.add(entry);
    table.install(entry);
    return entry;
  }

  /** Adds a source that the entry does not have; it forwards if it is the best. */
  addSource(entry: FibEntry, source: FibEntrySource): void {
    entry.sources.push(source);
    entry.sources.sort((a, b) => FIB_SOURCES.indexOf(a.source) - FIB_SOURCES.indexOf(b.source));
    this.reevaluate(entry, 0);
    this.#coversChanged(entry, 0);
  }

  /** Removes a source, and the entry with its last one. */
  removeSource(entry: FibEntry, source: FibEntrySource): void {
    this.#deactivate(entry, source);
    entry.sources.splice(entry.sources.indexOf(source), 1);
    const own = source.pathList;
    source.pathList = undefined;
    if (entry.sources.length > 0) this.reevaluate(entry, 0);
    else this.#removeEntry(entry);
    if (own !== undefined) this.releaseList(own);
  }

  #removeEntry(entry: FibEntry): void {
    const table = this.#state.table(entry.prefix.proto, entry.fibIndex);
    this.#setPathList(entry, undefined);
    table.remove(entry);
    table.uninstall(entry, table.lessSpecific(entry.prefix));
    const orphans = [...entry.covered];
    for (const covered of orphans) this.#recover(covered, 0);
    for (const child of [...entry.children]) child.forwardingChanged(entry);
    this.#state.entries.remove(entry.index);
    this.#state.loadBalances.remove(entry.loadBalance.index);
  }

  /** Entries that a new entry now covers take it as their cover. */
  #coversChanged(entry: FibEntry, depth: number): void {
    // A host prefix holds no other.
    if (entry.prefix.length === (entry.prefix.proto === 4 ? 32 : 128)) return;
    const cover = this.#state.table(entry.prefix.proto, entry.fibIndex).lessSpecific(entry.prefix);
    for (const covered of [...(cover?.covered ?? [])])
      if (covered !== entry && covers(entry.prefix, covered.prefix)) this.#recover(covered, depth);
  }

  /** The entry's sources that track a cover look it up again. */
  #recover(entry: FibEntry, depth: number): void {
    for (const source of entry.sources) if (source.active) this.#deactivate(entry, source);
    this.reevaluate(entry, depth);
  }

  /**
   * A source has other paths. A neighbour's then only needs its cover's interface, attached or not, until the cover
   * changes (fib_entry_src_adj.c fib_entry_src_adj_reactivate).
   */
  pathsChanged(entry: FibEntry, source: FibEntrySource): void {
    if (source.active && source.source === "adjacency")
      source.contributing = refines(source.pathList, firstInterface(source.cover?.pathList));
    this.reevaluate(entry, 0);
  }

  /**
   * The paths of a neighbour's host route came up or went down (fib_entry.c fib_entry_back_walk_notify): as with other paths,
   * its cover need not be attached then.
   */
  reactivate(lists: ReadonlySet<PathList>): void {
    if (lists.size === 0) return;
    for (const entry of this.#state.entries) {
      const [best] = entry.sources;
      if (best?.source !== "adjacency" || !best.active || best.pathList === undefined) continue;
      if (lists.has(best.pathList)) this.pathsChanged(entry, best);
    }
  }

  /** Makes the best source that can forward the active one. */
  reevaluate(entry: FibEntry, depth: number): void {
    const best = entry.sources[0];
    for (const source of entry.sources) if (source !== best && source.active) this.#deactivate(entry, source);
    if (best === undefined) return;
    if (!best.active) this.#activate(entry, best);
    const isOther = this.#setPathList(entry, best.contributing ? best.pathList : undefined);
    this.updateForwarding(entry, depth, isOther);
  }

  #activate(entry: FibEntry, source: FibEntrySource): void {
    source.active = true;
    source.contributing = true;
    if (source.source !== "recursive-resolution" && source.source !== "adjacency") return;
    const cover = this.#state.table(entry.prefix.proto, entry.fibIndex).lessSpecific(entry.prefix);
    source.cover = cover;
    cover?.covered.add(entry);
    if (source.source === "adjacency") source.contributing = refines(source.pathList, attachedTo(cover));
    else source.pathList = this.#resolveVia(entry, source, cover);
  }

  /** fib_entry_src_rr: an attached cover makes the address a neighbour, any other lends its paths. */
  #resolveVia(entry: FibEntry, source: FibEntrySource, cover: FibEntry | undefined): PathList | undefined {
    const swIfIndex = attachedTo(cover);
    source.flags = NO_FLAGS;
    if (swIfIndex !== undefined) {
      source.flags = inheritedFlags(cover);
      const route = { swIfIndex, nextHop: entry.prefix.address };
      return this.pathList(entry, "recursive-resolution", NO_FLAGS, [route], undefined);
    }
    const lent = cover?.pathList;
    // A cover that itself goes by this entry would make a loop that holds itself.
    if (lent !== undefined && restsOn(lent, entry, 0))
      return this.pathList(entry, "recursive-resolution", DROP_FLAGS, [{ special: "drop" }], undefined);
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
    this.releaseList(list);
  }

  /** Whether it is another. */
  #setPathList(entry: FibEntry, list: PathList | undefined): boolean {
    const old = entry.pathList;
    if (old === list) return false;
    entry.pathList = list;
    if (list !== undefined) {
      list.locks += 1;
      list.entries.add(entry);
    }
    if (old !== undefined) {
      old.entries.delete(entry);
      this.releaseList(old);
    }
    return true;
  }

  /**
   * Puts what the active paths lead to into the load-balance, and tells those that rest on it: of another path-list in any
   * case, which covered entries borrow (fib_entry.c fib_entry_post_update_actions). Neighbours hear of nothing else.
   */
  updateForwarding(entry: FibEntry, depth: number, isOtherList = false): void {
    const { loadBalance } = entry;
    for (const path of entry.pathList?.paths ?? [])
      if (path.type === "recursive") this.paths.resolve(path, this.#state.pathLists.lists.get(path.plIndex)!, entry);
    const active = entry.sources[0];
    const only = active?.source === "adjacency" ? firstInterface(active.cover?.pathList) : undefined;
    const buckets = this.contribution(entry.pathList, entry.prefix.proto, only);
    loadBalance.urpfIndex = entry.pathList?.urpfIndex ?? 0;
    const same =
      buckets.length === loadBalance.buckets.length && buckets.every((dpo, i) => dpo === loadBalance.buckets[i]);
    loadBalance.buckets = buckets;
    loadBalance.mask = buckets.length - 1;
    if ((same && !isOtherList) || depth > MAX_DEPTH) return;
    for (const covered of [...entry.covered])
      if (isOtherList || covered.sources[0]?.source !== "adjacency") this.#recover(covered, depth + 1);
    for (const child of [...entry.children]) child.forwardingChanged(entry);
  }

  /** A path-list with one more lock for the caller, resolved. */
  pathList(
    entry: FibEntry,
    source: FibSource,
    flags: ReadonlySet<FibEntryFlag>,
    routes: readonly RoutePath[],
    exclusive: Dpo | undefined,
  ): PathList {
    const shared = source === "API" || source === "CLI";
    // The paths of routes carry it themselves.
    const own = shared ? NO_FLAGS : flags;
    const make = { prefix: entry.prefix, fibIndex: entry.fibIndex, routes, flags: own, shared };
    return this.#state.pathLists.obtain(exclusive === undefined ? make : { ...make, exclusive }, (list) => {
      for (const path of list.paths) this.paths.resolve(path, list, entry);
    });
  }

  /** As fib_path_list_create for what is no route. */
  policyPaths(routes: readonly RoutePath[]): PathList {
    const make = { prefix: ANYWHERE, fibIndex: 0, routes, flags: NO_FLAGS, shared: true, noUrpf: true };
    return this.#state.pathLists.obtain(make, (list) => {
      for (const path of list.paths) this.paths.resolve(path, list, undefined);
    });
  }

  releaseList(list: PathList): void {
    this.#state.pathLists.release(list, (path) => this.paths.unresolve(path));
  }
}
