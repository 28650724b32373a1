/**
 * `show ip fib` (VPP src/vnet/fib/fib_entry.c:120, fib_path_list.c:156, fib_path.c:436, src/vnet/dpo/load_balance.c:128,
 * src/vnet/adj/adj_nbr.c, adj_glean.c, rewrite.c). Pool indexes are those of our own pools.
 */
import type { Dataplane } from "../../dataplane.ts";
import { isZeroAddress } from "../../fib/prefix.ts";
import type { FibTable } from "../../fib/table.ts";
import { DpoKind } from "../../fib/types.ts";
import type { Adjacency, Dpo, FibEntry, FibEntrySource, LbDpo, LoadBalance } from "../../fib/types.ts";
import type { Path, PathList, SpecialDpo } from "../../fib/types.ts";
import { NO_INDEX } from "../../model.ts";
import type { Interface } from "../../model.ts";
import { nameOrDeleted } from "../context.ts";
import { addressText, hex, prefixText } from "../format.ts";
import { compareAddresses } from "../sort.ts";
import { GraphSlots } from "./graph-slots.ts";
import { lbVipText } from "./lb.ts";

const DEFAULT_MTU = 9000;
const SOURCE_ORDER = ["adjacency", "recursive-resolution", "default-route"];
const FLAG_ORDER = ["connected", "attached", "drop", "exclusive", "local", "uRPF-exempt", "no-attached-export"];

/** Indexes of a path-list's attached interfaces, for unicast RPF. */
function urpfInterfaces(list: PathList, depth = 0): number[] {
  const found = new Set<number>();
  for (const path of list.paths) {
    if (path.type === "attached" || path.type === "attached-nexthop") found.add(path.swIfIndex);
    const via = path.type === "recursive" ? path.viaEntry?.pathList : undefined;
    if (via !== undefined && depth < 8) for (const one of urpfInterfaces(via, depth + 1)) found.add(one);
  }
  return [...found].sort((a, b) => a - b);
}

export class FibText {
  readonly #dp: Dataplane;
  readonly #slots: GraphSlots;

  constructor(dp: Dataplane) {
    this.#dp = dp;
    this.#slots = GraphSlots.of(dp);
  }

  /** The line above a table's entries. */
  tableHeader(table: FibTable): string {
    const locks = [...this.#locks(table)].map(([source, count]) => `${source}:${count}, `).join("");
    const hash = "flow hash:[src dst sport dport proto flowlabel ]";
    return `${table.name}, fib_index:${table.index}, ${hash} epoch:0 flags:none locks:[${locks}]`;
  }

  /** Who holds the table: API and CLI where they made it, neighbours while there are any, recursive next hops. */
  #locks(table: FibTable): Map<string, number> {
    const locks = new Map([...table.locks.keys()].map((holder) => [holder.replace(/ .*/, ""), 1]));
    const recursive = [...this.#dp.fib.pathLists.paths].filter(
      (path) => path.type === "recursive" && path.proto === table.proto && path.fibIndex === table.index,
    ).length;
    if (recursive > 0) locks.set("recursive-resolution", recursive);
    if (table.index === 0) locks.set("default-route", 1);
    const order = (source: string): number => SOURCE_ORDER.indexOf(source);
    return new Map([...locks].sort(([a], [b]) => order(a) - order(b)));
  }

  /** An entry as in a listing of the table. */
  brief(entry: FibEntry): string {
    return `${prefixText(entry.prefix)}\n  ${this.#chain(entry)}\n`;
  }

  /** An entry with its sources, path-lists and paths. */
  detail(entry: FibEntry): string {
    const locks = 1 + entry.sources.length + entry.children.size;
    let text = `${prefixText(entry.prefix)} fib:${entry.fibIndex} index:${entry.index} locks:${locks}`;
    for (const source of entry.sources) text += this.#source(entry, source);
    return `${text}\n forwarding:   ${this.#chain(entry)}\n`;
  }

