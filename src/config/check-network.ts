import {
  canonicalPrefix,
  contains,
  familyOf,
  overlaps,
  routeKey,
  type DesiredInterface,
  type DesiredState,
} from "../bridge/index.ts";
import { ownVips } from "./desired/vips.ts";
import { checkLinks } from "./check-links.ts";
import { forDuplicates, type Findings } from "./finding.ts";
import type { LbFile } from "./schema.ts";

/** Interfaces, bridges, neighbours and routes: what VPP would refuse, and what would not forward. */
export function checkNetwork(file: LbFile, desired: DesiredState, found: Findings): void {
  forDuplicates(
    file.bridges,
    (bridge) => String(bridge.id),
    (index, first, id) => found.error(["bridges", index, "id"], `bridge ${id} is bridges[${first}] already`),
  );
  desired.interfaces.forEach((entry, index) => checkInterface(entry, index, found));
  checkLinks(file, desired, found);
  checkUnique(desired, found);
  checkSubnets(desired, found);
  checkBvis(desired, found);
  checkRoutes(file, desired, found);
  checkNeighbors(desired, found);
  checkSources(file, desired, found);
  checkReachability(file, desired, found);
  adviseMtu(desired, found);
}

function checkInterface(entry: DesiredInterface, index: number, found: Findings): void {
  const path = ["interfaces", index];
  const { bridge } = entry;
  if (bridge?.bvi === true && entry.kind !== "loopback") {
    found.error([...path, "bridge"], `${entry.name} cannot be a BVI: give the bridge a loopback for that`);
  }
  if (bridge !== undefined && !bridge.bvi && entry.addresses.length > 0) {
    found.error(
      [...path, "addresses"],
      `${entry.name} is a port of bridge ${bridge.id}: its addresses belong on the bridge's BVI`,
    );
  }
  if (bridge !== undefined && entry.outside) {
    found.warn(
      [...path, "outside"],
      `${entry.name} is a port of bridge ${bridge.id}: \`outside\` is meant for the routed uplink`,
    );
  }
  const macless = entry.kind === "vlan" || (entry.kind === "memif" && entry.memif.mode === "ip");
  if (entry.mac === undefined) {
    if (macless) return;
    const fact =
      entry.kind === "loopback"
        ? "VPP gives every loopback de:ad:00:00:00:00 and up"
        : "VPP makes up a new one at each creation";
    found.warn(path, `${entry.name} has no \`mac\`: ${fact}; neighbours keep the old one after a restart`);
  } else if ((parseInt(entry.mac.slice(0, 2), 16) & 1) !== 0) {
    found.error([...path, "mac"], `${entry.mac} is a multicast MAC: the lowest bit of the first byte must be 0`);
  }
}

function checkUnique({ interfaces }: DesiredState, found: Findings): void {
  forDuplicates(
    interfaces,
    (entry) => entry.name,
    (index, first, name) => found.error(["interfaces", index], `${name} is interfaces[${first}] already`),
  );
  forDuplicates(
    interfaces,
    (entry) => entry.mac,
    (index, first, mac) =>
      found.error(["interfaces", index, "mac"], `${mac} is the MAC of interfaces[${first}] already`),
  );
}

/** VPP refuses an address whose subnet is on another interface (-105). */
function checkSubnets({ interfaces }: DesiredState, found: Findings): void {
  const all = interfaces.flatMap((entry, index) =>
    entry.addresses.map((address, at) => ({ address, at, index, name: entry.name, table: entry.table ?? 0 })),
  );
  all.forEach((one, position) => {
    const rival = all
      .slice(0, position)
      .find((other) => other.table === one.table && overlaps(other.address, one.address));
    if (rival === undefined) return;
    const sameSubnet = rival.index === one.index && canonicalPrefix(rival.address) === canonicalPrefix(one.address);
    if (sameSubnet && rival.address !== one.address) return;
    found.error(
      ["interfaces", one.index, "addresses", one.at],
      `${one.address} overlaps ${rival.address} of ${rival.name}`,
    );
  });
}

function checkBvis({ interfaces }: DesiredState, found: Findings): void {
  const bvis = interfaces.map((entry) => (entry.bridge?.bvi === true ? String(entry.bridge.id) : undefined));
  forDuplicates(
    bvis,
    (id) => id,
    (index, first, id) =>
      found.error(["interfaces", index, "bridge"], `bridge ${id} has a BVI already: interfaces[${first}]`),
  );
}

function checkRoutes(file: LbFile, desired: DesiredState, found: Findings): void {
  const names = new Set(desired.interfaces.map((entry) => entry.name));
  desired.routes.forEach((route, index) => {
    const given = file.routes[index]!.prefix.split("/")[0]!;
    if (canonicalPrefix(given).split("/")[0] !== route.prefix.split("/")[0]) {
      found.error(
        ["routes", index, "prefix"],
        `${file.routes[index]!.prefix} has bits set beyond its length: write ${route.prefix}`,
      );
    }
    route.via.forEach((path, at) => {
      const where = ["routes", index, "via", at];
      if (path.address !== undefined && familyOf(path.address) !== familyOf(route.prefix)) {
        found.error([...where, "address"], `next hop ${path.address} is not of the family of ${route.prefix}`);
      }
      if (path.interface !== undefined && !names.has(path.interface)) {
        found.warn(
          [...where, "interface"],
          `${path.interface} is not in this file: the route waits for VPP to have it`,
        );
      }
    });
  });
  forDuplicates(desired.routes, routeKey, (index, first, key) =>
    found.error(
      ["routes", index, "prefix"],
      `a route to ${key} is routes[${first}] already: give it several \`via\` instead`,
    ),
  );
}

