// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson, Prefix } from "../codec/index.ts";
import type { IpPathMtu, IpRoute, IpRouteV2, IpTable, PuntRedirectV2 } from "./types.ts";

/** `ip_table_add_del_0ffdaec0` */
export interface IpTableAddDel {
  is_add: boolean;
  table: IpTable;
}

/** `ip_table_add_del_reply_e8d4e804` */
export interface IpTableAddDelReply {
  retval: number;
}

/** `ip_table_add_del_v2_14e5081f` */
export interface IpTableAddDelV2 {
  table: IpTable;
  create_mfib: boolean;
  is_add: boolean;
}

/** `ip_table_add_del_v2_reply_e8d4e804` */
export interface IpTableAddDelV2Reply {
  retval: number;
}

/** `ip_table_allocate_b9d2e09e` */
export interface IpTableAllocate {
  table: IpTable;
}

/** `ip_table_allocate_reply_1728303a` */
export interface IpTableAllocateReply {
  retval: number;
  table: IpTable;
}

/** `ip_table_dump_51077d14` */
export interface IpTableDump {}

/** `ip_table_replace_begin_b9d2e09e` */
export interface IpTableReplaceBegin {
  table: IpTable;
}

/** `ip_table_replace_begin_reply_e8d4e804` */
export interface IpTableReplaceBeginReply {
  retval: number;
}

/** `ip_table_replace_end_b9d2e09e` */
export interface IpTableReplaceEnd {
  table: IpTable;
}

/** `ip_table_replace_end_reply_e8d4e804` */
export interface IpTableReplaceEndReply {
  retval: number;
}

/** `ip_table_flush_b9d2e09e` */
export interface IpTableFlush {
  table: IpTable;
}

/** `ip_table_flush_reply_e8d4e804` */
export interface IpTableFlushReply {
  retval: number;
}

/** `ip_table_details_c79fca0f` */
export interface IpTableDetails {
  table: IpTable;
}

/** `ip_route_add_del_b8ecfe0d` */
export interface IpRouteAddDel {
  is_add: boolean;
  is_multipath: boolean;
  route: IpRoute;
}

/** `ip_route_add_del_v2_521ef330` */
export interface IpRouteAddDelV2 {
  is_add: boolean;
  is_multipath: boolean;
  route: IpRouteV2;
}

/** `ip_route_add_del_reply_1992deab` */
export interface IpRouteAddDelReply {
  retval: number;
  stats_index: number;
}

/** `ip_route_add_del_v2_reply_1992deab` */
export interface IpRouteAddDelV2Reply {
  retval: number;
  stats_index: number;
}

/** `ip_route_dump_b9d2e09e` */
export interface IpRouteDump {
  table: IpTable;
}

/** `ip_route_v2_dump_d16f72e6` */
export interface IpRouteV2Dump {
  src: number;
  table: IpTable;
}

/** `ip_route_details_bda8f315` */
export interface IpRouteDetails {
  route: IpRoute;
}

/** `ip_route_v2_details_b09aa6c0` */
export interface IpRouteV2Details {
  route: IpRouteV2;
}

/** `ip_route_lookup_710d6471` */
export interface IpRouteLookup {
  table_id: number;
  exact: number;
  prefix: Prefix;
}

/** `ip_route_lookup_v2_710d6471` */
export interface IpRouteLookupV2 {
  table_id: number;
  exact: number;
  prefix: Prefix;
}

/** `ip_route_lookup_reply_5d8febcb` */
export interface IpRouteLookupReply {
  retval: number;
  route: IpRoute;
}

/** `ip_route_lookup_v2_reply_84cc9e03` */
export interface IpRouteLookupV2Reply {
  retval: number;
  route: IpRouteV2;
}

/** `set_ip_flow_hash_084ee09e` */
export interface SetIpFlowHash {
  vrf_id: number;
  is_ipv6: boolean;
  src: boolean;
  dst: boolean;
  sport: boolean;
  dport: boolean;
  proto: boolean;
  reverse: boolean;
  symmetric: boolean;
}

/** `set_ip_flow_hash_reply_e8d4e804` */
export interface SetIpFlowHashReply {
  retval: number;
}

/** `set_ip_flow_hash_v2_6d132100` */
export interface SetIpFlowHashV2 {
  table_id: number;
  af: number;
  flow_hash_config: number;
}

