import {
  aclTag,
  canonicalInterfaceAddress,
  Secret,
  type DesiredBridge,
  type DesiredInterface,
  type MemifSpec,
  type TapSpec,
} from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

/** A bridge domain that nobody has described. */
export const BRIDGE_DEFAULTS: Omit<DesiredBridge, "id"> = {
  learn: true,
  forward: true,
  flood: true,
  unknownUnicastFlood: true,
  arpTermination: false,
  macAgeMin: 0,
};

/** A bridge that interfaces name needs no entry of its own. */
export function toBridges(file: LbFile): DesiredBridge[] {
  const declared = new Map<number, DesiredBridge>(file.bridges.map((bridge) => [bridge.id, bridge]));
  for (const { bridge } of file.interfaces) {
    if (bridge !== undefined && !declared.has(bridge.id))
      declared.set(bridge.id, { id: bridge.id, ...BRIDGE_DEFAULTS });
  }
  return [...declared.values()].sort((a, b) => a.id - b.id);
}

type Entry = LbFile["interfaces"][number];

/** VPP's name of an interface of the file. */
export function interfaceNameOf(entry: Pick<Entry, "loopback" | "host" | "memif" | "vlan" | "tap">): string {
  if (entry.loopback !== undefined) return `loop${entry.loopback}`;
  if (entry.memif !== undefined) return `memif${entry.memif.socket}/${entry.memif.id}`;
  if (entry.vlan !== undefined) return `${entry.vlan.parent}.${entry.vlan.id}`;
  if (entry.tap !== undefined) return `tap${entry.tap.id}`;
  return `host-${entry.host ?? ""}`;
}

/** Interfaces of the file; a cross-connect is written at one end and concerns both. */
export function toInterfaces(file: LbFile): DesiredInterface[] {
  const peers = crossConnects(file);
  return file.interfaces.map((entry) => {
    const peer = peers.get(interfaceNameOf(entry));
    const made = toInterface(entry, file);
    return peer === undefined ? made : { ...made, crossConnect: peer };
  });
}

/** Peer by name, both ways; where several name one end the first counts, and the check tells. */
export function crossConnects(file: LbFile): Map<string, string> {
  const peers = new Map<string, string>();
  for (const entry of file.interfaces) {
    if (entry.crossConnect === undefined) continue;
    const [one, other] = [interfaceNameOf(entry), entry.crossConnect.to];
    if (!peers.has(one)) peers.set(one, other);
    if (!peers.has(other)) peers.set(other, one);
  }
  return peers;
}

function toInterface(entry: Entry, { ownership: { tag } }: LbFile): DesiredInterface {
  const acl = entry.acl;
  const tags = (names: readonly string[]) => names.map((name) => aclTag(tag, "acl", name));
  const common = {
    name: interfaceNameOf(entry),
    ...(entry.mac === undefined ? {} : { mac: entry.mac.toLowerCase() }),
    mtu: entry.mtu,
    addresses: entry.addresses.map(canonicalInterfaceAddress),
    ...(entry.bridge === undefined ? {} : { bridge: entry.bridge }),
    outside: entry.outside,
    up: entry.up,
    ...(entry.table === 0 ? {} : { table: entry.table }),
    ...(acl === undefined ? {} : { acl: { in: tags(acl.in), out: tags(acl.out) } }),
    ...(entry.reassembly === undefined ? {} : { reassembly: entry.reassembly }),
  };
  if (entry.loopback !== undefined) return { ...common, kind: "loopback", instance: entry.loopback };
  if (entry.memif !== undefined) return { ...common, kind: "memif", memif: toMemif(entry.memif) };
  if (entry.tap !== undefined) return { ...common, kind: "tap", tap: toTap(entry.tap) };
  if (entry.vlan !== undefined) {
    const { parent, id, tagRewrite } = entry.vlan;
    return { ...common, kind: "vlan", vlan: { parent, id, pop: tagRewrite === "pop" } };
  }
  return { ...common, kind: "host", hostInterface: entry.host ?? "" };
}

function toMemif({ secret, ...memif }: NonNullable<Entry["memif"]>): MemifSpec {
  return { ...memif, ...(secret === undefined || secret === "" ? {} : { secret: new Secret(secret) }) };
}

function toTap(tap: NonNullable<Entry["tap"]>): TapSpec {
  return {
    id: tap.id,
    hostName: tap.name ?? `tap${tap.id}`,
    ...(tap.namespace === undefined ? {} : { hostNamespace: tap.namespace }),
    ...(tap.hostMac === undefined ? {} : { hostMac: tap.hostMac.toLowerCase() }),
    hostAddresses: tap.hostAddresses.map(canonicalInterfaceAddress),
  };
}
