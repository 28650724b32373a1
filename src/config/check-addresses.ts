import { canonicalPrefix, contains, hostPrefix, type DesiredServer, type DesiredState } from "../bridge/index.ts";
import { ownVips } from "./desired/vips.ts";
import type { Findings } from "./finding.ts";
import type { Path } from "./locate.ts";
import { PrefixIndex } from "./prefix-index.ts";
import type { LbFile } from "./schema.ts";

/** Addresses that nothing can be sent to, or that VPP takes for something else. */
const UNUSABLE = [
  ["224.0.0.0/4", "is multicast"],
  ["ff00::/8", "is multicast"],
  ["255.255.255.255/32", "is the broadcast address"],
  ["0.0.0.0/32", "is no address of a host"],
  ["127.0.0.0/8", "is a loopback address"],
  // plugins/lb keeps both families in an ip46_address_t and asks whether the first twelve bytes are zero.
  ["::/96", "is in ::/96, which VPP's load-balancer takes for IPv4"],
] as const;

interface Group {
  readonly path: Path;
  readonly servers: readonly DesiredServer[];
}

/** Addresses of VIPs and servers that cannot be what they are meant to be. */
export function checkAddresses(file: LbFile, desired: DesiredState, found: Findings): void {
  const groups: Group[] = [
    ...ownVips(file).map(({ index }, at) => ({ path: ["vips", index], servers: desired.vips[at]!.servers })),
    ...(desired.steering?.streams ?? []).map(({ servers }, index) => ({ path: ["streams", index], servers })),
  ];
  file.vips.forEach(({ prefix }, index) => checkUsable(canonicalPrefix(prefix), ["vips", index, "prefix"], found));
  checkServers(groups, found);
  checkOwnAddresses(file, desired, found);
  checkLoops(file, desired, groups, found);
}

function checkServers(groups: readonly Group[], found: Findings): void {
  for (const { path, servers } of groups) {
    servers.forEach(({ address }, at) => checkUsable(hostPrefix(address), [...path, "servers", at], found));
  }
}

function checkUsable(prefix: string, path: Path, found: Findings): void {
  const why = UNUSABLE.find(([range]) => contains(range, prefix))?.[1];
  if (why !== undefined) found.error(path, `${prefix} ${why}`);
}

/** VPP's own addresses and connected subnets are of a source that it prefers to lb's. */
function checkOwnAddresses(file: LbFile, desired: DesiredState, found: Findings): void {
  const own = new Map<string, string>();
  for (const { name, addresses, table } of desired.interfaces) {
    if ((table ?? 0) !== 0) continue;
    for (const address of addresses) {
      own.set(canonicalPrefix(address), `the subnet of ${name}`);
      own.set(hostPrefix(address.split("/")[0]!), `an address of ${name}`);
    }
  }
  file.vips.forEach(({ prefix }, index) => {
    const whose = own.get(canonicalPrefix(prefix));
    if (whose === undefined) return;
    const message = `${prefix} is ${whose}: VPP takes what is sent there itself, and the VIP gets nothing`;
    found.warn(["vips", index, "prefix"], message);
  });
}

/** What is tunnelled to a server inside a VIP comes to the VIP again: VPP puts header before header until it ends. */
function checkLoops(file: LbFile, desired: DesiredState, groups: readonly Group[], found: Findings): void {
  const vips = new PrefixIndex<string>();
  for (const { prefix } of file.vips) vips.add(prefix, canonicalPrefix(prefix));
  const ways = waysOf(desired);
  for (const { path, servers } of groups) {
    servers.forEach(({ address }, at) => {
      const host = hostPrefix(address);
      const vip = vips.holding(host)[0];
      const way = ways.holding(host)[0];
      if (vip === undefined || (way !== undefined && way.length + way.value > vip.length)) return;
      const message =
        `${address} is inside VIP ${vip.value}: what is tunnelled to it comes back to the VIP, and VPP ends at the first packet. ` +
        "Take an address outside, or give it a subnet or a route that is longer than the VIP";
      const known = desired.interfaces.some(({ addresses }) => addresses.length > 0) || desired.routes.length > 0;
      if (known) found.error([...path, "servers", at], message);
      else found.warn([...path, "servers", at], message);
    });
  }
}

/** Where table 0 sends packets; 1 where VPP prefers that to a VIP of the same length, as it does its own subnets. */
function waysOf({ interfaces, routes }: DesiredState): PrefixIndex<0 | 1> {
  const ways = new PrefixIndex<0 | 1>();
  for (const { addresses, table } of interfaces) {
    if ((table ?? 0) === 0) addresses.forEach((address) => ways.add(canonicalPrefix(address), 1));
  }
  for (const route of routes) if (route.table === 0) ways.add(route.prefix, 0);
  return ways;
}
