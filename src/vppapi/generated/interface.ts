// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson, MacAddress, Prefix } from "../codec/index.ts";

/** `sw_interface_set_flags_f5aec1b8` */
export interface SwInterfaceSetFlags {
  sw_if_index: number;
  flags: number;
}

/** `sw_interface_set_flags_reply_e8d4e804` */
export interface SwInterfaceSetFlagsReply {
  retval: number;
}

/** `sw_interface_set_promisc_d40860d4` */
export interface SwInterfaceSetPromisc {
  sw_if_index: number;
  promisc_on: boolean;
}

/** `sw_interface_set_promisc_reply_e8d4e804` */
export interface SwInterfaceSetPromiscReply {
  retval: number;
}

/** `hw_interface_set_mtu_e6746899` */
export interface HwInterfaceSetMtu {
  sw_if_index: number;
  mtu: number;
}

/** `hw_interface_set_mtu_reply_e8d4e804` */
export interface HwInterfaceSetMtuReply {
  retval: number;
}

/** `sw_interface_set_mtu_5cbe85e5` */
export interface SwInterfaceSetMtu {
  sw_if_index: number;
  mtu: number[];
}

/** `sw_interface_set_mtu_reply_e8d4e804` */
export interface SwInterfaceSetMtuReply {
  retval: number;
}

/** `sw_interface_set_ip_directed_broadcast_ae6cfcfb` */
export interface SwInterfaceSetIpDirectedBroadcast {
  sw_if_index: number;
  enable: boolean;
}

/** `sw_interface_set_ip_directed_broadcast_reply_e8d4e804` */
export interface SwInterfaceSetIpDirectedBroadcastReply {
  retval: number;
}

/** `sw_interface_event_2d3d95a7` */
export interface SwInterfaceEvent {
  pid: number;
  sw_if_index: number;
  flags: number;
  deleted: boolean;
}

/** `want_interface_events_476f5a08` */
export interface WantInterfaceEvents {
  enable_disable: number;
  pid: number;
}

/** `want_interface_events_reply_e8d4e804` */
export interface WantInterfaceEventsReply {
  retval: number;
}

/** `sw_interface_details_6c221fc7` */
export interface SwInterfaceDetails {
  sw_if_index: number;
  sup_sw_if_index: number;
  l2_address: MacAddress;
  flags: number;
  type: number;
  link_duplex: number;
  link_speed: number;
  link_mtu: number;
  mtu: number[];
  sub_id: number;
  sub_number_of_tags: number;
  sub_outer_vlan_id: number;
  sub_inner_vlan_id: number;
  sub_if_flags: number;
  vtr_op: number;
  vtr_push_dot1q: number;
  vtr_tag1: number;
  vtr_tag2: number;
  outer_tag: number;
  b_dmac: MacAddress;
  b_smac: MacAddress;
  b_vlanid: number;
  i_sid: number;
  interface_name: string;
  interface_dev_type: string;
  tag: string;
}

/** `sw_interface_dump_aa610c27` */
export interface SwInterfaceDump {
  sw_if_index: number;
  name_filter_valid: boolean;
  name_filter: string;
}

/** `sw_interface_add_del_address_5463d73b` */
export interface SwInterfaceAddDelAddress {
  sw_if_index: number;
  is_add: boolean;
  del_all: boolean;
  prefix: Prefix;
}

/** `sw_interface_add_del_address_reply_e8d4e804` */
export interface SwInterfaceAddDelAddressReply {
  retval: number;
}

/** `sw_interface_address_replace_begin_51077d14` */
export interface SwInterfaceAddressReplaceBegin {}

/** `sw_interface_address_replace_begin_reply_e8d4e804` */
export interface SwInterfaceAddressReplaceBeginReply {
  retval: number;
}

/** `sw_interface_address_replace_end_51077d14` */
export interface SwInterfaceAddressReplaceEnd {}

/** `sw_interface_address_replace_end_reply_e8d4e804` */
export interface SwInterfaceAddressReplaceEndReply {
  retval: number;
}

/** `sw_interface_set_table_df42a577` */
export interface SwInterfaceSetTable {
  sw_if_index: number;
  is_ipv6: boolean;
  vrf_id: number;
}

/** `sw_interface_set_table_reply_e8d4e804` */
export interface SwInterfaceSetTableReply {
  retval: number;
}

