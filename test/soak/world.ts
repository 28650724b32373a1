import { changeAcls, changeMemifs, changeVlans, noLinks, referenceLinks, tidyLinks, type Links } from "./links.ts";
import type { Random } from "./random.ts";

/** lb.yaml's parts, as far as the soak varies them: a small world, so that its states meet each other. */
export interface World {
  timeoutS: number;
  bridges: { id: number; learn: boolean }[];
  interfaces: WorldInterface[];
  neighbors: { address: string; mac: string; interface: string }[];
  routes: { prefix: string; via: { address: string; interface: string; weight: number }[] }[];
  vips: WorldVip[];
  streams: { name: string; encap: "gre4"; tableSize: number; servers: WorldServer[] }[];
  flows: WorldFlow[];
  /** Prefixes of {@link STEERED} with the stream that takes what no flow does. */
  steered: { prefix: string; stream: string }[];
  links: Links;
}

export interface WorldFlow {
  name: string;
  stream: string;
  vips: string[];
  protocols: string[];
  destinationPorts: string[];
  sourceSubnets: string[];
  priority: number;
}

export interface WorldInterface {
  loopback?: number;
  host?: string;
  mac: string;
  mtu: number;
  addresses: string[];
  bridge?: { id: number; bvi: boolean };
  outside?: boolean;
  up: boolean;
}

export interface WorldServer {
  address: string;
  weight: number;
  state: "up" | "drain" | "down";
}

export interface WorldVip {
  prefix: string;
  protocol?: "tcp" | "udp";
  port?: number;
  encap: "gre4" | "gre6" | "l3dsr";
  dscp?: number;
  tableSize: number;
  srcIpSticky: boolean;
  servers: WorldServer[];
}

export const LB_SOURCES = { ip4Source: "10.60.1.1", ip6Source: "2001:db8:60::1" } as const;
/** Every route that a world may have. */
export const ROUTES = ["0.0.0.0/0", "10.9.0.0/16", "10.10.0.0/16"] as const;
const VIPS = ["10.2.0.0/24", "10.2.1.1/32", "10.2.2.0/24", "10.2.3.1/32", "2001:db8:2::/64", "2001:db8:3::1/128"];
/** VIPs that streams may serve. */
export const STEERED = ["10.3.0.0/24", "10.3.1.1/32", "10.3.2.0/24"] as const;
const STREAM_NAMES = ["red", "green", "blue"] as const;
const OUTSIDE = 9;

/** Nothing at all. */
export function emptyWorld(): World {
  return {
    timeoutS: 40,
    bridges: [],
    interfaces: [],
    neighbors: [],
    routes: [],
    vips: [],
    streams: [],
    flows: [],
    steered: [],
    links: noLinks(),
  };
}

/** A full one, always the same: memory is compared in it. @param hosts kernel devices that the dataplane can open */
export function referenceWorld(hosts: readonly string[]): World {
  const members = hosts.slice(0, 2).map((host, index) => member(host, index, 1));
  const servers = (family: 4 | 6) => [2, 3, 4].map((n) => server(family, n));
  return {
    timeoutS: 40,
    bridges: [{ id: 1, learn: true }],
    interfaces: [bvi(0, 1), ...members, uplink()],
    neighbors: [{ address: "10.60.1.7", mac: "02:00:00:00:00:07", interface: "loop0" }],
    routes: [{ prefix: "0.0.0.0/0", via: [{ address: "10.70.0.0", interface: `loop${OUTSIDE}`, weight: 1 }] }],
    vips: [
      { prefix: VIPS[0]!, encap: "gre4", tableSize: 256, srcIpSticky: false, servers: servers(4) },
      { prefix: VIPS[4]!, encap: "gre6", tableSize: 256, srcIpSticky: false, servers: servers(6) },
    ],
    streams: STREAM_NAMES.slice(0, 2).map((name) => ({ name, encap: "gre4", tableSize: 64, servers: servers(4) })),
    flows: [
      {
        ...{ name: "f1", stream: STREAM_NAMES[1], vips: [STEERED[0]], protocols: ["tcp"], destinationPorts: ["80-90"] },
        ...{ sourceSubnets: [], priority: 1 },
      },
    ],
    steered: [{ prefix: STEERED[0], stream: STREAM_NAMES[0] }],
    links: referenceLinks(),
  };
}

function bvi(instance: number, bridge: number): WorldInterface {
  const addresses = [`10.60.${bridge}.1/24`, `2001:db8:60:${bridge}::1/64`];
  const mac = `02:fe:00:00:00:0${instance}`;
  return { loopback: instance, mac, mtu: 1500, addresses, bridge: { id: bridge, bvi: true }, up: true };
}

function member(host: string, index: number, bridge: number): WorldInterface {
  const mac = `02:fe:00:00:01:0${index}`;
  return { host, mac, mtu: 1500, addresses: [], bridge: { id: bridge, bvi: false }, up: true };
}

