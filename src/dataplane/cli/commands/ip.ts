/** Routes, tables, FIB (VPP src/vnet/ip/lookup.c, src/vnet/fib/fib_types.c:390, ip4_fib.c). */
import type { Dataplane } from "../../dataplane.ts";
import { prefix4, prefix6 } from "../../fib/prefix.ts";
import { disableIp6, enableIp6 } from "../../fib/interface-address.ts";
import { lockTable, unlockTable } from "../../fib/table-locks.ts";
import type { FibTable } from "../../fib/table.ts";
import type { FibEntry, FibPrefix, RoutePath } from "../../fib/types.ts";
import { interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { center, right } from "../format.ts";
import { ip4Address, ip6Address, ipAddress } from "../parsers.ts";
import { compareAddresses } from "../sort.ts";
import { FibText } from "../text/fib.ts";
import type { Input } from "../unformat.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type PathLine = Mutable<RoutePath>;

/** Longest `count` of one `ip route` line; VPP has no bound and would block. */
const MAX_COUNT = 1_000_000;

/** One option of a path after `via`; undefined = a word that paths don't know, "next" = the next path begins. */
function pathOption(dp: Dataplane, line: Input, path: PathLine): true | "next" | undefined {
  const named = interfaceName(dp);
  for (const parser of [ip4Address, ip6Address] as const) {
    const attached = line.read("%U %U", parser as typeof ipAddress, named);
    if (attached === undefined) continue;
    Object.assign(path, { nextHop: attached[0], swIfIndex: attached[1].swIfIndex });
    return true;
  }
  const [weight] = line.read("weight %u") ?? [];
  if (weight !== undefined) {
    path.weight = weight & 0xff;
    return true;
  }
  const [preference] = line.read("preference %u") ?? [];
  if (preference !== undefined) {
    path.preference = preference & 0xff;
    return true;
  }
  return nextHopOption(dp, line, path) ?? wordOption(dp, line, path);
}

function nextHopOption(dp: Dataplane, line: Input, path: PathLine): true | undefined {
  for (const parser of [ip4Address, ip6Address] as const) {
    const recursive = line.read("%U next-hop-table %d", parser as typeof ipAddress);
    if (recursive !== undefined) {
      const table = dp.fib.tableById(typeof recursive[0] === "number" ? 4 : 6, recursive[1] >>> 0);
      if (table === undefined) return undefined;
      Object.assign(path, { nextHop: recursive[0], fibIndex: table.index });
      return true;
    }
  }
  const [nextHop] = line.read("%U", ipAddress) ?? [];
  if (nextHop === undefined) return undefined;
  // A next hop without a table is looked up in the default one, whatever the route's own (fib_types.c:474).
  Object.assign(path, { nextHop, fibIndex: 0 });
  return true;
}

function wordOption(dp: Dataplane, line: Input, path: PathLine): true | "next" | undefined {
  if (line.match("resolve-via-host") || line.match("resolve-via-attached")) return true;
  if (line.match("drop")) path.special = "drop";
  else if (line.match("local")) path.special = "local";
  else if (line.match("ip4")) path.nextHopProto = 4;
  else if (line.match("ip6")) path.nextHopProto = 6;
  else {
    const [one] = line.read("%U", interfaceName(dp)) ?? [];
    if (one !== undefined) path.swIfIndex = one.swIfIndex;
    else return line.match("via") ? "next" : undefined;
  }
  return true;
}

/** All paths after one `via`: `via A dev via B dev`; undefined where a word is none of a path's. */
export function readPaths(dp: Dataplane, input: Input): RoutePath[] | undefined {
  const paths: PathLine[] = [{}];
  while (!input.atEnd()) {
    const read = pathOption(dp, input, paths.at(-1) ?? {});
    if (read === undefined) return undefined;
    if (read === "next") paths.push({});
  }
  return paths;
}

interface RouteLine {
  tableId: number;
  count: number;
  del: boolean;
  readonly prefixes: FibPrefix[];
  readonly lengths: number[];
  readonly paths: RoutePath[];
}

function routeOption(dp: Dataplane, line: Input, route: RouteLine): boolean {
  const [tableId] = line.read("table %d") ?? [];
  if (tableId !== undefined) {
    route.tableId = tableId >>> 0;
    return true;
  }
  const [count] = line.read("count %f") ?? [];
  if (count !== undefined) {
    route.count = count;
    return true;
  }
  const four = line.read("%U/%d", ip4Address);
  const six = four === undefined ? line.read("%U/%d", ip6Address) : undefined;
  const [address, length] = four ?? six ?? [];
  if (address !== undefined && length !== undefined) {
    const bits = typeof address === "number" ? 32 : 128;
    const valid = Math.min(Math.max(length, 0), bits);
    route.prefixes.push(typeof address === "number" ? prefix4(address, valid) : prefix6(address, valid));
    route.lengths.push(length);
    return true;
  }
  const [paths] = line.read("via %U", (input) => readPaths(dp, input)) ?? [];
  if (paths !== undefined) route.paths.push(...paths);
  else if (line.match("del")) route.del = true;
  else if (line.match("add")) route.del = false;
  else return false;
  return true;
}

/** The prefix of the same length that follows. */
export function nextPrefix(prefix: FibPrefix): FibPrefix {
  if (typeof prefix.address === "number") {
    const step = 2 ** (32 - prefix.length);
    return prefix4((prefix.address + step) % 2 ** 32, prefix.length);
  }
  const bits = BigInt(`0x${Buffer.from(prefix.address).toString("hex")}`) + (1n << BigInt(128 - prefix.length));
  const text = BigInt.asUintN(128, bits).toString(16).padStart(32, "0");
  return prefix6(new Uint8Array(Buffer.from(text, "hex")), prefix.length);
}

function ipRoute(context: CliContext, input: Input): void {
  const { dp } = context;
  const line = input.line();
  if (line === undefined) return;
  const route: RouteLine = { tableId: 0, count: 1, del: false, prefixes: [], lengths: [], paths: [] };
  while (!line.atEnd()) if (!routeOption(dp, line, route)) refuse(`parse error \`${line.error()}'`);
  const [first] = route.prefixes;
  if (first === undefined) refuse("expected ip4/ip6 destination address/length.");
  if (!route.del && route.paths.length === 0) refuse("expected paths.");
  const table = dp.fib.tableById(first.proto, route.tableId);
  if (table === undefined) refuse(`Nonexistent table id ${route.tableId}`);
  for (const [i, prefix] of route.prefixes.entries()) {
    if (route.del && route.paths.length === 0) dp.fib.delete(table.index, prefix, "CLI");
    else changeRoutes(context, route, table, prefix, route.lengths[i] ?? prefix.length);
  }
}

function changeRoutes(
  { dp, out }: CliContext,
  route: RouteLine,
  table: FibTable,
  first: FibPrefix,
  length: number,
): void {
  const count = Math.trunc(route.count);
  if (count > MAX_COUNT) refuse(`count: at most ${MAX_COUNT} routes in one line`);
  const startS = performance.now() / 1000;
  let prefix = first;
  for (let n = 0; n < count; n++) {
    if (length !== prefix.length) {
      out(`Invalid prefix len: ${length}`);
      continue;
    }
    if (route.del) dp.fib.routeRemove(table.index, prefix, "CLI", route.paths);
    else dp.fib.routeAdd(table.index, prefix, "CLI", route.paths, true);
    prefix = nextPrefix(prefix);
  }
  const perSecond = count / Math.max(performance.now() / 1000 - startS, 1e-9);
  if (count > 1) out(`${perSecond.toExponential(6).replace("e+", "e")} routes/sec`);
}

function ipTable(proto: 4 | 6) {
  return ({ dp }: CliContext, input: Input): void => {
    const line = input.line();
    if (line === undefined) return;
    let del = false;
    let tableId: number | undefined;
    while (!line.atEnd()) {
      if (line.match("del")) del = true;
      else if (line.match("add")) del = false;
      else {
        const [id] = line.read("%d") ?? refuse(`parse error \`${line.error()}'`);
        tableId = id >>> 0;
      }
    }
    if (tableId === undefined) refuse("No table id");
    if (tableId === 0) refuse("Can't change the default table");
    const known = dp.fib.tableById(proto, tableId);
    if (!del) lockTable(dp.fib, proto, tableId, "CLI");
    else if (known !== undefined) unlockTable(dp.fib, known, "CLI");
  };
}

function showTables(proto: 4 | 6) {
  return ({ dp, out }: CliContext): void => {
    for (const table of proto === 4 ? dp.fib.tables4 : dp.fib.tables6) {
      out(`[${table.index}] table_id:${table.tableId} ${table.name}`);
    }
  };
}

function compareEntries(a: FibEntry, b: FibEntry): number {
  return compareAddresses(a.prefix.address, b.prefix.address) || fibLengthOrder(a, b);
}

/** Of equal addresses VPP lists the longer prefix first, but the default route before 0.0.0.0/32. */
function fibLengthOrder(a: FibEntry, b: FibEntry): number {
  const zero = (entry: FibEntry): boolean => entry.prefix.length === 0;
  if (zero(a) || zero(b)) return zero(a) ? -1 : 1;
  return b.prefix.length - a.prefix.length;
}

interface FibQuery {
  summary: boolean;
  prefix: FibPrefix | undefined;
  tableId: number | undefined;
  index: number | undefined;
}

function fibQuery(proto: 4 | 6, input: Input): FibQuery {
  const query: FibQuery = { summary: false, prefix: undefined, tableId: undefined, index: undefined };
  const parser = (proto === 4 ? ip4Address : ip6Address) as typeof ipAddress;
  const bits = proto === 4 ? 32 : 128;
  const make = (address: number | Uint8Array, length: number): FibPrefix =>
    typeof address === "number" ? prefix4(address, length) : prefix6(address, length);
  while (!input.atEnd()) {
    if (input.match("brief") || input.match("summary") || input.match("sum")) query.summary = true;
    else if (input.match("detail") || input.match("det")) continue;
    else {
      const [address, length] = input.read("%U/%d", parser) ?? [];
      const [host] = address === undefined ? (input.read("%U", parser) ?? []) : [];
      const found = address ?? host;
      if (found !== undefined) query.prefix = make(found, Math.min(Math.max(length ?? bits, 0), bits));
      else if (!tableOption(input, query)) break;
    }
  }
  return query;
}

function tableOption(input: Input, query: FibQuery): boolean {
  const [tableId] = input.read("table %d") ?? [];
  const [index] = tableId === undefined ? (input.read("index %d") ?? []) : [];
  if (tableId !== undefined) query.tableId = tableId >>> 0;
  if (index !== undefined) query.index = index;
  return tableId !== undefined || index !== undefined;
}

function showFib(proto: 4 | 6) {
  return ({ dp, out }: CliContext, input: Input): void => {
    const query = fibQuery(proto, input);
    const text = new FibText(dp);
    for (const table of dp.fib.tables(proto)) {
      if (query.tableId !== undefined && query.tableId !== table.tableId) continue;
      if (query.index !== undefined && query.index !== table.index) continue;
      out(text.tableHeader(table));
      if (query.summary) summary(table, out);
      else if (query.prefix === undefined) {
        for (const entry of [...table.entries()].sort(compareEntries)) out(text.brief(entry));
      } else {
        const entry = table.match(query.prefix);
        if (entry !== undefined) out(text.detail(entry));
      }
    }
  };
}

function summary(table: FibTable, out: (text: string) => void): void {
  const counts = new Map<number, number>();
  for (const { prefix } of table.entries()) counts.set(prefix.length, (counts.get(prefix.length) ?? 0) + 1);
  out(center("Prefix length", 20) + center("Count", 16));
  const lengths = [...counts].sort(([a], [b]) => (table.proto === 4 ? a - b : b - a));
  const align = table.proto === 4 ? right : center;
  for (const [length, count] of lengths) out(align(length, 20) + align(count, 16));
}

function switchIp6(enable: boolean) {
  return ({ dp }: CliContext, input: Input): void => {
    // VPP leaves out what it would name (ip6_link.c).
    const [one] = input.read("%U", interfaceName(dp)) ?? refuse("unknown interface\n'");
    if ((enable ? enableIp6(dp.fib, one) : disableIp6(dp.fib, one)) !== 0) refuse("Failed\n");
  };
}

const ROUTE_HELP =
  "ip route [add|del] [count <n>] <dst-ip-addr>/<width> [table <table-id>] via [next-hop-address] " +
  "[next-hop-interface] [next-hop-table <value>] [weight <value>] [preference <value>] [udp-encap <value>] " +
  "[ip4-lookup-in-table <value>] [ip6-lookup-in-table <value>] [mpls-lookup-in-table <value>] [resolve-via-host] " +
  "[resolve-via-connected] [rx-ip4|rx-ip6 <interface>] [out-labels <value value value>]";
export const ipCommands: readonly CliCommand[] = [
  { path: "ip6", help: "Internet protocol version 6 (IPv6) commands" },
  { path: "ip", help: "Internet protocol (IP) commands" },
  { path: "show ip6", help: "Internet protocol version 6 (IPv6) show commands" },
  { path: "show ip", help: "Internet protocol (IP) show commands" },
  { path: "ip route", help: ROUTE_HELP, run: ipRoute },
  { path: "enable ip6 interface", help: "enable ip6 interface <interface>", run: switchIp6(true) },
  { path: "disable ip6 interface", help: "disable ip6 interface <interface>", run: switchIp6(false) },
  { path: "ip table", help: "ip table [add|del] <table-id>", run: ipTable(4) },
  { path: "ip6 table", help: "ip6 table [add|del] <table-id>", run: ipTable(6) },
  { path: "show ip table", help: "show ip table <table-id>", run: showTables(4) },
  { path: "show ip6 table", help: "show ip6 table <table-id>", run: showTables(6) },
  {
    path: "show ip fib",
    help: "show ip fib [summary] [table <table-id>] [index <fib-id>] [<ip4-addr>[/<mask>]] [mtrie] [detail] [memory]",
    run: showFib(4),
  },
  {
    path: "show ip6 fib",
    help: "show ip6 fib [summary] [table <table-id>] [index <fib-id>] [<ip6-addr>[/<width>]] [detail] [hash]",
    run: showFib(6),
  },
];
