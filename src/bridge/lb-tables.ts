import { buildTable, type MaglevTable } from "../maglev/index.ts";
import { wantedServer } from "./server.ts";
import type { DesiredVip, ObservedVip } from "./types.ts";

/** The table that VPP has for the VIP, as its servers and weights imply. */
export function tableOf(found: ObservedVip, weights: boolean): MaglevTable {
  const servers = found.servers
    .filter((server) => server.used)
    .map(({ address, weight }) => (weight === undefined ? { address } : { address, weight }));
  return buildTable(servers, found.tableSize, weights ? "weighted" : "plain");
}

/** The table that VPP will have once it holds what is wanted. */
export function wantedTable(vip: DesiredVip, weights: boolean): MaglevTable {
  const servers = vip.servers
    .map((server) => wantedServer(server, weights))
    .filter((server) => server.used)
    .map(({ address, weight }) => (weights ? { address, weight } : { address }));
  return buildTable(servers, vip.tableSize, weights ? "weighted" : "plain");
}
