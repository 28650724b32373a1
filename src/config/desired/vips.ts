import { canonicalAddress, canonicalPrefix, type DesiredServer, type DesiredVip } from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

export function toVip(entry: LbFile["vips"][number]): DesiredVip {
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

export function toServer(entry: LbFile["vips"][number]["servers"][number]): DesiredServer {
  if (typeof entry === "string") return { address: canonicalAddress(entry), weight: 100, state: "up" };
  return { address: canonicalAddress(entry.address), weight: entry.weight, state: entry.state };
}
