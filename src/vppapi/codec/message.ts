import { VppError } from "../errors.ts";
import { DecodeEmitter } from "./emit-decode.ts";
import { EncodeEmitter } from "./emit-encode.ts";
import { checkName, fieldsOf } from "./json.ts";
import type { ApiBlock, ApiField } from "./json.ts";
import type { TypeResolver } from "./resolve.ts";
import * as runtime from "./runtime.ts";
import { isScalar, scalarSizes } from "./types.ts";
import type { Field } from "./types.ts";

/** A decoded message: every field but `_vl_msg_id`, under its name in VPP's definition. */
export type Fields = Record<string, unknown>;

interface Compiled {
  readonly decode: (b: Uint8Array, p: number, n: number) => Fields;
  /** @returns the end */
  readonly write: (b: Uint8Array, p: number, v: unknown) => number;
  readonly size: (v: unknown) => number;
}

/**
 * Encoder and decoder of one version of one message. A payload is what the socket's frame holds: u16 message id, then
 * the fields, packed, big-endian (f64: little-endian). Compiled at first use.
 */
export class MessageCodec {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly crc: string;
  /** `lb_conf_56cd3261`: the key of VPP's message table. */
  readonly nameCrc: string;
  /** As defined, without `_vl_msg_id`. */
  readonly fields: readonly ApiField[];
  /** The payload has a u32 client_index and a u32 context at 2 and 6 (a request), or a u32 context at 2 (a reply). */
  readonly header: "request" | "reply" | "event" | "other";
  /** Where `i32 retval` lies in the payload, for replies that have one: not always first (acl_add_replace_reply). */
  readonly retvalOffset: number | undefined;
  readonly #resolved: () => readonly Field[];
  #compiled: Compiled | undefined;

  constructor(block: ApiBlock, crc: string, resolver: TypeResolver) {
    this.name = checkName(block[0], "message");
    this.crc = crc;
    this.nameCrc = `${block[0]}_${crc}`;
    const fields = fieldsOf(block, block[0]);
    const id = fields[0];
    if (id?.name !== "_vl_msg_id" || id.type !== "u16") {
      throw new VppError("SCHEMA", `${this.name}: does not begin with u16 _vl_msg_id`);
    }
    this.fields = fields.slice(1);
    this.header = headerOf(this.fields);
    this.retvalOffset = this.name.endsWith("_reply") ? retvalOffset(this.fields) : undefined;
    this.#resolved = () => resolver.fields(block).slice(1);
  }

  /** Compiles now rather than at first use. @throws VppError SCHEMA */
  compile(): this {
    this.#code();
    return this;
  }

  /**
   * The payload of a message with this id; missing fields are zero or their default, count fields are filled in.
   * @throws VppError ENCODE with the path of the field that does not fit
   */
  encode(messageId: number, value: Readonly<Fields> = runtime.empty): Uint8Array {
    const { size, write } = this.#code();
    const out = new Uint8Array(2 + size(value));
    out[0] = messageId >> 8;
    out[1] = messageId;
    this.#guarded("ENCODE", () => write(out, 2, value));
    return out;
  }

  /** Bytes that {@link encodeInto} will write. */
  encodedSize(value: Readonly<Fields> = runtime.empty): number {
    return 2 + this.#code().size(value);
  }

  /** Writes the payload at `position` of memory that holds zeros. @returns the end */
  encodeInto(target: Uint8Array, position: number, messageId: number, value: Readonly<Fields>): number {
    target[position] = messageId >> 8;
    target[position + 1] = messageId;
    try {
      return this.#code().write(target, position + 2, value);
    } catch (error) {
      throw this.#wrap("ENCODE", error);
    }
  }

  /** @throws VppError DECODE where the payload is shorter than its definition; bytes after the last field are ignored */
  decode(payload: Uint8Array): Fields {
    return this.decodeAt(payload, 0, payload.length);
  }

  /** Decodes `[start, end)` of a larger buffer. The result shares no memory with it. */
  decodeAt(buffer: Uint8Array, start: number, end: number): Fields {
    try {
      return this.#code().decode(buffer, start + 2, end);
    } catch (error) {
      throw this.#wrap("DECODE", error);
    }
  }

  #guarded<T>(code: "ENCODE" | "DECODE", run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.#wrap(code, error);
    }
  }

  #wrap(code: "ENCODE" | "DECODE", error: unknown): unknown {
    if (!(error instanceof runtime.FieldError)) return error;
    const where = error.path === "" ? this.name : `${this.name}.${error.path}`;
    return new VppError(code, `${where}: ${error.message}`, { messageName: this.name, path: error.path });
  }

  #code(): Compiled {
    this.#compiled ??= generate(this.#resolved());
    return this.#compiled;
  }
}

function generate(fields: readonly Field[]): Compiled {
  const decoder = new DecodeEmitter();
  const encoder = new EncodeEmitter();
  decoder.message(fields);
  encoder.message(fields);
  const source =
    `"use strict"; let E = 0;\n${decoder.lines.join("\n")}\n${encoder.lines.join("\n")}\n` +
    `return { decode, write, size };`;
  const build = new Function("H", "K", source) as (h: typeof runtime, k: readonly unknown[]) => Compiled;
  return build(runtime, decoder.constants);
}

function retvalOffset(fields: readonly ApiField[]): number | undefined {
  let offset = 2;
  for (const field of fields) {
    if (field.name === "retval") return field.type === "i32" ? offset : undefined;
    if (field.length !== undefined || !isScalar(field.type)) return undefined;
    offset += scalarSizes[field.type];
  }
  return undefined;
}

function headerOf(fields: readonly ApiField[]): MessageCodec["header"] {
  const isU32 = (position: number, name: string): boolean =>
    fields[position]?.name === name && fields[position].type === "u32";
  if (isU32(0, "client_index")) return isU32(1, "context") ? "request" : "event";
  return isU32(0, "context") ? "reply" : "other";
}
