import { fieldsOf } from "../codec/json.ts";
import type { ApiBlock, ApiField } from "../codec/json.ts";
import type { CompactMessage, Definition } from "./compact.ts";

/** Names of the interfaces of types: a type whose shape differs between versions gets one interface per shape. */
export class TypeNames {
  /** Interface name → its text. */
  readonly interfaces = new Map<string, string>();
  readonly #byText = new Map<string, string>();

  /** @returns the TypeScript type of a field, defining the interfaces that it needs */
  fieldType(field: ApiField, uses: ReadonlyMap<string, Definition>): string {
    if (field.type === "string") return "string";
    const one = this.#type(field.type, uses);
    if (field.length === undefined) return one;
    return field.type === "u8" ? "Uint8Array" : `${/[ |&]/.test(one) ? `(${one})` : one}[]`;
  }

  #type(type: string, uses: ReadonlyMap<string, Definition>): string {
    if (type === "bool") return "boolean";
    if (type === "u64" || type === "i64") return "bigint";
    const name = /^vl_api_(.+)_t$/.exec(type)?.[1];
    const definition = name === undefined ? undefined : uses.get(name);
    if (name === undefined || definition === undefined) return "number";
    switch (definition.kind) {
      case "enums":
        return "number";
      case "aliases":
        return this.#alias(name, definition, uses);
      case "types":
      case "unions":
        return this.#interface(name, definition.block, uses);
    }
  }

  #alias(name: string, definition: Definition & { kind: "aliases" }, uses: ReadonlyMap<string, Definition>): string {
    const known = { ip4_address: "Ip4Address", ip6_address: "Ip6Address", mac_address: "MacAddress" }[name];
    if (known !== undefined) return known;
    const { type, length } = definition.alias;
    return this.fieldType({ type, name, ...(length === undefined ? {} : { length }) }, uses);
  }

  #interface(name: string, block: ApiBlock, uses: ReadonlyMap<string, Definition>): string {
    // The codec's own types for what also encodes from text.
    if (name === "address") return "Address";
    if (name === "prefix") return "Prefix";
    const body = interfaceBody(fieldsOf(block, name), (field) => this.fieldType(field, uses));
    const base = pascal(name);
    const key = `${base}${body}`;
    const known = this.#byText.get(key);
    if (known !== undefined) return known;
    let unique = base;
    for (let n = 2; this.interfaces.has(unique); n++) unique = `${base}${n}`;
    this.#byText.set(key, unique);
    this.interfaces.set(unique, `export interface ${unique} ${body}\n`);
    return unique;
  }
}

export function interfaceBody(fields: readonly ApiField[], typeOf: (field: ApiField) => string): string {
  if (fields.length === 0) return "{}";
  return `{\n${fields.map((field) => `  ${field.name}: ${typeOf(field)};\n`).join("")}}`;
}

/** The interface of a message: its fields but the header (id, client_index, context), which the client fills in. */
export function messageInterface(message: CompactMessage, name: string, types: TypeNames): string {
  const fields = fieldsOf(message.block, message.name).filter(
    (field, i) => !(i <= 2 && ["_vl_msg_id", "client_index", "context"].includes(field.name)),
  );
  const body = interfaceBody(fields, (field) => types.fieldType(field, message.uses));
  return `/** \`${message.name}_${message.crc}\` */\nexport interface ${name} ${body}\n`;
}

export function pascal(name: string): string {
  return name
    .split("_")
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}
