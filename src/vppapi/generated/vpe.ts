// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";

/** `show_version_51077d14` */
export interface ShowVersion {}

/** `show_version_reply_c919bde1` */
export interface ShowVersionReply {
  retval: number;
  program: string;
  version: string;
  build_date: string;
  build_directory: string;
}

/** `show_vpe_system_time_51077d14` */
export interface ShowVpeSystemTime {}

/** `show_vpe_system_time_reply_7ffd8193` */
export interface ShowVpeSystemTimeReply {
  retval: number;
  vpe_system_time: number;
}

/** `log_dump_6ab31753` */
export interface LogDump {
  start_timestamp: number;
}

/** `log_details_03d61cc0` */
export interface LogDetails {
  timestamp: number;
  level: number;
  msg_class: string;
  message: string;
}

export interface VpeRequests {
  show_version: ShowVersion;
  log_dump: LogDump;
  show_vpe_system_time: ShowVpeSystemTime;
}

export interface VpeReplies {
  show_version: ShowVersionReply;
  show_vpe_system_time: ShowVpeSystemTimeReply;
}

export interface VpeDumps {
  log_dump: LogDetails;
}

export interface VpeStreams {}

export interface VpeEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "vpe",
    types: [],
    unions: [],
    enums: [
      ["log_level",{"enumtype":"u32"}],
    ],
    aliases: {"timestamp":{"type":"f64"}},
    messages: [
      ["show_version",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["show_version_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["string","program",32],["string","version",32],["string","build_date",32],["string","build_directory",256],{"crc":"0xc919bde1"}],
      ["show_vpe_system_time",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["show_vpe_system_time_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["vl_api_timestamp_t","vpe_system_time"],{"crc":"0x7ffd8193"}],
      ["log_dump",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["vl_api_timestamp_t","start_timestamp"],{"crc":"0x6ab31753"}],
      ["log_details",["u16","_vl_msg_id"],["u32","context"],["vl_api_timestamp_t","timestamp"],["vl_api_log_level_t","level"],["string","msg_class",32],["string","message",256],{"crc":"0x03d61cc0"}],
    ],
    services: {"show_version":{"reply":"show_version_reply"},"log_dump":{"reply":"log_details","stream":true},"show_vpe_system_time":{"reply":"show_vpe_system_time_reply"}},
  },
];
