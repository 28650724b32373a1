import { NO_INDEX, type Interface } from "../model.ts";
import { Pool } from "../pool.ts";
import { covers, hostPrefix } from "./prefix.ts";
import { isResolved, leadsTo } from "./relations.ts";
import type { FibState } from "./state.ts";
import {
  DpoKind,
  SpecialDpo,
  type Adjacency,
  type Dpo,
  type FibChild,
  type FibEntry,
  type FibPrefix,
  type Path,
  type PathList,
} from "./types.ts";

/** What the resolution of paths needs of the entries. */
export interface PathEntries {
  interface(swIfIndex: number): Interface | undefined;
  follow(fibIndex: number, prefix: FibPrefix, child: FibChild): FibEntry;
  unfollow(entry: FibEntry, child: FibChild): void;
  updateForwarding(entry: FibEntry, depth: number): void;
}

/** Where paths lead: to an adjacency, to the host itself, or on through another entry (vnet/fib/fib_path.c). */
export class PathResolver {
  readonly #state: FibState;
  readonly #entries: PathEntries;
  readonly #receives = new Pool<SpecialDpo>();
  readonly #viaChildren = new Map<Path, FibChild>();

  constructor(state: FibState, entries: PathEntries) {
    this.#state = state;
    this.#entries = entries;
  }

  /** Finds out where a path leads now. */
  resolve(path: Path, list: PathList, entry: FibEntry | undefined): void {
    const iface = path.swIfIndex === NO_INDEX ? undefined : this.#entries.interface(path.swIfIndex);
    // The adjacency of a deleted interface must not serve the next one with its index.
    if (iface === undefined && path.type.startsWith("attached")) this.unresolve(path);
    const isUp = iface !== undefined && iface.adminUp && iface.linkUp;
    switch (path.type) {
      case "attached":
        path.dpo ??= iface === undefined ? undefined : this.#attached(path, iface, entry);
        path.resolved = isUp;
        break;
      case "attached-nexthop":
        path.dpo ??=
          iface === undefined ? undefined : this.#state.adjacencies.neighbor(path.proto, iface, path.nextHop!);
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
        path.dpo = path.special === "punt" ? this.#state.punt : this.#state.drop(path.proto);
        path.resolved = false;
    }
  }

  #attached(path: Path, iface: Interface, entry: FibEntry | undefined): Dpo {
    const own = path.proto === 4 ? iface.addresses4 : iface.addresses6;
    const match = entry === undefined ? undefined : own.find((a) => covers(entry.prefix, hostPrefix(a.address)));
    const zero = path.proto === 4 ? 0 : new Uint8Array(16);
    const address = match?.address ?? own[0]?.address ?? zero;
    return this.#state.adjacencies.glean(path.proto, iface, address, entry?.prefix.length ?? 0);
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
          for (const entry of [...list.entries]) this.#entries.updateForwarding(entry, 1);
          if (list.children.size === 0) return;
          this.resolve(path, list, undefined);
          for (const changed of [...list.children]) changed();
        },
      };
      this.#viaChildren.set(path, child);
      path.viaEntry = this.#entries.follow(path.fibIndex, hostPrefix(path.nextHop!), child);
    }
    path.looped = leadsTo(path.viaEntry, list, 0);
    path.resolved = !path.looped && isResolved(path.viaEntry, 0);
    path.dpo = path.resolved ? path.viaEntry.loadBalance : undefined;
  }

  unresolve(path: Path): void {
    if (path.type === "attached" || path.type === "attached-nexthop") {
      if (path.dpo !== undefined) this.#state.adjacencies.release(path.dpo as Adjacency);
    } else if (path.type === "receive" && path.dpo !== undefined) {
      this.#receives.remove(path.dpo.index);
    } else if (path.viaEntry !== undefined) {
      const child = this.#viaChildren.get(path)!;
      this.#viaChildren.delete(path);
      this.#entries.unfollow(path.viaEntry, child);
      path.viaEntry = undefined;
    }
    path.dpo = undefined;
  }
}
