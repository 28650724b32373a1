import { VppError } from "../errors.ts";
import { parseAddress, parseIp4, parseIp6, parseMac, parsePrefix } from "./address.ts";
import { minimumSize } from "./types.ts";
import type { Field } from "./types.ts";

/** What the generated encoders and decoders call. `b` = bytes, `p` = position, `n` = end, `v` = value. */

/** A failure inside a message; grows its path on the way out, becomes a VppError at the top. */
export class FieldError extends Error {
  path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Prepends the name or index of the enclosing field. */
export function at(error: unknown, outer: string): unknown {
  if (error instanceof FieldError) {
    error.path = error.path === "" ? outer : `${outer}${error.path.startsWith("[") ? "" : "."}${error.path}`;
    return error;
  }
  if (VppError.is(error)) return new FieldError(outer, error.message);
  return error;
}

/* ---- decoding ---- */

/** A run of fixed fields does not fit: names the first field that is cut. */
export function short(fields: readonly Field[], p: number, n: number): never {
  let left = Math.max(0, n - p);
  for (const field of fields) {
    const size = field.type.size ?? minimumSize(field.type);
    if (size > left) {
      throw new FieldError(field.name, `needs ${size} byte${size === 1 ? "" : "s"}, ${left} left`);
    }
    left -= size;
  }
  throw new FieldError("", "message too short");
}

const scratch = new Uint8Array(8);
const scratchView = new DataView(scratch.buffer);

export function u64(b: Uint8Array, p: number): bigint {
  for (let i = 0; i < 8; i++) scratch[i] = b[p + i] as number;
  return scratchView.getBigUint64(0);
}
export function i64(b: Uint8Array, p: number): bigint {
  for (let i = 0; i < 8; i++) scratch[i] = b[p + i] as number;
  return scratchView.getBigInt64(0);
}
/** VPP sends f64 in its own byte order (no swap: vlibapi/api_types.h); every machine it runs on is little-endian. */
export function f64(b: Uint8Array, p: number): number {
  for (let i = 0; i < 8; i++) scratch[i] = b[p + i] as number;
  return scratchView.getFloat64(0, true);
}

/** Node's own readers of text: half the time of toString(), which looks its arguments over. */
interface TextBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

function buffer(b: Uint8Array): TextBuffer {
  return (Buffer.isBuffer(b) ? b : Buffer.from(b.buffer, b.byteOffset, b.byteLength)) as TextBuffer;
}

/** Text up to the first NUL. Short ASCII (names, tags) is built here: a call into C++ costs more than the loop. */
export function text(b: Uint8Array, p: number, n: number): string {
  if (b[p] === 0) return "";
  let e = p;
  let high = 0;
  let c = 0;
  while (e < n && (c = b[e] as number) !== 0) {
    high |= c;
    e++;
  }
  return high < 0x80 ? buffer(b).latin1Slice(p, e) : buffer(b).utf8Slice(p, e);
}

/** Whole text, NULs included: cli output may end in one. */
export function variableText(b: Uint8Array, p: number, n: number): string {
  return p === n ? "" : buffer(b).utf8Slice(p, n);
}

export function bytes(b: Uint8Array, p: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  if (length > 32) out.set(b.subarray(p, p + length));
  else for (let i = 0; i < length; i++) out[i] = b[p + i] as number;
  return out;
}

export type DecodeFixed = (b: Uint8Array, p: number) => unknown;

export function fixedArray(b: Uint8Array, p: number, length: number, size: number, decode: DecodeFixed): unknown[] {
  const out = new Array<unknown>(length);
  for (let i = 0; i < length; i++) out[i] = decode(b, p + i * size);
  return out;
}

/** Refuses a count that the message cannot hold, before anything is allocated for it. */
export function checkCount(p: number, n: number, count: number, size: number, name: string): void {
  const left = n - p;
  if (count * size > left) {
    const which = size > 0 ? Math.floor(left / size) : 0;
    throw new FieldError(`${name}[${which}]`, `${count} elements announced, ${left} bytes left`);
  }
  if (size === 0 && count > 0) throw new FieldError(name, "elements without size");
}

/* ---- encoding ---- */

function mismatch(v: unknown, want: string): never {
  const shown =
    typeof v === "string" ? JSON.stringify(v.slice(0, 80)) : typeof v === "object" ? "an object" : String(v);
  throw new FieldError("", `${shown} is not ${want}`);
}

function integer(v: unknown, low: number, high: number, type: string): number {
  if (typeof v === "number" && Number.isInteger(v) && v >= low && v <= high) return v;
  if (typeof v === "boolean") return v ? 1 : 0;
  mismatch(v, `${type} (${low} to ${high})`);
}

export function putU8(b: Uint8Array, p: number, v: unknown): void {
  b[p] = integer(v, 0, 0xff, "u8");
}
export function putI8(b: Uint8Array, p: number, v: unknown): void {
  b[p] = integer(v, -0x80, 0x7f, "i8");
}
export function putU16(b: Uint8Array, p: number, v: unknown): void {
  const x = integer(v, 0, 0xffff, "u16");
  b[p] = x >> 8;
  b[p + 1] = x;
}
export function putI16(b: Uint8Array, p: number, v: unknown): void {
  const x = integer(v, -0x8000, 0x7fff, "i16");
  b[p] = x >> 8;
  b[p + 1] = x;
}
function word(b: Uint8Array, p: number, x: number): void {
  b[p] = x >>> 24;
  b[p + 1] = x >>> 16;
  b[p + 2] = x >>> 8;
  b[p + 3] = x;
}
export function putU32(b: Uint8Array, p: number, v: unknown): void {
  word(b, p, integer(v, 0, 0xffff_ffff, "u32"));
}
export function putI32(b: Uint8Array, p: number, v: unknown): void {
  word(b, p, integer(v, -0x8000_0000, 0x7fff_ffff, "i32"));
}
function big(v: unknown, low: bigint, high: bigint, type: string): bigint {
  const x = typeof v === "bigint" ? v : typeof v === "number" && Number.isSafeInteger(v) ? BigInt(v) : undefined;
  if (x === undefined || x < low || x > high) mismatch(v, `${type} (a bigint)`);
  return x;
}
export function putU64(b: Uint8Array, p: number, v: unknown): void {
  scratchView.setBigUint64(0, big(v, 0n, 0xffff_ffff_ffff_ffffn, "u64"));
  b.set(scratch, p);
}
export function putI64(b: Uint8Array, p: number, v: unknown): void {
  scratchView.setBigInt64(0, big(v, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, "i64"));
  b.set(scratch, p);
}
export function putF64(b: Uint8Array, p: number, v: unknown): void {
  if (typeof v !== "number") mismatch(v, "a number");
  scratchView.setFloat64(0, v, true);
  b.set(scratch, p);
}
export function putBool(b: Uint8Array, p: number, v: unknown): void {
  if (typeof v !== "boolean" && v !== 0 && v !== 1) mismatch(v, "true or false");
  b[p] = v ? 1 : 0;
}

/** Up to here a loop is faster than a call into C++: names and tags. */
const SHORT_TEXT = 64;

/** False at the first character that is not plain ASCII; what was written by then is written over. */
function putAscii(b: Uint8Array, p: number, v: string): boolean {
  for (let i = 0; i < v.length; i++) {
    const c = v.charCodeAt(i);
    if (c === 0 || c > 0x7f) return false;
    b[p + i] = c;
  }
  return true;
}

/** Fixed text keeps room for its NUL: VPP reads these fields as C strings. */
export function putText(b: Uint8Array, p: number, size: number, v: unknown): void {
  if (typeof v !== "string") mismatch(v, "text");
  if (v.length <= SHORT_TEXT && v.length < size && putAscii(b, p, v)) return;
  if (v.includes("\0")) throw new FieldError("", "text with a NUL inside");
  const length = Buffer.byteLength(v);
  if (length >= size) throw new FieldError("", `text of ${length} bytes, ${size - 1} fit`);
  buffer(b).write(v, p, length);
}

export function putVariableText(b: Uint8Array, p: number, v: unknown): number {
  if (v === undefined) return p + 4;
  if (typeof v !== "string") mismatch(v, "text");
  const length = Buffer.byteLength(v);
  word(b, p, length);
  buffer(b).write(v, p + 4, length);
  return p + 4 + length;
}

export function textLength(v: unknown): number {
  return typeof v === "string" ? Buffer.byteLength(v) : 0;
}

export function byteSource(v: unknown): Uint8Array | readonly number[] {
  if (v instanceof Uint8Array) return v;
  if (Array.isArray(v) && v.every((x) => Number.isInteger(x) && x >= 0 && x <= 255)) return v as number[];
  mismatch(v, "bytes (a Uint8Array)");
}

export function putBytes(b: Uint8Array, p: number, size: number, v: unknown): void {
  const source = byteSource(v);
  if (source.length > size) throw new FieldError("", `${source.length} bytes, ${size} fit`);
  b.set(source, p);
}

export function arrayLength(v: unknown): number {
  return Array.isArray(v) || v instanceof Uint8Array ? v.length : 0;
}

export function array(v: unknown): readonly unknown[] {
  if (!Array.isArray(v)) mismatch(v, "an array");
  return v;
}

export function object(v: unknown): Record<string, unknown> {
  if (typeof v !== "object" || v === null || Array.isArray(v)) mismatch(v, "an object");
  return v as Record<string, unknown>;
}

/** The count of a variable array: given, it has to be right. */
export function checkGiven(count: unknown, length: number): number {
  if (count !== undefined && count !== length)
    throw new FieldError("", `${String(count)}, but the array has ${length}`);
  return length;
}

export type EncodeFixed = (b: Uint8Array, p: number, v: unknown) => void;

/** Writes `v` (shorter is filled with zeros, or with the defaults that `empty` writes). */
export function putFixedArray(
  b: Uint8Array,
  p: number,
  length: number,
  size: number,
  v: unknown,
  encode: EncodeFixed,
  empty: boolean,
): void {
  const source = v === undefined ? [] : array(v);
  if (source.length > length) throw new FieldError("", `${source.length} elements, ${length} fit`);
  let i = 0;
  try {
    for (; i < source.length; i++) encode(b, p + i * size, source[i]);
  } catch (error) {
    throw at(error, `[${i}]`);
  }
  if (empty) for (; i < length; i++) encode(b, p + i * size, undefined);
}

export const empty: Record<string, unknown> = Object.freeze({});
export const fromText = {
  ip4: parseIp4,
  ip6: parseIp6,
  mac: parseMac,
  address: parseAddress,
  prefix: parsePrefix,
  ip4Prefix: (value: string): unknown => textPrefix(value, "ip4", 32),
  ip6Prefix: (value: string): unknown => textPrefix(value, "ip6", 128),
} as const;

function textPrefix(value: string, arm: "ip4" | "ip6", longest: number): unknown {
  const { address, len } = parsePrefix(value);
  if (address.af !== (arm === "ip4" ? 0 : 1)) throw new FieldError("", `${value} is not of ${arm}`);
  return { address: address.un[arm], len: Math.min(len, longest) };
}
