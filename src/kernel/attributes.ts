/** Netlink attributes (linux/netlink.h, struct nlattr): length u16, type u16, data, padded to 4 bytes. */

const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

const little = true;

export function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** One attribute. */
export function attribute(type: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + Math.ceil(data.length / 4) * 4);
  const view = new DataView(out.buffer);
  view.setUint16(0, 4 + data.length, little);
  view.setUint16(2, type, little);
  out.set(data, 4);
  return out;
}

export function nested(type: number, ...attributes: Uint8Array[]): Uint8Array {
  return attribute(type | NESTED, concat(...attributes));
}

export function u8(type: number, value: number): Uint8Array {
  return attribute(type, Uint8Array.of(value));
}

export function u32(type: number, value: number): Uint8Array {
  return attribute(type, new Uint8Array(Uint32Array.of(value).buffer));
}

/** A big-endian u32, as nf_tables has them. */
export function u32be(type: number, value: number): Uint8Array {
  return attribute(type, Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
}

/** A NUL-terminated string. */
export function text(type: number, value: string): Uint8Array {
  return attribute(type, new TextEncoder().encode(`${value}\0`));
}

/** Attributes by type; a later one of the same type wins. Stops at the first that does not fit. */
export function parseAttributes(data: Uint8Array): Map<number, Uint8Array> {
  const out = new Map<number, Uint8Array>();
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at + 4 <= data.length;) {
    const length = view.getUint16(at, little);
    if (length < 4 || at + length > data.length) break;
    out.set(view.getUint16(at + 2, little) & TYPE_MASK, data.subarray(at + 4, at + length));
    at += Math.ceil(length / 4) * 4;
  }
  return out;
}

export function readU32(data: Uint8Array | undefined): number | undefined {
  if (data === undefined || data.length < 4) return undefined;
  return new DataView(data.buffer, data.byteOffset).getUint32(0, little);
}

export function readText(data: Uint8Array | undefined): string | undefined {
  if (data === undefined) return undefined;
  const end = data.indexOf(0);
  return new TextDecoder().decode(end < 0 ? data : data.subarray(0, end));
}
