// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson, MacAddress } from "../codec/index.ts";
import type { BdIpMac, BridgeDomainSwIf, MacEntry } from "./types.ts";

/** `l2_xconnect_details_472b6b67` */
export interface L2XconnectDetails {
  rx_sw_if_index: number;
  tx_sw_if_index: number;
}

/** `l2_xconnect_dump_51077d14` */
export interface L2XconnectDump {}

/** `l2_fib_table_details_a44ef6b8` */
export interface L2FibTableDetails {
  bd_id: number;
  mac: MacAddress;
  sw_if_index: number;
  static_mac: boolean;
  filter_mac: boolean;
  bvi_mac: boolean;
}

/** `l2_fib_table_dump_c25fdce6` */
export interface L2FibTableDump {
  bd_id: number;
}

/** `l2_fib_clear_table_51077d14` */
export interface L2FibClearTable {}

/** `l2_fib_clear_table_reply_e8d4e804` */
export interface L2FibClearTableReply {
  retval: number;
}

/** `l2fib_flush_all_51077d14` */
export interface L2fibFlushAll {}

/** `l2fib_flush_all_reply_e8d4e804` */
export interface L2fibFlushAllReply {
  retval: number;
}

/** `l2fib_flush_bd_c25fdce6` */
export interface L2fibFlushBd {
  bd_id: number;
}

/** `l2fib_flush_bd_reply_e8d4e804` */
export interface L2fibFlushBdReply {
  retval: number;
}

/** `l2fib_flush_int_f9e6675e` */
export interface L2fibFlushInt {
  sw_if_index: number;
}

/** `l2fib_flush_int_reply_e8d4e804` */
export interface L2fibFlushIntReply {
  retval: number;
}

/** `l2fib_add_del_eddda487` */
export interface L2fibAddDel {
  mac: MacAddress;
  bd_id: number;
  sw_if_index: number;
  is_add: boolean;
  static_mac: boolean;
  filter_mac: boolean;
  bvi_mac: boolean;
}

/** `l2fib_add_del_reply_e8d4e804` */
export interface L2fibAddDelReply {
  retval: number;
}

/** `want_l2_macs_events_9aabdfde` */
export interface WantL2MacsEvents {
  learn_limit: number;
  scan_delay: number;
  max_macs_in_event: number;
  enable_disable: boolean;
  pid: number;
}

/** `want_l2_macs_events_reply_e8d4e804` */
export interface WantL2MacsEventsReply {
  retval: number;
}

/** `want_l2_macs_events2_cc1377b0` */
export interface WantL2MacsEvents2 {
  max_macs_in_event: number;
  enable_disable: boolean;
  pid: number;
}

/** `want_l2_macs_events2_reply_e8d4e804` */
export interface WantL2MacsEvents2Reply {
  retval: number;
}

/** `l2fib_set_scan_delay_a3b968a4` */
export interface L2fibSetScanDelay {
  scan_delay: number;
}

/** `l2fib_set_scan_delay_reply_e8d4e804` */
export interface L2fibSetScanDelayReply {
  retval: number;
}

/** `l2_macs_event_44b8fd64` */
export interface L2MacsEvent {
  pid: number;
  n_macs: number;
  mac: MacEntry[];
}

/** `l2_flags_fc41cfe8` */
export interface L2Flags {
  sw_if_index: number;
  is_set: boolean;
  feature_bitmap: number;
}

/** `l2_flags_reply_29b2a2b3` */
export interface L2FlagsReply {
  retval: number;
  resulting_feature_bitmap: number;
}

/** `l2_flags_get_f9e6675e` */
export interface L2FlagsGet {
  sw_if_index: number;
}

/** `l2_flags_get_reply_35cb810f` */
export interface L2FlagsGetReply {
  retval: number;
  input_feature_bitmap: number;
  output_feature_bitmap: number;
}

/** `l2_flags_set_d4030647` */
export interface L2FlagsSet {
  sw_if_index: number;
  is_set: boolean;
  input_feature_bitmap: number;
  output_feature_bitmap: number;
}

/** `l2_flags_set_reply_e8d4e804` */
export interface L2FlagsSetReply {
  retval: number;
}

/** `bridge_domain_set_mac_age_b537ad7b` */
export interface BridgeDomainSetMacAge {
  bd_id: number;
  mac_age: number;
}

