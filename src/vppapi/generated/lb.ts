// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { Address, ApiJson, Ip4Address, Ip6Address, Prefix } from "../codec/index.ts";
import type { LbVip, PrefixMatcher } from "./types.ts";

/** `lb_conf_56cd3261` */
export interface LbConf {
  ip4_src_address: Ip4Address;
  ip6_src_address: Ip6Address;
  sticky_buckets_per_core: number;
  flow_timeout: number;
}

/** `lb_conf_reply_e8d4e804` */
export interface LbConfReply {
  retval: number;
}

/** `lb_conf_get_51077d14` */
export interface LbConfGet {}

/** `lb_conf_get_reply_923427ac` */
export interface LbConfGetReply {
  retval: number;
  ip4_src_address: Ip4Address;
  ip6_src_address: Ip6Address;
  sticky_buckets_per_core: number;
  flow_timeout: number;
}

/** `lb_add_del_vip_6fa569c7` */
export interface LbAddDelVip {
  pfx: Prefix;
  protocol: number;
  port: number;
  encap: number;
  dscp: number;
  type: number;
  target_port: number;
  node_port: number;
  new_flows_table_length: number;
  is_del: boolean;
}

/** `lb_add_del_vip_reply_e8d4e804` */
export interface LbAddDelVipReply {
  retval: number;
}

/** `lb_add_del_vip_v2_7c520e0f` */
export interface LbAddDelVipV2 {
  pfx: Prefix;
  protocol: number;
  port: number;
  encap: number;
  dscp: number;
  type: number;
  target_port: number;
  node_port: number;
  new_flows_table_length: number;
  src_ip_sticky: boolean;
  is_del: boolean;
}

/** `lb_add_del_vip_v2_reply_e8d4e804` */
export interface LbAddDelVipV2Reply {
  retval: number;
}

/** `lb_add_del_as_35d72500` */
export interface LbAddDelAs {
  pfx: Prefix;
  protocol: number;
  port: number;
  as_address: Address;
  is_del: boolean;
  is_flush: boolean;
}

/** `lb_add_del_as_reply_e8d4e804` */
export interface LbAddDelAsReply {
  retval: number;
}

/** `lb_add_del_as_v2_2f1d3b0e` */
export interface LbAddDelAsV2 {
  pfx: Prefix;
  protocol: number;
  port: number;
  as_address: Address;
  weight: number;
  is_del: boolean;
  is_flush: boolean;
}

/** `lb_add_del_as_v2_reply_e8d4e804` */
export interface LbAddDelAsV2Reply {
  retval: number;
}

/** `lb_as_set_weight_2d89bdbd` */
export interface LbAsSetWeight {
  pfx: Prefix;
  protocol: number;
  port: number;
  as_address: Address;
  weight: number;
  is_flush: boolean;
}

/** `lb_as_set_weight_reply_e8d4e804` */
export interface LbAsSetWeightReply {
  retval: number;
}

/** `lb_flush_vip_1063f819` */
export interface LbFlushVip {
  pfx: Prefix;
  protocol: number;
  port: number;
}

/** `lb_flush_vip_reply_e8d4e804` */
export interface LbFlushVipReply {
  retval: number;
}

/** `lb_vip_dump_56110cb7` */
export interface LbVipDump {
  pfx: Prefix;
  pfx_matcher: PrefixMatcher;
  protocol: number;
  port: number;
}

/** `lb_vip_details_1329ec9b` */
export interface LbVipDetails {
  vip: LbVip;
  encap: number;
  dscp: number;
  srv_type: number;
  target_port: number;
  flow_table_length: number;
}

/** `lb_as_dump_1063f819` */
export interface LbAsDump {
  pfx: Prefix;
  protocol: number;
  port: number;
}

/** `lb_as_details_8d24c29e` */
export interface LbAsDetails {
  vip: LbVip;
  app_srv: Address;
  flags: number;
  in_use_since: number;
}