/** `sw_interface_get_table_2d033de4` */
export interface SwInterfaceGetTable {
  sw_if_index: number;
  is_ipv6: boolean;
}

/** `sw_interface_get_table_reply_a6eb0109` */
export interface SwInterfaceGetTableReply {
  retval: number;
  vrf_id: number;
}

/** `sw_interface_set_unnumbered_154a6439` */
export interface SwInterfaceSetUnnumbered {
  sw_if_index: number;
  unnumbered_sw_if_index: number;
  is_add: boolean;
}

/** `sw_interface_set_unnumbered_reply_e8d4e804` */
export interface SwInterfaceSetUnnumberedReply {
  retval: number;
}

/** `sw_interface_clear_stats_f9e6675e` */
export interface SwInterfaceClearStats {
  sw_if_index: number;
}

/** `sw_interface_clear_stats_reply_e8d4e804` */
export interface SwInterfaceClearStatsReply {
  retval: number;
}

/** `sw_interface_tag_add_del_426f8bc1` */
export interface SwInterfaceTagAddDel {
  is_add: boolean;
  sw_if_index: number;
  tag: string;
}

/** `sw_interface_tag_add_del_reply_e8d4e804` */
export interface SwInterfaceTagAddDelReply {
  retval: number;
}

/** `sw_interface_add_del_mac_address_638bb9f4` */
export interface SwInterfaceAddDelMacAddress {
  sw_if_index: number;
  addr: MacAddress;
  is_add: number;
}

/** `sw_interface_add_del_mac_address_reply_e8d4e804` */
export interface SwInterfaceAddDelMacAddressReply {
  retval: number;
}

/** `sw_interface_set_mac_address_c536e7eb` */
export interface SwInterfaceSetMacAddress {
  sw_if_index: number;
  mac_address: MacAddress;
}

/** `sw_interface_set_mac_address_reply_e8d4e804` */
export interface SwInterfaceSetMacAddressReply {
  retval: number;
}

/** `sw_interface_get_mac_address_f9e6675e` */
export interface SwInterfaceGetMacAddress {
  sw_if_index: number;
}

/** `sw_interface_get_mac_address_reply_40ef2c08` */
export interface SwInterfaceGetMacAddressReply {
  retval: number;
  mac_address: MacAddress;
}

/** `sw_interface_set_rx_mode_b04d1cfe` */
export interface SwInterfaceSetRxMode {
  sw_if_index: number;
  queue_id_valid: boolean;
  queue_id: number;
  mode: number;
}

/** `sw_interface_set_rx_mode_reply_e8d4e804` */
export interface SwInterfaceSetRxModeReply {
  retval: number;
}

/** `sw_interface_set_rx_placement_db65f3c9` */
export interface SwInterfaceSetRxPlacement {
  sw_if_index: number;
  queue_id: number;
  worker_id: number;
  is_main: boolean;
}

/** `sw_interface_set_rx_placement_reply_e8d4e804` */
export interface SwInterfaceSetRxPlacementReply {
  retval: number;
}

/** `sw_interface_set_tx_placement_4e0cd5ff` */
export interface SwInterfaceSetTxPlacement {
  sw_if_index: number;
  queue_id: number;
  array_size: number;
  threads: number[];
}

/** `sw_interface_set_tx_placement_reply_e8d4e804` */
export interface SwInterfaceSetTxPlacementReply {
  retval: number;
}

/** `sw_interface_set_interface_name_45a1d548` */
export interface SwInterfaceSetInterfaceName {
  sw_if_index: number;
  name: string;
}

/** `sw_interface_set_interface_name_reply_e8d4e804` */
export interface SwInterfaceSetInterfaceNameReply {
  retval: number;
}

/** `sw_interface_rx_placement_dump_f9e6675e` */
export interface SwInterfaceRxPlacementDump {
  sw_if_index: number;
}

/** `sw_interface_rx_placement_details_9e44a7ce` */
export interface SwInterfaceRxPlacementDetails {
  sw_if_index: number;
  queue_id: number;
  worker_id: number;
  mode: number;
}

/** `sw_interface_tx_placement_get_47250981` */
export interface SwInterfaceTxPlacementGet {
  cursor: number;
  sw_if_index: number;
}

/** `sw_interface_tx_placement_get_reply_53b48f5d` */
export interface SwInterfaceTxPlacementGetReply {
  retval: number;
  cursor: number;
}

