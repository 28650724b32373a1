/** The resolved form of a schema: what the code generator and the diagnostics walk. */

export type ScalarName = "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "f64" | "bool";

export const scalarSizes: Readonly<Record<ScalarName, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  i8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  f64: 8,
  bool: 1,
};

export function isScalar(name: string): name is ScalarName {
  return Object.hasOwn(scalarSizes, name);
}

/** Types that also encode from their usual text form. */
export type TextForm = "ip4" | "ip6" | "mac" | "address" | "prefix" | "ip4Prefix" | "ip6Prefix";

export interface ScalarType {
  readonly kind: "scalar";
  readonly scalar: ScalarName;
  readonly size: number;
}

/** `u8 x[N]`: raw bytes. */
export interface BytesType {
  readonly kind: "bytes";
  readonly size: number;
  readonly text: TextForm | undefined;
}

/** `string x[N]`: NUL-terminated, zero-padded. */
export interface TextType {
  readonly kind: "text";
  readonly size: number;
}

/** `T x[N]`. */
export interface ArrayType {
  readonly kind: "array";
  readonly of: Type;
  readonly length: number;
  /** Undefined where the elements vary in size. */
  readonly size: number | undefined;
}

export interface StructType {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: readonly Field[];
  readonly size: number | undefined;
  readonly text: TextForm | undefined;
  /** A default value somewhere inside: an omitted struct is then not all zeros. */
  readonly hasDefaults: boolean;
}

export interface UnionType {
  readonly kind: "union";
  readonly name: string;
  readonly arms: readonly Field[];
  /** Of the largest arm. */
  readonly size: number;
}

/** `T x[count]`, `u8 x[count]` and `string x[]`: the variable ones, always the last of their block in practice. */
export interface VariableArrayType {
  readonly kind: "variableArray";
  readonly of: Type;
  /** Undefined: the array takes the rest of the message (`T x[0]` of old definitions). */
  readonly countField: string | undefined;
  readonly size: undefined;
}
export interface VariableTextType {
  readonly kind: "variableText";
  readonly size: undefined;
}

export type Type =
  ScalarType | BytesType | TextType | ArrayType | StructType | UnionType | VariableArrayType | VariableTextType;

export interface Field {
  readonly name: string;
  readonly type: Type;
  /** Used where the field is missing on encode. */
  readonly defaultValue: number | bigint | boolean | undefined;
  /** This field counts the variable array of that name: filled in on encode where missing. */
  readonly countOf: string | undefined;
}

/** Least number of bytes that a value of the type takes: bounds the elements that a message can claim to hold. */
export function minimumSize(type: Type): number {
  if (type.size !== undefined) return type.size;
  switch (type.kind) {
    case "array":
      return type.length * minimumSize(type.of);
    case "struct":
      return type.fields.reduce((sum, field) => sum + minimumSize(field.type), 0);
    case "variableText":
      return 4;
    default:
      return 0;
  }
}
