import { VppError } from "../errors.ts";

/**
 * One file of VPP's API definitions (`*.api.json`), as vppapigen writes it (src/tools/vppapigen/vppapigen_json.py).
 * Types that a file imports are inlined in it, so every file stands alone.
 */
export interface ApiJson {
  readonly module?: string;
  readonly types?: readonly ApiBlock[];
  readonly messages?: readonly ApiBlock[];
  readonly unions?: readonly ApiBlock[];
  readonly enums?: readonly ApiBlock[];
  readonly enumflags?: readonly ApiBlock[];
  readonly aliases?: Readonly<Record<string, ApiAlias>>;
  readonly services?: Readonly<Record<string, ApiService>>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly vl_api_version?: string;
  readonly [extra: string]: unknown;
}

/** `[name, [type, field, length?, countField?, options?]..., {options}?]`; for enums the items are `[entry, value]`. */
export type ApiBlock = readonly [string, ...ApiItem[]];
export type ApiItem = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface ApiAlias {
  readonly type: string;
  readonly length?: number;
}

/** What answers a request. */
export interface ApiService {
  /** Name of the reply; of the details where `stream` is set without `stream_msg` (a dump); "null" for none. */
  readonly reply: string;
  readonly stream?: boolean;
  readonly stream_msg?: string;
  readonly events?: readonly string[];
}

/** A field as the definition has it. */
export interface ApiField {
  readonly type: string;
  readonly name: string;
  /** Present for arrays and strings; 0 = variable. */
  readonly length?: number;
  /** The field that counts a variable array. */
  readonly countField?: string;
  readonly default?: unknown;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

function fail(where: string, what: string): never {
  throw new VppError("SCHEMA", `${where}: ${what}; is this an *.api.json of VPP?`);
}

/** Names end up as keys of decoded objects and in generated code: only C identifiers pass. */
export function checkName(name: unknown, where: string): string {
  if (typeof name !== "string" || !identifier.test(name) || name === "__proto__") {
    fail(where, `${JSON.stringify(name)} is not a name`);
  }
  return name as string;
}

/** The fields of a message, type or union; the options at the end (crc, comment) are left out. */
export function fieldsOf(block: ApiBlock, where: string): ApiField[] {
  const fields: ApiField[] = [];
  for (const item of block.slice(1)) {
    if (Array.isArray(item)) fields.push(parseField(item, where));
  }
  return fields;
}

function parseField(item: readonly unknown[], where: string): ApiField {
  const type = checkName(item[0], where);
  const name = checkName(item[1], where);
  const at = `${where}.${name}`;
  const field: { -readonly [K in keyof ApiField]: ApiField[K] } = { type, name };
  for (const extra of item.slice(2)) {
    if (typeof extra === "number") field.length = checkLength(extra, at);
    else if (typeof extra === "string") field.countField = checkName(extra, at);
    else if (typeof extra === "object" && extra !== null) {
      // Newer versions add options (26.06: "discriminator", "case"): those that are not known change no encoding.
      if ("default" in extra) field.default = extra.default;
    }
  }
  return field;
}

function checkLength(length: number, at: string): number {
  if (!Number.isInteger(length) || length < 0 || length > 1 << 20) fail(at, `length ${length}`);
  return length;
}

/** The trailing options object of a block: `{crc, options, comment}` or `{enumtype}`. */
export function blockOptions(block: ApiBlock): Readonly<Record<string, unknown>> {
  const last = block.at(-1);
  return typeof last === "object" && !Array.isArray(last) ? (last as Readonly<Record<string, unknown>>) : {};
}

/** Eight lower-case hex digits of a message's CRC (`"0x56cd3261"` in the definition). */
export function crcOf(block: ApiBlock): string {
  const crc = blockOptions(block)["crc"];
  if (typeof crc !== "string" || !/^0x[0-9a-fA-F]{1,8}$/.test(crc)) fail(block[0], "no crc");
  return (crc as string).slice(2).toLowerCase().padStart(8, "0");
}
