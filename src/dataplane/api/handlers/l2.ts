/** l2.api: vnet/l2/l2_api.c. */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { NO_INDEX, type BridgeDomain, type L2Attachment, type L2FibEntry } from "../../model.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import type { IpMac } from "../../l2/ip-macs.ts";
import { decodeAddress, encodeAddress, fixedText, type WireAddress } from "./wire.ts";

const BD_ID_MAX = 0xffffff;

const PORT_TYPES: readonly (L2Attachment["portType"] | undefined)[] = ["normal", "bvi", "uu-fwd"];

/** BRIDGE_API_FLAG_*, with what each stands for and its bit in VPP's feature bitmap (l2_input.h foreach_l2input_feat). */
const FLAGS = [
  { api: 1, field: "learn", bit: 9 },
  { api: 2, field: "forward", bit: 7 },
  { api: 4, field: "flood", bit: 2 },
  { api: 8, field: "uuFlood", bit: 5 },
  { api: 16, field: "arpTerm", bit: 4 },
  { api: 32, field: "arpUfwd", bit: 3 },
] as const;
const UU_FWD_BIT = 6;

/** A domain starts with all bits set but a few (l2_bd.c bd_validate), unused ones too, and shows them. */
function featureBitmap(domain: BridgeDomain): number {
  let bitmap = 0xffffffff;
  for (const { field, bit } of FLAGS) if (!domain[field]) bitmap &= ~(1 << bit);
  if (domain.uuFwdSwIfIndex === NO_INDEX) bitmap &= ~(1 << UU_FWD_BIT);
  return bitmap >>> 0;
}

interface DomainFields {
  readonly bd_id: number;
  readonly flood: boolean;
  readonly uu_flood: boolean;
  readonly forward: boolean;
  readonly learn: boolean;
  readonly arp_term: boolean;
  readonly arp_ufwd: boolean;
  readonly mac_age: number;
  readonly bd_tag: string;
  readonly is_add: boolean;
}

function addDelDomain({ bridges }: Dataplane, fields: DomainFields, bdId: number): number {
  if (!fields.is_add) return bridges.delete(bdId);
  return bridges.create(bdId, {
    flood: fields.flood,
    uuFlood: fields.uu_flood,
    forward: fields.forward,
    learn: fields.learn,
    arpTerm: fields.arp_term,
    arpUfwd: fields.arp_ufwd,
    macAgeMin: fields.mac_age,
    tag: fields.bd_tag,
  });
}

function domainDetails({ domain, dataplane }: { domain: BridgeDomain; dataplane: Dataplane }): Fields {
  return {
    bd_id: domain.bdId,
    flood: domain.flood,
    uu_flood: domain.uuFlood,
    forward: domain.forward,
    learn: domain.learn,
    arp_term: domain.arpTerm,
    arp_ufwd: domain.arpUfwd,
    mac_age: domain.macAgeMin,
    bd_tag: fixedText(domain.tag),
    bvi_sw_if_index: domain.bviSwIfIndex,
    uu_fwd_sw_if_index: domain.uuFwdSwIfIndex,
    n_sw_ifs: domain.members.length,
    sw_if_details: domain.members.map((member) => ({
      context: 0,
      sw_if_index: member.swIfIndex,
      shg: dataplane.interfaces.get(member.swIfIndex)?.l2?.shg ?? member.shg,
    })),
  };
}

/** A filter by interface is not implemented in VPP: nothing comes. */
function domains(dataplane: Dataplane, fields: { bd_id: number; sw_if_index: number }): BridgeDomain[] {
  if (fields.sw_if_index !== NO_INDEX || fields.bd_id === 0) return [];
  const all = [...dataplane.bridges.domains].filter((domain) => domain.bdId !== 0);
  return fields.bd_id === NO_INDEX ? all : all.filter((domain) => domain.bdId === fields.bd_id);
}

function macDetails({ entry, bdId }: { entry: L2FibEntry; bdId: number }): Fields {
  return {
    bd_id: bdId,
    mac: entry.mac,
    sw_if_index: entry.swIfIndex,
    static_mac: entry.static,
    filter_mac: entry.filter,
    bvi_mac: entry.bvi,
  };
}

