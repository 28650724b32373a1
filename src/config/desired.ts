import {
  canonicalAddress,
  canonicalInterfaceAddress,
  canonicalPrefix,
  type DesiredBridge,
  type DesiredInterface,
  type DesiredServer,
  type DesiredState,
  type DesiredVip,
  type DisruptionPolicy,
  type ManagedLbConf,
} from "../bridge/index.ts";
import type { LbFile } from "./schema.ts";

/** Turns a checked file into desired state: canonical addresses, VPP's names, implied bridges. */
export function toDesired(file: LbFile): DesiredState {
  const lbConf = toLbConf(file.lb);
  const maxDisruption = toPolicy(file.maxDisruption);
  const { prefixes, tag } = file.ownership;
  return {
    ...(lbConf === undefined ? {} : { lbConf }),
    bridges: toBridges(file),
    interfaces: file.interfaces.map(toInterface),
    neighbors: file.neighbors.map((neighbor) => ({
      address: canonicalAddress(neighbor.address),
      mac: neighbor.mac.toLowerCase(),
      interface: neighbor.interface,
    })),
    routes: file.routes.map((route) => ({
      prefix: canonicalPrefix(route.prefix),
      table: route.table,
      via: route.via.map(({ address, interface: name, weight, table }) => ({
        ...(address === undefined ? {} : { address: canonicalAddress(address) }),
        ...(name === undefined ? {} : { interface: name }),
        weight,
        table,
      })),
    })),
    vips: file.vips.map(toVip),
    ownership: { tag, ...(prefixes === undefined ? {} : { prefixes: prefixes.map(canonicalPrefix) }) },
    ...(maxDisruption === undefined ? {} : { maxDisruption }),
  };
}

function toLbConf(lb: LbFile["lb"]): ManagedLbConf | undefined {
  if (lb === undefined || lb.manage === false) return undefined;
  return {
    ip4Source: canonicalAddress(lb.ip4Source),
    ip6Source: canonicalAddress(lb.ip6Source),
    stickyBuckets: lb.stickyBuckets,
    flowTimeoutS: lb.flowTimeoutS,
    evenWithForeignVips: lb.manage === "always",
  };
}

function toPolicy(policy: LbFile["maxDisruption"]): DisruptionPolicy | undefined {
  if (policy === undefined) return undefined;
  if (typeof policy === "number") return { limit: policy };
  return { limit: policy.limit, ...(policy.pace === undefined ? {} : { pace: policy.pace }) };
}

const BRIDGE_DEFAULTS: Omit<DesiredBridge, "id"> = {
  learn: true,
  forward: true,
  flood: true,
  unknownUnicastFlood: true,
  arpTermination: false,
  macAgeMin: 0,
};

/** A bridge that interfaces name needs no entry of its own. */
function toBridges(file: LbFile): DesiredBridge[] {
  const declared = new Map<number, DesiredBridge>(file.bridges.map((bridge) => [bridge.id, bridge]));
  for (const { bridge } of file.interfaces) {
    if (bridge !== undefined && !declared.has(bridge.id))
      declared.set(bridge.id, { id: bridge.id, ...BRIDGE_DEFAULTS });
  }
  return [...declared.values()].sort((a, b) => a.id - b.id);
}

/** VPP's name of an interface of the file. */
export function interfaceNameOf(entry: Pick<LbFile["interfaces"][number], "loopback" | "host">): string {
  return entry.loopback === undefined ? `host-${entry.host ?? ""}` : `loop${entry.loopback}`;
}

function toInterface(entry: LbFile["interfaces"][number]): DesiredInterface {
  const common = {
    name: interfaceNameOf(entry),
    ...(entry.mac === undefined ? {} : { mac: entry.mac.toLowerCase() }),
    mtu: entry.mtu,
    addresses: entry.addresses.map(canonicalInterfaceAddress),
    ...(entry.bridge === undefined ? {} : { bridge: entry.bridge }),
    outside: entry.outside,
    up: entry.up,
  };
  return entry.loopback === undefined
    ? { ...common, kind: "host", hostInterface: entry.host ?? "" }
    : { ...common, kind: "loopback", instance: entry.loopback };
}

function toVip(entry: LbFile["vips"][number]): DesiredVip {
  return {
    ...(entry.name === undefined ? {} : { name: entry.name }),
    prefix: canonicalPrefix(entry.prefix),
    ...(entry.protocol === undefined ? {} : { protocol: entry.protocol }),
    ...(entry.port === undefined ? {} : { port: entry.port }),
    encap: entry.encap,
    ...(entry.dscp === undefined ? {} : { dscp: entry.dscp }),
    tableSize: entry.tableSize,
    srcIpSticky: entry.srcIpSticky,
    servers: entry.servers.map(toServer),
  };
}

function toServer(entry: LbFile["vips"][number]["servers"][number]): DesiredServer {
  if (typeof entry === "string") return { address: canonicalAddress(entry), weight: 100, state: "up" };
  return { address: canonicalAddress(entry.address), weight: entry.weight, state: entry.state };
}