/** `sw_interface_tx_placement_details_00381a2e` */
export interface SwInterfaceTxPlacementDetails {
  sw_if_index: number;
  queue_id: number;
  shared: number;
  array_size: number;
  threads: number[];
}

/** `interface_name_renumber_2b8858b8` */
export interface InterfaceNameRenumber {
  sw_if_index: number;
  new_show_dev_instance: number;
}

/** `interface_name_renumber_reply_e8d4e804` */
export interface InterfaceNameRenumberReply {
  retval: number;
}

/** `create_subif_790ca755` */
export interface CreateSubif {
  sw_if_index: number;
  sub_id: number;
  sub_if_flags: number;
  outer_vlan_id: number;
  inner_vlan_id: number;
}

/** `create_subif_reply_5383d31f` */
export interface CreateSubifReply {
  retval: number;
  sw_if_index: number;
}

/** `create_vlan_subif_af34ac8b` */
export interface CreateVlanSubif {
  sw_if_index: number;
  vlan_id: number;
}

/** `create_vlan_subif_reply_5383d31f` */
export interface CreateVlanSubifReply {
  retval: number;
  sw_if_index: number;
}

/** `delete_subif_f9e6675e` */
export interface DeleteSubif {
  sw_if_index: number;
}

/** `delete_subif_reply_e8d4e804` */
export interface DeleteSubifReply {
  retval: number;
}

/** `create_loopback_42bb5d22` */
export interface CreateLoopback {
  mac_address: MacAddress;
}

/** `create_loopback_reply_5383d31f` */
export interface CreateLoopbackReply {
  retval: number;
  sw_if_index: number;
}

/** `create_loopback_instance_d36a3ee2` */
export interface CreateLoopbackInstance {
  mac_address: MacAddress;
  is_specified: boolean;
  user_instance: number;
}

/** `create_loopback_instance_reply_5383d31f` */
export interface CreateLoopbackInstanceReply {
  retval: number;
  sw_if_index: number;
}

/** `delete_loopback_f9e6675e` */
export interface DeleteLoopback {
  sw_if_index: number;
}

/** `delete_loopback_reply_e8d4e804` */
export interface DeleteLoopbackReply {
  retval: number;
}

/** `collect_detailed_interface_stats_5501adee` */
export interface CollectDetailedInterfaceStats {
  sw_if_index: number;
  enable_disable: boolean;
}

/** `collect_detailed_interface_stats_reply_e8d4e804` */
export interface CollectDetailedInterfaceStatsReply {
  retval: number;
}

/** `pcap_set_filter_function_616abb92` */
export interface PcapSetFilterFunction {
  filter_function_name: string;
}

/** `pcap_set_filter_function_reply_e8d4e804` */
export interface PcapSetFilterFunctionReply {
  retval: number;
}

/** `pcap_trace_on_cb39e968` */
export interface PcapTraceOn {
  capture_rx: boolean;
  capture_tx: boolean;
  capture_drop: boolean;
  filter: boolean;
  preallocate_data: boolean;
  free_data: boolean;
  max_packets: number;
  max_bytes_per_packet: number;
  sw_if_index: number;
  error: string;
  filename: string;
}

/** `pcap_trace_on_reply_e8d4e804` */
export interface PcapTraceOnReply {
  retval: number;
}

/** `pcap_trace_off_51077d14` */
export interface PcapTraceOff {}

/** `pcap_trace_off_reply_e8d4e804` */
export interface PcapTraceOffReply {
  retval: number;
}

/** `sw_interface_set_default_rx_mode_776b4837` */
export interface SwInterfaceSetDefaultRxMode {
  mode: number;
}

/** `sw_interface_set_default_rx_mode_reply_e8d4e804` */
export interface SwInterfaceSetDefaultRxModeReply {
  retval: number;
}

/** `sw_interface_get_default_rx_mode_51077d14` */
export interface SwInterfaceGetDefaultRxMode {}

/** `sw_interface_get_default_rx_mode_reply_2339da5a` */
export interface SwInterfaceGetDefaultRxModeReply {
  retval: number;
  mode: number;
}

/** `sw_interface_set_link_speed_2f0867fa` */
export interface SwInterfaceSetLinkSpeed {
  sw_if_index: number;
  link_speed: number;
}

/** `sw_interface_set_link_speed_reply_e8d4e804` */
export interface SwInterfaceSetLinkSpeedReply {
  retval: number;
}

