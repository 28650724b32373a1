import {
  familyOf,
  type DesiredInterface,
  type DesiredServer,
  type DesiredState,
  type DesiredStream,
  type DesiredVip,
  type ServerState,
} from "../bridge/index.ts";
import { createHash } from "node:crypto";
import { BRIDGE_DEFAULTS, bviAddresses } from "../config/index.ts";
import type { ServerStanding } from "./events.ts";
import type { OverlaySettings } from "./settings.ts";

/** What of a connection VPP should hold. */
export interface OverlayConnection {
  /** `none`: there is no interface to give to VPP (yet, or any more). */
  readonly interface:
    | { readonly type: "none" }
    | { readonly type: "host"; readonly device: string }
    | { readonly type: "memif"; readonly socket: number; readonly filename: string };
  /** The client's, without length. */
  readonly addresses: readonly string[];
  readonly server: ServerStanding;
  /** Its interface works: who has its addresses is who had them a moment ago. */
  readonly reachable: boolean;
}

/** VPP's name of a connection's interface. */
export function interfaceNameOf(link: OverlayConnection["interface"]): string {
  return link.type === "none" ? "" : link.type === "host" ? `host-${link.device}` : `memif${link.socket}/0`;
}

/** What VPP should hold, with these clients connected. Pure. */
export function withConnections(
  desired: DesiredState,
  connections: readonly OverlayConnection[],
  settings: OverlaySettings,
): DesiredState {
  const whole = settings.managed ? withDefaults(desired, settings) : withoutLb(withDefaults(desired, settings));
  if (connections.length === 0) return whole;
  const taken = new Set(whole.interfaces.map((one) => one.name));
  const interfaces = connections.flatMap((one) => toInterface(one, settings)).filter((one) => !taken.has(one.name));
  const sockets = connections.flatMap(({ interface: link }) =>
    link.type === "memif" ? [{ id: link.socket, filename: link.filename }] : [],
  );
  const servers = serversOf(connections, settings.weight);
  const { steering } = whole;
  const join = <T extends DesiredVip | DesiredStream>(group: T): T =>
    settings.managed && isWanted(group, whole, settings.vips) ? { ...group, servers: merged(group, servers) } : group;
  return {
    ...whole,
    ...forgotten(whole, connections, settings),
    interfaces: [...whole.interfaces, ...interfaces],
    memifSockets: [...(whole.memifSockets ?? []), ...sockets],
    vips: whole.vips.map(join),
    ...(steering === undefined ? {} : { steering: { ...steering, streams: steering.streams.map(join) } }),
  };
}

/**
 * An address changes hands, and an interface that comes again has another MAC; VPP would send to the one that it learnt
 * until that answers for it, which is never.
 */
function forgotten(
  { interfaces }: DesiredState,
  connections: readonly OverlayConnection[],
  { bridge }: OverlaySettings,
): Pick<DesiredState, "forgottenNeighbors"> {
  const bvi = interfaces.find((one) => one.bridge?.id === bridge && one.bridge.bvi)?.name;
  const gone = connections.filter((one) => !one.reachable).flatMap((one) => one.addresses);
  if (bvi === undefined || gone.length === 0) return {};
  const here = new Set(connections.filter((one) => one.reachable).flatMap((one) => one.addresses));
  const addresses = [...new Set(gone)].filter((address) => !here.has(address));
  return { forgottenNeighbors: addresses.map((address) => ({ address, interface: bvi })) };
}

function toInterface({ interface: link }: OverlayConnection, { bridge, mtu }: OverlaySettings): DesiredInterface[] {
  if (link.type === "none") return [];
  const common = {
    name: interfaceNameOf(link),
    mtu,
    addresses: [],
    bridge: { id: bridge, bvi: false, splitHorizonGroup: 0 },
    outside: false,
    up: true,
  };
  if (link.type === "host") return [{ ...common, kind: "host", hostInterface: link.device }];
  return [{ ...common, kind: "memif", memif: { ...MEMIF, socket: link.socket } }];
}