function uplink(): WorldInterface {
  return {
    loopback: OUTSIDE,
    mac: "02:fe:00:00:00:99",
    mtu: 1500,
    addresses: ["10.70.0.1/31"],
    outside: true,
    up: true,
  };
}

export function server(family: 4 | 6, n: number): WorldServer {
  return { address: family === 4 ? `10.60.1.${n}` : `2001:db8:60:1::${n}`, weight: 100, state: "up" };
}

/** Another one by changing this one in one place. */
export function mutate(world: World, random: Random, hosts: readonly string[]): World {
  const next = structuredClone(world);
  const change = random.weighted<(world: World, random: Random, hosts: readonly string[]) => void>([
    [10, changeServers],
    [4, changeVips],
    [2, changeVipSettings],
    [2, changeInterfaces],
    [2, changeMembers],
    [1, changeBridges],
    [2, changeRoutes],
    [3, changeStreams],
    [3, changeSteered],
    [4, changeFlows],
    [1, changeNeighbors],
    [2, ({ links }) => changeMemifs(links, random)],
    [2, ({ links }) => changeVlans(links, random)],
    [2, ({ links }) => changeAcls(links, random)],
    [0.3, (one) => (one.timeoutS = random.pick([30, 40, 50]))],
  ]);
  change(next, random, hosts);
  return tidy(next);
}

function changeServers(world: World, random: Random): void {
  if (world.vips.length === 0) return changeVips(world, random);
  const vip = random.pick(world.vips);
  const family = vip.encap === "gre6" ? 6 : 4;
  const kind = random.below(4);
  const known = vip.servers;
  if (kind === 0 || known.length === 0) {
    const fresh = server(family, 2 + random.below(12));
    if (!known.some(({ address }) => address === fresh.address)) known.push(fresh);
  } else if (kind === 1) known.splice(random.below(known.length), 1);
  else if (kind === 2) random.pick(known).state = random.pick(["up", "up", "drain", "down"] as const);
  else random.pick(known).weight = random.pick([1, 50, 100]);
}

function changeVips(world: World, random: Random): void {
  const prefix = random.pick(VIPS);
  if (world.vips.some((vip) => vip.prefix === prefix)) {
    world.vips = world.vips.filter((vip) => vip.prefix !== prefix);
    return;
  }
  const encap = prefix.includes(":")
    ? random.pick(["gre4", "gre6"] as const)
    : random.pick(["gre4", "gre6", "l3dsr"] as const);
  const family = encap === "gre6" ? 6 : 4;
  const common = {
    prefix,
    encap,
    ...(encap === "l3dsr" ? { dscp: random.pick([7, 9]) } : {}),
    tableSize: random.pick([64, 256]),
    srcIpSticky: random.chance(0.2),
  };
  const servers = () => random.some([2, 3, 4, 5, 6, 7], 0.6).map((n) => server(family, n));
  if (random.chance(0.3)) {
    world.vips.push({ ...common, protocol: "tcp", port: 80, servers: servers() });
    if (random.chance(0.5)) world.vips.push({ ...common, protocol: "udp", port: 53, servers: servers() });
  } else world.vips.push({ ...common, servers: servers() });
}

function changeVipSettings(world: World, random: Random): void {
  if (world.vips.length === 0) return;
  const vip = random.pick(world.vips);
  if (random.chance(0.5)) vip.tableSize = vip.tableSize === 64 ? 256 : 64;
  else vip.srcIpSticky = !vip.srcIpSticky;
}

function changeInterfaces(world: World, random: Random): void {
  const instance = random.pick([0, 1, OUTSIDE]);
  const at = world.interfaces.findIndex(({ loopback }) => loopback === instance);
  if (at < 0) {
    if (instance !== OUTSIDE) ensureBridge(world, instance + 1);
    world.interfaces.push(instance === OUTSIDE ? uplink() : bvi(instance, instance + 1));
    return;
  }
  const found = world.interfaces[at]!;
  const kind = random.below(4);
  if (kind === 0) world.interfaces.splice(at, 1);
  else if (kind === 1) found.up = !found.up;
  else if (kind === 2) found.mtu = random.pick([1400, 1500, 1600]);
  else if (instance !== OUTSIDE) {
    const extra = `10.61.${instance}.1/24`;
    found.addresses = found.addresses.includes(extra)
      ? found.addresses.filter((address) => address !== extra)
      : [...found.addresses, extra];
  }
}

function changeMembers(world: World, random: Random, hosts: readonly string[]): void {
  if (hosts.length === 0) return;
  const index = random.below(hosts.length);
  const host = hosts[index]!;
  const at = world.interfaces.findIndex((one) => one.host === host);
  const bridge = random.pick([1, 2]);
  ensureBridge(world, bridge);
  if (at < 0) world.interfaces.push(member(host, index, bridge));
  else if (random.chance(0.5)) world.interfaces.splice(at, 1);
  else world.interfaces[at]!.bridge = { id: bridge, bvi: false };
}