/** `bridge_domain_set_mac_age_reply_e8d4e804` */
export interface BridgeDomainSetMacAgeReply {
  retval: number;
}

/** `bridge_domain_set_default_learn_limit_f097ffce` */
export interface BridgeDomainSetDefaultLearnLimit {
  learn_limit: number;
}

/** `bridge_domain_set_default_learn_limit_reply_e8d4e804` */
export interface BridgeDomainSetDefaultLearnLimitReply {
  retval: number;
}

/** `bridge_domain_set_learn_limit_89c52b5f` */
export interface BridgeDomainSetLearnLimit {
  bd_id: number;
  learn_limit: number;
}

/** `bridge_domain_set_learn_limit_reply_e8d4e804` */
export interface BridgeDomainSetLearnLimitReply {
  retval: number;
}

/** `bridge_domain_add_del_600b7170` */
export interface BridgeDomainAddDel {
  bd_id: number;
  flood: boolean;
  uu_flood: boolean;
  forward: boolean;
  learn: boolean;
  arp_term: boolean;
  arp_ufwd: boolean;
  mac_age: number;
  bd_tag: string;
  is_add: boolean;
}

/** `bridge_domain_add_del_reply_e8d4e804` */
export interface BridgeDomainAddDelReply {
  retval: number;
}

/** `bridge_domain_add_del_v2_600b7170` */
export interface BridgeDomainAddDelV2 {
  bd_id: number;
  flood: boolean;
  uu_flood: boolean;
  forward: boolean;
  learn: boolean;
  arp_term: boolean;
  arp_ufwd: boolean;
  mac_age: number;
  bd_tag: string;
  is_add: boolean;
}

/** `bridge_domain_add_del_v2_reply_fcb1e980` */
export interface BridgeDomainAddDelV2Reply {
  retval: number;
  bd_id: number;
}

/** `bridge_domain_dump_74396a43` */
export interface BridgeDomainDump {
  bd_id: number;
  sw_if_index: number;
}

/** `bridge_domain_details_0fa506fd` */
export interface BridgeDomainDetails {
  bd_id: number;
  flood: boolean;
  uu_flood: boolean;
  forward: boolean;
  learn: boolean;
  arp_term: boolean;
  arp_ufwd: boolean;
  mac_age: number;
  bd_tag: string;
  bvi_sw_if_index: number;
  uu_fwd_sw_if_index: number;
  n_sw_ifs: number;
  sw_if_details: BridgeDomainSwIf[];
}

/** `bridge_flags_1b0c5fbd` */
export interface BridgeFlags {
  bd_id: number;
  is_set: boolean;
  flags: number;
}

/** `bridge_flags_reply_29b2a2b3` */
export interface BridgeFlagsReply {
  retval: number;
  resulting_feature_bitmap: number;
}

/** `l2_interface_vlan_tag_rewrite_62cc0bbc` */
export interface L2InterfaceVlanTagRewrite {
  sw_if_index: number;
  vtr_op: number;
  push_dot1q: number;
  tag1: number;
  tag2: number;
}

/** `l2_interface_vlan_tag_rewrite_reply_e8d4e804` */
export interface L2InterfaceVlanTagRewriteReply {
  retval: number;
}

/** `sw_interface_set_l2_xconnect_4fa28a85` */
export interface SwInterfaceSetL2Xconnect {
  rx_sw_if_index: number;
  tx_sw_if_index: number;
  enable: boolean;
}

/** `sw_interface_set_l2_xconnect_reply_e8d4e804` */
export interface SwInterfaceSetL2XconnectReply {
  retval: number;
}

/** `sw_interface_set_l2_bridge_d0678b13` */
export interface SwInterfaceSetL2Bridge {
  rx_sw_if_index: number;
  bd_id: number;
  port_type: number;
  shg: number;
  enable: boolean;
}

/** `sw_interface_set_l2_bridge_reply_e8d4e804` */
export interface SwInterfaceSetL2BridgeReply {
  retval: number;
}

/** `bd_ip_mac_add_del_0257c869` */
export interface BdIpMacAddDel {
  is_add: boolean;
  entry: BdIpMac;
}

/** `bd_ip_mac_add_del_reply_e8d4e804` */
export interface BdIpMacAddDelReply {
  retval: number;
}

/** `bd_ip_mac_flush_c25fdce6` */
export interface BdIpMacFlush {
  bd_id: number;
}