  #chain(entry: FibEntry): string {
    const { proto } = entry.prefix;
    return `unicast-ip${proto}-chain\n  [@0]: ${this.loadBalance(entry.loadBalance, 2)}`;
  }

  #source(entry: FibEntry, source: FibEntrySource): string {
    let text = `\n  ${source.source} refs:${source.refs}`;
    const lent = source.source === "recursive-resolution" && !source.active;
    const all = new Set<string>([...source.flags, ...routeFlags(source)]);
    const flags = FLAG_ORDER.filter((flag) => !lent && all.has(flag));
    // A resolved attached address carries its cover's flags (fib_entry_src_rr.c:60).
    if (source.source === "recursive-resolution" && flags[0] === "attached") flags.unshift("connected");
    if (flags.length > 0) text += ` entry-flags:${flags.join(",")},`;
    text += ` src-flags:added,${source.contributing ? "contributing," : ""}${source.active ? "active," : ""}`;
    text += this.#cover(entry, source);
    text += "\n";
    if (source.pathList !== undefined) text += this.pathList(source.pathList);
    const refined = source.source === "adjacency" && source.contributing ? source.pathList?.paths[0] : undefined;
    if (refined !== undefined) text += `    Extensions:\n     path:${refined.index} adj-flags:[refines-cover]`;
    return text;
  }

  #cover(entry: FibEntry, source: FibEntrySource): string {
    if (source.source === "interface") {
      const cover = source.flags.has("local") ? this.#connectedCover(entry, source) : undefined;
      return `${cover?.gives === true ? "provides-glean," : ""} cover:${cover?.index ?? -1}`;
    }
    const tracks = source.source === "adjacency" || source.source === "recursive-resolution";
    return tracks ? ` cover:${source.cover?.index ?? -1}` : "";
  }

  /** The connected prefix of an interface's own address, and whether its glean asks from this address. */
  #connectedCover(entry: FibEntry, source: FibEntrySource): { index: number; gives: boolean } | undefined {
    const tables = entry.prefix.proto === 4 ? this.#dp.fib.tables4 : this.#dp.fib.tables6;
    const cover = tables.get(entry.fibIndex)?.lessSpecific(entry.prefix);
    const path = cover?.sources.find((one) => one.source === "interface")?.pathList?.paths[0];
    const own = source.pathList?.paths[0]?.swIfIndex;
    if (cover === undefined || path === undefined || path.swIfIndex !== own) return undefined;
    const glean = path.dpo as Adjacency | undefined;
    const gives = glean !== undefined && addressText(glean.nextHop) === addressText(entry.prefix.address);
    return { index: cover.index, gives };
  }

  /** A path-list with its paths, as under a source. */
  pathList(list: PathList): string {
    const order = ["shared", "no-uRPF", "drop", "exclusive", "local"] as const;
    const local = list.paths.some((path) => path.type === "receive" && !isLinkLocal(path));
    const has = (flag: (typeof order)[number]): boolean => list.flags.has(flag) || (flag === "local" && local);
    const flags = order.filter(has).map((flag) => `${flag},`);
    const interfaces = urpfInterfaces(list);
    const listed = `uPRF-list:${list.urpfIndex} len:${interfaces.length} itfs:[${interfaces.map((i) => `${i}, `).join("")}]`;
    const urpf = list.urpfIndex < 0 ? "uRPF-list: None" : listed;
    const withFlags = flags.length === 0 ? "" : ` flags:${flags.join("")}`;
    const paths = [...list.paths].sort((a, b) => a.preference - b.preference || comparePaths(a, b));
    const lines = paths.map((path) => `${this.#path(path)}\n`).join("");
    return `    path-list:[${list.index}] locks:${list.locks}${withFlags} ${urpf}\n${lines}`;
  }

  #path(path: Path): string {
    const head = `      path:[${path.index}] pl-index:${path.plIndex} ip${path.proto} weight=${path.weight}`;
    const oper = `${path.looped ? "recursive-loop," : ""}${path.resolved ? "resolved," : ""}`;
    const config = configFlags(path);
    let text = `${head} pref=${path.preference} ${isLinkLocal(path) ? "exclusive" : path.type}: `;
    if (oper !== "") text += ` oper-flags:${oper}`;
    if (config !== "") text += ` cfg-flags:${config},`;
    return `${text}\n        ${this.#pathTarget(path)}`;
  }

  #pathTarget(path: Path): string {
    switch (path.type) {
      case "attached-nexthop": {
        const dpo = path.dpo === undefined ? "  unresolved" : `[@0]: ${this.dpo(path.dpo, path.proto, 13)}`;
        return `${addressText(path.nextHop ?? 0)} ${this.#name(path.swIfIndex)}\n      ${dpo}`;
      }
      case "attached":
        return ` ${this.#name(path.swIfIndex)}`;
      case "recursive": {
        const via = path.viaEntry;
        const dpo = `[dpo-load-balance:${via?.loadBalance.index ?? -1}]`;
        const nextHop = path.nextHop === undefined ? "" : addressText(path.nextHop);
        return `via ${nextHop} in fib:${path.fibIndex} via-fib:${via?.index ?? -1} via-dpo:${dpo}`;
      }
      case "receive":
      case "special":
      case "exclusive":
        return path.dpo === undefined ? `[@0]: dpo-drop ip${path.proto}` : `[@0]: ${this.dpo(path.dpo, path.proto, 8)}`;
    }
  }

  /** The body of `[@n]: ...`. `indent` is where a load-balance's buckets hang. */
  dpo(dpo: Dpo, proto: 4 | 6, indent: number): string {
    switch (dpo.kind) {
      case DpoKind.punt:
        return `dpo-punt ip${proto}`;
      case DpoKind.receive: {
        const { address, swIfIndex } = dpo as SpecialDpo;
        if (isLinkLocalDpo(dpo)) return "ip6-link-local";
        if (address === undefined || swIfIndex === NO_INDEX) return "dpo-receive";
        return `dpo-receive: ${addressText(address)} on ${this.#name(swIfIndex)}`;
      }
      case DpoKind.glean:
      case DpoKind.incomplete:
      case DpoKind.rewrite:
        return this.adjacency(dpo as Adjacency);
      case DpoKind.loadBalance:
        return this.loadBalance(dpo as LoadBalance, indent);
      case DpoKind.lb: {
        // For a port's VIP the index is that of the port filter's prefix; VPP prints the VIP with that index.
        const vip = this.#dp.lb.vips.get((dpo as LbDpo).index);
        return vip === undefined ? "" : lbVipText(vip);
      }
      default:
        return `dpo-drop ip${proto}`;
    }
  }

  adjacency(adjacency: Adjacency): string {
    const { proto, iface, nextHop } = adjacency;
    if (adjacency.kind === DpoKind.incomplete) return `arp-ipv${proto}: via ${addressText(nextHop)} ${iface.name}`;
    const glean = adjacency.kind === DpoKind.glean;
    const mtu = glean ? DEFAULT_MTU : mtuOf(iface, proto);
    const rewrite = `${iface.name}: mtu:${mtu} next:${this.#slots.next(adjacency)} flags:[] ${hex(adjacency.rewrite)}`;
    if (!glean) return `ipv${proto} via ${addressText(nextHop)} ${rewrite}`;
    return `ipv${proto}-glean: [src:${this.#gleanPrefix(adjacency)}] ${rewrite}`;
  }

  #gleanPrefix(adjacency: Adjacency): string {
    if (isZeroAddress(adjacency.nextHop)) return adjacency.proto === 4 ? "0.0.0.0/0" : "::/0";
    for (const path of this.#dp.fib.pathLists.paths) {
      if (path.dpo !== adjacency) continue;
      const list = this.#dp.fib.pathLists.lists.get(path.plIndex);
      const [entry] = list?.entries ?? [];
      // A route that is only attached asks for everything; a connected prefix for its own addresses.
      if (entry !== undefined && path.glean) return prefixText(entry.prefix);
      if (entry !== undefined) return adjacency.proto === 4 ? "0.0.0.0/0" : "::/0";
    }
    return `${addressText(adjacency.nextHop)}/${adjacency.gleanLength}`;
  }

  loadBalance(lb: LoadBalance, indent: number): string {
    const via = lb.viaPackets === 0 ? "" : ` via:[${lb.viaPackets}:${lb.viaBytes}]`;
    const counters = `to:[${lb.toPackets}:${lb.toBytes}]${via}]`;
    const head = `[proto:ip${lb.proto} index:${lb.index} buckets:${lb.buckets.length} uRPF:${lb.urpfIndex}`;
    let text = `dpo-load-balance: ${head} ${counters}`;
    const pad = " ".repeat(indent + 2);
    let first = 0;
    for (const [i, bucket] of lb.buckets.entries()) {
      if (lb.buckets[i + 1] === bucket) continue;
      const range = first < i ? `${first}-${i}` : String(i);
      text += `\n${pad}[${range}] [@${this.#slots.of(bucket, lb.proto)}]: ${this.dpo(bucket, lb.proto, indent + 6)}`;
      first = i + 1;
    }
    return text;
  }

  #name(swIfIndex: number): string {
    return nameOrDeleted(this.#dp, swIfIndex);
  }
}