/** `lb_as_v2_dump_1063f819` */
export interface LbAsV2Dump {
  pfx: Prefix;
  protocol: number;
  port: number;
}

/** `lb_as_v2_details_90064aae` */
export interface LbAsV2Details {
  vip: LbVip;
  app_srv: Address;
  flags: number;
  in_use_since: number;
  weight: number;
  num_buckets: number;
}

/** `lb_add_del_intf_nat4_47d6e753` */
export interface LbAddDelIntfNat4 {
  is_add: boolean;
  sw_if_index: number;
}

/** `lb_add_del_intf_nat4_reply_e8d4e804` */
export interface LbAddDelIntfNat4Reply {
  retval: number;
}

/** `lb_add_del_intf_nat6_47d6e753` */
export interface LbAddDelIntfNat6 {
  is_add: boolean;
  sw_if_index: number;
}

/** `lb_add_del_intf_nat6_reply_e8d4e804` */
export interface LbAddDelIntfNat6Reply {
  retval: number;
}

export interface LbRequests {
  lb_conf: LbConf;
  lb_add_del_vip: LbAddDelVip;
  lb_add_del_as: LbAddDelAs;
  lb_flush_vip: LbFlushVip;
  lb_vip_dump: LbVipDump;
  lb_as_dump: LbAsDump;
  lb_add_del_intf_nat4: LbAddDelIntfNat4;
  lb_add_del_intf_nat6: LbAddDelIntfNat6;
  lb_add_del_vip_v2: LbAddDelVipV2;
  lb_conf_get: LbConfGet;
  lb_add_del_as_v2: LbAddDelAsV2;
  lb_as_set_weight: LbAsSetWeight;
  lb_as_v2_dump: LbAsV2Dump;
}

export interface LbReplies {
  lb_conf: LbConfReply;
  lb_add_del_vip: LbAddDelVipReply;
  lb_add_del_as: LbAddDelAsReply;
  lb_flush_vip: LbFlushVipReply;
  lb_add_del_intf_nat4: LbAddDelIntfNat4Reply;
  lb_add_del_intf_nat6: LbAddDelIntfNat6Reply;
  lb_add_del_vip_v2: LbAddDelVipV2Reply;
  lb_conf_get: LbConfGetReply;
  lb_add_del_as_v2: LbAddDelAsV2Reply;
  lb_as_set_weight: LbAsSetWeightReply;
}

export interface LbDumps {
  lb_vip_dump: LbVipDetails;
  lb_as_dump: LbAsDetails;
  lb_as_v2_dump: LbAsV2Details;
}

export interface LbStreams {}