/** `set_ip_flow_hash_v2_reply_e8d4e804` */
export interface SetIpFlowHashV2Reply {
  retval: number;
}

/** `set_ip_flow_hash_v3_b7876e07` */
export interface SetIpFlowHashV3 {
  table_id: number;
  af: number;
  flow_hash_config: number;
}

/** `set_ip_flow_hash_v3_reply_e8d4e804` */
export interface SetIpFlowHashV3Reply {
  retval: number;
}

/** `set_ip_flow_hash_router_id_03e4f48e` */
export interface SetIpFlowHashRouterId {
  router_id: number;
}

/** `set_ip_flow_hash_router_id_reply_e8d4e804` */
export interface SetIpFlowHashRouterIdReply {
  retval: number;
}

/** `sw_interface_ip6_enable_disable_ae6cfcfb` */
export interface SwInterfaceIp6EnableDisable {
  sw_if_index: number;
  enable: boolean;
}

/** `sw_interface_ip6_enable_disable_reply_e8d4e804` */
export interface SwInterfaceIp6EnableDisableReply {
  retval: number;
}

/** `ip_address_details_ee29b797` */
export interface IpAddressDetails {
  sw_if_index: number;
  prefix: Prefix;
}

/** `ip_address_dump_2d033de4` */
export interface IpAddressDump {
  sw_if_index: number;
  is_ipv6: boolean;
}

/** `ip_unnumbered_details_cc59bd42` */
export interface IpUnnumberedDetails {
  sw_if_index: number;
  ip_sw_if_index: number;
}

/** `ip_unnumbered_dump_f9e6675e` */
export interface IpUnnumberedDump {
  sw_if_index: number;
}

/** `ip_details_eb152d07` */
export interface IpDetails {
  sw_if_index: number;
  is_ipv6: boolean;
}

/** `ip_dump_98d231ca` */
export interface IpDump {
  is_ipv6: boolean;
}

/** `add_del_ip_punt_redirect_v2_9e804227` */
export interface AddDelIpPuntRedirectV2 {
  is_add: boolean;
  punt: PuntRedirectV2;
}

/** `add_del_ip_punt_redirect_v2_reply_e8d4e804` */
export interface AddDelIpPuntRedirectV2Reply {
  retval: number;
}

/** `ip_container_proxy_add_del_7df1dff1` */
export interface IpContainerProxyAddDel {
  pfx: Prefix;
  sw_if_index: number;
  is_add: boolean;
}

/** `ip_container_proxy_add_del_reply_e8d4e804` */
export interface IpContainerProxyAddDelReply {
  retval: number;
}

/** `ip_container_proxy_dump_51077d14` */
export interface IpContainerProxyDump {}

/** `ip_container_proxy_details_a8085523` */
export interface IpContainerProxyDetails {
  sw_if_index: number;
  prefix: Prefix;
}

/** `ip_reassembly_set_16467d25` */
export interface IpReassemblySet {
  timeout_ms: number;
  max_reassemblies: number;
  max_reassembly_length: number;
  expire_walk_interval_ms: number;
  is_ip6: boolean;
  type: number;
}

/** `ip_reassembly_set_reply_e8d4e804` */
export interface IpReassemblySetReply {
  retval: number;
}

/** `ip_reassembly_get_ea13ff63` */
export interface IpReassemblyGet {
  is_ip6: boolean;
  type: number;
}

/** `ip_reassembly_get_reply_d5eb8d34` */
export interface IpReassemblyGetReply {
  retval: number;
  timeout_ms: number;
  max_reassemblies: number;
  max_reassembly_length: number;
  expire_walk_interval_ms: number;
  is_ip6: boolean;
}

/** `ip_reassembly_enable_disable_eb77968d` */
export interface IpReassemblyEnableDisable {
  sw_if_index: number;
  enable_ip4: boolean;
  enable_ip6: boolean;
  type: number;
}

/** `ip_reassembly_enable_disable_reply_e8d4e804` */
export interface IpReassemblyEnableDisableReply {
  retval: number;
}

/** `ip_local_reass_enable_disable_34e2ccc4` */
export interface IpLocalReassEnableDisable {
  enable_ip4: boolean;
  enable_ip6: boolean;
}

/** `ip_local_reass_enable_disable_reply_e8d4e804` */
export interface IpLocalReassEnableDisableReply {
  retval: number;
}