/** `sw_interface_get_speed_capa_f9e6675e` */
export interface SwInterfaceGetSpeedCapa {
  sw_if_index: number;
}

/** `sw_interface_get_speed_capa_reply_20b21417` */
export interface SwInterfaceGetSpeedCapaReply {
  retval: number;
  count: number;
  speeds: number[];
}

export interface InterfaceRequests {
  want_interface_events: WantInterfaceEvents;
  sw_interface_set_flags: SwInterfaceSetFlags;
  sw_interface_set_promisc: SwInterfaceSetPromisc;
  hw_interface_set_mtu: HwInterfaceSetMtu;
  sw_interface_set_mtu: SwInterfaceSetMtu;
  sw_interface_set_ip_directed_broadcast: SwInterfaceSetIpDirectedBroadcast;
  sw_interface_dump: SwInterfaceDump;
  sw_interface_add_del_address: SwInterfaceAddDelAddress;
  sw_interface_address_replace_begin: SwInterfaceAddressReplaceBegin;
  sw_interface_address_replace_end: SwInterfaceAddressReplaceEnd;
  sw_interface_set_table: SwInterfaceSetTable;
  sw_interface_get_table: SwInterfaceGetTable;
  sw_interface_set_unnumbered: SwInterfaceSetUnnumbered;
  sw_interface_clear_stats: SwInterfaceClearStats;
  sw_interface_tag_add_del: SwInterfaceTagAddDel;
  sw_interface_add_del_mac_address: SwInterfaceAddDelMacAddress;
  sw_interface_set_mac_address: SwInterfaceSetMacAddress;
  sw_interface_get_mac_address: SwInterfaceGetMacAddress;
  sw_interface_set_rx_mode: SwInterfaceSetRxMode;
  sw_interface_set_rx_placement: SwInterfaceSetRxPlacement;
  sw_interface_rx_placement_dump: SwInterfaceRxPlacementDump;
  interface_name_renumber: InterfaceNameRenumber;
  create_subif: CreateSubif;
  create_vlan_subif: CreateVlanSubif;
  delete_subif: DeleteSubif;
  create_loopback: CreateLoopback;
  create_loopback_instance: CreateLoopbackInstance;
  delete_loopback: DeleteLoopback;
  collect_detailed_interface_stats: CollectDetailedInterfaceStats;
  sw_interface_tx_placement_get: SwInterfaceTxPlacementGet;
  sw_interface_set_tx_placement: SwInterfaceSetTxPlacement;
  sw_interface_set_interface_name: SwInterfaceSetInterfaceName;
  pcap_set_filter_function: PcapSetFilterFunction;
  pcap_trace_on: PcapTraceOn;
  pcap_trace_off: PcapTraceOff;
  sw_interface_set_default_rx_mode: SwInterfaceSetDefaultRxMode;
  sw_interface_get_default_rx_mode: SwInterfaceGetDefaultRxMode;
  sw_interface_set_link_speed: SwInterfaceSetLinkSpeed;
  sw_interface_get_speed_capa: SwInterfaceGetSpeedCapa;
}