/** A route takes over what its first path is (fib_path_list_get_resolving_interface and its like). */
function routeFlags(source: FibEntrySource): string[] {
  if (source.source !== "CLI" && source.source !== "API") return [];
  const type = source.pathList?.paths[0]?.type;
  return type === "attached" ? ["attached"] : type === "receive" ? ["local"] : [];
}

/** Paths of one preference stand in the order of their next hops. */
function comparePaths(a: Path, b: Path): number {
  return a.nextHop === undefined || b.nextHop === undefined ? 0 : compareAddresses(a.nextHop, b.nextHop);
}

/** fe80::/10 of each table leads to the interface's own link-local table in VPP. */
function isLinkLocalDpo(dpo: Dpo | undefined): boolean {
  if (dpo?.kind !== DpoKind.receive) return false;
  const { address, swIfIndex } = dpo as SpecialDpo;
  return address instanceof Uint8Array && address[0] === 0xfe && swIfIndex === NO_INDEX;
}

function isLinkLocal(path: Path): boolean {
  return path.type === "receive" && isLinkLocalDpo(path.dpo);
}

function configFlags(path: Path): string {
  if (isLinkLocal(path)) return "";
  if (path.type === "exclusive") return "exclusive";
  if (path.type === "attached") return "glean";
  if (path.type === "receive") return "local";
  if (path.type !== "special") return "";
  return path.special ?? (isZeroAddress(path.nextHop) ? "drop" : "");
}

/** What an adjacency may send: the family's own MTU, else the interface's, else the default. */
function mtuOf(iface: Interface, proto: 4 | 6): number {
  return (proto === 4 ? iface.mtu.ip4 : iface.mtu.ip6) || iface.mtu.l3 || DEFAULT_MTU;
}