/** `bd_ip_mac_flush_reply_e8d4e804` */
export interface BdIpMacFlushReply {
  retval: number;
}

/** `bd_ip_mac_details_545af86a` */
export interface BdIpMacDetails {
  entry: BdIpMac;
}

/** `bd_ip_mac_dump_c25fdce6` */
export interface BdIpMacDump {
  bd_id: number;
}

export interface L2Requests {
  want_l2_macs_events: WantL2MacsEvents;
  l2_xconnect_dump: L2XconnectDump;
  l2_fib_table_dump: L2FibTableDump;
  l2_fib_clear_table: L2FibClearTable;
  l2fib_flush_all: L2fibFlushAll;
  l2fib_flush_bd: L2fibFlushBd;
  l2fib_flush_int: L2fibFlushInt;
  l2fib_add_del: L2fibAddDel;
  want_l2_macs_events2: WantL2MacsEvents2;
  l2fib_set_scan_delay: L2fibSetScanDelay;
  l2_flags: L2Flags;
  bridge_domain_set_mac_age: BridgeDomainSetMacAge;
  bridge_domain_set_default_learn_limit: BridgeDomainSetDefaultLearnLimit;
  bridge_domain_set_learn_limit: BridgeDomainSetLearnLimit;
  bridge_domain_add_del: BridgeDomainAddDel;
  bridge_domain_dump: BridgeDomainDump;
  bridge_flags: BridgeFlags;
  l2_interface_vlan_tag_rewrite: L2InterfaceVlanTagRewrite;
  sw_interface_set_l2_xconnect: SwInterfaceSetL2Xconnect;
  sw_interface_set_l2_bridge: SwInterfaceSetL2Bridge;
  bd_ip_mac_add_del: BdIpMacAddDel;
  bd_ip_mac_flush: BdIpMacFlush;
  bd_ip_mac_dump: BdIpMacDump;
  bridge_domain_add_del_v2: BridgeDomainAddDelV2;
  l2_flags_get: L2FlagsGet;
  l2_flags_set: L2FlagsSet;
}

export interface L2Replies {
  want_l2_macs_events: WantL2MacsEventsReply;
  l2_fib_clear_table: L2FibClearTableReply;
  l2fib_flush_all: L2fibFlushAllReply;
  l2fib_flush_bd: L2fibFlushBdReply;
  l2fib_flush_int: L2fibFlushIntReply;
  l2fib_add_del: L2fibAddDelReply;
  want_l2_macs_events2: WantL2MacsEvents2Reply;
  l2fib_set_scan_delay: L2fibSetScanDelayReply;
  l2_flags: L2FlagsReply;
  bridge_domain_set_mac_age: BridgeDomainSetMacAgeReply;
  bridge_domain_set_default_learn_limit: BridgeDomainSetDefaultLearnLimitReply;
  bridge_domain_set_learn_limit: BridgeDomainSetLearnLimitReply;
  bridge_domain_add_del: BridgeDomainAddDelReply;
  bridge_flags: BridgeFlagsReply;
  l2_interface_vlan_tag_rewrite: L2InterfaceVlanTagRewriteReply;
  sw_interface_set_l2_xconnect: SwInterfaceSetL2XconnectReply;
  sw_interface_set_l2_bridge: SwInterfaceSetL2BridgeReply;
  bd_ip_mac_add_del: BdIpMacAddDelReply;
  bd_ip_mac_flush: BdIpMacFlushReply;
  bridge_domain_add_del_v2: BridgeDomainAddDelV2Reply;
  l2_flags_get: L2FlagsGetReply;
  l2_flags_set: L2FlagsSetReply;
}

export interface L2Dumps {
  l2_xconnect_dump: L2XconnectDetails;
  l2_fib_table_dump: L2FibTableDetails;
  bridge_domain_dump: BridgeDomainDetails;
  bd_ip_mac_dump: BdIpMacDetails;
}

export interface L2Streams {}

export interface L2Events {
  l2_macs_event: L2MacsEvent;
}

