// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { Address, ApiJson } from "../codec/index.ts";
import type { IpNeighbor } from "./types.ts";

/** `ip_neighbor_add_del_0607c257` */
export interface IpNeighborAddDel {
  is_add: boolean;
  neighbor: IpNeighbor;
}

/** `ip_neighbor_add_del_reply_1992deab` */
export interface IpNeighborAddDelReply {
  retval: number;
  stats_index: number;
}

/** `ip_neighbor_dump_d817a484` */
export interface IpNeighborDump {
  sw_if_index: number;
  af: number;
}

/** `ip_neighbor_details_e29d79f0` */
export interface IpNeighborDetails {
  age: number;
  neighbor: IpNeighbor;
}

/** `ip_neighbor_config_f4a5cf44` */
export interface IpNeighborConfig {
  af: number;
  max_number: number;
  max_age: number;
  recycle: boolean;
}

/** `ip_neighbor_config_reply_e8d4e804` */
export interface IpNeighborConfigReply {
  retval: number;
}

/** `ip_neighbor_config_get_a5db7bf7` */
export interface IpNeighborConfigGet {
  af: number;
}

/** `ip_neighbor_config_get_reply_798e6fdd` */
export interface IpNeighborConfigGetReply {
  retval: number;
  af: number;
  max_number: number;
  max_age: number;
  recycle: boolean;
}

/** `ip_neighbor_replace_begin_51077d14` */
export interface IpNeighborReplaceBegin {}

/** `ip_neighbor_replace_begin_reply_e8d4e804` */
export interface IpNeighborReplaceBeginReply {
  retval: number;
}

/** `ip_neighbor_replace_end_51077d14` */
export interface IpNeighborReplaceEnd {}

/** `ip_neighbor_replace_end_reply_e8d4e804` */
export interface IpNeighborReplaceEndReply {
  retval: number;
}

/** `ip_neighbor_flush_16aa35d2` */
export interface IpNeighborFlush {
  af: number;
  sw_if_index: number;
}

/** `ip_neighbor_flush_reply_e8d4e804` */
export interface IpNeighborFlushReply {
  retval: number;
}

/** `want_ip_neighbor_events_73e70a86` */
export interface WantIpNeighborEvents {
  enable: boolean;
  pid: number;
  ip: Address;
  sw_if_index: number;
}

/** `want_ip_neighbor_events_reply_e8d4e804` */
export interface WantIpNeighborEventsReply {
  retval: number;
}

/** `ip_neighbor_event_bdb092b2` */
export interface IpNeighborEvent {
  pid: number;
  neighbor: IpNeighbor;
}

/** `want_ip_neighbor_events_v2_73e70a86` */
export interface WantIpNeighborEventsV2 {
  enable: boolean;
  pid: number;
  ip: Address;
  sw_if_index: number;
}

/** `want_ip_neighbor_events_v2_reply_e8d4e804` */
export interface WantIpNeighborEventsV2Reply {
  retval: number;
}

/** `ip_neighbor_event_v2_c1d53dc0` */
export interface IpNeighborEventV2 {
  pid: number;
  flags: number;
  neighbor: IpNeighbor;
}

export interface IpNeighborRequests {
  want_ip_neighbor_events: WantIpNeighborEvents;
  want_ip_neighbor_events_v2: WantIpNeighborEventsV2;
  ip_neighbor_add_del: IpNeighborAddDel;
  ip_neighbor_dump: IpNeighborDump;
  ip_neighbor_config: IpNeighborConfig;
  ip_neighbor_replace_begin: IpNeighborReplaceBegin;
  ip_neighbor_replace_end: IpNeighborReplaceEnd;
  ip_neighbor_flush: IpNeighborFlush;
  ip_neighbor_config_get: IpNeighborConfigGet;
}

export interface IpNeighborReplies {
  want_ip_neighbor_events: WantIpNeighborEventsReply;
  want_ip_neighbor_events_v2: WantIpNeighborEventsV2Reply;
  ip_neighbor_add_del: IpNeighborAddDelReply;
  ip_neighbor_config: IpNeighborConfigReply;
  ip_neighbor_replace_begin: IpNeighborReplaceBeginReply;
  ip_neighbor_replace_end: IpNeighborReplaceEndReply;
  ip_neighbor_flush: IpNeighborFlushReply;
  ip_neighbor_config_get: IpNeighborConfigGetReply;
}