function ensureBridge(world: World, id: number): void {
  if (!world.bridges.some((bridge) => bridge.id === id)) world.bridges.push({ id, learn: true });
}

function changeBridges(world: World, random: Random): void {
  const id = random.pick([1, 2]);
  const found = world.bridges.find((bridge) => bridge.id === id);
  if (found === undefined) world.bridges.push({ id, learn: true });
  else if (random.chance(0.5)) found.learn = !found.learn;
  else {
    world.bridges = world.bridges.filter((bridge) => bridge.id !== id);
    world.interfaces = world.interfaces.filter((one) => one.bridge?.id !== id);
  }
}

function changeRoutes(world: World, random: Random): void {
  const prefix = random.pick(ROUTES);
  const others = world.routes.filter((route) => route.prefix !== prefix);
  if (others.length < world.routes.length && random.chance(0.5)) {
    world.routes = others;
    return;
  }
  const weight = random.pick([1, 2]);
  world.routes = [...others, { prefix, via: [{ address: "10.70.0.0", interface: `loop${OUTSIDE}`, weight }] }];
}

function changeNeighbors(world: World, random: Random): void {
  const address = random.pick(["10.60.1.7", "10.60.1.8"]);
  const others = world.neighbors.filter((neighbor) => neighbor.address !== address);
  const mac = random.pick(["02:00:00:00:00:07", "02:00:00:00:00:08"]);
  world.neighbors = random.chance(0.4) ? others : [...others, { address, mac, interface: "loop0" }];
}

function changeStreams(world: World, random: Random): void {
  const name = random.pick(STREAM_NAMES);
  const found = world.streams.find((stream) => stream.name === name);
  const servers = random.some([2, 3, 4, 5], 0.7).map((n) => server(4, n));
  if (found === undefined) world.streams.push({ name, encap: "gre4", tableSize: 64, servers });
  else if (random.chance(0.2)) world.streams = world.streams.filter((stream) => stream !== found);
  else if (random.chance(0.2)) found.tableSize = found.tableSize === 64 ? 128 : 64;
  else found.servers = servers;
}

function changeSteered(world: World, random: Random): void {
  const prefix = random.pick(STEERED);
  const others = world.steered.filter((vip) => vip.prefix !== prefix);
  const gone = others.length < world.steered.length && random.chance(0.4);
  const stream = random.chance(0.1) ? "none" : random.pick(STREAM_NAMES);
  world.steered = gone ? others : [...others, { prefix, stream }];
}

function changeFlows(world: World, random: Random): void {
  const name = `f${1 + random.below(4)}`;
  const others = world.flows.filter((flow) => flow.name !== name);
  if (others.length < world.flows.length && random.chance(0.4)) {
    world.flows = others;
    return;
  }
  const protocols = random.pick([["tcp"], ["udp"], ["tcp", "udp"], ["any"]]);
  const flow = {
    name,
    stream: random.pick(STREAM_NAMES),
    vips: random.some(STEERED, 0.5),
    protocols,
    destinationPorts: protocols[0] === "any" ? [] : random.some(["80", "443", "5000-5999"], 0.5),
    sourceSubnets: random.some(["192.0.2.0/25", "192.0.2.128/25"], 0.3),
    priority: random.below(5),
  };
  world.flows = [...others, flow];
}

/** Without what stands on something that is gone. */
function tidy(world: World): World {
  tidyLinks(world.links);
  const names = new Set(world.interfaces.map(nameOf));
  world.neighbors = world.neighbors.filter((neighbor) => names.has(neighbor.interface));
  world.routes = world.routes.filter((route) => route.via.every((path) => names.has(path.interface)));
  const streams = new Set(["none", ...world.streams.map(({ name }) => name)]);
  world.steered = world.steered.filter(({ stream }) => streams.has(stream));
  const steered = new Set(world.steered.map(({ prefix }) => prefix));
  world.flows = world.flows.flatMap((flow) => {
    const vips = flow.vips.filter((prefix) => steered.has(prefix));
    return streams.has(flow.stream) && vips.length > 0 ? [{ ...flow, vips }] : [];
  });
  return world;
}

export function nameOf(one: WorldInterface): string {
  return one.host === undefined ? `loop${one.loopback}` : `host-${one.host}`;
}

/** The part of the world that is another now. */
export function difference(before: World, after: World): string {
  const parts = (Object.keys(after) as (keyof World)[]).filter(
    (part) => JSON.stringify(before[part]) !== JSON.stringify(after[part]),
  );
  return JSON.stringify(Object.fromEntries(parts.map((part) => [part, after[part]])));
}
