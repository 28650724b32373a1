import { VppError } from "../errors.ts";
import { crcOf } from "./json.ts";
import type { ApiJson, ApiService } from "./json.ts";
import { MessageCodec } from "./message.ts";
import { TypeResolver } from "./resolve.ts";

/** The messages of a set of API files, in every version that the files hold. */
export class ApiSchema {
  /** Keyed by name and CRC: `lb_conf_56cd3261`. */
  readonly messages: ReadonlyMap<string, MessageCodec>;
  /** What answers a request, by the request's name. */
  readonly services: ReadonlyMap<string, ApiService>;
  readonly #byName = new Map<string, MessageCodec[]>();

  private constructor(messages: ReadonlyMap<string, MessageCodec>, services: ReadonlyMap<string, ApiService>) {
    this.messages = messages;
    this.services = services;
    for (const codec of messages.values()) {
      const versions = this.#byName.get(codec.name);
      if (versions === undefined) this.#byName.set(codec.name, [codec]);
      else versions.push(codec);
    }
  }

  /**
   * Compiles API definitions. Files of several VPP versions may be mixed: a message is known by its name and CRC. Code
   * is generated at a message's first use; {@link compileAll} does it for all, to find what cannot be compiled.
   * @throws VppError SCHEMA
   */
  static compile(files: Iterable<ApiJson>): ApiSchema {
    const messages = new Map<string, MessageCodec>();
    const services = new Map<string, ApiService>();
    for (const file of files) {
      if (typeof file !== "object" || file === null || !Array.isArray(file.messages)) {
        throw new VppError("SCHEMA", "no messages: is this an *.api.json of VPP?");
      }
      const resolver = new TypeResolver(file);
      for (const block of file.messages) {
        const crc = crcOf(block);
        if (!messages.has(`${block[0]}_${crc}`)) {
          messages.set(`${block[0]}_${crc}`, new MessageCodec(block, crc, resolver));
        }
      }
      for (const [name, service] of Object.entries(file.services ?? {})) services.set(name, service);
    }
    return new ApiSchema(messages, services);
  }

  /** All versions of a message, in the order of the files. */
  versionsOf(name: string): readonly MessageCodec[] {
    return this.#byName.get(name) ?? [];
  }

  /** Generates the code of every message. @throws VppError SCHEMA */
  compileAll(): this {
    for (const codec of this.messages.values()) codec.compile();
    return this;
  }

  /** Both schemas' messages; where both have one, this one's. */
  merge(other: ApiSchema): ApiSchema {
    return new ApiSchema(
      new Map([...other.messages, ...this.messages]),
      new Map([...other.services, ...this.services]),
    );
  }
}