export interface IpNeighborDumps {
  ip_neighbor_dump: IpNeighborDetails;
}

export interface IpNeighborStreams {}

export interface IpNeighborEvents {
  ip_neighbor_event: IpNeighborEvent;
  ip_neighbor_event_v2: IpNeighborEventV2;
}

export const schemas: readonly ApiJson[] = [
  {
    module: "ip_neighbor",
    types: [
      ["address",["vl_api_address_family_t","af"],["vl_api_address_union_t","un"]],
      ["ip_neighbor",["vl_api_interface_index_t","sw_if_index"],["vl_api_ip_neighbor_flags_t","flags"],["vl_api_mac_address_t","mac_address"],["vl_api_address_t","ip_address"]],
    ],
    unions: [
      ["address_union",["vl_api_ip4_address_t","ip4"],["vl_api_ip6_address_t","ip6"]],
    ],
    enums: [
      ["address_family",{"enumtype":"u8"}],
      ["ip_neighbor_event_flags",{"enumtype":"u32"}],
      ["ip_neighbor_flags",{"enumtype":"u8"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"ip4_address":{"type":"u8","length":4},"ip6_address":{"type":"u8","length":16},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["ip_neighbor_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["vl_api_ip_neighbor_t","neighbor"],{"crc":"0x0607c257"}],
      ["ip_neighbor_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","stats_index"],{"crc":"0x1992deab"}],
      ["ip_neighbor_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],["vl_api_address_family_t","af"],{"crc":"0xd817a484"}],
      ["ip_neighbor_details",["u16","_vl_msg_id"],["u32","context"],["f64","age"],["vl_api_ip_neighbor_t","neighbor"],{"crc":"0xe29d79f0"}],
      ["ip_neighbor_config",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_family_t","af"],["u32","max_number"],["u32","max_age"],["bool","recycle"],{"crc":"0xf4a5cf44"}],
      ["ip_neighbor_config_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_neighbor_config_get",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_family_t","af"],{"crc":"0xa5db7bf7"}],
      ["ip_neighbor_config_get_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_address_family_t","af"],["u32","max_number"],["u32","max_age"],["bool","recycle"],{"crc":"0x798e6fdd"}],
      ["ip_neighbor_replace_begin",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_neighbor_replace_begin_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_neighbor_replace_end",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["ip_neighbor_replace_end_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_neighbor_flush",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_address_family_t","af"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0x16aa35d2"}],
      ["ip_neighbor_flush_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["want_ip_neighbor_events",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","enable"],["u32","pid"],["vl_api_address_t","ip"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0x73e70a86"}],
      ["want_ip_neighbor_events_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_neighbor_event",["u16","_vl_msg_id"],["u32","client_index"],["u32","pid"],["vl_api_ip_neighbor_t","neighbor"],{"crc":"0xbdb092b2"}],
      ["want_ip_neighbor_events_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","enable"],["u32","pid"],["vl_api_address_t","ip"],["vl_api_interface_index_t","sw_if_index",{"default":4294967295}],{"crc":"0x73e70a86"}],
      ["want_ip_neighbor_events_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["ip_neighbor_event_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","pid"],["vl_api_ip_neighbor_event_flags_t","flags"],["vl_api_ip_neighbor_t","neighbor"],{"crc":"0xc1d53dc0"}],
    ],
    services: {"want_ip_neighbor_events":{"reply":"want_ip_neighbor_events_reply","events":["ip_neighbor_event"]},"want_ip_neighbor_events_v2":{"reply":"want_ip_neighbor_events_v2_reply","events":["ip_neighbor_event_v2"]},"ip_neighbor_add_del":{"reply":"ip_neighbor_add_del_reply"},"ip_neighbor_dump":{"reply":"ip_neighbor_details","stream":true},"ip_neighbor_config":{"reply":"ip_neighbor_config_reply"},"ip_neighbor_replace_begin":{"reply":"ip_neighbor_replace_begin_reply"},"ip_neighbor_replace_end":{"reply":"ip_neighbor_replace_end_reply"},"ip_neighbor_flush":{"reply":"ip_neighbor_flush_reply"},"ip_neighbor_config_get":{"reply":"ip_neighbor_config_get_reply"}},
  },
];