function macs({ bridges }: Dataplane, bdId: number): { entry: L2FibEntry; bdId: number }[] {
  const found: { entry: L2FibEntry; bdId: number }[] = [];
  for (const entry of bridges.fib.entries) {
    const id = bridges.domains.get(entry.bdIndex)?.bdId ?? NO_INDEX;
    if (bdId === NO_INDEX || bdId === id) found.push({ entry, bdId: id });
  }
  return found;
}

interface MacFields {
  readonly mac: Uint8Array;
  readonly bd_id: number;
  readonly sw_if_index: number;
  readonly is_add: boolean;
  readonly static_mac: boolean;
  readonly filter_mac: boolean;
  readonly bvi_mac: boolean;
}

function addDelMac({ bridges, interfaces }: Dataplane, fields: MacFields): number {
  const domain = bridges.byId(fields.bd_id);
  if (domain === undefined) return RETVAL.NO_SUCH_ENTRY;
  const { mac, sw_if_index: swIfIndex } = fields;
  const { bdIndex } = domain;
  if (!fields.is_add) {
    const known = bridges.fib.lookup(bdIndex, mac, 0);
    // A filter entry has no interface; any other goes only by its own (l2_fib.c l2fib_del_entry).
    if (known === undefined || (swIfIndex !== 0 && known.swIfIndex !== swIfIndex)) return RETVAL.NO_SUCH_ENTRY;
    return bridges.fib.delete(bdIndex, mac) ? 0 : RETVAL.NO_SUCH_ENTRY;
  }
  if (fields.filter_mac) {
    bridges.fib.add({ mac: mac.slice(), bdIndex, swIfIndex: NO_INDEX, static: true, filter: true });
    return 0;
  }
  if (interfaces.get(swIfIndex)?.l2 === undefined) return RETVAL.INVALID_SW_IF_INDEX;
  bridges.fib.add({ mac: mac.slice(), bdIndex, swIfIndex, static: fields.static_mac, bvi: fields.bvi_mac });
  return 0;
}

interface MemberFields {
  readonly rx_sw_if_index: number;
  readonly bd_id: number;
  readonly port_type: number;
  readonly shg: number;
  readonly enable: boolean;
}

/** Creates the domain if need be; disabling one that isn't bridged is fine. */
function setBridge({ bridges, interfaces }: Dataplane, fields: MemberFields): number {
  const { rx_sw_if_index: swIfIndex } = fields;
  if (!interfaces.has(swIfIndex)) return RETVAL.INVALID_SW_IF_INDEX;
  const portType = PORT_TYPES[fields.port_type];
  if (portType === undefined) return RETVAL.INVALID_VALUE;
  if (!fields.enable) {
    bridges.detach(swIfIndex);
    return 0;
  }
  if (fields.bd_id > BD_ID_MAX) return RETVAL.BD_ID_EXCEED_MAX;
  return bridges.attach(swIfIndex, fields.bd_id, portType, fields.shg);
}

/** The domain of an id that a client may change: 0 is VPP's own. */
function withDomain({ bridges }: Dataplane, bdId: number, run: (domain: BridgeDomain) => void): number {
  if (bdId === 0) return RETVAL.BD_NOT_MODIFIABLE;
  const domain = bridges.byId(bdId);
  if (domain === undefined) return RETVAL.NO_SUCH_ENTRY;
  run(domain);
  return 0;
}

interface IpMacFields {
  readonly is_add: boolean;
  readonly entry: { readonly bd_id: number; readonly ip: WireAddress; readonly mac: Uint8Array };
}

/** bd_add_del_ip_mac: an entry goes only with the MAC that it has. */
function addDelIpMac(dataplane: Dataplane, { is_add, entry }: IpMacFields): number {
  let result = 0;
  const retval = withDomain(dataplane, entry.bd_id, ({ ipMacs }) => {
    const address = decodeAddress(entry.ip);
    if (address === undefined) result = RETVAL.INVALID_ADDRESS_FAMILY;
    else if (is_add) ipMacs.set(address, entry.mac);
    else if (!ipMacs.delete(address, entry.mac)) result = RETVAL.UNSPECIFIED;
  });
  return retval === 0 ? result : retval;
}