export interface LbEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "lb",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["lb_vip",["vl_api_address_with_prefix_t","pfx"],["vl_api_ip_proto_t","protocol"],["u16","port"]],
      ["prefix",["vl_api_address_t","address"],["u8","len"]],
      ["prefix_matcher",["u8","le"],["u8","ge"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
      ["ip_dscp",{"enumtype":"u8"}],
      ["ip_proto",{"enumtype":"u8"}],
      ["lb_encap_type",{"enumtype":"u32"}],
      ["lb_srv_type",{"enumtype":"u32"}],
    ],
    aliases: {"address_with_prefix":{"type":"vl_api_prefix_t"},"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16}},
    messages: [
      ["lb_conf",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_ip4_address_t","ip4_src_address"],["vl_api_ip6_address_t","ip6_src_address"],["u32","sticky_buckets_per_core",{"default":4294967295}],["u32","flow_timeout",{"default":4294967295}],{"crc":"0x56cd3261"}],
      ["lb_conf_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_conf_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["lb_conf_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_ip4_address_t","ip4_src_address"],["vl_api_ip6_address_t","ip6_src_address"],["u32","sticky_buckets_per_core"],["u32","flow_timeout"],{"crc":"0x923427ac"}],
      ["lb_add_del_vip",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol",{"default":255}],["u16","port"],["vl_api_lb_encap_type_t","encap"],["u8","dscp"],["vl_api_lb_srv_type_t","type"],["u16","target_port"],["u16","node_port"],["u32","new_flows_table_length",{"default":1024}],["bool","is_del"],{"crc":"0x6fa569c7"}],
      ["lb_add_del_vip_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_add_del_vip_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol",{"default":255}],["u16","port"],["vl_api_lb_encap_type_t","encap"],["u8","dscp"],["vl_api_lb_srv_type_t","type"],["u16","target_port"],["u16","node_port"],["u32","new_flows_table_length",{"default":1024}],["bool","src_ip_sticky"],["bool","is_del"],{"crc":"0x7c520e0f"}],
      ["lb_add_del_vip_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_add_del_as",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol",{"default":255}],["u16","port"],["vl_api_address_t","as_address"],["bool","is_del"],["bool","is_flush"],{"crc":"0x35d72500"}],
      ["lb_add_del_as_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_add_del_as_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol",{"default":255}],["u16","port"],["vl_api_address_t","as_address"],["u8","weight",{"default":100}],["bool","is_del"],["bool","is_flush"],{"crc":"0x2f1d3b0e"}],
      ["lb_add_del_as_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_as_set_weight",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol",{"default":255}],["u16","port"],["vl_api_address_t","as_address"],["u8","weight"],["bool","is_flush"],{"crc":"0x2d89bdbd"}],
      ["lb_as_set_weight_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_flush_vip",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol"],["u16","port"],{"crc":"0x1063f819"}],
      ["lb_flush_vip_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_vip_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["vl_api_prefix_matcher_t","pfx_matcher"],["u8","protocol",{"default":255}],["u16","port"],{"crc":"0x56110cb7"}],
      ["lb_vip_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_lb_vip_t","vip"],["vl_api_lb_encap_type_t","encap"],["vl_api_ip_dscp_t","dscp"],["vl_api_lb_srv_type_t","srv_type"],["u16","target_port"],["u16","flow_table_length"],{"crc":"0x1329ec9b"}],
      ["lb_as_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol"],["u16","port"],{"crc":"0x1063f819"}],
      ["lb_as_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_lb_vip_t","vip"],["vl_api_address_t","app_srv"],["u8","flags"],["u32","in_use_since"],{"crc":"0x8d24c29e"}],
      ["lb_as_v2_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_with_prefix_t","pfx"],["u8","protocol"],["u16","port"],{"crc":"0x1063f819"}],
      ["lb_as_v2_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_lb_vip_t","vip"],["vl_api_address_t","app_srv"],["u8","flags"],["u32","in_use_since"],["u8","weight"],["u32","num_buckets"],{"crc":"0x90064aae"}],
      ["lb_add_del_intf_nat4",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x47d6e753"}],
      ["lb_add_del_intf_nat4_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["lb_add_del_intf_nat6",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x47d6e753"}],
      ["lb_add_del_intf_nat6_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
    ],
    services: {"lb_conf":{"reply":"lb_conf_reply"},"lb_add_del_vip":{"reply":"lb_add_del_vip_reply"},"lb_add_del_as":{"reply":"lb_add_del_as_reply"},"lb_flush_vip":{"reply":"lb_flush_vip_reply"},"lb_vip_dump":{"reply":"lb_vip_details","stream":true},"lb_as_dump":{"reply":"lb_as_details","stream":true},"lb_add_del_intf_nat4":{"reply":"lb_add_del_intf_nat4_reply"},"lb_add_del_intf_nat6":{"reply":"lb_add_del_intf_nat6_reply"},"lb_add_del_vip_v2":{"reply":"lb_add_del_vip_v2_reply"},"lb_conf_get":{"reply":"lb_conf_get_reply"},"lb_add_del_as_v2":{"reply":"lb_add_del_as_v2_reply"},"lb_as_set_weight":{"reply":"lb_as_set_weight_reply"},"lb_as_v2_dump":{"reply":"lb_as_v2_details","stream":true}},
  },
];
