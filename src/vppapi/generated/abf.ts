// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";
import type { AbfItfAttach, AbfPolicy } from "./types.ts";

/** `abf_plugin_get_version_51077d14` */
export interface AbfPluginGetVersion {}

/** `abf_plugin_get_version_reply_9b32cf86` */
export interface AbfPluginGetVersionReply {
  major: number;
  minor: number;
}

/** `abf_policy_add_del_c6131197` */
export interface AbfPolicyAddDel {
  is_add: boolean;
  policy: AbfPolicy;
}

/** `abf_policy_add_del_reply_e8d4e804` */
export interface AbfPolicyAddDelReply {
  retval: number;
}

/** `abf_policy_details_b7487fa4` */
export interface AbfPolicyDetails {
  policy: AbfPolicy;
}

/** `abf_policy_dump_51077d14` */
export interface AbfPolicyDump {}

/** `abf_itf_attach_add_del_25c8621b` */
export interface AbfItfAttachAddDel {
  is_add: boolean;
  attach: AbfItfAttach;
}

/** `abf_itf_attach_add_del_reply_e8d4e804` */
export interface AbfItfAttachAddDelReply {
  retval: number;
}

/** `abf_itf_attach_details_7819523e` */
export interface AbfItfAttachDetails {
  attach: AbfItfAttach;
}

/** `abf_itf_attach_dump_51077d14` */
export interface AbfItfAttachDump {}

export interface AbfRequests {
  abf_plugin_get_version: AbfPluginGetVersion;
  abf_policy_add_del: AbfPolicyAddDel;
  abf_policy_dump: AbfPolicyDump;
  abf_itf_attach_add_del: AbfItfAttachAddDel;
  abf_itf_attach_dump: AbfItfAttachDump;
}

export interface AbfReplies {
  abf_plugin_get_version: AbfPluginGetVersionReply;
  abf_policy_add_del: AbfPolicyAddDelReply;
  abf_itf_attach_add_del: AbfItfAttachAddDelReply;
}

export interface AbfDumps {
  abf_policy_dump: AbfPolicyDetails;
  abf_itf_attach_dump: AbfItfAttachDetails;
}

export interface AbfStreams {}

export interface AbfEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "abf",
    types: [
      ["abf_itf_attach",["u32","policy_id"],["vl_api_interface_index_t","sw_if_index"],["u32","priority"],["bool","is_ipv6"]],
      ["abf_policy",["u32","policy_id"],["u32","acl_index"],["u8","n_paths"],["vl_api_fib_path_t","paths",0,"n_paths"]],
      ["fib_mpls_label",["u8","is_uniform"],["u32","label"],["u8","ttl"],["u8","exp"]],
      ["fib_path",["u32","sw_if_index"],["u32","table_id"],["u32","rpf_id"],["u8","weight"],["u8","preference"],["vl_api_fib_path_type_t","type"],["vl_api_fib_path_flags_t","flags"],["vl_api_fib_path_nh_proto_t","proto"],["vl_api_fib_path_nh_t","nh"],["u8","n_labels"],["vl_api_fib_mpls_label_t","label_stack",16]],
      ["fib_path_nh",["vl_api_address_union_t","address"],["u32","via_label"],["u32","obj_id"],["u32","classify_table_index"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["fib_path_flags",{"enumtype":"u32"}],
      ["fib_path_nh_proto",{"enumtype":"u32"}],
      ["fib_path_type",{"enumtype":"u32"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16}},
    messages: [
      ["abf_plugin_get_version",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["abf_plugin_get_version_reply",["u16","_vl_msg_id"],["u32","context"],["u32","major"],["u32","minor"],{"crc":"0x9b32cf86"}],
      ["abf_policy_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_abf_policy_t","policy"],{"crc":"0xc6131197"}],
      ["abf_policy_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["abf_policy_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_abf_policy_t","policy"],{"crc":"0xb7487fa4"}],
      ["abf_policy_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["abf_itf_attach_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_abf_itf_attach_t","attach"],{"crc":"0x25c8621b"}],
      ["abf_itf_attach_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["abf_itf_attach_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_abf_itf_attach_t","attach"],{"crc":"0x7819523e"}],
      ["abf_itf_attach_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
    ],
    services: {"abf_plugin_get_version":{"reply":"abf_plugin_get_version_reply"},"abf_policy_add_del":{"reply":"abf_policy_add_del_reply"},"abf_policy_dump":{"reply":"abf_policy_details","stream":true},"abf_itf_attach_add_del":{"reply":"abf_itf_attach_add_del_reply"},"abf_itf_attach_dump":{"reply":"abf_itf_attach_details","stream":true}},
  },
];
