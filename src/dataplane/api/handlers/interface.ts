/** interface.api: vnet/interface_api.c. */
import { RETVAL } from "vpp-api-ts/codec";
import { bindTable, setLinkMtu } from "../../interface-control.ts";
import { SubFlag, type SubInterface } from "../../l2/sub-interfaces.ts";
import type { TagRewriteView } from "../../l2/tag-rewrite.ts";
import { createLoopback, deleteLoopback } from "../../loopback.ts";
import { NO_INDEX, type Interface, type InterfaceKind } from "../../model.ts";
import type { Dataplane } from "../../dataplane.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import { decodeAddress, fixedText, type WirePrefix } from "./wire.ts";

/** IF_STATUS_API_FLAG_*: interface_types.api. */
const ADMIN_UP = 1;
const LINK_UP = 2;
const DEVICE_TYPES: Readonly<Record<InterfaceKind, string>> = {
  ...{ local: "local", host: "af-packet", loopback: "Loopback", tap: "virtio", sub: "", memif: "memif" },
};
/** IF_API_TYPE_SUB. */
const TYPE_SUB = 1;
/** SUB_IF_API_FLAG_MASK_VNET: all but "no tags". */
const FLAGS_SHOWN = 0xfe;

type OfInterface = { readonly sw_if_index: number };

/** Runs with the interface, or answers INVALID_SW_IF_INDEX. */
function withInterface(dataplane: Dataplane, swIfIndex: number, run: (iface: Interface) => number): number {
  const found = dataplane.interfaces.get(swIfIndex);
  return found === undefined ? RETVAL.INVALID_SW_IF_INDEX : run(found);
}

function subFields(sub: SubInterface): Fields {
  return {
    type: TYPE_SUB,
    sub_id: sub.id,
    sub_number_of_tags: (sub.flags & SubFlag.oneTag ? 1 : 0) + (sub.flags & SubFlag.twoTags ? 2 : 0),
    sub_outer_vlan_id: sub.outerVlan,
    sub_inner_vlan_id: sub.innerVlan,
    sub_if_flags: sub.flags & FLAGS_SHOWN,
  };
}

function details({ each, rewrite }: { each: Interface; rewrite: TagRewriteView | undefined }): Fields {
  const hardware = each.sup ?? each;
  return {
    sw_if_index: each.swIfIndex,
    sup_sw_if_index: hardware.swIfIndex,
    ...(each.sub === undefined ? { l2_address: each.mac } : subFields(each.sub)),
    ...(rewrite === undefined || rewrite.op === 0
      ? {}
      : {
          ...{ vtr_op: rewrite.op, vtr_push_dot1q: rewrite.isDot1q ? 1 : 0 },
          ...{ vtr_tag1: rewrite.tag1, vtr_tag2: rewrite.tag2 },
        }),
    flags: (each.adminUp ? ADMIN_UP : 0) | (each.linkUp ? LINK_UP : 0),
    link_mtu: hardware.linkMtu,
    mtu: [each.mtu.l3, each.mtu.ip4, each.mtu.ip6, each.mtu.mpls],
    interface_name: each.name,
    interface_dev_type: DEVICE_TYPES[hardware.kind],
    tag: fixedText(each.tag),
  };
}

interface DumpFields extends OfInterface {
  readonly name_filter_valid: boolean;
  readonly name_filter: string;
}

/** Index 0 counts as "all"; the filter is a part of the name in any case (interface_api.c:304). */
function selected(dataplane: Dataplane, fields: DumpFields): Interface[] {
  const { sw_if_index: index } = fields;
  if (!fields.name_filter_valid && index !== NO_INDEX && index !== 0) {
    const one = dataplane.interfaces.get(index);
    return one === undefined ? [] : [one];
  }
  const filter = fields.name_filter_valid ? fields.name_filter.replace(/\0[^]*$/, "").toLowerCase() : "";
  return [...dataplane.interfaces].filter((each) => each.name.toLowerCase().includes(filter));
}

interface AddressFields extends OfInterface {
  readonly is_add: boolean;
  readonly del_all: boolean;
  readonly prefix: WirePrefix;
}

function addDelAddress(dataplane: Dataplane, fields: AddressFields): number {
  return withInterface(dataplane, fields.sw_if_index, (iface) => {
    if (fields.del_all) {
      for (const { address, length } of [...iface.addresses4, ...iface.addresses6]) {
        dataplane.deleteAddress(iface.swIfIndex, address, length);
      }
      return 0;
    }
    // VPP takes an unknown family for IPv4 and uses what its stack holds.
    const address = decodeAddress(fields.prefix.address);
    if (address === undefined) return RETVAL.INVALID_ADDRESS_FAMILY;
    const { len } = fields.prefix;
    return fields.is_add
      ? dataplane.addAddress(iface.swIfIndex, address, len)
      : dataplane.deleteAddress(iface.swIfIndex, address, len);
  });
}

