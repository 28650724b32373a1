import { VppError } from "../errors.ts";
import { blockOptions, checkName, fieldsOf } from "./json.ts";
import type { ApiBlock, ApiField, ApiJson } from "./json.ts";
import { isScalar, scalarSizes } from "./types.ts";
import type { Field, StructType, TextForm, Type, UnionType } from "./types.ts";

const textAliases: Readonly<Record<string, TextForm>> = { ip4_address: "ip4", ip6_address: "ip6", mac_address: "mac" };
const textStructs: Readonly<Record<string, readonly [TextForm, number]>> = {
  address: ["address", 17],
  prefix: ["prefix", 18],
  ip4_prefix: ["ip4Prefix", 5],
  ip6_prefix: ["ip6Prefix", 17],
};

/** Resolves the types of one API file: `vl_api_foo_t` to what it is on the wire. */
export class TypeResolver {
  /** `vl_api_foo_t` → block; looked up on first use. */
  readonly #blocks = new Map<string, { kind: "struct" | "union" | "enum"; block: ApiBlock }>();
  readonly #aliases: ApiJson["aliases"];
  readonly #resolved = new Map<string, Type>();
  readonly #module: string;

  constructor(file: ApiJson) {
    this.#module = file.module ?? "api";
    this.#aliases = file.aliases ?? {};
    for (const block of file.types ?? []) this.#blocks.set(`vl_api_${block[0]}_t`, { kind: "struct", block });
    for (const block of file.unions ?? []) this.#blocks.set(`vl_api_${block[0]}_t`, { kind: "union", block });
    for (const block of [...(file.enums ?? []), ...(file.enumflags ?? [])]) {
      this.#blocks.set(`vl_api_${block[0]}_t`, { kind: "enum", block });
    }
  }

  /** The fields of a message or type, resolved. */
  fields(block: ApiBlock): Field[] {
    const where = `${this.#module}.${checkName(block[0], this.#module)}`;
    const raw = fieldsOf(block, where);
    const names = new Set(raw.map((field) => field.name));
    if (names.size !== raw.length) throw new VppError("SCHEMA", `${where}: two fields of one name`);
    return raw.map((field, position) => {
      if (field.countField !== undefined) this.#checkCount(raw, field, position, where);
      return {
        name: field.name,
        type: this.#fieldType(field, `${where}.${field.name}`),
        defaultValue: defaultValue(field),
        countOf: raw.find((other) => other.countField === field.name)?.name,
      };
    });
  }

  #checkCount(raw: readonly ApiField[], field: ApiField, position: number, where: string): void {
    const count = raw.findIndex((other) => other.name === field.countField);
    const counter = raw[count];
    if (count < 0 || count > position || counter === undefined || !["u8", "u16", "u32"].includes(counter.type)) {
      throw new VppError("SCHEMA", `${where}.${field.name}: no count field ${field.countField} before it`);
    }
  }

  #fieldType(field: ApiField, where: string): Type {
    if (field.type === "string") {
      if (field.length === undefined || field.length === 0) return { kind: "variableText", size: undefined };
      return { kind: "text", size: field.length };
    }
    const type = this.resolve(field.type, where);
    if (field.length === undefined) return type;
    if (field.length === 0 || field.countField !== undefined) {
      return { kind: "variableArray", of: type, countField: field.countField, size: undefined };
    }
    return arrayOf(type, field.length, undefined);
  }

  /** @throws VppError SCHEMA for a type that the file does not define, or that contains itself */
  resolve(name: string, where: string): Type {
    if (isScalar(name)) return { kind: "scalar", scalar: name, size: scalarSizes[name] };
    const known = this.#resolved.get(name);
    if (known !== undefined) return known;
    if (this.#pending.has(name)) throw new VppError("SCHEMA", `${where}: ${name} contains itself`);
    this.#pending.add(name);
    try {
      const type = this.#define(name, where);
      this.#resolved.set(name, type);
      return type;
    } finally {
      this.#pending.delete(name);
    }
  }
  readonly #pending = new Set<string>();

  #define(name: string, where: string): Type {
    const bare = name.replace(/^vl_api_/, "").replace(/_t$/, "");
    const found = this.#blocks.get(name);
    if (found === undefined) return this.#alias(name, bare, where);
    switch (found.kind) {
      case "struct":
        return this.#struct(bare, found.block);
      case "union":
        return this.#union(bare, found.block);
      case "enum": {
        // Enums are 32 bits wide unless the definition says otherwise (VPPAPI.rst).
        const width = blockOptions(found.block)["enumtype"] ?? "u32";
        if (typeof width !== "string" || !isScalar(width) || width === "f64" || width === "bool") {
          throw new VppError("SCHEMA", `${where}: enum ${bare} of type ${String(width)}`);
        }
        return { kind: "scalar", scalar: width, size: scalarSizes[width] };
      }
    }
  }

  #alias(name: string, bare: string, where: string): Type {
    const alias = this.#aliases !== undefined && Object.hasOwn(this.#aliases, bare) ? this.#aliases[bare] : undefined;
    if (alias === undefined) throw new VppError("SCHEMA", `${where}: type ${name} is not defined in ${this.#module}`);
    const type = this.resolve(checkName(alias.type, where), where);
    if (alias.length === undefined) return type;
    return arrayOf(type, alias.length, textAliases[bare]);
  }

  #struct(name: string, block: ApiBlock): StructType {
    const fields = this.fields(block);
    const size = sumOfSizes(fields);
    const text = Object.hasOwn(textStructs, name) ? textStructs[name] : undefined;
    return {
      kind: "struct",
      name,
      fields,
      size,
      text: text !== undefined && text[1] === size ? text[0] : undefined,
      hasDefaults: fields.some((field) => field.defaultValue !== undefined || hasDefaults(field.type)),
    };
  }

  #union(name: string, block: ApiBlock): UnionType {
    const arms = this.fields(block);
    let size = 0;
    for (const arm of arms) {
      if (arm.type.size === undefined) throw new VppError("SCHEMA", `union ${name}: arm ${arm.name} varies in size`);
      size = Math.max(size, arm.type.size);
    }
    return { kind: "union", name, arms, size };
  }
}

function hasDefaults(type: Type): boolean {
  if (type.kind === "struct") return type.hasDefaults;
  return type.kind === "array" && hasDefaults(type.of);
}

function sumOfSizes(fields: readonly Field[]): number | undefined {
  let sum = 0;
  for (const field of fields) {
    if (field.type.size === undefined) return undefined;
    sum += field.type.size;
  }
  return sum;
}

function arrayOf(type: Type, length: number, text: TextForm | undefined): Type {
  if (type.kind === "scalar" && type.scalar === "u8") return { kind: "bytes", size: length, text };
  return { kind: "array", of: type, length, size: type.size === undefined ? undefined : type.size * length };
}

/** The definitions hold Python's view: numbers, True/False as booleans, and the text "true" (vppapigen_json.py). */
function defaultValue(field: ApiField): Field["defaultValue"] {
  const value = field.default;
  if (value === undefined || value === null) return undefined;
  if (field.type === "bool") return value === "true" || value === true || (typeof value === "number" && value !== 0);
  if (typeof value === "boolean") return Number(value);
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) return undefined;
  return field.type === "u64" || field.type === "i64" ? BigInt(Math.trunc(number)) : number;
}