/** `ip_local_reass_get_51077d14` */
export interface IpLocalReassGet {}

/** `ip_local_reass_get_reply_3e93a702` */
export interface IpLocalReassGetReply {
  retval: number;
  ip4_is_enabled: boolean;
  ip6_is_enabled: boolean;
}

/** `ip_path_mtu_update_10bbe5cb` */
export interface IpPathMtuUpdate {
  pmtu: IpPathMtu;
}

/** `ip_path_mtu_update_reply_e8d4e804` */
export interface IpPathMtuUpdateReply {
  retval: number;
}

/** `ip_path_mtu_get_f75ba505` */
export interface IpPathMtuGet {
  cursor: number;
}

/** `ip_path_mtu_get_reply_53b48f5d` */
export interface IpPathMtuGetReply {
  retval: number;
  cursor: number;
}

/** `ip_path_mtu_details_ac9539a7` */
export interface IpPathMtuDetails {
  pmtu: IpPathMtu;
}

/** `ip_path_mtu_replace_begin_51077d14` */
export interface IpPathMtuReplaceBegin {}

/** `ip_path_mtu_replace_begin_reply_e8d4e804` */
export interface IpPathMtuReplaceBeginReply {
  retval: number;
}

/** `ip_path_mtu_replace_end_51077d14` */
export interface IpPathMtuReplaceEnd {}

/** `ip_path_mtu_replace_end_reply_e8d4e804` */
export interface IpPathMtuReplaceEndReply {
  retval: number;
}

export interface IpRequests {
  ip_path_mtu_get: IpPathMtuGet;
  ip_table_add_del: IpTableAddDel;
  ip_table_dump: IpTableDump;
  ip_table_replace_begin: IpTableReplaceBegin;
  ip_table_replace_end: IpTableReplaceEnd;
  ip_table_flush: IpTableFlush;
  ip_route_add_del: IpRouteAddDel;
  ip_route_add_del_v2: IpRouteAddDelV2;
  ip_route_dump: IpRouteDump;
  ip_route_v2_dump: IpRouteV2Dump;
  ip_route_lookup: IpRouteLookup;
  ip_route_lookup_v2: IpRouteLookupV2;
  set_ip_flow_hash: SetIpFlowHash;
  set_ip_flow_hash_v2: SetIpFlowHashV2;
  set_ip_flow_hash_router_id: SetIpFlowHashRouterId;
  sw_interface_ip6_enable_disable: SwInterfaceIp6EnableDisable;
  ip_address_dump: IpAddressDump;
  ip_unnumbered_dump: IpUnnumberedDump;
  ip_dump: IpDump;
  ip_container_proxy_add_del: IpContainerProxyAddDel;
  ip_container_proxy_dump: IpContainerProxyDump;
  ip_reassembly_set: IpReassemblySet;
  ip_reassembly_get: IpReassemblyGet;
  ip_reassembly_enable_disable: IpReassemblyEnableDisable;
  ip_path_mtu_update: IpPathMtuUpdate;
  ip_path_mtu_replace_begin: IpPathMtuReplaceBegin;
  ip_path_mtu_replace_end: IpPathMtuReplaceEnd;
  ip_table_allocate: IpTableAllocate;
  add_del_ip_punt_redirect_v2: AddDelIpPuntRedirectV2;
  ip_local_reass_enable_disable: IpLocalReassEnableDisable;
  ip_local_reass_get: IpLocalReassGet;
  set_ip_flow_hash_v3: SetIpFlowHashV3;
  ip_table_add_del_v2: IpTableAddDelV2;
}

