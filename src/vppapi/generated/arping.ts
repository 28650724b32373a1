// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { Address, ApiJson, MacAddress } from "../codec/index.ts";

/** `arping_48817482` */
export interface Arping {
  address: Address;
  sw_if_index: number;
  is_garp: boolean;
  repeat: number;
  interval: number;
}

/** `arping_reply_bb9d1cbd` */
export interface ArpingReply {
  retval: number;
  reply_count: number;
}

/** `arping_acd_48817482` */
export interface ArpingAcd {
  address: Address;
  sw_if_index: number;
  is_garp: boolean;
  repeat: number;
  interval: number;
}

/** `arping_acd_reply_e08c3b05` */
export interface ArpingAcdReply {
  retval: number;
  reply_count: number;
  mac_address: MacAddress;
}

export interface ArpingRequests {
  arping: Arping;
  arping_acd: ArpingAcd;
}

export interface ArpingReplies {
  arping: ArpingReply;
  arping_acd: ArpingAcdReply;
}

export interface ArpingDumps {}

export interface ArpingStreams {}

export interface ArpingEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "arping",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["arping",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_t","address"],["vl_api_interface_index_t","sw_if_index"],["bool","is_garp"],["u32","repeat",{"default":1}],["f64","interval",{"default":1}],{"crc":"0x48817482"}],
      ["arping_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","reply_count"],{"crc":"0xbb9d1cbd"}],
      ["arping_acd",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_t","address"],["vl_api_interface_index_t","sw_if_index"],["bool","is_garp"],["u32","repeat",{"default":1}],["f64","interval",{"default":1}],{"crc":"0x48817482"}],
      ["arping_acd_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","reply_count"],["vl_api_mac_address_t","mac_address"],{"crc":"0xe08c3b05"}],
    ],
    services: {"arping":{"reply":"arping_reply"},"arping_acd":{"reply":"arping_acd_reply"}},
  },
];
