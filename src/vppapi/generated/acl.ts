// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";
import type { AclRule, MacipAclRule } from "./types.ts";

/** `acl_plugin_get_version_51077d14` */
export interface AclPluginGetVersion {}

/** `acl_plugin_get_version_reply_9b32cf86` */
export interface AclPluginGetVersionReply {
  major: number;
  minor: number;
}

/** `acl_plugin_control_ping_51077d14` */
export interface AclPluginControlPing {}

/** `acl_plugin_control_ping_reply_f6b0b8ca` */
export interface AclPluginControlPingReply {
  retval: number;
  client_index: number;
  vpe_pid: number;
}

/** `acl_plugin_get_conn_table_max_entries_51077d14` */
export interface AclPluginGetConnTableMaxEntries {}

/** `acl_plugin_get_conn_table_max_entries_reply_7a096d3d` */
export interface AclPluginGetConnTableMaxEntriesReply {
  conn_table_max_entries: bigint;
}

/** `acl_add_replace_ee5c2f18` */
export interface AclAddReplace {
  acl_index: number;
  tag: string;
  count: number;
  r: AclRule[];
}

/** `acl_add_replace_reply_ac407b0c` */
export interface AclAddReplaceReply {
  acl_index: number;
  retval: number;
}

/** `acl_del_ef34fea4` */
export interface AclDel {
  acl_index: number;
}

/** `acl_del_reply_e8d4e804` */
export interface AclDelReply {
  retval: number;
}

/** `acl_interface_add_del_4b54bebd` */
export interface AclInterfaceAddDel {
  is_add: boolean;
  is_input: boolean;
  sw_if_index: number;
  acl_index: number;
}

/** `acl_interface_add_del_reply_e8d4e804` */
export interface AclInterfaceAddDelReply {
  retval: number;
}

/** `acl_interface_set_acl_list_473982bd` */
export interface AclInterfaceSetAclList {
  sw_if_index: number;
  count: number;
  n_input: number;
  acls: number[];
}

/** `acl_interface_set_acl_list_reply_e8d4e804` */
export interface AclInterfaceSetAclListReply {
  retval: number;
}

/** `acl_dump_ef34fea4` */
export interface AclDump {
  acl_index: number;
}

/** `acl_details_95babae0` */
export interface AclDetails {
  acl_index: number;
  tag: string;
  count: number;
  r: AclRule[];
}

/** `acl_interface_list_dump_f9e6675e` */
export interface AclInterfaceListDump {
  sw_if_index: number;
}

/** `acl_interface_list_details_e695d256` */
export interface AclInterfaceListDetails {
  sw_if_index: number;
  count: number;
  n_input: number;
  acls: number[];
}

/** `macip_acl_add_ce6fbad0` */
export interface MacipAclAdd {
  tag: string;
  count: number;
  r: MacipAclRule[];
}

/** `macip_acl_add_reply_ac407b0c` */
export interface MacipAclAddReply {
  acl_index: number;
  retval: number;
}

/** `macip_acl_add_replace_2a461dd4` */
export interface MacipAclAddReplace {
  acl_index: number;
  tag: string;
  count: number;
  r: MacipAclRule[];
}

/** `macip_acl_add_replace_reply_ac407b0c` */
export interface MacipAclAddReplaceReply {
  acl_index: number;
  retval: number;
}

/** `macip_acl_del_ef34fea4` */
export interface MacipAclDel {
  acl_index: number;
}

/** `macip_acl_del_reply_e8d4e804` */
export interface MacipAclDelReply {
  retval: number;
}

/** `macip_acl_interface_add_del_4b8690b1` */
export interface MacipAclInterfaceAddDel {
  is_add: boolean;
  sw_if_index: number;
  acl_index: number;
}

/** `macip_acl_interface_add_del_reply_e8d4e804` */
export interface MacipAclInterfaceAddDelReply {
  retval: number;
}

/** `macip_acl_dump_ef34fea4` */
export interface MacipAclDump {
  acl_index: number;
}

/** `macip_acl_details_27135b59` */
export interface MacipAclDetails {
  acl_index: number;
  tag: string;
  count: number;
  r: MacipAclRule[];
}

/** `macip_acl_interface_get_51077d14` */
export interface MacipAclInterfaceGet {}