export const schemas: readonly ApiJson[] = [
  {
    module: "l2",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["bd_ip_mac",["u32","bd_id"],["vl_api_address_t","ip"],["vl_api_mac_address_t","mac"]],
      ["bridge_domain_sw_if",["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u8","shg"]],
      ["mac_entry",["vl_api_interface_index_t","sw_if_index"],["vl_api_mac_address_t","mac_addr"],["vl_api_mac_event_action_t","action"],["u8","flags"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
      ["bd_flags",{"enumtype":"u32"}],
      ["l2_port_type",{"enumtype":"u32"}],
      ["mac_event_action",{"enumtype":"u32"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["l2_xconnect_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","rx_sw_if_index"],["vl_api_interface_index_t","tx_sw_if_index"],{"crc":"0x472b6b67"}],
      ["l2_xconnect_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["l2_fib_table_details",["u16","_vl_msg_id"],["u32","context"],["u32","bd_id"],["vl_api_mac_address_t","mac"],["vl_api_interface_index_t","sw_if_index"],["bool","static_mac"],["bool","filter_mac"],["bool","bvi_mac"],{"crc":"0xa44ef6b8"}],
      ["l2_fib_table_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],{"crc":"0xc25fdce6"}],
      ["l2_fib_clear_table",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["l2_fib_clear_table_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["l2fib_flush_all",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["l2fib_flush_all_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["l2fib_flush_bd",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],{"crc":"0xc25fdce6"}],
      ["l2fib_flush_bd_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["l2fib_flush_int",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["l2fib_flush_int_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["l2fib_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_mac_address_t","mac"],["u32","bd_id"],["vl_api_interface_index_t","sw_if_index"],["bool","is_add",{"default":"true"}],["bool","static_mac"],["bool","filter_mac"],["bool","bvi_mac"],{"crc":"0xeddda487"}],
      ["l2fib_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["want_l2_macs_events",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","learn_limit",{"default":1000}],["u8","scan_delay",{"default":10}],["u8","max_macs_in_event",{"default":10}],["bool","enable_disable",{"default":"true"}],["u32","pid"],{"crc":"0x9aabdfde"}],
      ["want_l2_macs_events_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["want_l2_macs_events2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u8","max_macs_in_event",{"default":10}],["bool","enable_disable",{"default":"true"}],["u32","pid"],{"crc":"0xcc1377b0"}],
      ["want_l2_macs_events2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["l2fib_set_scan_delay",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u16","scan_delay",{"default":10}],{"crc":"0xa3b968a4"}],
      ["l2fib_set_scan_delay_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["l2_macs_event",["u16","_vl_msg_id"],["u32","client_index"],["u32","pid"],["u32","n_macs"],["vl_api_mac_entry_t","mac",0,"n_macs"],{"crc":"0x44b8fd64"}],
      ["l2_flags",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_set"],["u32","feature_bitmap"],{"crc":"0xfc41cfe8"}],
      ["l2_flags_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","resulting_feature_bitmap"],{"crc":"0x29b2a2b3"}],
      ["l2_flags_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["l2_flags_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","input_feature_bitmap"],["u32","output_feature_bitmap"],{"crc":"0x35cb810f"}],
      ["l2_flags_set",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_set"],["u32","input_feature_bitmap"],["u32","output_feature_bitmap"],{"crc":"0xd4030647"}],
      ["l2_flags_set_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bridge_domain_set_mac_age",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],["u8","mac_age"],{"crc":"0xb537ad7b"}],
      ["bridge_domain_set_mac_age_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bridge_domain_set_default_learn_limit",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","learn_limit"],{"crc":"0xf097ffce"}],
      ["bridge_domain_set_default_learn_limit_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bridge_domain_set_learn_limit",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],["u32","learn_limit"],{"crc":"0x89c52b5f"}],
      ["bridge_domain_set_learn_limit_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bridge_domain_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],["bool","flood"],["bool","uu_flood"],["bool","forward"],["bool","learn"],["bool","arp_term"],["bool","arp_ufwd"],["u8","mac_age"],["string","bd_tag",64],["bool","is_add",{"default":"true"}],{"crc":"0x600b7170"}],
      ["bridge_domain_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bridge_domain_add_del_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],["bool","flood"],["bool","uu_flood"],["bool","forward"],["bool","learn"],["bool","arp_term"],["bool","arp_ufwd"],["u8","mac_age"],["string","bd_tag",64],["bool","is_add",{"default":"true"}],{"crc":"0x600b7170"}],
      ["bridge_domain_add_del_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","bd_id"],{"crc":"0xfcb1e980"}],
      ["bridge_domain_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id",{"default":4294967295}],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0x74396a43"}],
      ["bridge_domain_details",["u16","_vl_msg_id"],["u32","context"],["u32","bd_id"],["bool","flood"],["bool","uu_flood"],["bool","forward"],["bool","learn"],["bool","arp_term"],["bool","arp_ufwd"],["u8","mac_age"],["string","bd_tag",64],["vl_api_interface_index_t","bvi_sw_if_index"],["vl_api_interface_index_t","uu_fwd_sw_if_index"],["u32","n_sw_ifs"],["vl_api_bridge_domain_sw_if_t","sw_if_details",0,"n_sw_ifs"],{"crc":"0x0fa506fd"}],
      ["bridge_flags",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],["bool","is_set"],["vl_api_bd_flags_t","flags"],{"crc":"0x1b0c5fbd"}],
      ["bridge_flags_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","resulting_feature_bitmap"],{"crc":"0x29b2a2b3"}],
      ["l2_interface_vlan_tag_rewrite",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","vtr_op"],["u32","push_dot1q"],["u32","tag1"],["u32","tag2"],{"crc":"0x62cc0bbc"}],
      ["l2_interface_vlan_tag_rewrite_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_l2_xconnect",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","rx_sw_if_index"],["vl_api_interface_index_t","tx_sw_if_index"],["bool","enable",{"default":"true"}],{"crc":"0x4fa28a85"}],
      ["sw_interface_set_l2_xconnect_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_l2_bridge",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","rx_sw_if_index"],["u32","bd_id"],["vl_api_l2_port_type_t","port_type"],["u8","shg"],["bool","enable",{"default":"true"}],{"crc":"0xd0678b13"}],
      ["sw_interface_set_l2_bridge_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bd_ip_mac_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["vl_api_bd_ip_mac_t","entry"],{"crc":"0x0257c869"}],
      ["bd_ip_mac_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bd_ip_mac_flush",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],{"crc":"0xc25fdce6"}],
      ["bd_ip_mac_flush_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["bd_ip_mac_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_bd_ip_mac_t","entry"],{"crc":"0x545af86a"}],
      ["bd_ip_mac_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","bd_id"],{"crc":"0xc25fdce6"}],
    ],
    services: {"want_l2_macs_events":{"reply":"want_l2_macs_events_reply","events":["l2_macs_event"]},"l2_xconnect_dump":{"reply":"l2_xconnect_details","stream":true},"l2_fib_table_dump":{"reply":"l2_fib_table_details","stream":true},"l2_fib_clear_table":{"reply":"l2_fib_clear_table_reply"},"l2fib_flush_all":{"reply":"l2fib_flush_all_reply"},"l2fib_flush_bd":{"reply":"l2fib_flush_bd_reply"},"l2fib_flush_int":{"reply":"l2fib_flush_int_reply"},"l2fib_add_del":{"reply":"l2fib_add_del_reply"},"want_l2_macs_events2":{"reply":"want_l2_macs_events2_reply"},"l2fib_set_scan_delay":{"reply":"l2fib_set_scan_delay_reply"},"l2_flags":{"reply":"l2_flags_reply"},"bridge_domain_set_mac_age":{"reply":"bridge_domain_set_mac_age_reply"},"bridge_domain_set_default_learn_limit":{"reply":"bridge_domain_set_default_learn_limit_reply"},"bridge_domain_set_learn_limit":{"reply":"bridge_domain_set_learn_limit_reply"},"bridge_domain_add_del":{"reply":"bridge_domain_add_del_reply"},"bridge_domain_dump":{"reply":"bridge_domain_details","stream":true},"bridge_flags":{"reply":"bridge_flags_reply"},"l2_interface_vlan_tag_rewrite":{"reply":"l2_interface_vlan_tag_rewrite_reply"},"sw_interface_set_l2_xconnect":{"reply":"sw_interface_set_l2_xconnect_reply"},"sw_interface_set_l2_bridge":{"reply":"sw_interface_set_l2_bridge_reply"},"bd_ip_mac_add_del":{"reply":"bd_ip_mac_add_del_reply"},"bd_ip_mac_flush":{"reply":"bd_ip_mac_flush_reply"},"bd_ip_mac_dump":{"reply":"bd_ip_mac_details","stream":true},"bridge_domain_add_del_v2":{"reply":"bridge_domain_add_del_v2_reply"},"l2_flags_get":{"reply":"l2_flags_get_reply"},"l2_flags_set":{"reply":"l2_flags_set_reply"}},
  },
];