export interface IpReplies {
  ip_path_mtu_get: IpPathMtuGetReply;
  ip_table_add_del: IpTableAddDelReply;
  ip_table_replace_begin: IpTableReplaceBeginReply;
  ip_table_replace_end: IpTableReplaceEndReply;
  ip_table_flush: IpTableFlushReply;
  ip_route_add_del: IpRouteAddDelReply;
  ip_route_add_del_v2: IpRouteAddDelV2Reply;
  ip_route_lookup: IpRouteLookupReply;
  ip_route_lookup_v2: IpRouteLookupV2Reply;
  set_ip_flow_hash: SetIpFlowHashReply;
  set_ip_flow_hash_v2: SetIpFlowHashV2Reply;
  set_ip_flow_hash_router_id: SetIpFlowHashRouterIdReply;
  sw_interface_ip6_enable_disable: SwInterfaceIp6EnableDisableReply;
  ip_container_proxy_add_del: IpContainerProxyAddDelReply;
  ip_reassembly_set: IpReassemblySetReply;
  ip_reassembly_get: IpReassemblyGetReply;
  ip_reassembly_enable_disable: IpReassemblyEnableDisableReply;
  ip_path_mtu_update: IpPathMtuUpdateReply;
  ip_path_mtu_replace_begin: IpPathMtuReplaceBeginReply;
  ip_path_mtu_replace_end: IpPathMtuReplaceEndReply;
  ip_table_allocate: IpTableAllocateReply;
  add_del_ip_punt_redirect_v2: AddDelIpPuntRedirectV2Reply;
  ip_local_reass_enable_disable: IpLocalReassEnableDisableReply;
  ip_local_reass_get: IpLocalReassGetReply;
  set_ip_flow_hash_v3: SetIpFlowHashV3Reply;
  ip_table_add_del_v2: IpTableAddDelV2Reply;
}

export interface IpDumps {
  ip_table_dump: IpTableDetails;
  ip_route_dump: IpRouteDetails;
  ip_route_v2_dump: IpRouteV2Details;
  ip_address_dump: IpAddressDetails;
  ip_unnumbered_dump: IpUnnumberedDetails;
  ip_dump: IpDetails;
  ip_container_proxy_dump: IpContainerProxyDetails;
}

export interface IpStreams {
  ip_path_mtu_get: IpPathMtuDetails;
}

