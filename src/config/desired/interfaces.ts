import { canonicalInterfaceAddress, type DesiredBridge, type DesiredInterface } from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

const BRIDGE_DEFAULTS: Omit<DesiredBridge, "id"> = {
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

/** VPP's name of an interface of the file. */
export function interfaceNameOf(entry: Pick<LbFile["interfaces"][number], "loopback" | "host">): string {
  return entry.loopback === undefined ? `host-${entry.host ?? ""}` : `loop${entry.loopback}`;
}

export function toInterface(entry: LbFile["interfaces"][number]): DesiredInterface {
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
