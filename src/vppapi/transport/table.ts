import type { MessageCodec } from "../codec/message.ts";
import type { ApiSchema } from "../codec/schema.ts";
import { VppError } from "../errors.ts";

/** Its argument is an address that VPP jumps to (vlibmemory/memclnt_api.c:480): there is no use of it but an attack. */
const NEVER_SENT: ReadonlySet<string> = new Set(["rpc_call"]);

/** A request as this VPP has it. */
export interface RequestEntry {
  readonly name: string;
  readonly id: number;
  readonly codec: MessageCodec;
  readonly kind: "request" | "dump" | "stream";
  /** The reply, or for a dump control_ping's reply, which ends it. */
  readonly reply: MessageCodec;
  /** Of a dump or stream. */
  readonly details: MessageCodec | undefined;
}

/** Requests that VPP answers with another's reply, of the same shape (plugins/acl/acl.c:1826, all versions). */
const MISNAMED: ReadonlyMap<string, string> = new Map([["acl_stats_intf_counters_enable", "acl_del_reply"]]);

/** The connected VPP's messages, met with the known definitions: the table picks the version of each message. */
export class MessageTable {
  /** By message id; undefined where the definition is not known here. */
  readonly byId: readonly (MessageCodec | undefined)[];
  readonly #schema: ApiSchema;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #version: () => string;
  readonly #entries = new Map<string, RequestEntry>();

  constructor(schema: ApiSchema, ids: ReadonlyMap<string, number>, version: () => string) {
    this.#schema = schema;
    this.#ids = ids;
    this.#version = version;
    const byId: (MessageCodec | undefined)[] = [];
    for (const [nameCrc, id] of ids) {
      while (byId.length <= id) byId.push(undefined);
      byId[id] = schema.messages.get(nameCrc);
    }
    this.byId = byId;
  }

  /** @throws VppError UNKNOWN_MESSAGE; REFUSED for what is never sent, whatever the schema */
  entry(name: string): RequestEntry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    if (NEVER_SENT.has(name.replace(/_[0-9a-f]{8}$/, ""))) {
      throw new VppError("REFUSED", `${name} makes VPP run whatever is at an address: it is never sent`, {
        messageName: name,
      });
    }
    const codec = this.codec(name);
    const service = this.#schema.services.get(codec.name);
    const details = service?.stream_msg ?? (service?.stream === true ? service.reply : undefined);
    const kind = details === undefined ? "request" : service?.stream_msg === undefined ? "dump" : "stream";
    const reply =
      kind === "dump" ? "control_ping_reply" : (MISNAMED.get(codec.name) ?? service?.reply ?? `${codec.name}_reply`);
    const entry: RequestEntry = {
      name: codec.name,
      id: this.id(codec),
      codec,
      kind,
      reply: this.codec(reply),
      details: details === undefined ? undefined : this.codec(details),
    };
    this.#entries.set(name, entry);
    return entry;
  }

  id(codec: MessageCodec): number {
    return this.#ids.get(codec.nameCrc) ?? 0;
  }

  /** Does VPP have this message: by name (in a version that is known here), or by name and CRC? */
  has(name: string): boolean {
    return this.#ids.has(name) || this.#pick(name) !== undefined;
  }

  /** @throws VppError UNKNOWN_MESSAGE */
  codec(name: string): MessageCodec {
    const codec = this.#pick(name);
    if (codec === undefined) throw this.#unknown(name);
    return codec;
  }

  #pick(name: string): MessageCodec | undefined {
    const exact = this.#schema.messages.get(name);
    if (exact !== undefined) return this.#ids.has(name) ? exact : undefined;
    return this.#schema.versionsOf(name).findLast((codec) => this.#ids.has(codec.nameCrc));
  }

  #unknown(name: string): VppError {
    const known = this.#schema.versionsOf(name).map((codec) => codec.nameCrc);
    const theirs = [...this.#ids.keys()].filter((key) => key.slice(0, -9) === name);
    const version = this.#version();
    const text =
      theirs.length > 0
        ? `VPP ${version} has ${theirs.join(", ")}, which is not known here; generate it: vpp-api-gen --socket SOCKET --messages ${name} --out DIR`
        : `VPP ${version} has no message ${name}${known.length > 0 ? ` (known: ${known.join(", ")})` : ""}; ` +
          "load the plugin that has it (startup.conf: plugins { plugin NAME_plugin.so { enable } }), or use a VPP that has it";
    return new VppError("UNKNOWN_MESSAGE", text, { messageName: name });
  }
}
