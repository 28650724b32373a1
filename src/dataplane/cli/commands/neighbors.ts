/** Neighbours (VPP src/vnet/ip-neighbor/ip_neighbor.c). */
import type { Dataplane } from "../../dataplane.ts";
import { prefix4, prefix6 } from "../../fib/prefix.ts";
import type { Neighbor } from "../../model.ts";
import { interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { addressText, center, decimal, macText } from "../format.ts";
import { ipAddress, macAddress } from "../parsers.ts";
import { mergeSort } from "../sort.ts";
import type { Input } from "../unformat.ts";
import { nextPrefix } from "./ip.ts";

/** Most neighbours of one line. */
const MAX_COUNT = 1_000_000;

function changeNeighbor({ dp }: CliContext, input: Input): void {
  let found: { swIfIndex: number; address: number | Uint8Array; mac: Uint8Array } | undefined;
  let [del, flush, isStatic, noFibEntry] = [false, false, false, false];
  let count = 1;
  while (!input.atEnd()) {
    const all = input.read("%U %U %U", interfaceName(dp), ipAddress, macAddress);
    if (all !== undefined) found = { swIfIndex: all[0].swIfIndex, address: all[1], mac: all[2] };
    else if (input.match("delete") || input.match("del")) del = true;
    else if (input.match("flush")) flush = true;
    else if (input.match("static")) isStatic = true;
    else if (input.match("no-fib-entry")) noFibEntry = true;
    else {
      const [number] = input.read("count %d") ?? [];
      if (number === undefined) break;
      count = Math.min(number >>> 0, MAX_COUNT);
    }
  }
  if (flush) {
    for (const one of dp.interfaces) {
      if (found === undefined || found.swIfIndex === one.swIfIndex) dp.neighbors.flush(one.swIfIndex, true);
    }
    return;
  }
  const zero = (bytes: Uint8Array | number): boolean =>
    typeof bytes === "number" ? bytes === 0 : bytes.every((byte) => byte === 0);
  if (found === undefined || zero(found.address) || zero(found.mac)) {
    refuse(`specify interface, IP address and MAC: \`${input.error()}'`);
  }
  const { swIfIndex } = found;
  let { address, mac } = found;
  for (let n = 0; n < count; n++) {
    if (del) dp.neighbors.delete(swIfIndex, address);
    else if (!dp.neighbors.add(swIfIndex, address, mac, { static: isStatic, noFibEntry })) break;
    address = increment(address);
    mac = incrementMac(mac);
  }
}

function increment(address: number | Uint8Array): number | Uint8Array {
  return nextPrefix(typeof address === "number" ? prefix4(address, 32) : prefix6(address, 128)).address;
}

function incrementMac(mac: Uint8Array): Uint8Array {
  const next = mac.slice();
  for (let i = 5; i >= 0; i--) {
    const byte = ((next[i] ?? 0) + 1) & 255;
    next[i] = byte;
    if (byte !== 0) break;
  }
  return next;
}

const NEIGHBOR_HEADER =
  center("Age", 12) + center("IP", 40) + center("Flags", 6) + center("Ethernet", 20) + center("Interface", 24);

function neighborRow(dp: Dataplane, one: Neighbor): string {
  const flags = `${one.static ? "S" : ""}${one.dynamic ? "D" : ""}${one.noFibEntry ? "N" : ""}`;
  const age = decimal(dp.now() - one.updatedS, 4);
  const name = dp.interfaces.get(one.swIfIndex)?.name ?? "";
  return (
    center(age, 12) + center(addressText(one.address), 40) + center(flags, 6) + center(macText(one.mac), 20) + name
  );
}

function showNeighbors(families: readonly (4 | 6)[]) {
  return ({ dp, out }: CliContext, input: Input): void => {
    const only = input.user(interfaceName(dp));
    const shown = [...dp.neighbors.pool].filter((one) => {
      const family = typeof one.address === "number" ? 4 : 6;
      return families.includes(family) && (only === undefined || only.swIfIndex === one.swIfIndex);
    });
    if (shown.length === 0) return;
    out(NEIGHBOR_HEADER);
    for (const one of sortNeighbors(dp, shown)) out(neighborRow(dp, one));
  };
}

/** What ages, the oldest first. */
function showSorted(family: 4 | 6) {
  return ({ dp, out }: CliContext): void => {
    out(NEIGHBOR_HEADER);
    const aging = [...dp.neighbors.pool].filter((one) => !one.static);
    const shown = aging.filter((one) => (typeof one.address === "number" ? 4 : 6) === family);
    for (const one of shown.sort((a, b) => a.updatedS - b.updatedS)) out(neighborRow(dp, one));
  };
}

/**
 * By interface name. Within an interface VPP takes no two addresses of a family for ordered (ip_address_cmp gives 1 or 2
 * for different ones, src/vnet/ip/ip_types.c), which its merge sort turns into mostly the newest first.
 */
function sortNeighbors(dp: Dataplane, neighbors: readonly Neighbor[]): Neighbor[] {
  const name = (one: Neighbor): string => dp.interfaces.get(one.swIfIndex)?.name ?? "";
  return mergeSort(neighbors, (a, b) => {
    if (name(a) !== name(b)) return name(a) < name(b) ? -1 : 1;
    return typeof a.address === typeof b.address ? 1 : -1;
  });
}

/** Only the family that is named changes, and only what is named of it. */
function setConfig({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const proto = line.match("ip4") ? 4 : line.match("ip6") ? 6 : refuse(`unknown input \`${line.error()}'`);
  const changed = { ...dp.neighbors.settings[proto] };
  while (!line.atEnd()) {
    const [limit] = line.read("limit %u") ?? [];
    const [age] = limit === undefined ? (line.read("age %u") ?? []) : [];
    if (limit !== undefined) changed.limit = limit;
    else if (age !== undefined) changed.ageS = age;
    else if (line.match("recycle")) changed.recycle = true;
    else if (line.match("norecycle")) changed.recycle = false;
    else refuse(`unknown input \`${line.error()}'`);
  }
  Object.assign(dp.neighbors.settings[proto], changed);
}

function showConfig({ dp, out }: CliContext): void {
  for (const proto of [4, 6] as const) {
    const { limit, ageS, recycle } = dp.neighbors.settings[proto];
    out(`ip${proto}:`);
    out(`  limit:${limit}, age:${ageS}, recycle:${recycle ? 1 : 0}`);
  }
}

const SET_NEIGHBOR_HELP = "<intfc> <ip-address> <mac-address> [static] [no-fib-entry] [count <count>]";

export const neighborCommands: readonly CliCommand[] = [
  {
    path: "set ip neighbor-config",
    help: "set ip neighbor-config ip4|ip6 [limit <limit>] [age <age>] [recycle|norecycle]",
    run: setConfig,
  },
  { path: "show ip neighbor-config", help: "show ip neighbor-config", run: showConfig },
  { path: "set ip neighbor", help: `set ip neighbor [del] ${SET_NEIGHBOR_HELP}`, run: changeNeighbor },
  { path: "ip neighbor", help: `ip neighbor [del] [flush] ${SET_NEIGHBOR_HELP}`, run: changeNeighbor },
  { path: "show ip neighbor", help: "show ip neighbor [interface]", run: showNeighbors([4, 6]) },
  { path: "show ip neighbors", help: "show ip neighbors [interface]", run: showNeighbors([4, 6]) },
  { path: "show ip4 neighbor", help: "show ip4 neighbor [interface]", run: showNeighbors([4]) },
  { path: "show ip4 neighbors", help: "show ip4 neighbors [interface]", run: showNeighbors([4]) },
  { path: "show ip4 neighbor-sorted", help: "show ip4 neighbor-sorted", run: showSorted(4) },
  { path: "show ip6 neighbor-sorted", help: "show ip6 neighbor-sorted", run: showSorted(6) },
  { path: "show ip6 neighbor", help: "show ip6 neighbor [interface]", run: showNeighbors([6]) },
  { path: "show ip6 neighbors", help: "show ip6 neighbors [interface]", run: showNeighbors([6]) },
];
