import { canonicalAddress, canonicalPrefix, type DesiredServer, type DesiredVip } from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

/** VIPs with servers of their own; those of streams are not among them. */
export function toVips(file: LbFile): DesiredVip[] {
  return ownVips(file).map(({ entry }) => toVip(entry));
}

/** Entries of the file that have servers of their own, with their places in it. */
export function ownVips(file: LbFile): { readonly entry: LbFile["vips"][number]; readonly index: number }[] {
  return file.vips.flatMap((entry, index) => (entry.stream === undefined ? [{ entry, index }] : []));
}

function toVip(entry: LbFile["vips"][number]): DesiredVip {
  return {
    ...(entry.name === undefined ? {} : { name: entry.name }),
    prefix: canonicalPrefix(entry.prefix),
    ...(entry.protocol === undefined ? {} : { protocol: entry.protocol }),
    ...(entry.port === undefined ? {} : { port: entry.port }),
    encap: entry.encap ?? "gre4",
    ...(entry.dscp === undefined ? {} : { dscp: entry.dscp }),
    tableSize: entry.tableSize ?? 1024,
    srcIpSticky: entry.srcIpSticky ?? false,
    servers: (entry.servers ?? []).map(toServer),
  };
}

export function toServer(entry: LbFile["streams"][number]["servers"][number]): DesiredServer {
  if (typeof entry === "string") return { address: canonicalAddress(entry), weight: 100, state: "up" };
  return { address: canonicalAddress(entry.address), weight: entry.weight, state: entry.state };
}
