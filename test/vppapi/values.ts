import fc from "fast-check";
import type { Arbitrary } from "fast-check";
import type { ApiField, ApiJson, Fields, MessageCodec } from "vpp-api-ts/codec";
import { fileOf } from "./recordings.ts";

/**
 * Random decoded values of a message, made from its definition alone (not by the codec under test): every field given,
 * counts right, the arms of unions of one memory.
 */
export function valuesOf(codec: MessageCodec): Arbitrary<Fields> {
  return record(codec.fields, fileOf(codec.nameCrc));
}

function record(fields: readonly ApiField[], file: ApiJson): Arbitrary<Fields> {
  const entries: Record<string, Arbitrary<unknown>> = {};
  for (const field of fields) entries[field.name] = fieldValue(field, file);
  return fc.record(entries, { noNullPrototype: true }).map((value) => {
    for (const field of fields) {
      if (field.countField !== undefined) value[field.countField] = (value[field.name] as { length: number }).length;
    }
    return value;
  });
}

const scalars: Record<string, Arbitrary<unknown>> = {
  u8: fc.nat(255),
  u16: fc.nat(65535),
  u32: fc.integer({ min: 0, max: 0xffff_ffff }),
  u64: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  i8: fc.integer({ min: -128, max: 127 }),
  i16: fc.integer({ min: -32768, max: 32767 }),
  i32: fc.integer(),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f64: fc.double({ noNaN: true }),
  bool: fc.boolean(),
};

function text(most: number): Arbitrary<string> {
  return fc.string({ unit: "grapheme", maxLength: most }).map((value) => {
    let out = "";
    for (const char of value.replaceAll("\0", "")) {
      if (Buffer.from(char).toString() !== char || Buffer.byteLength(out + char) > most) break;
      out += char;
    }
    return out;
  });
}

function bytes(length: number): Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((value) => new Uint8Array(value));
}

function fieldValue(field: ApiField, file: ApiJson): Arbitrary<unknown> {
  if (field.type === "string") return text(field.length === undefined || field.length === 0 ? 100 : field.length - 1);
  if (field.length === undefined) return typeValue(field.type, file);
  const variable = field.length === 0 || field.countField !== undefined;
  const range = variable ? { maxLength: 5 } : { minLength: field.length, maxLength: field.length };
  if (field.type === "u8") return fc.uint8Array(range).map((value) => new Uint8Array(value));
  return fc.array(typeValue(field.type, file), range);
}

function typeValue(type: string, file: ApiJson): Arbitrary<unknown> {
  const scalar = scalars[type];
  if (scalar !== undefined) return scalar;
  const name = type.replace(/^vl_api_/, "").replace(/_t$/, "");
  const struct = file.types?.find((block) => block[0] === name);
  if (struct !== undefined) return record(fieldsOf(struct), file);
  const enumeration = [...(file.enums ?? []), ...(file.enumflags ?? [])].find((block) => block[0] === name);
  if (enumeration !== undefined) {
    const options = enumeration.at(-1) as { enumtype?: string };
    return scalars[options.enumtype ?? "u32"] as Arbitrary<unknown>;
  }
  const union = file.unions?.find((block) => block[0] === name);
  // Only the address union is compared value by value: its arms share their first bytes.
  if (union !== undefined && name === "address_union") {
    return bytes(16).map((ip6) => ({ ip4: ip6.slice(0, 4), ip6 }));
  }
  if (union !== undefined) throw new Error(`union ${name}: say how its arms share memory`);
  const alias = file.aliases?.[name];
  if (alias === undefined) throw new Error(`no type ${type}`);
  if (alias.length === undefined) return typeValue(alias.type, file);
  return alias.type === "u8"
    ? bytes(alias.length)
    : fc.array(typeValue(alias.type, file), { minLength: alias.length, maxLength: alias.length });
}

function fieldsOf(block: readonly unknown[]): ApiField[] {
  return block.slice(1).flatMap((item) => {
    if (!Array.isArray(item)) return [];
    const [type, name, ...rest] = item as [string, string, ...unknown[]];
    const length = rest.find((one) => typeof one === "number");
    const countField = rest.find((one) => typeof one === "string");
    return [
      { type, name, ...(length === undefined ? {} : { length }), ...(countField === undefined ? {} : { countField }) },
    ];
  });
}
