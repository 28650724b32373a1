/** ip_neighbor.api: vnet/ip-neighbor/ip_neighbor_api.c. */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { NO_INDEX, type Neighbor } from "../../model.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import { AF_IP4, AF_IP6, decodeAddress, encodeAddress, type WireAddress } from "./wire.ts";

/** IP_API_NEIGHBOR_FLAG_*. */
const FLAG_STATIC = 1;
const FLAG_NO_FIB_ENTRY = 2;
/** What ip_neighbor_add says when a static entry would be overwritten. */
const STATIC_STAYS = -2;

interface NeighborFields {
  readonly is_add: boolean;
  readonly neighbor: {
    readonly sw_if_index: number;
    readonly flags: number;
    readonly mac_address: Uint8Array;
    readonly ip_address: WireAddress;
  };
}

function addDel(dataplane: Dataplane, { is_add, neighbor }: NeighborFields): Fields {
  const { sw_if_index: swIfIndex, mac_address: mac, flags } = neighbor;
  const refused = (retval: number): Fields => ({ retval, stats_index: NO_INDEX });
  if (!dataplane.interfaces.has(swIfIndex)) return refused(RETVAL.INVALID_SW_IF_INDEX);
  const address = decodeAddress(neighbor.ip_address);
  if (address === undefined) return refused(RETVAL.INVALID_ADDRESS_FAMILY);
  const { neighbors, fib } = dataplane;
  if (!is_add) return refused(neighbors.delete(swIfIndex, address) ? 0 : RETVAL.NO_SUCH_ENTRY);
  const isStatic = (flags & FLAG_STATIC) !== 0;
  const known = neighbors.find(swIfIndex, address);
  const isSame = known !== undefined && Buffer.compare(known.mac, mac) === 0;
  if (known?.static === true && !isStatic && !isSame) return refused(STATIC_STAYS);
  const noFibEntry = (flags & FLAG_NO_FIB_ENTRY) !== 0;
  if (!neighbors.add(swIfIndex, address, mac, { static: isStatic, noFibEntry })) return refused(RETVAL.LIMIT_EXCEEDED);
  const adjacency = fib.adjacencies.find(typeof address === "number" ? 4 : 6, swIfIndex, address);
  return { stats_index: adjacency?.index ?? NO_INDEX };
}

function isOfFamily(neighbor: Neighbor, af: number): boolean {
  return typeof neighbor.address === "number" ? af === AF_IP4 : af === AF_IP6;
}

interface FilterFields {
  readonly sw_if_index: number;
  readonly af: number;
}

interface ConfigFields {
  readonly af: number;
  readonly max_number: number;
  readonly max_age: number;
  readonly recycle: boolean;
}

function protoOf(af: number): 4 | 6 | undefined {
  return af === AF_IP4 ? 4 : af === AF_IP6 ? 6 : undefined;
}

function configure({ neighbors }: Dataplane, fields: ConfigFields): number {
  const proto = protoOf(fields.af);
  if (proto === undefined) return RETVAL.INVALID_ADDRESS_FAMILY;
  const { max_number: limit, max_age: ageS, recycle } = fields;
  Object.assign(neighbors.settings[proto], { limit, ageS, recycle });
  return 0;
}

function configuration({ neighbors }: Dataplane, af: number): Fields {
  const proto = protoOf(af);
  if (proto === undefined)
    return { retval: RETVAL.INVALID_ADDRESS_FAMILY, af: AF_IP4, max_number: NO_INDEX, max_age: NO_INDEX };
  const { limit, ageS, recycle } = neighbors.settings[proto];
  return { af, max_number: limit, max_age: ageS, recycle };
}

export const neighborHandlers: Handlers = {
  ip_neighbor_config: action<ConfigFields>((fields, { dataplane }) => configure(dataplane, fields)),
  ip_neighbor_config_get: request<{ af: number }>(({ af }, { dataplane }) => configuration(dataplane, af)),
  ip_neighbor_add_del: request<NeighborFields>((fields, { dataplane }) => addDel(dataplane, fields)),
  ip_neighbor_dump: dump(
    (fields: FilterFields, { dataplane }) =>
      [...dataplane.neighbors.pool]
        .filter((each) => isOfFamily(each, fields.af))
        .filter((each) => fields.sw_if_index === NO_INDEX || each.swIfIndex === fields.sw_if_index)
        .map((each) => ({ each, ageS: dataplane.now() - each.updatedS })),
    ({ each, ageS }) => ({
      age: ageS,
      neighbor: {
        sw_if_index: each.swIfIndex,
        flags: (each.static ? FLAG_STATIC : 0) | (each.noFibEntry ? FLAG_NO_FIB_ENTRY : 0),
        mac_address: each.mac,
        ip_address: encodeAddress(each.address),
      },
    }),
  ),
  ip_neighbor_flush: action<FilterFields>((fields, { dataplane }) => {
    const { sw_if_index: index, af } = fields;
    if (index !== NO_INDEX && !dataplane.interfaces.has(index)) return RETVAL.INVALID_SW_IF_INDEX;
    if (af !== AF_IP4 && af !== AF_IP6) return RETVAL.INVALID_ADDRESS_FAMILY;
    for (const each of [...dataplane.neighbors.pool]) {
      if (!isOfFamily(each, af) || (index !== NO_INDEX && each.swIfIndex !== index)) continue;
      dataplane.neighbors.delete(each.swIfIndex, each.address);
    }
    return 0;
  }),
};