export interface InterfaceReplies {
  want_interface_events: WantInterfaceEventsReply;
  sw_interface_set_flags: SwInterfaceSetFlagsReply;
  sw_interface_set_promisc: SwInterfaceSetPromiscReply;
  hw_interface_set_mtu: HwInterfaceSetMtuReply;
  sw_interface_set_mtu: SwInterfaceSetMtuReply;
  sw_interface_set_ip_directed_broadcast: SwInterfaceSetIpDirectedBroadcastReply;
  sw_interface_add_del_address: SwInterfaceAddDelAddressReply;
  sw_interface_address_replace_begin: SwInterfaceAddressReplaceBeginReply;
  sw_interface_address_replace_end: SwInterfaceAddressReplaceEndReply;
  sw_interface_set_table: SwInterfaceSetTableReply;
  sw_interface_get_table: SwInterfaceGetTableReply;
  sw_interface_set_unnumbered: SwInterfaceSetUnnumberedReply;
  sw_interface_clear_stats: SwInterfaceClearStatsReply;
  sw_interface_tag_add_del: SwInterfaceTagAddDelReply;
  sw_interface_add_del_mac_address: SwInterfaceAddDelMacAddressReply;
  sw_interface_set_mac_address: SwInterfaceSetMacAddressReply;
  sw_interface_get_mac_address: SwInterfaceGetMacAddressReply;
  sw_interface_set_rx_mode: SwInterfaceSetRxModeReply;
  sw_interface_set_rx_placement: SwInterfaceSetRxPlacementReply;
  interface_name_renumber: InterfaceNameRenumberReply;
  create_subif: CreateSubifReply;
  create_vlan_subif: CreateVlanSubifReply;
  delete_subif: DeleteSubifReply;
  create_loopback: CreateLoopbackReply;
  create_loopback_instance: CreateLoopbackInstanceReply;
  delete_loopback: DeleteLoopbackReply;
  collect_detailed_interface_stats: CollectDetailedInterfaceStatsReply;
  sw_interface_tx_placement_get: SwInterfaceTxPlacementGetReply;
  sw_interface_set_tx_placement: SwInterfaceSetTxPlacementReply;
  sw_interface_set_interface_name: SwInterfaceSetInterfaceNameReply;
  pcap_set_filter_function: PcapSetFilterFunctionReply;
  pcap_trace_on: PcapTraceOnReply;
  pcap_trace_off: PcapTraceOffReply;
  sw_interface_set_default_rx_mode: SwInterfaceSetDefaultRxModeReply;
  sw_interface_get_default_rx_mode: SwInterfaceGetDefaultRxModeReply;
  sw_interface_set_link_speed: SwInterfaceSetLinkSpeedReply;
  sw_interface_get_speed_capa: SwInterfaceGetSpeedCapaReply;
}

export interface InterfaceDumps {
  sw_interface_dump: SwInterfaceDetails;
  sw_interface_rx_placement_dump: SwInterfaceRxPlacementDetails;
}

export interface InterfaceStreams {
  sw_interface_tx_placement_get: SwInterfaceTxPlacementDetails;
}

export interface InterfaceEvents {
  sw_interface_event: SwInterfaceEvent;
}

