/** tapv2.api: plugins/tap/tapv2_api.c. */
import { parsePrefix, RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { NO_INDEX } from "../../model.ts";
import { createTap, deleteTap, tapOf, type TapView } from "../../tap.ts";
import { addressText } from "../../cli/format.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import { ip4Number } from "./wire.ts";

/** Ring sizes that VPP takes for 0. */
const RING_SIZE = 256;

interface Prefix {
  readonly address: Uint8Array;
  readonly len: number;
}

interface CreateFields {
  readonly id: number;
  readonly use_random_mac: boolean;
  readonly mac_address: Uint8Array;
  readonly tx_ring_sz: number;
  readonly rx_ring_sz: number;
  readonly host_mtu_set: boolean;
  readonly host_mtu_size: number;
  readonly host_mac_addr_set: boolean;
  readonly host_mac_addr: Uint8Array;
  readonly host_ip4_prefix_set: boolean;
  readonly host_ip4_prefix: Prefix;
  readonly host_ip6_prefix_set: boolean;
  readonly host_ip6_prefix: Prefix;
  readonly host_ip4_gw_set: boolean;
  readonly host_ip4_gw: Uint8Array;
  readonly host_ip6_gw_set: boolean;
  readonly host_ip6_gw: Uint8Array;
  readonly tap_flags: number;
  readonly host_namespace_set: boolean;
  readonly host_namespace: string;
  readonly host_if_name_set: boolean;
  readonly host_if_name: string;
  readonly host_bridge_set: boolean;
  readonly host_bridge: string;
  readonly tag: string;
}

function text4(bytes: Uint8Array): string {
  return addressText(ip4Number(bytes));
}

async function create(dataplane: Dataplane, fields: CreateFields): Promise<Fields> {
  const isSet = <T>(set: boolean, value: () => T): T | undefined => (set ? value() : undefined);
  const given = {
    id: isSet(fields.id !== NO_INDEX, () => fields.id),
    mac: isSet(!fields.use_random_mac, () => fields.mac_address.slice()),
    flags: fields.tap_flags,
    hostIfName: isSet(fields.host_if_name_set, () => fields.host_if_name),
    hostMac: isSet(fields.host_mac_addr_set, () => fields.host_mac_addr.slice()),
    hostNamespace: isSet(fields.host_namespace_set, () => fields.host_namespace),
    hostBridge: isSet(fields.host_bridge_set, () => fields.host_bridge),
    hostIp4: isSet(fields.host_ip4_prefix_set, () => prefixText(text4, fields.host_ip4_prefix)),
    hostIp6: isSet(fields.host_ip6_prefix_set, () => prefixText(addressText, fields.host_ip6_prefix)),
    hostIp4Gateway: isSet(fields.host_ip4_gw_set, () => text4(fields.host_ip4_gw)),
    hostIp6Gateway: isSet(fields.host_ip6_gw_set, () => addressText(fields.host_ip6_gw)),
    hostMtu: isSet(fields.host_mtu_set, () => fields.host_mtu_size),
    rxRing: fields.rx_ring_sz,
    txRing: fields.tx_ring_sz,
  };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { retval, swIfIndex, cause } = await createTap(dataplane, options);
  if (cause !== undefined) process.emitWarning(`tap: ${cause.message}`);
  const iface = dataplane.interfaces.get(swIfIndex);
  if (retval === 0 && iface !== undefined) iface.tag = fields.tag;
  return { retval, sw_if_index: swIfIndex };
}

function prefixText(text: (address: Uint8Array) => string, { address, len }: Prefix): string {
  return `${text(address)}/${len}`;
}

function prefix4(text: string): Prefix {
  const { address, len } = parsePrefix(text);
  return { address: address.un.ip4, len };
}

function prefix6(text: string): Prefix {
  const { address, len } = parsePrefix(text);
  return { address: address.un.ip6, len };
}

function details({ iface, id, hostIfName, hostMac, options }: TapView): Fields {
  return {
    sw_if_index: iface.swIfIndex,
    id,
    tx_ring_sz: options.txRing || RING_SIZE,
    rx_ring_sz: options.rxRing || RING_SIZE,
    host_mtu_size: options.hostMtu ?? 0,
    host_mac_addr: hostMac,
    ...(options.hostIp4 === undefined ? {} : { host_ip4_prefix: prefix4(options.hostIp4) }),
    ...(options.hostIp6 === undefined ? {} : { host_ip6_prefix: prefix6(options.hostIp6) }),
    tap_flags: options.flags ?? 0,
    dev_name: iface.name,
    host_if_name: hostIfName,
    host_namespace: options.hostNamespace ?? "",
    host_bridge: options.hostBridge ?? "",
  };
}

/** Of all, or of one. */
function views(dataplane: Dataplane, swIfIndex: number): TapView[] {
  return [...dataplane.interfaces].flatMap((iface) => {
    const view = tapOf(iface);
    const isAsked = swIfIndex === NO_INDEX || swIfIndex === iface.swIfIndex;
    return view === undefined || !isAsked ? [] : [view];
  });
}

export const tapHandlers: Handlers = {
  tap_create_v2: request<CreateFields>((fields, { dataplane }) => create(dataplane, fields)),
  tap_create_v3: request<CreateFields>((fields, { dataplane }) => create(dataplane, fields)),
  tap_delete_v2: action<{ sw_if_index: number }>(({ sw_if_index }, { dataplane }) =>
    dataplane.interfaces.has(sw_if_index) ? deleteTap(dataplane, sw_if_index) : RETVAL.INVALID_SW_IF_INDEX,
  ),
  sw_interface_tap_v2_dump: dump(
    (fields: { sw_if_index: number }, { dataplane }) => views(dataplane, fields.sw_if_index),
    details,
  ),
};