interface TableFields extends OfInterface {
  readonly is_ipv6: boolean;
  readonly vrf_id: number;
}

function setTable(dataplane: Dataplane, fields: TableFields): number {
  return withInterface(dataplane, fields.sw_if_index, (iface) =>
    bindTable(dataplane, iface, fields.is_ipv6 ? 6 : 4, fields.vrf_id),
  );
}

function getTable(dataplane: Dataplane, fields: Omit<TableFields, "vrf_id">): Fields {
  const iface = dataplane.interfaces.get(fields.sw_if_index);
  if (iface === undefined) return { retval: RETVAL.INVALID_SW_IF_INDEX, vrf_id: NO_INDEX };
  const { tables4, tables6 } = dataplane.fib;
  const table = fields.is_ipv6 ? tables6.get(iface.fibIndex6) : tables4.get(iface.fibIndex4);
  return { vrf_id: table?.tableId ?? NO_INDEX };
}

function created(made: ReturnType<typeof createLoopback>): Fields {
  return typeof made === "number" ? { retval: made, sw_if_index: NO_INDEX } : { sw_if_index: made.swIfIndex };
}

interface LoopbackFields {
  readonly mac_address: Uint8Array;
  readonly is_specified: boolean;
  readonly user_instance: number;
}

export const interfaceHandlers: Handlers = {
  sw_interface_dump: dump(
    (fields: DumpFields, { dataplane }) =>
      selected(dataplane, fields).map((each) => ({
        each,
        rewrite: dataplane.bridges.rewriteOf(each.swIfIndex)?.view(),
      })),
    details,
  ),
  sw_interface_set_flags: action<OfInterface & { flags: number }>((fields, { dataplane }) =>
    dataplane.setAdminUp(fields.sw_if_index, (fields.flags & ADMIN_UP) !== 0),
  ),
  sw_interface_add_del_address: action<AddressFields>((fields, { dataplane }) => addDelAddress(dataplane, fields)),
  sw_interface_set_mtu: action<OfInterface & { mtu: number[] }>(({ sw_if_index, mtu }, { dataplane }) =>
    withInterface(dataplane, sw_if_index, (iface) => {
      const [l3 = 0, ip4 = 0, ip6 = 0, mpls = 0] = mtu;
      Object.assign(iface.mtu, { l3, ip4, ip6, mpls });
      return 0;
    }),
  ),
  hw_interface_set_mtu: action<OfInterface & { mtu: number }>(({ sw_if_index, mtu }, { dataplane }) =>
    withInterface(dataplane, sw_if_index, (iface) => setLinkMtu(iface, mtu, dataplane.subsOf(iface))),
  ),
  sw_interface_set_table: action<TableFields>((fields, { dataplane }) => setTable(dataplane, fields)),
  sw_interface_get_table: request<TableFields>((fields, { dataplane }) => getTable(dataplane, fields)),
  sw_interface_tag_add_del: action<OfInterface & { is_add: boolean; tag: string }>((fields, { dataplane }) =>
    withInterface(dataplane, fields.sw_if_index, (iface) => {
      if (fields.is_add && fields.tag === "") return RETVAL.INVALID_VALUE;
      iface.tag = fields.is_add ? fields.tag : "";
      return 0;
    }),
  ),
  sw_interface_set_mac_address: action<OfInterface & { mac_address: Uint8Array }>((fields, { dataplane }) =>
    withInterface(dataplane, fields.sw_if_index, (iface) =>
      iface.kind === "local" ? RETVAL.UNIMPLEMENTED : dataplane.setMac(iface.swIfIndex, fields.mac_address),
    ),
  ),
  sw_interface_get_mac_address: request<OfInterface>(({ sw_if_index }, { dataplane }) => {
    const iface = dataplane.interfaces.get(sw_if_index);
    if (iface === undefined) return { retval: RETVAL.INVALID_SW_IF_INDEX };
    return { mac_address: iface.mac };
  }),
  sw_interface_clear_stats: action<OfInterface>(({ sw_if_index }, { dataplane }) => {
    if (sw_if_index === NO_INDEX) {
      for (const each of dataplane.interfaces) each.counters.clear();
      return 0;
    }
    return withInterface(dataplane, sw_if_index, (iface) => {
      iface.counters.clear();
      return 0;
    });
  }),
  create_loopback: request<LoopbackFields>((fields, { dataplane }) =>
    created(createLoopback(dataplane, fields.mac_address)),
  ),
  create_loopback_instance: request<LoopbackFields>((fields, { dataplane }) =>
    created(createLoopback(dataplane, fields.mac_address, fields.is_specified ? fields.user_instance : undefined)),
  ),
  delete_loopback: action<OfInterface>(({ sw_if_index }, { dataplane }) => deleteLoopback(dataplane, sw_if_index)),
};