export const schemas: readonly ApiJson[] = [
  {
    module: "interface",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["prefix",["vl_api_address_t","address"],["u8","len"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
      ["if_status_flags",{"enumtype":"u32"}],
      ["if_type",{"enumtype":"u32"}],
      ["link_duplex",{"enumtype":"u32"}],
      ["rx_mode",{"enumtype":"u32"}],
      ["sub_if_flags",{"enumtype":"u32"}],
    ],
    aliases: {"address_with_prefix":{"type":"vl_api_prefix_t"},"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["sw_interface_set_flags",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_if_status_flags_t","flags"],{"crc":"0xf5aec1b8"}],
      ["sw_interface_set_flags_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_promisc",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","promisc_on"],{"crc":"0xd40860d4"}],
      ["sw_interface_set_promisc_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["hw_interface_set_mtu",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u16","mtu"],{"crc":"0xe6746899"}],
      ["hw_interface_set_mtu_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_mtu",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","mtu",4],{"crc":"0x5cbe85e5"}],
      ["sw_interface_set_mtu_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_ip_directed_broadcast",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","enable"],{"crc":"0xae6cfcfb"}],
      ["sw_interface_set_ip_directed_broadcast_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_event",["u16","_vl_msg_id"],["u32","client_index"],["u32","pid"],["vl_api_interface_index_t","sw_if_index"],["vl_api_if_status_flags_t","flags"],["bool","deleted"],{"crc":"0x2d3d95a7"}],
      ["want_interface_events",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","enable_disable"],["u32","pid"],{"crc":"0x476f5a08"}],
      ["want_interface_events_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","sup_sw_if_index"],["vl_api_mac_address_t","l2_address"],["vl_api_if_status_flags_t","flags"],["vl_api_if_type_t","type"],["vl_api_link_duplex_t","link_duplex"],["u32","link_speed"],["u16","link_mtu"],["u32","mtu",4],["u32","sub_id"],["u8","sub_number_of_tags"],["u16","sub_outer_vlan_id"],["u16","sub_inner_vlan_id"],["vl_api_sub_if_flags_t","sub_if_flags"],["u32","vtr_op"],["u32","vtr_push_dot1q"],["u32","vtr_tag1"],["u32","vtr_tag2"],["u16","outer_tag"],["vl_api_mac_address_t","b_dmac"],["vl_api_mac_address_t","b_smac"],["u16","b_vlanid"],["u32","i_sid"],["string","interface_name",64],["string","interface_dev_type",64],["string","tag",64],{"crc":"0x6c221fc7"}],
      ["sw_interface_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],["bool","name_filter_valid"],["string","name_filter",0],{"crc":"0xaa610c27"}],
      ["sw_interface_add_del_address",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_add"],["bool","del_all"],["vl_api_address_with_prefix_t","prefix"],{"crc":"0x5463d73b"}],
      ["sw_interface_add_del_address_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_address_replace_begin",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["sw_interface_address_replace_begin_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_address_replace_end",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["sw_interface_address_replace_end_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_table",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_ipv6"],["u32","vrf_id"],{"crc":"0xdf42a577"}],
      ["sw_interface_set_table_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_get_table",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_ipv6"],{"crc":"0x2d033de4"}],
      ["sw_interface_get_table_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","vrf_id"],{"crc":"0xa6eb0109"}],
      ["sw_interface_set_unnumbered",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_interface_index_t","unnumbered_sw_if_index"],["bool","is_add"],{"crc":"0x154a6439"}],
      ["sw_interface_set_unnumbered_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_clear_stats",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["sw_interface_clear_stats_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_tag_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_interface_index_t","sw_if_index"],["string","tag",64],{"crc":"0x426f8bc1"}],
      ["sw_interface_tag_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_add_del_mac_address",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","sw_if_index"],["vl_api_mac_address_t","addr"],["u8","is_add"],{"crc":"0x638bb9f4"}],
      ["sw_interface_add_del_mac_address_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_mac_address",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_mac_address_t","mac_address"],{"crc":"0xc536e7eb"}],
      ["sw_interface_set_mac_address_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_get_mac_address",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["sw_interface_get_mac_address_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_mac_address_t","mac_address"],{"crc":"0x40ef2c08"}],
      ["sw_interface_set_rx_mode",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","queue_id_valid"],["u32","queue_id"],["vl_api_rx_mode_t","mode"],{"crc":"0xb04d1cfe"}],
      ["sw_interface_set_rx_mode_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_rx_placement",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","queue_id"],["u32","worker_id"],["bool","is_main"],{"crc":"0xdb65f3c9"}],
      ["sw_interface_set_rx_placement_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_tx_placement",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","queue_id"],["u32","array_size"],["u32","threads",0,"array_size"],{"crc":"0x4e0cd5ff"}],
      ["sw_interface_set_tx_placement_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_interface_name",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["string","name",64],{"crc":"0x45a1d548"}],
      ["sw_interface_set_interface_name_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_rx_placement_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["sw_interface_rx_placement_details",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","queue_id"],["u32","worker_id"],["vl_api_rx_mode_t","mode"],{"crc":"0x9e44a7ce"}],
      ["sw_interface_tx_placement_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","cursor"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x47250981"}],
      ["sw_interface_tx_placement_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","cursor"],{"crc":"0x53b48f5d"}],
      ["sw_interface_tx_placement_details",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","queue_id"],["u8","shared"],["u32","array_size"],["u32","threads",0,"array_size"],{"crc":"0x00381a2e"}],
      ["interface_name_renumber",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","new_show_dev_instance"],{"crc":"0x2b8858b8"}],
      ["interface_name_renumber_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["create_subif",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","sub_id"],["vl_api_sub_if_flags_t","sub_if_flags"],["u16","outer_vlan_id"],["u16","inner_vlan_id"],{"crc":"0x790ca755"}],
      ["create_subif_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["create_vlan_subif",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","vlan_id"],{"crc":"0xaf34ac8b"}],
      ["create_vlan_subif_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["delete_subif",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["delete_subif_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["create_loopback",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_mac_address_t","mac_address"],{"crc":"0x42bb5d22"}],
      ["create_loopback_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["create_loopback_instance",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_mac_address_t","mac_address"],["bool","is_specified"],["u32","user_instance"],{"crc":"0xd36a3ee2"}],
      ["create_loopback_instance_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["delete_loopback",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["delete_loopback_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["collect_detailed_interface_stats",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","enable_disable"],{"crc":"0x5501adee"}],
      ["collect_detailed_interface_stats_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["pcap_set_filter_function",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","filter_function_name",0],{"crc":"0x616abb92"}],
      ["pcap_set_filter_function_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["pcap_trace_on",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","capture_rx"],["bool","capture_tx"],["bool","capture_drop"],["bool","filter"],["bool","preallocate_data"],["bool","free_data"],["u32","max_packets",{"default":1000}],["u32","max_bytes_per_packet",{"default":512}],["vl_api_interface_index_t","sw_if_index"],["string","error",128],["string","filename",64],{"crc":"0xcb39e968"}],
      ["pcap_trace_on_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["pcap_trace_off",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["pcap_trace_off_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_set_default_rx_mode",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_rx_mode_t","mode"],{"crc":"0x776b4837"}],
      ["sw_interface_set_default_rx_mode_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_get_default_rx_mode",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["sw_interface_get_default_rx_mode_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_rx_mode_t","mode"],{"crc":"0x2339da5a"}],
      ["sw_interface_set_link_speed",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u32","link_speed"],{"crc":"0x2f0867fa"}],
      ["sw_interface_set_link_speed_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_get_speed_capa",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["sw_interface_get_speed_capa_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","count"],["u32","speeds",0,"count"],{"crc":"0x20b21417"}],
    ],
    services: {"want_interface_events":{"reply":"want_interface_events_reply","events":["sw_interface_event"]},"sw_interface_set_flags":{"reply":"sw_interface_set_flags_reply"},"sw_interface_set_promisc":{"reply":"sw_interface_set_promisc_reply"},"hw_interface_set_mtu":{"reply":"hw_interface_set_mtu_reply"},"sw_interface_set_mtu":{"reply":"sw_interface_set_mtu_reply"},"sw_interface_set_ip_directed_broadcast":{"reply":"sw_interface_set_ip_directed_broadcast_reply"},"sw_interface_dump":{"reply":"sw_interface_details","stream":true},"sw_interface_add_del_address":{"reply":"sw_interface_add_del_address_reply"},"sw_interface_address_replace_begin":{"reply":"sw_interface_address_replace_begin_reply"},"sw_interface_address_replace_end":{"reply":"sw_interface_address_replace_end_reply"},"sw_interface_set_table":{"reply":"sw_interface_set_table_reply"},"sw_interface_get_table":{"reply":"sw_interface_get_table_reply"},"sw_interface_set_unnumbered":{"reply":"sw_interface_set_unnumbered_reply"},"sw_interface_clear_stats":{"reply":"sw_interface_clear_stats_reply"},"sw_interface_tag_add_del":{"reply":"sw_interface_tag_add_del_reply"},"sw_interface_add_del_mac_address":{"reply":"sw_interface_add_del_mac_address_reply"},"sw_interface_set_mac_address":{"reply":"sw_interface_set_mac_address_reply"},"sw_interface_get_mac_address":{"reply":"sw_interface_get_mac_address_reply"},"sw_interface_set_rx_mode":{"reply":"sw_interface_set_rx_mode_reply"},"sw_interface_set_rx_placement":{"reply":"sw_interface_set_rx_placement_reply"},"sw_interface_rx_placement_dump":{"reply":"sw_interface_rx_placement_details","stream":true},"interface_name_renumber":{"reply":"interface_name_renumber_reply"},"create_subif":{"reply":"create_subif_reply"},"create_vlan_subif":{"reply":"create_vlan_subif_reply"},"delete_subif":{"reply":"delete_subif_reply"},"create_loopback":{"reply":"create_loopback_reply"},"create_loopback_instance":{"reply":"create_loopback_instance_reply"},"delete_loopback":{"reply":"delete_loopback_reply"},"collect_detailed_interface_stats":{"reply":"collect_detailed_interface_stats_reply"},"sw_interface_tx_placement_get":{"reply":"sw_interface_tx_placement_get_reply","stream":true,"stream_msg":"sw_interface_tx_placement_details"},"sw_interface_set_tx_placement":{"reply":"sw_interface_set_tx_placement_reply"},"sw_interface_set_interface_name":{"reply":"sw_interface_set_interface_name_reply"},"pcap_set_filter_function":{"reply":"pcap_set_filter_function_reply"},"pcap_trace_on":{"reply":"pcap_trace_on_reply"},"pcap_trace_off":{"reply":"pcap_trace_off_reply"},"sw_interface_set_default_rx_mode":{"reply":"sw_interface_set_default_rx_mode_reply"},"sw_interface_get_default_rx_mode":{"reply":"sw_interface_get_default_rx_mode_reply"},"sw_interface_set_link_speed":{"reply":"sw_interface_set_link_speed_reply"},"sw_interface_get_speed_capa":{"reply":"sw_interface_get_speed_capa_reply"}},
  },
];