/** `macip_acl_interface_get_reply_accf9b05` */
export interface MacipAclInterfaceGetReply {
  count: number;
  acls: number[];
}

/** `macip_acl_interface_list_dump_f9e6675e` */
export interface MacipAclInterfaceListDump {
  sw_if_index: number;
}

/** `macip_acl_interface_list_details_a0c5d56d` */
export interface MacipAclInterfaceListDetails {
  sw_if_index: number;
  count: number;
  acls: number[];
}

/** `acl_interface_set_etype_whitelist_3f5c2d2d` */
export interface AclInterfaceSetEtypeWhitelist {
  sw_if_index: number;
  count: number;
  n_input: number;
  whitelist: number[];
}

/** `acl_interface_set_etype_whitelist_reply_e8d4e804` */
export interface AclInterfaceSetEtypeWhitelistReply {
  retval: number;
}

/** `acl_interface_etype_whitelist_dump_f9e6675e` */
export interface AclInterfaceEtypeWhitelistDump {
  sw_if_index: number;
}

/** `acl_interface_etype_whitelist_details_cc2bfded` */
export interface AclInterfaceEtypeWhitelistDetails {
  sw_if_index: number;
  count: number;
  n_input: number;
  whitelist: number[];
}

/** `acl_stats_intf_counters_enable_b3e225d2` */
export interface AclStatsIntfCountersEnable {
  enable: boolean;
}

/** `acl_stats_intf_counters_enable_reply_e8d4e804` */
export interface AclStatsIntfCountersEnableReply {
  retval: number;
}

/** `acl_plugin_use_hash_lookup_set_b3e225d2` */
export interface AclPluginUseHashLookupSet {
  enable: boolean;
}

/** `acl_plugin_use_hash_lookup_set_reply_e8d4e804` */
export interface AclPluginUseHashLookupSetReply {
  retval: number;
}

/** `acl_plugin_use_hash_lookup_get_51077d14` */
export interface AclPluginUseHashLookupGet {}

/** `acl_plugin_use_hash_lookup_get_reply_5392ad31` */
export interface AclPluginUseHashLookupGetReply {
  enable: boolean;
}

export interface AclRequests {
  acl_plugin_get_version: AclPluginGetVersion;
  acl_plugin_control_ping: AclPluginControlPing;
  acl_plugin_get_conn_table_max_entries: AclPluginGetConnTableMaxEntries;
  acl_add_replace: AclAddReplace;
  acl_del: AclDel;
  acl_interface_add_del: AclInterfaceAddDel;
  acl_interface_set_acl_list: AclInterfaceSetAclList;
  acl_dump: AclDump;
  acl_interface_list_dump: AclInterfaceListDump;
  macip_acl_add: MacipAclAdd;
  macip_acl_add_replace: MacipAclAddReplace;
  macip_acl_del: MacipAclDel;
  macip_acl_interface_add_del: MacipAclInterfaceAddDel;
  macip_acl_dump: MacipAclDump;
  macip_acl_interface_get: MacipAclInterfaceGet;
  macip_acl_interface_list_dump: MacipAclInterfaceListDump;
  acl_interface_set_etype_whitelist: AclInterfaceSetEtypeWhitelist;
  acl_interface_etype_whitelist_dump: AclInterfaceEtypeWhitelistDump;
  acl_stats_intf_counters_enable: AclStatsIntfCountersEnable;
  acl_plugin_use_hash_lookup_set: AclPluginUseHashLookupSet;
  acl_plugin_use_hash_lookup_get: AclPluginUseHashLookupGet;
}

export interface AclReplies {
  acl_plugin_get_version: AclPluginGetVersionReply;
  acl_plugin_control_ping: AclPluginControlPingReply;
  acl_plugin_get_conn_table_max_entries: AclPluginGetConnTableMaxEntriesReply;
  acl_add_replace: AclAddReplaceReply;
  acl_del: AclDelReply;
  acl_interface_add_del: AclInterfaceAddDelReply;
  acl_interface_set_acl_list: AclInterfaceSetAclListReply;
  macip_acl_add: MacipAclAddReply;
  macip_acl_add_replace: MacipAclAddReplaceReply;
  macip_acl_del: MacipAclDelReply;
  macip_acl_interface_add_del: MacipAclInterfaceAddDelReply;
  macip_acl_interface_get: MacipAclInterfaceGetReply;
  acl_interface_set_etype_whitelist: AclInterfaceSetEtypeWhitelistReply;
  acl_stats_intf_counters_enable: AclStatsIntfCountersEnableReply;
  acl_plugin_use_hash_lookup_set: AclPluginUseHashLookupSetReply;
  acl_plugin_use_hash_lookup_get: AclPluginUseHashLookupGetReply;
}