function checkNeighbors({ neighbors, interfaces }: DesiredState, found: Findings): void {
  neighbors.forEach((neighbor, index) => {
    const on = interfaces.find((entry) => entry.name === neighbor.interface);
    if (on === undefined) {
      found.warn(["neighbors", index, "interface"], `${neighbor.interface} is not in this file`);
    } else if (!on.addresses.some((address) => contains(canonicalPrefix(address), neighbor.address))) {
      found.warn(["neighbors", index, "address"], `${neighbor.address} is in no subnet of ${on.name}`);
    }
  });
  forDuplicates(
    neighbors,
    (neighbor) => `${neighbor.address} ${neighbor.interface}`,
    (index, first) => found.error(["neighbors", index], `the same neighbour as neighbors[${first}]`),
  );
}

function checkSources(file: LbFile, desired: DesiredState, found: Findings): void {
  const { lbConf } = desired;
  if (file.lb === undefined || lbConf === undefined) return;
  const own = new Set(desired.interfaces.flatMap((entry) => entry.addresses.map((address) => address.split("/")[0]!)));
  if (own.size === 0) return;
  const uses = new Set([...desired.vips, ...file.streams].map((one) => one.encap));
  for (const [encap, field] of [
    ["gre4", "ip4Source"],
    ["gre6", "ip6Source"],
  ] as const) {
    if (uses.has(encap) && !own.has(lbConf[field])) {
      found.warn(
        ["lb", field],
        `${lbConf[field]} is on no interface of this file: errors about the tunnel's packets get lost`,
      );
    }
  }
}

function checkReachability(file: LbFile, desired: DesiredState, found: Findings): void {
  const connected = desired.interfaces.flatMap((entry) => entry.addresses.map(canonicalPrefix));
  const routed = desired.routes.filter((route) => !route.prefix.endsWith("/0")).map((route) => route.prefix);
  if (connected.length === 0) return;
  const groups = [
    ...ownVips(file).map(({ index }, at) => ({ path: ["vips", index], servers: desired.vips[at]!.servers })),
    ...(desired.steering?.streams ?? []).map(({ servers }, index) => ({ path: ["streams", index], servers })),
  ];
  groups.forEach(({ path, servers }) => {
    servers.forEach((server, at) => {
      if ([...connected, ...routed].some((prefix) => contains(prefix, server.address))) return;
      found.warn(
        [...path, "servers", at],
        `${server.address} is in no connected subnet (${connected.join(", ")}) and no route leads to it but the default`,
      );
    });
  });
}

const GRE_OVERHEAD = { gre4: 24, gre6: 44 } as const;
const TCP_IP_HEADERS = { 4: 40, 6: 60 } as const;

/**
 * VPP clamps no MSS, ignores an inner DF, sends no "too big", and fragments gre4 but not gre6 (tried on 26.06). So
 * what the clients may send must fit the servers' side, or the servers must tell them less.
 */
function adviseMtu(desired: DesiredState, found: Findings): void {
  const uplinks = desired.interfaces.filter((entry) => entry.outside).map((entry) => entry.mtu);
  const inside = desired.interfaces.filter((entry) => !entry.outside).map((entry) => entry.mtu);
  const tunnels = [...desired.vips, ...streamTunnels(desired)];
  const encaps = new Set(tunnels.map((vip) => vip.encap));
  if (uplinks.length === 0 || inside.length === 0) return;
  const [largest, room] = [Math.max(...uplinks), Math.min(...inside)];
  for (const encap of ["gre4", "gre6"] as const) {
    const needed = largest + GRE_OVERHEAD[encap];
    if (!encaps.has(encap) || room >= needed) continue;
    const families = new Set(tunnels.filter((vip) => vip.encap === encap).map((vip) => familyOf(vip.prefix)));
    const limits = [...families].map(
      (family) => `${room - GRE_OVERHEAD[encap] - TCP_IP_HEADERS[family]} (IPv${family})`,
    );
    found.advise(
      ["vips"],
      `packets of ${largest} bytes do not fit a server's link of ${room} with ${encap}: the servers must advertise an MSS of at most ` +
        `${limits.join(", ")} (\`ip route … advmss\` on the way back), or the links to them need an MTU of ${needed}`,
    );
  }
}

/** Each stream with each of the VIPs that use it. */
function streamTunnels({ steering }: DesiredState): { encap: string; prefix: string }[] {
  return (steering?.streams ?? []).flatMap(({ name, encap }) => {
    const byDefault = steering?.vips.filter((vip) => vip.stream === name).map((vip) => vip.prefix) ?? [];
    const byFlow = steering?.flows.filter((flow) => flow.stream === name).flatMap((flow) => flow.vips) ?? [];
    return [...byDefault, ...byFlow].map((prefix) => ({ encap, prefix }));
  });
}
