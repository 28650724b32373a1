// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson, Ip4Address, Ip6Address, MacAddress } from "../codec/index.ts";
import type { Ip4Prefix, Ip6Prefix } from "./types.ts";

/** `tap_create_v3_3f3fd1df` */
export interface TapCreateV3 {
  id: number;
  use_random_mac: boolean;
  mac_address: MacAddress;
  num_rx_queues: number;
  num_tx_queues: number;
  tx_ring_sz: number;
  rx_ring_sz: number;
  host_mtu_set: boolean;
  host_mtu_size: number;
  host_mac_addr_set: boolean;
  host_mac_addr: MacAddress;
  host_ip4_prefix_set: boolean;
  host_ip4_prefix: Ip4Prefix;
  host_ip6_prefix_set: boolean;
  host_ip6_prefix: Ip6Prefix;
  host_ip4_gw_set: boolean;
  host_ip4_gw: Ip4Address;
  host_ip6_gw_set: boolean;
  host_ip6_gw: Ip6Address;
  tap_flags: number;
  host_namespace_set: boolean;
  host_namespace: string;
  host_if_name_set: boolean;
  host_if_name: string;
  host_bridge_set: boolean;
  host_bridge: string;
  tag: string;
}

/** `tap_create_v3_reply_5383d31f` */
export interface TapCreateV3Reply {
  retval: number;
  sw_if_index: number;
}

/** `tap_create_v2_2d0d6570` */
export interface TapCreateV2 {
  id: number;
  use_random_mac: boolean;
  mac_address: MacAddress;
  num_rx_queues: number;
  tx_ring_sz: number;
  rx_ring_sz: number;
  host_mtu_set: boolean;
  host_mtu_size: number;
  host_mac_addr_set: boolean;
  host_mac_addr: MacAddress;
  host_ip4_prefix_set: boolean;
  host_ip4_prefix: Ip4Prefix;
  host_ip6_prefix_set: boolean;
  host_ip6_prefix: Ip6Prefix;
  host_ip4_gw_set: boolean;
  host_ip4_gw: Ip4Address;
  host_ip6_gw_set: boolean;
  host_ip6_gw: Ip6Address;
  tap_flags: number;
  host_namespace_set: boolean;
  host_namespace: string;
  host_if_name_set: boolean;
  host_if_name: string;
  host_bridge_set: boolean;
  host_bridge: string;
  tag: string;
}

/** `tap_create_v2_reply_5383d31f` */
export interface TapCreateV2Reply {
  retval: number;
  sw_if_index: number;
}

/** `tap_delete_v2_f9e6675e` */
export interface TapDeleteV2 {
  sw_if_index: number;
}

/** `tap_delete_v2_reply_e8d4e804` */
export interface TapDeleteV2Reply {
  retval: number;
}

/** `sw_interface_tap_v2_dump_f9e6675e` */
export interface SwInterfaceTapV2Dump {
  sw_if_index: number;
}

/** `sw_interface_tap_v2_details_1e2b2a47` */
export interface SwInterfaceTapV2Details {
  sw_if_index: number;
  id: number;
  tx_ring_sz: number;
  rx_ring_sz: number;
  host_mtu_size: number;
  host_mac_addr: MacAddress;
  host_ip4_prefix: Ip4Prefix;
  host_ip6_prefix: Ip6Prefix;
  tap_flags: number;
  dev_name: string;
  host_if_name: string;
  host_namespace: string;
  host_bridge: string;
}

export interface Tapv2Requests {
  tap_create_v2: TapCreateV2;
  tap_delete_v2: TapDeleteV2;
  sw_interface_tap_v2_dump: SwInterfaceTapV2Dump;
  tap_create_v3: TapCreateV3;
}

export interface Tapv2Replies {
  tap_create_v2: TapCreateV2Reply;
  tap_delete_v2: TapDeleteV2Reply;
  tap_create_v3: TapCreateV3Reply;
}

export interface Tapv2Dumps {
  sw_interface_tap_v2_dump: SwInterfaceTapV2Details;
}

export interface Tapv2Streams {}

export interface Tapv2Events {}