/** The slave's sizes and queues count. */
const MEMIF = {
  id: 0,
  role: "master",
  mode: "ethernet",
  ringSize: 1024,
  bufferSize: 2048,
  rxQueues: 1,
  txQueues: 1,
  zeroCopy: false,
} as const;

/** By family; of several connections with an address the one that is most of a server counts. */
function serversOf(connections: readonly OverlayConnection[], weight: number): Map<4 | 6, DesiredServer[]> {
  const found = new Map<string, DesiredServer>();
  for (const { addresses, server } of connections) {
    if (server === "none") continue;
    for (const address of addresses) {
      const before = found.get(address);
      if (before === undefined || RANK[server] > RANK[before.state])
        found.set(address, { address, weight, state: server });
    }
  }
  const sorted = [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  return new Map(([4, 6] as const).map((family) => [family, sorted.filter((one) => familyOf(one.address) === family)]));
}

const RANK: Readonly<Record<ServerState, number>> = { up: 2, drain: 1, down: 0 };

/** A server that the file names stays as the file says. */
function merged(group: DesiredVip | DesiredStream, servers: ReadonlyMap<4 | 6, DesiredServer[]>): DesiredServer[] {
  const known = new Set(group.servers.map((server) => server.address));
  const mine = servers.get(serverFamily(group)) ?? [];
  return [...group.servers, ...mine.filter((server) => !known.has(server.address))];
}

/** Of what family the servers of a VIP or stream are. */
export function serverFamily(group: DesiredVip | DesiredStream): 4 | 6 {
  if (group.encap !== "l3dsr") return group.encap === "gre4" ? 4 : 6;
  return "prefix" in group ? familyOf(group.prefix) : 4;
}

/** Whether clients become servers of a VIP or a stream. A stream is also meant by a VIP that has its servers from it. */
export function isWanted(
  group: DesiredVip | DesiredStream,
  { steering }: DesiredState,
  wanted: readonly string[] | undefined,
): boolean {
  if (wanted === undefined) return true;
  if ("prefix" in group) return namesVip(group, wanted);
  const ofStream = steering?.vips.filter((vip) => vip.stream === group.name) ?? [];
  return wanted.includes(group.name) || ofStream.some((vip) => namesVip(vip, wanted));
}

function namesVip(vip: { name?: string; prefix: string }, wanted: readonly string[]): boolean {
  return wanted.includes(vip.prefix) || (vip.name !== undefined && wanted.includes(vip.name));
}

/** A VIP that clients serve, as they are told of it. */
export interface ServedVip {
  readonly prefix: string;
  /** `gre4`, `gre6`, `l3dsr:DSCP`. */
  readonly encap: string;
}

/** VIPs that clients become servers of, each prefix once. Pure. */
export function servedVips(desired: DesiredState, settings: OverlaySettings): ServedVip[] {
  const whole = withDefaults(desired, settings);
  const own = whole.vips
    .filter((vip) => isWanted(vip, whole, settings.vips))
    .map(({ prefix, encap, dscp }) => ({ prefix, encap: encap === "l3dsr" ? `l3dsr:${dscp ?? 0}` : encap }));
  const streams = new Map(
    (whole.steering?.streams ?? [])
      .filter((stream) => isWanted(stream, whole, settings.vips))
      .map((stream) => [stream.name, stream.encap]),
  );
  const flows = whole.steering?.flows ?? [];
  const shared = (whole.steering?.vips ?? []).flatMap(({ prefix, stream }) => {
    const names = [stream, ...flows.filter((flow) => flow.vips.includes(prefix)).map((flow) => flow.stream)];
    const encap = names.map((name) => streams.get(name ?? "")).find((one) => one !== undefined);
    return encap === undefined ? [] : [{ prefix, encap }];
  });
  const all = new Map<string, ServedVip>();
  for (const vip of [...own, ...shared]) if (!all.has(vip.prefix)) all.set(vip.prefix, vip);
  return [...all.values()];
}

/** VPP's name of the bridge's BVI. */
export function bviNameOf(desired: DesiredState, settings: OverlaySettings): string {
  const { interfaces } = withDefaults(desired, settings);
  return interfaces.find((one) => one.bridge?.id === settings.bridge && one.bridge.bvi)?.name ?? "";
}

/** What the file leaves out and the environment gives: bridge and BVI, tunnel source, VIPs. */
export function withDefaults(desired: DesiredState, settings: OverlaySettings): DesiredState {
  const withBvi = withDefaultBvi(desired, settings);
  const { defaultVips, networks } = settings;
  const hasVips = desired.vips.length + (desired.steering?.vips.length ?? 0) > 0;
  if (hasVips || defaultVips.length === 0) return withBvi;
  const self = (family: 4 | 6) => networks.find((one) => familyOf(one.self) === family)?.self;
  const encap = self(4) === undefined ? "gre6" : "gre4";
  const lbConf = {
    ip4Source: self(4) ?? "255.255.255.255",
    ip6Source: self(6) ?? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    stickyBuckets: 65_536,
    flowTimeoutS: 40,
    evenWithForeignVips: false,
  };
  const vips = defaultVips.map((prefix): DesiredVip => ({
    prefix,
    encap,
    tableSize: 1024,
    srcIpSticky: false,
    servers: [],
  }));
  return { ...withBvi, lbConf: withBvi.lbConf ?? lbConf, vips };
}

function withDefaultBvi(desired: DesiredState, { bridge, mtu, networks }: OverlaySettings): DesiredState {
  const hasBridge = desired.bridges.some((one) => one.id === bridge);
  const bridges = hasBridge ? desired.bridges : [...desired.bridges, { ...BRIDGE_DEFAULTS, id: bridge }];
  if (bviAddresses(desired, bridge) !== undefined) return { ...desired, bridges };
  const used = new Set(desired.interfaces.flatMap((one) => (one.kind === "loopback" ? [one.instance] : [])));
  let instance = 0;
  while (used.has(instance)) instance++;
  const addresses = networks.map(({ prefix, self }) => `${self}/${prefix.split("/")[1]}`);
  const bvi: DesiredInterface = {
    kind: "loopback",
    instance,
    name: `loop${instance}`,
    mac: macOf(addresses),
    mtu,
    addresses,
    bridge: { id: bridge, bvi: true, splitHorizonGroup: 0 },
    outside: false,
    up: true,
  };
  return { ...desired, bridges, interfaces: [...desired.interfaces, bvi] };
}

/** The same over restarts; VPP's own is the same on every machine. */
function macOf(addresses: readonly string[]): string {
  const digest = createHash("sha256").update(addresses.join(" ")).digest("hex");
  return `02:fe:${[0, 2, 4, 6].map((at) => digest.slice(at, at + 2)).join(":")}`;
}

/**
 * Without what the hook programs: it is neither made, nor taken away. VIPs of a time when they were ours are the hook's
 * as they are, servers included, so that no flow is without a way while it begins; but what the file has lost meanwhile
 * goes, since nobody tells the hook of it.
 */
function withoutLb(desired: DesiredState): DesiredState {
  const { lbConf: _lbConf, steering, ...rest } = desired;
  const { prefixes: _prefixes, ...ownership } = rest.ownership;
  const leavesVips = [...rest.vips, ...(steering?.vips ?? [])].map((vip) => vip.prefix);
  return { ...rest, vips: [], ownership: { ...ownership, leavesVips } };
}

/** Addresses that the file gives to somebody, and no client may get. */
export function reservedAddresses(desired: DesiredState): string[] {
  const groups = [...desired.vips, ...(desired.steering?.streams ?? [])];
  const all = [
    ...groups.flatMap((group) => group.servers.map((server) => server.address)),
    ...desired.neighbors.map((one) => one.address),
    ...desired.interfaces.flatMap((one) => one.addresses.map((address) => address.split("/")[0]!)),
    ...desired.routes.flatMap((route) => route.via.flatMap((via) => (via.address === undefined ? [] : [via.address]))),
  ];
  return [...new Set(all)];
}