export interface IpEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "ip",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["fib_mpls_label",["u8","is_uniform"],["u32","label"],["u8","ttl"],["u8","exp"]],
      ["fib_path",["u32","sw_if_index"],["u32","table_id"],["u32","rpf_id"],["u8","weight"],["u8","preference"],["vl_api_fib_path_type_t","type"],["vl_api_fib_path_flags_t","flags"],["vl_api_fib_path_nh_proto_t","proto"],["vl_api_fib_path_nh_t","nh"],["u8","n_labels"],["vl_api_fib_mpls_label_t","label_stack",16]],
      ["fib_path_nh",["vl_api_address_union_t","address"],["u32","via_label"],["u32","obj_id"],["u32","classify_table_index"]],
      ["ip_path_mtu",["u32","client_index"],["u32","context"],["u32","table_id"],["vl_api_address_t","nh"],["u16","path_mtu"]],
      ["ip_route",["u32","table_id"],["u32","stats_index"],["vl_api_prefix_t","prefix"],["u8","n_paths"],["vl_api_fib_path_t","paths",0,"n_paths"]],
      ["ip_route_v2",["u32","table_id"],["u32","stats_index"],["vl_api_prefix_t","prefix"],["u8","n_paths"],["u8","src"],["vl_api_fib_path_t","paths",0,"n_paths"]],
      ["ip_table",["u32","table_id"],["bool","is_ip6"],["string","name",64]],
      ["prefix",["vl_api_address_t","address"],["u8","len"]],
      ["punt_redirect_v2",["vl_api_interface_index_t","rx_sw_if_index",{"default":4294967295}],["vl_api_address_family_t","af"],["u32","n_paths"],["vl_api_fib_path_t","paths",0,"n_paths"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
      ["fib_path_flags",{"enumtype":"u32"}],
      ["fib_path_nh_proto",{"enumtype":"u32"}],
      ["fib_path_type",{"enumtype":"u32"}],
      ["ip_flow_hash_config",{"enumtype":"u32"}],
      ["ip_flow_hash_config_v2",{"enumtype":"u32"}],
      ["ip_reass_type",{"enumtype":"u32"}],
    ],
    aliases: {"address_with_prefix":{"type":"vl_api_prefix_t"},"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16}},
    messages: [
      ["ip_table_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["vl_api_ip_table_t","table"],{"crc":"0x0ffdaec0"}],
      ["ip_table_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_table_add_del_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_table_t","table"],["bool","create_mfib",{"default":"true"}],["bool","is_add",{"default":"true"}],{"crc":"0x14e5081f"}],
      ["ip_table_add_del_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_table_allocate",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_table_t","table"],{"crc":"0xb9d2e09e"}],
      ["ip_table_allocate_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_ip_table_t","table"],{"crc":"0x1728303a"}],
      ["ip_table_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_table_replace_begin",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_table_t","table"],{"crc":"0xb9d2e09e"}],
      ["ip_table_replace_begin_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_table_replace_end",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_table_t","table"],{"crc":"0xb9d2e09e"}],
      ["ip_table_replace_end_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_table_flush",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_table_t","table"],{"crc":"0xb9d2e09e"}],
      ["ip_table_flush_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_table_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_ip_table_t","table"],{"crc":"0xc79fca0f"}],
      ["ip_route_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["bool","is_multipath"],["vl_api_ip_route_t","route"],{"crc":"0xb8ecfe0d"}],
      ["ip_route_add_del_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["bool","is_multipath"],["vl_api_ip_route_v2_t","route"],{"crc":"0x521ef330"}],
      ["ip_route_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","stats_index"],{"crc":"0x1992deab"}],
      ["ip_route_add_del_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","stats_index"],{"crc":"0x1992deab"}],
      ["ip_route_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_table_t","table"],{"crc":"0xb9d2e09e"}],
      ["ip_route_v2_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u8","src"],["vl_api_ip_table_t","table"],{"crc":"0xd16f72e6"}],
      ["ip_route_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_ip_route_t","route"],{"crc":"0xbda8f315"}],
      ["ip_route_v2_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_ip_route_v2_t","route"],{"crc":"0xb09aa6c0"}],
      ["ip_route_lookup",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","table_id"],["u8","exact"],["vl_api_prefix_t","prefix"],{"crc":"0x710d6471"}],
      ["ip_route_lookup_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","table_id"],["u8","exact"],["vl_api_prefix_t","prefix"],{"crc":"0x710d6471"}],
      ["ip_route_lookup_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_ip_route_t","route"],{"crc":"0x5d8febcb"}],
      ["ip_route_lookup_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_ip_route_v2_t","route"],{"crc":"0x84cc9e03"}],
      ["set_ip_flow_hash",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","vrf_id"],["bool","is_ipv6"],["bool","src"],["bool","dst"],["bool","sport"],["bool","dport"],["bool","proto"],["bool","reverse"],["bool","symmetric"],{"crc":"0x084ee09e"}],
      ["set_ip_flow_hash_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["set_ip_flow_hash_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","table_id"],["vl_api_address_family_t","af"],["vl_api_ip_flow_hash_config_t","flow_hash_config"],{"crc":"0x6d132100"}],
      ["set_ip_flow_hash_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["set_ip_flow_hash_v3",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","table_id"],["vl_api_address_family_t","af"],["vl_api_ip_flow_hash_config_v2_t","flow_hash_config"],{"crc":"0xb7876e07"}],
      ["set_ip_flow_hash_v3_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["set_ip_flow_hash_router_id",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","router_id"],{"crc":"0x03e4f48e"}],
      ["set_ip_flow_hash_router_id_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["sw_interface_ip6_enable_disable",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","enable"],{"crc":"0xae6cfcfb"}],
      ["sw_interface_ip6_enable_disable_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_address_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_address_with_prefix_t","prefix"],{"crc":"0xee29b797"}],
      ["ip_address_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_ipv6"],{"crc":"0x2d033de4"}],
      ["ip_unnumbered_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_interface_index_t","ip_sw_if_index"],{"crc":"0xcc59bd42"}],
      ["ip_unnumbered_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0xf9e6675e"}],
      ["ip_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","is_ipv6"],{"crc":"0xeb152d07"}],
      ["ip_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_ipv6"],{"crc":"0x98d231ca"}],
      ["add_del_ip_punt_redirect_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["vl_api_punt_redirect_v2_t","punt"],{"crc":"0x9e804227"}],
      ["add_del_ip_punt_redirect_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_container_proxy_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_prefix_t","pfx"],["vl_api_interface_index_t","sw_if_index"],["bool","is_add",{"default":"true"}],{"crc":"0x7df1dff1"}],
      ["ip_container_proxy_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_container_proxy_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_container_proxy_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_prefix_t","prefix"],{"crc":"0xa8085523"}],
      ["ip_reassembly_set",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","timeout_ms"],["u32","max_reassemblies"],["u32","max_reassembly_length"],["u32","expire_walk_interval_ms"],["bool","is_ip6"],["vl_api_ip_reass_type_t","type"],{"crc":"0x16467d25"}],
      ["ip_reassembly_set_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_reassembly_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_ip6"],["vl_api_ip_reass_type_t","type"],{"crc":"0xea13ff63"}],
      ["ip_reassembly_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","timeout_ms"],["u32","max_reassemblies"],["u32","max_reassembly_length"],["u32","expire_walk_interval_ms"],["bool","is_ip6"],{"crc":"0xd5eb8d34"}],
      ["ip_reassembly_enable_disable",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","enable_ip4"],["bool","enable_ip6"],["vl_api_ip_reass_type_t","type"],{"crc":"0xeb77968d"}],
      ["ip_reassembly_enable_disable_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_local_reass_enable_disable",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","enable_ip4"],["bool","enable_ip6"],{"crc":"0x34e2ccc4"}],
      ["ip_local_reass_enable_disable_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_local_reass_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_local_reass_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["bool","ip4_is_enabled"],["bool","ip6_is_enabled"],{"crc":"0x3e93a702"}],
      ["ip_path_mtu_update",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip_path_mtu_t","pmtu"],{"crc":"0x10bbe5cb"}],
      ["ip_path_mtu_update_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_path_mtu_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","cursor"],{"crc":"0xf75ba505"}],
      ["ip_path_mtu_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","cursor"],{"crc":"0x53b48f5d"}],
      ["ip_path_mtu_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_ip_path_mtu_t","pmtu"],{"crc":"0xac9539a7"}],
      ["ip_path_mtu_replace_begin",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_path_mtu_replace_begin_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_path_mtu_replace_end",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_path_mtu_replace_end_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
    ],
    services: {"ip_path_mtu_get":{"reply":"ip_path_mtu_get_reply","stream":true,"stream_msg":"ip_path_mtu_details"},"ip_table_add_del":{"reply":"ip_table_add_del_reply"},"ip_table_dump":{"reply":"ip_table_details","stream":true},"ip_table_replace_begin":{"reply":"ip_table_replace_begin_reply"},"ip_table_replace_end":{"reply":"ip_table_replace_end_reply"},"ip_table_flush":{"reply":"ip_table_flush_reply"},"ip_route_add_del":{"reply":"ip_route_add_del_reply"},"ip_route_add_del_v2":{"reply":"ip_route_add_del_v2_reply"},"ip_route_dump":{"reply":"ip_route_details","stream":true},"ip_route_v2_dump":{"reply":"ip_route_v2_details","stream":true},"ip_route_lookup":{"reply":"ip_route_lookup_reply"},"ip_route_lookup_v2":{"reply":"ip_route_lookup_v2_reply"},"set_ip_flow_hash":{"reply":"set_ip_flow_hash_reply"},"set_ip_flow_hash_v2":{"reply":"set_ip_flow_hash_v2_reply"},"set_ip_flow_hash_router_id":{"reply":"set_ip_flow_hash_router_id_reply"},"sw_interface_ip6_enable_disable":{"reply":"sw_interface_ip6_enable_disable_reply"},"ip_address_dump":{"reply":"ip_address_details","stream":true},"ip_unnumbered_dump":{"reply":"ip_unnumbered_details","stream":true},"ip_dump":{"reply":"ip_details","stream":true},"ip_container_proxy_add_del":{"reply":"ip_container_proxy_add_del_reply"},"ip_container_proxy_dump":{"reply":"ip_container_proxy_details","stream":true},"ip_reassembly_set":{"reply":"ip_reassembly_set_reply"},"ip_reassembly_get":{"reply":"ip_reassembly_get_reply"},"ip_reassembly_enable_disable":{"reply":"ip_reassembly_enable_disable_reply"},"ip_path_mtu_update":{"reply":"ip_path_mtu_update_reply"},"ip_path_mtu_replace_begin":{"reply":"ip_path_mtu_replace_begin_reply"},"ip_path_mtu_replace_end":{"reply":"ip_path_mtu_replace_end_reply"},"ip_table_allocate":{"reply":"ip_table_allocate_reply"},"add_del_ip_punt_redirect_v2":{"reply":"add_del_ip_punt_redirect_v2_reply"},"ip_local_reass_enable_disable":{"reply":"ip_local_reass_enable_disable_reply"},"ip_local_reass_get":{"reply":"ip_local_reass_get_reply"},"set_ip_flow_hash_v3":{"reply":"set_ip_flow_hash_v3_reply"},"ip_table_add_del_v2":{"reply":"ip_table_add_del_v2_reply"}},
  },
];