export const schemas: readonly ApiJson[] = [
  {
    module: "tapv2",
    types: [
      ["ip4_prefix",["vl_api_ip4_address_t","address"],["u8","len"]],
      ["ip6_prefix",["vl_api_ip6_address_t","address"],["u8","len"]],
    ],
    unions: [],
    enums: [
      ["tap_flags",{"enumtype":"u32"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip4_address_with_prefix":{"type":"vl_api_ip4_prefix_t"},"ip6_address":{"type":"u8","length":16},"ip6_address_with_prefix":{"type":"vl_api_ip6_prefix_t"},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["tap_create_v3",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","id",{"default":4294967295}],["bool","use_random_mac",{"default":"true"}],["vl_api_mac_address_t","mac_address"],["u16","num_rx_queues",{"default":1}],["u16","num_tx_queues",{"default":1}],["u16","tx_ring_sz",{"default":256}],["u16","rx_ring_sz",{"default":256}],["bool","host_mtu_set"],["u32","host_mtu_size"],["bool","host_mac_addr_set"],["vl_api_mac_address_t","host_mac_addr"],["bool","host_ip4_prefix_set"],["vl_api_ip4_address_with_prefix_t","host_ip4_prefix"],["bool","host_ip6_prefix_set"],["vl_api_ip6_address_with_prefix_t","host_ip6_prefix"],["bool","host_ip4_gw_set"],["vl_api_ip4_address_t","host_ip4_gw"],["bool","host_ip6_gw_set"],["vl_api_ip6_address_t","host_ip6_gw"],["vl_api_tap_flags_t","tap_flags"],["bool","host_namespace_set"],["string","host_namespace",64],["bool","host_if_name_set"],["string","host_if_name",64],["bool","host_bridge_set"],["string","host_bridge",64],["string","tag",0],{"crc":"0x3f3fd1df"}],
      ["tap_create_v3_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["tap_create_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","id",{"default":4294967295}],["bool","use_random_mac",{"default":"true"}],["vl_api_mac_address_t","mac_address"],["u8","num_rx_queues",{"default":1}],["u16","tx_ring_sz",{"default":256}],["u16","rx_ring_sz",{"default":256}],["bool","host_mtu_set"],["u32","host_mtu_size"],["bool","host_mac_addr_set"],["vl_api_mac_address_t","host_mac_addr"],["bool","host_ip4_prefix_set"],["vl_api_ip4_address_with_prefix_t","host_ip4_prefix"],["bool","host_ip6_prefix_set"],["vl_api_ip6_address_with_prefix_t","host_ip6_prefix"],["bool","host_ip4_gw_set"],["vl_api_ip4_address_t","host_ip4_gw"],["bool","host_ip6_gw_set"],["vl_api_ip6_address_t","host_ip6_gw"],["vl_api_tap_flags_t","tap_flags"],["bool","host_namespace_set"],["string","host_namespace",64],["bool","host_if_name_set"],["string","host_if_name",64],["bool","host_bridge_set"],["string","host_bridge",64],["string","tag",0],{"crc":"0x2d0d6570"}],
      ["tap_create_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["tap_delete_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["tap_delete_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_tap_v2_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0xf9e6675e"}],
      ["sw_interface_tap_v2_details",["u16","_vl_msg_id"],["u32","context"],["u32","sw_if_index"],["u32","id"],["u16","tx_ring_sz"],["u16","rx_ring_sz"],["u32","host_mtu_size"],["vl_api_mac_address_t","host_mac_addr"],["vl_api_ip4_address_with_prefix_t","host_ip4_prefix"],["vl_api_ip6_address_with_prefix_t","host_ip6_prefix"],["vl_api_tap_flags_t","tap_flags"],["string","dev_name",64],["string","host_if_name",64],["string","host_namespace",64],["string","host_bridge",64],{"crc":"0x1e2b2a47"}],
    ],
    services: {"tap_create_v2":{"reply":"tap_create_v2_reply"},"tap_delete_v2":{"reply":"tap_delete_v2_reply"},"sw_interface_tap_v2_dump":{"reply":"sw_interface_tap_v2_details","stream":true},"tap_create_v3":{"reply":"tap_create_v3_reply"}},
  },
];
