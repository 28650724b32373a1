// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";
import type { GreTunnel, GreTunnelV2 } from "./types.ts";

/** `gre_tunnel_add_del_a27d7f17` */
export interface GreTunnelAddDel {
  is_add: boolean;
  tunnel: GreTunnel;
}

/** `gre_tunnel_add_del_reply_5383d31f` */
export interface GreTunnelAddDelReply {
  retval: number;
  sw_if_index: number;
}

/** `gre_tunnel_add_del_v2_7d9576de` */
export interface GreTunnelAddDelV2 {
  is_add: boolean;
  tunnel: GreTunnelV2;
}

/** `gre_tunnel_add_del_v2_reply_5383d31f` */
export interface GreTunnelAddDelV2Reply {
  retval: number;
  sw_if_index: number;
}

/** `gre_tunnel_dump_f9e6675e` */
export interface GreTunnelDump {
  sw_if_index: number;
}

/** `gre_tunnel_dump_reply_e8d4e804` */
export interface GreTunnelDumpReply {
  retval: number;
}

/** `gre_tunnel_dump_v2_f9e6675e` */
export interface GreTunnelDumpV2 {
  sw_if_index: number;
}

/** `gre_tunnel_dump_v2_reply_e8d4e804` */
export interface GreTunnelDumpV2Reply {
  retval: number;
}

/** `gre_tunnel_details_24435433` */
export interface GreTunnelDetails {
  tunnel: GreTunnel;
}

/** `gre_tunnel_details_v2_65521177` */
export interface GreTunnelDetailsV2 {
  tunnel: GreTunnelV2;
}

/** `gre_tunnel_v2_dump_f9e6675e` */
export interface GreTunnelV2Dump {
  sw_if_index: number;
}

/** `gre_tunnel_v2_dump_reply_e8d4e804` */
export interface GreTunnelV2DumpReply {
  retval: number;
}

/** `gre_tunnel_v2_details_65521177` */
export interface GreTunnelV2Details {
  tunnel: GreTunnelV2;
}

export interface GreRequests {
  gre_tunnel_add_del: GreTunnelAddDel;
  gre_tunnel_dump: GreTunnelDump;
  gre_tunnel_dump_v2: GreTunnelDumpV2;
  gre_tunnel_add_del_v2: GreTunnelAddDelV2;
  gre_tunnel_v2_dump: GreTunnelV2Dump;
}

export interface GreReplies {
  gre_tunnel_add_del: GreTunnelAddDelReply;
  gre_tunnel_dump_v2: GreTunnelDumpV2Reply;
  gre_tunnel_add_del_v2: GreTunnelAddDelV2Reply;
}

export interface GreDumps {
  gre_tunnel_dump: GreTunnelDetails;
  gre_tunnel_v2_dump: GreTunnelV2Details;
}

export interface GreStreams {}

export interface GreEvents {
  gre_tunnel_details_v2: GreTunnelDetailsV2;
}

export const schemas: readonly ApiJson[] = [
  {
    module: "gre",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["gre_tunnel",["vl_api_gre_tunnel_type_t","type"],["vl_api_tunnel_mode_t","mode"],["vl_api_tunnel_encap_decap_flags_t","flags"],["u16","session_id"],["u32","instance"],["u32","outer_table_id"],["vl_api_interface_index_t","sw_if_index"],["vl_api_address_t","src"],["vl_api_address_t","dst"]],
      ["gre_tunnel_v2",["vl_api_gre_tunnel_type_t","type"],["vl_api_tunnel_mode_t","mode"],["vl_api_tunnel_encap_decap_flags_t","flags"],["u16","session_id"],["u32","instance"],["u32","outer_table_id"],["vl_api_interface_index_t","sw_if_index"],["vl_api_address_t","src"],["vl_api_address_t","dst"],["u32","key"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
      ["gre_tunnel_type",{"enumtype":"u8"}],
      ["tunnel_encap_decap_flags",{"enumtype":"u8"}],
      ["tunnel_mode",{"enumtype":"u8"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16}},
    messages: [
      ["gre_tunnel_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_gre_tunnel_t","tunnel"],{"crc":"0xa27d7f17"}],
      ["gre_tunnel_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["gre_tunnel_add_del_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_gre_tunnel_v2_t","tunnel"],{"crc":"0x7d9576de"}],
      ["gre_tunnel_add_del_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["gre_tunnel_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["gre_tunnel_dump_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["gre_tunnel_dump_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["gre_tunnel_dump_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["gre_tunnel_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_gre_tunnel_t","tunnel"],{"crc":"0x24435433"}],
      ["gre_tunnel_details_v2",["u16","_vl_msg_id"],["u32","context"],["vl_api_gre_tunnel_v2_t","tunnel"],{"crc":"0x65521177"}],
      ["gre_tunnel_v2_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["gre_tunnel_v2_dump_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["gre_tunnel_v2_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_gre_tunnel_v2_t","tunnel"],{"crc":"0x65521177"}],
    ],
    services: {"gre_tunnel_add_del":{"reply":"gre_tunnel_add_del_reply"},"gre_tunnel_dump":{"reply":"gre_tunnel_details","stream":true},"gre_tunnel_dump_v2":{"reply":"gre_tunnel_dump_v2_reply","events":["gre_tunnel_details_v2"]},"gre_tunnel_add_del_v2":{"reply":"gre_tunnel_add_del_v2_reply"},"gre_tunnel_v2_dump":{"reply":"gre_tunnel_v2_details","stream":true}},
  },
];
