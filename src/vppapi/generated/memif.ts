// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson, MacAddress } from "../codec/index.ts";

/** `memif_socket_filename_add_del_a2ce1a10` */
export interface MemifSocketFilenameAddDel {
  is_add: boolean;
  socket_id: number;
  socket_filename: string;
}

/** `memif_socket_filename_add_del_reply_e8d4e804` */
export interface MemifSocketFilenameAddDelReply {
  retval: number;
}

/** `memif_socket_filename_add_del_v2_34223bdf` */
export interface MemifSocketFilenameAddDelV2 {
  is_add: boolean;
  socket_id: number;
  socket_filename: string;
}

/** `memif_socket_filename_add_del_v2_reply_9f29bdb9` */
export interface MemifSocketFilenameAddDelV2Reply {
  retval: number;
  socket_id: number;
}

/** `memif_create_b1b25061` */
export interface MemifCreate {
  role: number;
  mode: number;
  rx_queues: number;
  tx_queues: number;
  id: number;
  socket_id: number;
  ring_size: number;
  buffer_size: number;
  no_zero_copy: boolean;
  hw_addr: MacAddress;
  secret: string;
}

/** `memif_create_reply_5383d31f` */
export interface MemifCreateReply {
  retval: number;
  sw_if_index: number;
}

/** `memif_create_v2_8c7de5f7` */
export interface MemifCreateV2 {
  role: number;
  mode: number;
  rx_queues: number;
  tx_queues: number;
  id: number;
  socket_id: number;
  ring_size: number;
  buffer_size: number;
  no_zero_copy: boolean;
  use_dma: boolean;
  hw_addr: MacAddress;
  secret: string;
}

/** `memif_create_v2_reply_5383d31f` */
export interface MemifCreateV2Reply {
  retval: number;
  sw_if_index: number;
}

/** `memif_delete_f9e6675e` */
export interface MemifDelete {
  sw_if_index: number;
}

/** `memif_delete_reply_e8d4e804` */
export interface MemifDeleteReply {
  retval: number;
}

/** `memif_socket_filename_details_7ff326f7` */
export interface MemifSocketFilenameDetails {
  socket_id: number;
  socket_filename: string;
}

/** `memif_socket_filename_dump_51077d14` */
export interface MemifSocketFilenameDump {}

/** `memif_details_da34feb9` */
export interface MemifDetails {
  sw_if_index: number;
  hw_addr: MacAddress;
  id: number;
  role: number;
  mode: number;
  zero_copy: boolean;
  socket_id: number;
  ring_size: number;
  buffer_size: number;
  flags: number;
  if_name: string;
}

/** `memif_dump_51077d14` */
export interface MemifDump {}

export interface MemifRequests {
  memif_socket_filename_add_del: MemifSocketFilenameAddDel;
  memif_create: MemifCreate;
  memif_delete: MemifDelete;
  memif_socket_filename_dump: MemifSocketFilenameDump;
  memif_dump: MemifDump;
  memif_socket_filename_add_del_v2: MemifSocketFilenameAddDelV2;
  memif_create_v2: MemifCreateV2;
}

export interface MemifReplies {
  memif_socket_filename_add_del: MemifSocketFilenameAddDelReply;
  memif_create: MemifCreateReply;
  memif_delete: MemifDeleteReply;
  memif_socket_filename_add_del_v2: MemifSocketFilenameAddDelV2Reply;
  memif_create_v2: MemifCreateV2Reply;
}

export interface MemifDumps {
  memif_socket_filename_dump: MemifSocketFilenameDetails;
  memif_dump: MemifDetails;
}

export interface MemifStreams {}

export interface MemifEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "memif",
    types: [],
    unions: [],
    enums: [
      ["if_status_flags",{"enumtype":"u32"}],
      ["memif_mode",{"enumtype":"u32"}],
      ["memif_role",{"enumtype":"u32"}],
    ],
    aliases: {"interface_index":{"type":"u32"},"mac_address":{"type":"u8","length":6}},
    messages: [
      ["memif_socket_filename_add_del",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["u32","socket_id"],["string","socket_filename",108],{"crc":"0xa2ce1a10"}],
      ["memif_socket_filename_add_del_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["memif_socket_filename_add_del_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["bool","is_add"],["u32","socket_id",{"default":4294967295}],["string","socket_filename",0],{"crc":"0x34223bdf"}],
      ["memif_socket_filename_add_del_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","socket_id"],{"crc":"0x9f29bdb9"}],
      ["memif_create",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_memif_role_t","role"],["vl_api_memif_mode_t","mode"],["u8","rx_queues"],["u8","tx_queues"],["u32","id"],["u32","socket_id"],["u32","ring_size"],["u16","buffer_size"],["bool","no_zero_copy"],["vl_api_mac_address_t","hw_addr"],["string","secret",24],{"crc":"0xb1b25061"}],
      ["memif_create_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["memif_create_v2",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_memif_role_t","role"],["vl_api_memif_mode_t","mode"],["u8","rx_queues"],["u8","tx_queues"],["u32","id"],["u32","socket_id"],["u32","ring_size"],["u16","buffer_size"],["bool","no_zero_copy"],["bool","use_dma"],["vl_api_mac_address_t","hw_addr"],["string","secret",24],{"crc":"0x8c7de5f7"}],
      ["memif_create_v2_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x5383d31f"}],
      ["memif_delete",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],{"crc":"0xf9e6675e"}],
      ["memif_delete_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["memif_socket_filename_details",["u16","_vl_msg_id"],["u32","context"],["u32","socket_id"],["string","socket_filename",108],{"crc":"0x7ff326f7"}],
      ["memif_socket_filename_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["memif_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_interface_index_t","sw_if_index"],["vl_api_mac_address_t","hw_addr"],["u32","id"],["vl_api_memif_role_t","role"],["vl_api_memif_mode_t","mode"],["bool","zero_copy"],["u32","socket_id"],["u32","ring_size"],["u16","buffer_size"],["vl_api_if_status_flags_t","flags"],["string","if_name",64],{"crc":"0xda34feb9"}],
      ["memif_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
    ],
    services: {"memif_socket_filename_add_del":{"reply":"memif_socket_filename_add_del_reply"},"memif_create":{"reply":"memif_create_reply"},"memif_delete":{"reply":"memif_delete_reply"},"memif_socket_filename_dump":{"reply":"memif_socket_filename_details","stream":true},"memif_dump":{"reply":"memif_details","stream":true},"memif_socket_filename_add_del_v2":{"reply":"memif_socket_filename_add_del_v2_reply"},"memif_create_v2":{"reply":"memif_create_v2_reply"}},
  },
];