export interface AclDumps {
  acl_dump: AclDetails;
  acl_interface_list_dump: AclInterfaceListDetails;
  macip_acl_dump: MacipAclDetails;
  macip_acl_interface_list_dump: MacipAclInterfaceListDetails;
  acl_interface_etype_whitelist_dump: AclInterfaceEtypeWhitelistDetails;
}

export interface AclStreams {}

export interface AclEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "acl",
    types: [
      ["acl_rule",["vl_api_acl_action_t","is_permit"],["vl_api_prefix_t","src_prefix"],["vl_api_prefix_t","dst_prefix"],["vl_api_ip_proto_t","proto"],["u16","srcport_or_icmptype_first"],["u16","srcport_or_icmptype_last"],["u16","dstport_or_icmpcode_first"],["u16","dstport_or_icmpcode_last"],["u8","tcp_flags_mask"],["u8","tcp_flags_value"]],
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["macip_acl_rule",["vl_api_acl_action_t","is_permit"],["vl_api_mac_address_t","src_mac"],["vl_api_mac_address_t","src_mac_mask"],["vl_api_prefix_t","src_prefix"]],
      ["prefix",["vl_api_address_t","address"],["u8","len"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["acl_action",{"enumtype":"u8"}],
      ["address_family",{"enumtype":"u8"}],
      ["ip_proto",{"enumtype":"u8"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["acl_plugin_get_version",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["acl_plugin_get_version_reply",["u16","_vl_msg_id"],["u32","context"],["u32","major"],["u32","minor"],{"crc":"0x9b32cf86"}],
      ["acl_plugin_control_ping",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["acl_plugin_control_ping_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","client_index"],["u32","vpe_pid"],{"crc":"0xf6b0b8ca"}],
      ["acl_plugin_get_conn_table_max_entries",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["acl_plugin_get_conn_table_max_entries_reply",["u16","_vl_msg_id"],["u32","context"],["u64","conn_table_max_entries"],{"crc":"0x7a096d3d"}],
      ["acl_add_replace",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","acl_index"],["string","tag",64],["u32","count"],["vl_api_acl_rule_t","r",0,"count"],{"crc":"0xee5c2f18"}],
      ["acl_add_replace_reply",["u16","_vl_msg_id"],["u32","context"],["u32","acl_index"],["i32","retval"],{"crc":"0xac407b0c"}],
      ["acl_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","acl_index"],{"crc":"0xef34fea4"}],
      ["acl_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["acl_interface_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["bool","is_input"],["vl_api_interface_index_t","sw_if_index"],["u32","acl_index"],{"crc":"0x4b54bebd"}],
      ["acl_interface_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["acl_interface_set_acl_list",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u8","count"],["u8","n_input"],["u32","acls",0,"count"],{"crc":"0x473982bd"}],
      ["acl_interface_set_acl_list_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["acl_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","acl_index"],{"crc":"0xef34fea4"}],
      ["acl_details",["u16","_vl_msg_id"],["u32","context"],["u32","acl_index"],["string","tag",64],["u32","count"],["vl_api_acl_rule_t","r",0,"count"],{"crc":"0x95babae0"}],
      ["acl_interface_list_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0xf9e6675e"}],
      ["acl_interface_list_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u8","count"],["u8","n_input"],["u32","acls",0,"count"],{"crc":"0xe695d256"}],
      ["macip_acl_add",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","tag",64],["u32","count"],["vl_api_macip_acl_rule_t","r",0,"count"],{"crc":"0xce6fbad0"}],
      ["macip_acl_add_reply",["u16","_vl_msg_id"],["u32","context"],["u32","acl_index"],["i32","retval"],{"crc":"0xac407b0c"}],
      ["macip_acl_add_replace",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","acl_index",{"default":4294967295}],["string","tag",64],["u32","count"],["vl_api_macip_acl_rule_t","r",0,"count"],{"crc":"0x2a461dd4"}],
      ["macip_acl_add_replace_reply",["u16","_vl_msg_id"],["u32","context"],["u32","acl_index"],["i32","retval"],{"crc":"0xac407b0c"}],
      ["macip_acl_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","acl_index"],{"crc":"0xef34fea4"}],
      ["macip_acl_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["macip_acl_interface_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add",{"default":"true"}],["vl_api_interface_index_t","sw_if_index"],["u32","acl_index"],{"crc":"0x4b8690b1"}],
      ["macip_acl_interface_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["macip_acl_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","acl_index",{"default":4294967295}],{"crc":"0xef34fea4"}],
      ["macip_acl_details",["u16","_vl_msg_id"],["u32","context"],["u32","acl_index"],["string","tag",64],["u32","count"],["vl_api_macip_acl_rule_t","r",0,"count"],{"crc":"0x27135b59"}],
      ["macip_acl_interface_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["macip_acl_interface_get_reply",["u16","_vl_msg_id"],["u32","context"],["u32","count"],["u32","acls",0,"count"],{"crc":"0xaccf9b05"}],
      ["macip_acl_interface_list_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["macip_acl_interface_list_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u8","count"],["u32","acls",0,"count"],{"crc":"0xa0c5d56d"}],
      ["acl_interface_set_etype_whitelist",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u8","count"],["u8","n_input"],["u16","whitelist",0,"count"],{"crc":"0x3f5c2d2d"}],
      ["acl_interface_set_etype_whitelist_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["acl_interface_etype_whitelist_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["acl_interface_etype_whitelist_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["u8","count"],["u8","n_input"],["u16","whitelist",0,"count"],{"crc":"0xcc2bfded"}],
      ["acl_stats_intf_counters_enable",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","enable"],{"crc":"0xb3e225d2"}],
      ["acl_stats_intf_counters_enable_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["acl_plugin_use_hash_lookup_set",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","enable"],{"crc":"0xb3e225d2"}],
      ["acl_plugin_use_hash_lookup_set_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["acl_plugin_use_hash_lookup_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["acl_plugin_use_hash_lookup_get_reply",["u16","_vl_msg_id"],["u32","context"],["bool","enable"],{"crc":"0x5392ad31"}],
    ],
    services: {"acl_plugin_get_version":{"reply":"acl_plugin_get_version_reply"},"acl_plugin_control_ping":{"reply":"acl_plugin_control_ping_reply"},"acl_plugin_get_conn_table_max_entries":{"reply":"acl_plugin_get_conn_table_max_entries_reply"},"acl_add_replace":{"reply":"acl_add_replace_reply"},"acl_del":{"reply":"acl_del_reply"},"acl_interface_add_del":{"reply":"acl_interface_add_del_reply"},"acl_interface_set_acl_list":{"reply":"acl_interface_set_acl_list_reply"},"acl_dump":{"reply":"acl_details","stream":true},"acl_interface_list_dump":{"reply":"acl_interface_list_details","stream":true},"macip_acl_add":{"reply":"macip_acl_add_reply"},"macip_acl_add_replace":{"reply":"macip_acl_add_replace_reply"},"macip_acl_del":{"reply":"macip_acl_del_reply"},"macip_acl_interface_add_del":{"reply":"macip_acl_interface_add_del_reply"},"macip_acl_dump":{"reply":"macip_acl_details","stream":true},"macip_acl_interface_get":{"reply":"macip_acl_interface_get_reply"},"macip_acl_interface_list_dump":{"reply":"macip_acl_interface_list_details","stream":true},"acl_interface_set_etype_whitelist":{"reply":"acl_interface_set_etype_whitelist_reply"},"acl_interface_etype_whitelist_dump":{"reply":"acl_interface_etype_whitelist_details","stream":true},"acl_stats_intf_counters_enable":{"reply":"acl_stats_intf_counters_enable_reply"},"acl_plugin_use_hash_lookup_set":{"reply":"acl_plugin_use_hash_lookup_set_reply"},"acl_plugin_use_hash_lookup_get":{"reply":"acl_plugin_use_hash_lookup_get_reply"}},
  },
];