function ipMacs({ bridges }: Dataplane, bdId: number): { bdId: number; entry: IpMac }[] {
  const asked = [...bridges.domains].filter((domain) => (bdId === NO_INDEX ? domain.bdId !== 0 : domain.bdId === bdId));
  return asked.flatMap((domain) => [...domain.ipMacs].map((entry) => ({ bdId: domain.bdId, entry })));
}

export const l2Handlers: Handlers = {
  bd_ip_mac_add_del: action<IpMacFields>((fields, { dataplane }) => addDelIpMac(dataplane, fields)),
  bd_ip_mac_flush: action<{ bd_id: number }>(({ bd_id }, { dataplane }) =>
    withDomain(dataplane, bd_id, (domain) => domain.ipMacs.clear()),
  ),
  bd_ip_mac_dump: dump(
    ({ bd_id }: { bd_id: number }, { dataplane }) => ipMacs(dataplane, bd_id),
    ({ bdId, entry }) => ({ entry: { bd_id: bdId, ip: encodeAddress(entry.address), mac: entry.mac } }),
  ),
  bridge_domain_add_del: action<DomainFields>((fields, { dataplane }) => addDelDomain(dataplane, fields, fields.bd_id)),
  bridge_domain_add_del_v2: request<DomainFields>((fields, { dataplane }) => {
    const isAuto = fields.is_add && fields.bd_id === NO_INDEX;
    const bd_id = isAuto ? dataplane.bridges.unusedId() : fields.bd_id;
    return { retval: addDelDomain(dataplane, fields, bd_id), bd_id };
  }),
  bridge_domain_dump: dump(
    (fields: { bd_id: number; sw_if_index: number }, { dataplane }) =>
      domains(dataplane, fields).map((domain) => ({ domain, dataplane })),
    domainDetails,
  ),
  bridge_flags: request<{ bd_id: number; is_set: boolean; flags: number }>((fields, { dataplane }) => {
    let bitmap = 0;
    const retval = withDomain(dataplane, fields.bd_id, (domain) => {
      for (const { api, field } of FLAGS) if ((fields.flags & api) !== 0) domain[field] = fields.is_set;
      bitmap = featureBitmap(domain);
    });
    return { retval, resulting_feature_bitmap: bitmap };
  }),
  bridge_domain_set_mac_age: action<{ bd_id: number; mac_age: number }>((fields, { dataplane }) =>
    withDomain(dataplane, fields.bd_id, (domain) => {
      domain.macAgeMin = fields.mac_age;
    }),
  ),
  sw_interface_set_l2_bridge: action<MemberFields>((fields, { dataplane }) => setBridge(dataplane, fields)),
  l2_fib_table_dump: dump((fields: { bd_id: number }, { dataplane }) => macs(dataplane, fields.bd_id), macDetails),
  l2fib_add_del: action<MacFields>((fields, { dataplane }) => addDelMac(dataplane, fields)),
  l2fib_flush_all: action<Fields>((_fields, { dataplane }) => {
    dataplane.bridges.fib.flushAll();
    return 0;
  }),
  l2fib_flush_bd: action<{ bd_id: number }>(({ bd_id }, { dataplane: { bridges } }) => {
    const domain = bridges.byId(bd_id);
    if (domain === undefined) return RETVAL.NO_SUCH_ENTRY;
    bridges.fib.flushDomain(domain.bdIndex);
    return 0;
  }),
  l2fib_flush_int: action<{ sw_if_index: number }>(({ sw_if_index }, { dataplane }) => {
    if (!dataplane.interfaces.has(sw_if_index)) return RETVAL.INVALID_SW_IF_INDEX;
    dataplane.bridges.fib.flushInterface(sw_if_index);
    return 0;
  }),
  l2_fib_clear_table: action<Fields>((_fields, { dataplane: { bridges } }) => {
    for (const entry of [...bridges.fib.entries]) bridges.fib.delete(entry.bdIndex, entry.mac);
    return 0;
  }),
};
