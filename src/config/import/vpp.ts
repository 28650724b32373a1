import {
  contains,
  hostPrefix,
  makePlan,
  neighborKey,
  routeKey,
  vipKey,
  type ObservedInterface,
  type ObservedNeighbor,
  type ObservedRoute,
  type ObservedServer,
  type ObservedState,
  type ObservedVip,
  type OwnedObjects,
} from "../../bridge/index.ts";
import { parseLbYaml } from "../parse.ts";
import { writeYaml, type Imported } from "./document.ts";

export interface ImportOptions {
  /** Interfaces and bridges with this tag are taken over. Default `vpplb`. */
  readonly tag?: string;
}

/** VPP's addresses before anybody set one. */
const UNSET = { ip4: "255.255.255.255", ip6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
/** Nothing in VPP bears it. */
const OTHER_TAG = "vpplb-imported";

/**
 * A running VPP's load-balancing as a lb.yaml of which the plan is empty: VIPs with their servers and weights, lb_conf,
 * the interfaces that bear our tag, the routes and static neighbours on the way to the servers. What would not be as it
 * is, is left out and named. Pure; deterministic.
 */
export function importVpp(observed: ObservedState, options: ImportOptions = {}): Imported {
  const whole = write(observed, options.tag ?? "vpplb");
  const left = remaining(whole.yaml, observed);
  if (left.length === 0) return whole;
  // Something bears our tag that cannot be written down: nothing with that tag is touched then.
  const bare = write(observed, OTHER_TAG, [
    `interfaces and bridges are left out, as not all of what bears the tag could be taken over: ${left[0] ?? ""}`,
  ]);
  const rest = remaining(bare.yaml, observed);
  if (rest.length === 0) return bare;
  const warnings = [...bare.warnings, ...rest.map((sentence) => `applying this would change VPP: ${sentence}`)];
  return { yaml: write(observed, OTHER_TAG, warnings).yaml, warnings };
}

const NOTHING: OwnedObjects = {
  vips: new Set(),
  routes: new Set(),
  neighbors: new Set(),
  pendingInterfaces: new Set(),
  bridges: new Set(),
};

/** What a plan of the text would do. */
function remaining(yaml: string, observed: ObservedState): string[] {
  const { state, diagnostics } = parseLbYaml(yaml);
  if (state === undefined) {
    return diagnostics.filter((one) => one.severity === "error").map((one) => `${one.path}: ${one.message}`);
  }
  const plan = makePlan(state, observed, NOTHING);
  return [...plan.operations.map((one) => one.sentence), ...plan.problems.map((one) => one.message)];
}

function write(observed: ObservedState, tag: string, notes: readonly string[] = []): Imported {
  const warnings = [...notes];
  const interfaces = observed.interfaces.filter((one) => one.tag === tag);
  for (const one of observed.interfaces) {
    if (one.tag !== tag && one.kind !== "other") {
      warnings.push(`interface ${one.name} does not bear the tag "${tag}" and is left to whoever made it`);
    }
  }
  const vips = observed.vips.filter((vip) => {
    if (vip.encap !== "nat4" && vip.encap !== "nat6") return true;
    warnings.push(`VIP ${vipKey(vip)} is ${vip.encap}, which is not offered here: it is left alone`);
    return false;
  });
  const routes = neededRoutes(observed, vips);
  const bridges = observed.bridges.filter((one) => one.tag === tag);
  const content = {
    lb: lbOf(observed, warnings),
    ...nonEmpty({
      bridges: bridges.map(({ arpUfwd: _arp, tag: _tag, members: _members, ...bridge }) => bridge),
      interfaces: interfaces.map((one) => interfaceOf(one, warnings)),
      neighbors: neededNeighbors(observed, vips, routes, interfaces),
      routes: routes.map(routeOf),
    }),
    vips: vips.map((vip) => vipOf(vip, observed.features.weights)),
    ...(tag === "vpplb" ? {} : { ownership: { tag } }),
  };
  const head = [
    `From a running VPP ${observed.features.version}: what it balances, as it is.`,
    ...warnings.map((warning) => `NOTE: ${warning}`),
  ];
  return { yaml: writeYaml(content, head), warnings };
}

function nonEmpty(lists: Readonly<Record<string, readonly unknown[]>>): Record<string, readonly unknown[]> {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function lbOf({ lbConf, vips }: ObservedState, warnings: string[]): object {
  const { ip4Source, ip6Source, stickyBuckets, flowTimeoutS } = lbConf;
  const known = stickyBuckets !== undefined && flowTimeoutS !== undefined;
  if (!known) {
    warnings.push(
      "this VPP does not tell its sticky buckets and flow timeout before its first packet: lb_conf is left to it (manage: false)",
    );
  }
  const shared = vips.some((vip) => vip.encap === "nat4" || vip.encap === "nat6");
  if (shared && known) warnings.push("lb_conf is shared with VIPs of others, and not changed (manage: false)");
  const unset = [
    ...(ip4Source === UNSET.ip4 && vips.some((vip) => vip.encap === "gre4") ? ["ip4Source"] : []),
    ...(ip6Source === UNSET.ip6 && vips.some((vip) => vip.encap === "gre6") ? ["ip6Source"] : []),
  ];
  if (unset.length > 0) {
    warnings.push(`VPP has no source address for its tunnels: set lb.${unset.join(" and lb.")}, and lb.manage to true`);
  }
  return {
    ip4Source,
    ip6Source,
    ...(known ? { stickyBuckets, flowTimeoutS } : {}),
    ...(known && !shared && unset.length === 0 ? {} : { manage: false }),
  };
}

function interfaceOf(one: ObservedInterface, warnings: string[]): object {
  const { name, kind, hostInterface, mac, mtu, addresses, bridge, up } = one;
  const what = kind === "loopback" ? { loopback: Number(name.replace(/^loop/, "")) } : { host: hostInterface ?? name };
  if (kind !== "loopback" && kind !== "host") warnings.push(`interface ${name} is a ${one.deviceType}`);
  const member = bridge && {
    id: bridge.id,
    ...(bridge.bvi ? { bvi: true } : {}),
    ...(bridge.splitHorizonGroup === 0 ? {} : { splitHorizonGroup: bridge.splitHorizonGroup }),
  };
  return {
    ...what,
    mac,
    mtu,
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(member === undefined ? {} : { bridge: member }),
    ...reassemblyOf(one),
    ...(up ? {} : { up: false }),
  };
}

/** As it is: nothing is said where it is off, which is what the file means by nothing for an inside interface. */
function reassemblyOf({ reassembly }: ObservedInterface): object {
  if (reassembly === undefined) return {};
  if (reassembly.full4 + reassembly.full6 > 0) return { reassembly: "full" };
  return reassembly.virtual4 + reassembly.virtual6 > 0 ? { reassembly: "virtual" } : {};
}

/**
 * Routes over next hops by which servers are reached, and default routes. VPP makes host routes of its own, for every
 * server of a VIP and for every neighbour: these are not the way, they follow it.
 */
function neededRoutes({ routes: all }: ObservedState, vips: readonly ObservedVip[]): ObservedRoute[] {
  const addresses = vips.flatMap((vip) => vip.servers.map((server) => hostPrefix(server.address)));
  const prefixes = new Set([...vips.map((vip) => vip.prefix), ...addresses]);
  const routes = all.filter(
    ({ prefix, via }) => !via.some((path) => path.address && hostPrefix(path.address) === prefix),
  );
  const usable = routes.filter(
    (route) =>
      !prefixes.has(route.prefix) &&
      route.via.length > 0 &&
      route.via.every((path) => path.special === undefined && path.address !== undefined),
  );
  const servers = [...new Set(vips.flatMap((vip) => vip.servers.filter(isUsed).map((server) => server.address)))];
  const needed = new Set<ObservedRoute>(usable.filter((route) => route.prefix.endsWith("/0")));
  for (const server of servers) {
    const [best] = routes
      .filter((route) => route.table === 0 && !prefixes.has(route.prefix) && contains(route.prefix, hostPrefix(server)))
      .sort((a, b) => lengthOf(b.prefix) - lengthOf(a.prefix));
    if (best !== undefined && usable.includes(best)) needed.add(best);
  }
  return [...needed].sort((a, b) => (routeKey(a) < routeKey(b) ? -1 : 1));
}

function routeOf({ prefix, table, via }: ObservedRoute): object {
  const paths = via.map((path) => ({
    address: path.address,
    ...(path.interface === undefined ? {} : { interface: path.interface }),
    ...(path.weight === 1 ? {} : { weight: path.weight }),
    ...(path.table === 0 ? {} : { table: path.table }),
  }));
  return { prefix, ...(table === 0 ? {} : { table }), via: paths };
}

/** Static neighbours that are servers or next hops, or on interfaces that are taken over. */
function neededNeighbors(
  { neighbors }: ObservedState,
  vips: readonly ObservedVip[],
  routes: readonly ObservedRoute[],
  interfaces: readonly ObservedInterface[],
): object[] {
  const hops = routes.flatMap((route) => route.via.map((path) => path.address));
  const wanted = new Set([...hops, ...vips.flatMap((vip) => vip.servers.map((server) => server.address))]);
  const names = new Set(interfaces.map((one) => one.name));
  const chosen = neighbors.filter((one) => one.isStatic && (wanted.has(one.address) || names.has(one.interface)));
  return [...chosen]
    .sort((a: ObservedNeighbor, b) => (neighborKey(a) < neighborKey(b) ? -1 : 1))
    .map(({ address, mac, interface: name }) => ({ address, mac, interface: name }));
}

function vipOf(vip: ObservedVip, weighted: boolean): object {
  const { prefix, protocol, port, encap, dscp, tableSize, srcIpSticky } = vip;
  return {
    prefix,
    ...(port === undefined ? {} : { protocol, port }),
    encap,
    ...(encap === "l3dsr" ? { dscp: dscp ?? 0 } : {}),
    tableSize,
    ...(srcIpSticky ? { srcIpSticky } : {}),
    servers: vip.servers.filter(isUsed).map((server) => serverOf(server, weighted)),
  };
}

/** Weight 0 is how VPP 26.10 drains. */
function serverOf({ address, weight = 100 }: ObservedServer, weighted: boolean): unknown {
  if (!weighted || weight === 100) return address;
  return weight === 0 ? { address, state: "drain" } : { address, weight };
}

const isUsed = (server: ObservedServer): boolean => server.used;
const lengthOf = (prefix: string): number => Number(prefix.split("/")[1]);
