// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson, MacAddress } from "../codec/index.ts";

/** `af_packet_create_a190415f` */
export interface AfPacketCreate {
  hw_addr: MacAddress;
  use_random_hw_addr: boolean;
  host_if_name: string;
}

/** `af_packet_create_reply_5383d31f` */
export interface AfPacketCreateReply {
  retval: number;
  sw_if_index: number;
}

/** `af_packet_create_v2_4aff0436` */
export interface AfPacketCreateV2 {
  hw_addr: MacAddress;
  use_random_hw_addr: boolean;
  host_if_name: string;
  rx_frame_size: number;
  tx_frame_size: number;
  rx_frames_per_block: number;
  tx_frames_per_block: number;
  flags: number;
  num_rx_queues: number;
}

/** `af_packet_create_v2_reply_5383d31f` */
export interface AfPacketCreateV2Reply {
  retval: number;
  sw_if_index: number;
}

/** `af_packet_create_v3_b3a809d4` */
export interface AfPacketCreateV3 {
  mode: number;
  hw_addr: MacAddress;
  use_random_hw_addr: boolean;
  host_if_name: string;
  rx_frame_size: number;
  tx_frame_size: number;
  rx_frames_per_block: number;
  tx_frames_per_block: number;
  flags: number;
  num_rx_queues: number;
  num_tx_queues: number;
}

/** `af_packet_create_v3_reply_5383d31f` */
export interface AfPacketCreateV3Reply {
  retval: number;
  sw_if_index: number;
}

/** `af_packet_delete_863fa648` */
export interface AfPacketDelete {
  host_if_name: string;
}

/** `af_packet_delete_reply_e8d4e804` */
export interface AfPacketDeleteReply {
  retval: number;
}

/** `af_packet_set_l4_cksum_offload_319cd5c8` */
export interface AfPacketSetL4CksumOffload {
  sw_if_index: number;
  set: boolean;
}

/** `af_packet_set_l4_cksum_offload_reply_e8d4e804` */
export interface AfPacketSetL4CksumOffloadReply {
  retval: number;
}

/** `af_packet_dump_51077d14` */
export interface AfPacketDump {}

/** `af_packet_details_58c7c042` */
export interface AfPacketDetails {
  sw_if_index: number;
  host_if_name: string;
}

export interface AfPacketRequests {
  af_packet_create: AfPacketCreate;
  af_packet_delete: AfPacketDelete;
  af_packet_set_l4_cksum_offload: AfPacketSetL4CksumOffload;
  af_packet_dump: AfPacketDump;
  af_packet_create_v2: AfPacketCreateV2;
  af_packet_create_v3: AfPacketCreateV3;
}

export interface AfPacketReplies {
  af_packet_create: AfPacketCreateReply;
  af_packet_delete: AfPacketDeleteReply;
  af_packet_set_l4_cksum_offload: AfPacketSetL4CksumOffloadReply;
  af_packet_create_v2: AfPacketCreateV2Reply;
  af_packet_create_v3: AfPacketCreateV3Reply;
}

export interface AfPacketDumps {
  af_packet_dump: AfPacketDetails;
}

export interface AfPacketStreams {}

export interface AfPacketEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "af_packet",
    types: [],
    unions: [],
    enums: [
      ["af_packet_flags",{"enumtype":"u32"}],
      ["af_packet_mode",{"enumtype":"u32"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["af_packet_create",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_mac_address_t","hw_addr"],["bool","use_random_hw_addr"],["string","host_if_name",64],{"crc":"0xa190415f"}],
      ["af_packet_create_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["af_packet_create_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_mac_address_t","hw_addr"],["bool","use_random_hw_addr"],["string","host_if_name",64],["u32","rx_frame_size"],["u32","tx_frame_size"],["u32","rx_frames_per_block"],["u32","tx_frames_per_block"],["u32","flags"],["u16","num_rx_queues",{"default":1}],{"crc":"0x4aff0436"}],
      ["af_packet_create_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["af_packet_create_v3",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_af_packet_mode_t","mode"],["vl_api_mac_address_t","hw_addr"],["bool","use_random_hw_addr"],["string","host_if_name",64],["u32","rx_frame_size"],["u32","tx_frame_size"],["u32","rx_frames_per_block"],["u32","tx_frames_per_block"],["vl_api_af_packet_flags_t","flags"],["u16","num_rx_queues",{"default":1}],["u16","num_tx_queues",{"default":1}],{"crc":"0xb3a809d4"}],
      ["af_packet_create_v3_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["af_packet_delete",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","host_if_name",64],{"crc":"0x863fa648"}],
      ["af_packet_delete_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["af_packet_set_l4_cksum_offload",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["bool","set"],{"crc":"0x319cd5c8"}],
      ["af_packet_set_l4_cksum_offload_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["af_packet_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["af_packet_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["string","host_if_name",64],{"crc":"0x58c7c042"}],
    ],
    services: {"af_packet_create":{"reply":"af_packet_create_reply"},"af_packet_delete":{"reply":"af_packet_delete_reply"},"af_packet_set_l4_cksum_offload":{"reply":"af_packet_set_l4_cksum_offload_reply"},"af_packet_dump":{"reply":"af_packet_details","stream":true},"af_packet_create_v2":{"reply":"af_packet_create_v2_reply"},"af_packet_create_v3":{"reply":"af_packet_create_v3_reply"}},
  },
];
