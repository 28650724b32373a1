import { canonicalAddress, canonicalPrefix, type DesiredNeighbor, type DesiredRoute } from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";

export function toNeighbor(neighbor: LbFile["neighbors"][number]): DesiredNeighbor {
  return {
    address: canonicalAddress(neighbor.address),
    mac: neighbor.mac.toLowerCase(),
    interface: neighbor.interface,
  };
}

export function toRoute(route: LbFile["routes"][number]): DesiredRoute {
  return {
    prefix: canonicalPrefix(route.prefix),
    table: route.table,
    via: route.via.map(({ address, interface: name, weight, table }) => ({
      ...(address === undefined ? {} : { address: canonicalAddress(address) }),
      ...(name === undefined ? {} : { interface: name }),
      weight,
      table,
    })),
  };
}
