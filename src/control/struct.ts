/** google.protobuf.Struct as protobuf.js shows it, from and to plain JSON. */

interface ProtoValue {
  readonly nullValue?: unknown;
  readonly numberValue?: number;
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly structValue?: ProtoStruct;
  readonly listValue?: { readonly values?: readonly ProtoValue[] };
}

export interface ProtoStruct {
  readonly fields?: Readonly<Record<string, ProtoValue>>;
}

/** Members that are undefined are left out, as JSON does. */
export function toStruct(value: Readonly<Record<string, unknown>> | object): ProtoStruct {
  const present = Object.entries(value).filter(([, member]) => member !== undefined);
  return { fields: Object.fromEntries(present.map(([key, member]) => [key, toValue(member)])) };
}

function toValue(value: unknown): ProtoValue {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return { numberValue: value };
    case "bigint":
      // As JSON.stringify of our own would: a string loses nothing.
      return { stringValue: value.toString() };
    default:
      if (value === null || typeof value !== "object") return { nullValue: "NULL_VALUE" };
      // What shows itself otherwise than it is (a secret) does so here too.
      if (typeof (value as { toJSON?: unknown }).toJSON === "function")
        return toValue((value as { toJSON: () => unknown }).toJSON());
      return Array.isArray(value)
        ? { listValue: { values: value.map(toValue) } }
        : { structValue: toStruct(value as Record<string, unknown>) };
  }
}

export function fromStruct(struct: ProtoStruct): Record<string, unknown> {
  return Object.fromEntries(Object.entries(struct.fields ?? {}).map(([key, value]) => [key, fromValue(value)]));
}

function fromValue(value: ProtoValue): unknown {
  if (value.structValue != null) return fromStruct(value.structValue);
  if (value.listValue != null) return (value.listValue.values ?? []).map(fromValue);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}
