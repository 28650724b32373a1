/** VLAN sub-interfaces, tag rewrite and cross-connects (vnet/interface_api.c, vnet/l2/l2_api.c). */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { TagOp } from "../../l2/tag-rewrite.ts";
import { NO_INDEX, type Interface } from "../../model.ts";
import { createSubInterface, createVlan, deleteSubInterface, type NewSubInterface } from "../../sub-interface.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";

type OfInterface = { readonly sw_if_index: number };

interface SubFields extends OfInterface {
  readonly sub_id: number;
  readonly sub_if_flags: number;
  readonly outer_vlan_id: number;
  readonly inner_vlan_id: number;
}

/** On what a new one goes: a sub-interface has none of its own (its names and tags would be those of the hardware). */
function made(dataplane: Dataplane, swIfIndex: number, make: (sup: Interface) => NewSubInterface): Fields {
  const iface = dataplane.interfaces.get(swIfIndex);
  if (iface === undefined) return { retval: RETVAL.INVALID_SW_IF_INDEX, sw_if_index: NO_INDEX };
  const result = make(iface.sup ?? iface);
  return { retval: result.retval, sw_if_index: result.swIfIndex };
}

interface RewriteFields extends OfInterface {
  readonly vtr_op: number;
  readonly push_dot1q: number;
  readonly tag1: number;
  readonly tag2: number;
}

function setRewrite({ interfaces, bridges }: Dataplane, fields: RewriteFields): number {
  const iface = interfaces.get(fields.sw_if_index);
  if (iface === undefined) return RETVAL.INVALID_SW_IF_INDEX;
  if (fields.vtr_op > TagOp.translate22) return RETVAL.INVALID_VALUE;
  return bridges.setRewrite(iface, fields.vtr_op, fields.push_dot1q !== 0, fields.tag1, fields.tag2);
}

interface CrossFields {
  readonly rx_sw_if_index: number;
  readonly tx_sw_if_index: number;
  readonly enable: boolean;
}

function setCross({ interfaces, bridges }: Dataplane, fields: CrossFields): number {
  const { rx_sw_if_index: rx, tx_sw_if_index: tx } = fields;
  if (!interfaces.has(rx)) return RETVAL.INVALID_SW_IF_INDEX;
  if (fields.enable) return bridges.crossConnect(rx, tx);
  bridges.detach(rx);
  return 0;
}

export const vlanHandlers: Handlers = {
  create_vlan_subif: request<OfInterface & { vlan_id: number }>((fields, { dataplane }) =>
    made(dataplane, fields.sw_if_index, (sup) => createVlan(dataplane, sup, fields.vlan_id)),
  ),
  create_subif: request<SubFields>((fields, { dataplane }) =>
    made(dataplane, fields.sw_if_index, (sup) =>
      createSubInterface(dataplane, sup, {
        ...{ id: fields.sub_id, flags: fields.sub_if_flags & 0xff },
        ...{ outerVlan: fields.outer_vlan_id, innerVlan: fields.inner_vlan_id },
      }),
    ),
  ),
  delete_subif: action<OfInterface>((fields, { dataplane }) => deleteSubInterface(dataplane, fields.sw_if_index)),
  l2_interface_vlan_tag_rewrite: action<RewriteFields>((fields, { dataplane }) => setRewrite(dataplane, fields)),
  sw_interface_set_l2_xconnect: action<CrossFields>((fields, { dataplane }) => setCross(dataplane, fields)),
  l2_xconnect_dump: dump(
    (_fields: Fields, { dataplane }) => [...dataplane.interfaces].filter((each) => each.xconnect !== undefined),
    (each) => ({ rx_sw_if_index: each.swIfIndex, tx_sw_if_index: each.xconnect ?? NO_INDEX }),
  ),
};
