// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";
import type { MessageTableEntry, ModuleVersion } from "./types.ts";

/** `get_first_msg_id_ebf79a66` */
export interface GetFirstMsgId {
  name: string;
}

/** `get_first_msg_id_reply_7d337472` */
export interface GetFirstMsgIdReply {
  retval: number;
  first_msg_id: number;
}

/** `api_versions_51077d14` */
export interface ApiVersions {}

/** `api_versions_reply_5f0d99d6` */
export interface ApiVersionsReply {
  retval: number;
  count: number;
  api_versions: ModuleVersion[];
}

/** `sockclnt_create_455fb9c4` */
export interface SockclntCreate {
  name: string;
}

/** `sockclnt_create_reply_35166268` */
export interface SockclntCreateReply {
  response: number;
  index: number;
  count: number;
  message_table: MessageTableEntry[];
}

/** `sockclnt_delete_8ac76db6` */
export interface SockclntDelete {
  index: number;
}

/** `sockclnt_delete_reply_8f38b1ee` */
export interface SockclntDeleteReply {
  response: number;
}

/** `memclnt_keepalive_51077d14` */
export interface MemclntKeepalive {}

/** `memclnt_keepalive_reply_e8d4e804` */
export interface MemclntKeepaliveReply {
  retval: number;
}

/** `control_ping_51077d14` */
export interface ControlPing {}

/** `control_ping_reply_f6b0b8ca` */
export interface ControlPingReply {
  retval: number;
  client_index: number;
  vpe_pid: number;
}

/** `get_api_json_51077d14` */
export interface GetApiJson {}

/** `get_api_json_reply_ea715b59` */
export interface GetApiJsonReply {
  retval: number;
  json: string;
}

export interface MemclntRequests {
  get_first_msg_id: GetFirstMsgId;
  api_versions: ApiVersions;
  sockclnt_create: SockclntCreate;
  sockclnt_delete: SockclntDelete;
  memclnt_keepalive: MemclntKeepalive;
  control_ping: ControlPing;
  get_api_json: GetApiJson;
}

export interface MemclntReplies {
  get_first_msg_id: GetFirstMsgIdReply;
  api_versions: ApiVersionsReply;
  sockclnt_create: SockclntCreateReply;
  sockclnt_delete: SockclntDeleteReply;
  memclnt_keepalive: MemclntKeepaliveReply;
  control_ping: ControlPingReply;
  get_api_json: GetApiJsonReply;
}

export interface MemclntDumps {}

export interface MemclntStreams {}

export interface MemclntEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "memclnt",
    types: [
      ["message_table_entry",["u16","index"],["string","name",64]],
      ["module_version",["u32","major"],["u32","minor"],["u32","patch"],["string","name",64]],
    ],
    unions: [],
    enums: [],
    aliases: {},
    messages: [
      ["get_first_msg_id",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","name",64],{"crc":"0xebf79a66"}],
      ["get_first_msg_id_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u16","first_msg_id"],{"crc":"0x7d337472"}],
      ["api_versions",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["api_versions_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","count"],["vl_api_module_version_t","api_versions",0,"count"],{"crc":"0x5f0d99d6"}],
      ["sockclnt_create",["u16","_vl_msg_id"],["u32","context"],["string","name",64],{"crc":"0x455fb9c4"}],
      ["sockclnt_create_reply",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["i32","response"],["u32","index"],["u16","count"],["vl_api_message_table_entry_t","message_table",0,"count"],{"crc":"0x35166268"}],
      ["sockclnt_delete",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["u32","index"],{"crc":"0x8ac76db6"}],
      ["sockclnt_delete_reply",["u16","_vl_msg_id"],["u32","context"],["i32","response"],{"crc":"0x8f38b1ee"}],
      ["memclnt_keepalive",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["memclnt_keepalive_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],{"crc":"0xe8d4e804"}],
      ["control_ping",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["control_ping_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["u32","client_index"],["u32","vpe_pid"],{"crc":"0xf6b0b8ca"}],
      ["get_api_json",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],{"crc":"0x51077d14"}],
      ["get_api_json_reply",["u16","_vl_msg_id"],["u32","context"],["i32","retval"],["string","json",0],{"crc":"0xea715b59"}],
    ],
    services: {"get_first_msg_id":{"reply":"get_first_msg_id_reply"},"api_versions":{"reply":"api_versions_reply"},"sockclnt_create":{"reply":"sockclnt_create_reply"},"sockclnt_delete":{"reply":"sockclnt_delete_reply"},"memclnt_keepalive":{"reply":"memclnt_keepalive_reply"},"control_ping":{"reply":"control_ping_reply"},"get_api_json":{"reply":"get_api_json_reply"}},
  },
];
