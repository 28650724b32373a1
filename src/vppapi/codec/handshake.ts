import type { ApiJson } from "./json.ts";
import { ApiSchema } from "./schema.ts";
import type { MessageCodec } from "./message.ts";

/**
 * The first exchange on a socket, before any id is known: sockclnt_create has id 15 and its reply 16 in every version, by
 * their position in vlibmemory/memclnt.api; everything else comes from the table in the reply.
 */
const definition: ApiJson = {
  module: "memclnt",
  types: [["message_table_entry", ["u16", "index"], ["string", "name", 64]]],
  messages: [
    ["sockclnt_create", ["u16", "_vl_msg_id"], ["u32", "context"], ["string", "name", 64], { crc: "0x455fb9c4" }],
    [
      "sockclnt_create_reply",
      ["u16", "_vl_msg_id"],
      ["u32", "client_index"],
      ["u32", "context"],
      ["i32", "response"],
      ["u32", "index"],
      ["u16", "count"],
      ["vl_api_message_table_entry_t", "message_table", 0, "count"],
      { crc: "0x35166268" },
    ],
  ],
};

const schema = ApiSchema.compile([definition]);

function message(nameCrc: string): MessageCodec {
  const codec = schema.messages.get(nameCrc);
  if (codec === undefined) throw new Error(`handshake without ${nameCrc}`);
  return codec;
}

export const sockclnt = {
  createId: 15,
  createReplyId: 16,
  create: message("sockclnt_create_455fb9c4"),
  /** `index` of the reply is the client_index of all later messages; `response` is negative on failure. */
  createReply: message("sockclnt_create_reply_35166268"),
} as const;

/** sockclnt_delete_reply.response is 1 on success (vlibmemory/socket_api.c:549), unlike every retval. */
export const SOCKCLNT_DELETE_OK = 1;
