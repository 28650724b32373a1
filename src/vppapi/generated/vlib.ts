// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";
import type { ThreadData } from "./types.ts";

/** `cli_23bfbfff` */
export interface Cli {
  cmd_in_shmem: bigint;
}

/** `cli_inband_f8377302` */
export interface CliInband {
  cmd: string;
}

/** `cli_reply_06d68297` */
export interface CliReply {
  retval: number;
  reply_in_shmem: bigint;
}

/** `cli_inband_reply_05879051` */
export interface CliInbandReply {
  retval: number;
  reply: string;
}

/** `get_node_index_f1984c64` */
export interface GetNodeIndex {
  node_name: string;
}

/** `get_node_index_reply_a8600b89` */
export interface GetNodeIndexReply {
  retval: number;
  node_index: number;
}

/** `add_node_next_2457116d` */
export interface AddNodeNext {
  node_name: string;
  next_name: string;
}

/** `add_node_next_reply_2ed75f32` */
export interface AddNodeNextReply {
  retval: number;
  next_index: number;
}

/** `show_threads_51077d14` */
export interface ShowThreads {}

/** `show_threads_reply_efd78e83` */
export interface ShowThreadsReply {
  retval: number;
  count: number;
  thread_data: ThreadData[];
}

/** `get_f64_endian_value_809fcd44` */
export interface GetF64EndianValue {
  f64_one: number;
}

/** `get_f64_endian_value_reply_7e02e404` */
export interface GetF64EndianValueReply {
  retval: number;
  f64_one_result: number;
}

/** `get_f64_increment_by_one_b64f027e` */
export interface GetF64IncrementByOne {
  f64_value: number;
}

/** `get_f64_increment_by_one_reply_d25dbaa3` */
export interface GetF64IncrementByOneReply {
  retval: number;
  f64_value: number;
}

export interface VlibRequests {
  cli: Cli;
  cli_inband: CliInband;
  get_node_index: GetNodeIndex;
  show_threads: ShowThreads;
  get_f64_endian_value: GetF64EndianValue;
  get_f64_increment_by_one: GetF64IncrementByOne;
  add_node_next: AddNodeNext;
}

export interface VlibReplies {
  cli: CliReply;
  cli_inband: CliInbandReply;
  get_node_index: GetNodeIndexReply;
  show_threads: ShowThreadsReply;
  get_f64_endian_value: GetF64EndianValueReply;
  get_f64_increment_by_one: GetF64IncrementByOneReply;
  add_node_next: AddNodeNextReply;
}

export interface VlibDumps {}

export interface VlibStreams {}

export interface VlibEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "vlib",
    types: [
      ["thread_data",["u32","id"],["string","name",64],["string","type",64],["u32","pid"],["u32","cpu_id"],["u32","core"],["u32","cpu_socket"]],
    ],
    unions: [],
    enums: [],
    aliases: {},
    messages: [
      ["cli",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u64","cmd_in_shmem"],{"crc":"0x23bfbfff"}],
      ["cli_inband",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","cmd",0],{"crc":"0xf8377302"}],
      ["cli_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u64","reply_in_shmem"],{"crc":"0x06d68297"}],
      ["cli_inband_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["string","reply",0],{"crc":"0x05879051"}],
      ["get_node_index",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","node_name",64],{"crc":"0xf1984c64"}],
      ["get_node_index_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","node_index"],{"crc":"0xa8600b89"}],
      ["add_node_next",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","node_name",64],["string","next_name",64],{"crc":"0x2457116d"}],
      ["add_node_next_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","next_index"],{"crc":"0x2ed75f32"}],
      ["show_threads",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["show_threads_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","count"],["vl_api_thread_data_t","thread_data",0,"count"],{"crc":"0xefd78e83"}],
      ["get_f64_endian_value",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["f64","f64_one",{"default":1}],{"crc":"0x809fcd44"}],
      ["get_f64_endian_value_reply",["u16","_vl_msg_id"],["u32","context"],["u32","retval"],["f64","f64_one_result"],{"crc":"0x7e02e404"}],
      ["get_f64_increment_by_one",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["f64","f64_value",{"default":1}],{"crc":"0xb64f027e"}],
      ["get_f64_increment_by_one_reply",["u16","_vl_msg_id"],["u32","context"],["u32","retval"],["f64","f64_value"],{"crc":"0xd25dbaa3"}],
    ],
    services: {"cli":{"reply":"cli_reply"},"cli_inband":{"reply":"cli_inband_reply"},"get_node_index":{"reply":"get_node_index_reply"},"show_threads":{"reply":"show_threads_reply"},"get_f64_endian_value":{"reply":"get_f64_endian_value_reply"},"get_f64_increment_by_one":{"reply":"get_f64_increment_by_one_reply"},"add_node_next":{"reply":"add_node_next_reply"}},
  },
];
