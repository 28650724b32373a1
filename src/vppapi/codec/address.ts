import { VppError } from "../errors.ts";

/** `vl_api_address_t` (vnet/ip/ip_types.api): af 0 = IPv4, 1 = IPv6; decoded with both arms of the union. */
export interface Address {
  readonly af: number;
  readonly un: { readonly ip4: Uint8Array; readonly ip6: Uint8Array };
}

/** `vl_api_prefix_t`, also `vl_api_address_with_prefix_t`. */
export interface Prefix {
  readonly address: Address;
  readonly len: number;
}

export const ADDRESS_IP4 = 0;
export const ADDRESS_IP6 = 1;

function bad(text: string, what: string): never {
  throw new VppError("ENCODE", `${JSON.stringify(text)} is not ${what}`);
}

/** @returns the four bytes, or undefined where the text is no dotted quad (leading zeros are refused: inet_pton(3)) */
function quad(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i] ?? "";
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** Four bytes of "10.0.0.1". @throws VppError ENCODE */
export function parseIp4(text: string): Uint8Array {
  return quad(text) ?? bad(text, 'an IPv4 address such as "10.0.0.1"');
}

/** Sixteen bytes of "2001:db8::1" (RFC 4291, 2.2; a dotted quad at the end is taken). @throws VppError ENCODE */
export function parseIp6(text: string): Uint8Array {
  return ip6(text) ?? bad(text, 'an IPv6 address such as "2001:db8::1"');
}

function ip6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const four = quad(part);
      if (four === undefined) return undefined;
      bytes.push(...four);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const value = parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}

/** "10.0.0.1" or "2001:db8::1" as VPP's address. @throws VppError ENCODE */
export function parseAddress(text: string): Address {
  const ip4Bytes = quad(text);
  if (ip4Bytes !== undefined) {
    const bytes = new Uint8Array(16);
    bytes.set(ip4Bytes);
    return { af: ADDRESS_IP4, un: { ip4: ip4Bytes, ip6: bytes } };
  }
  const bytes = ip6(text) ?? bad(text, 'an address such as "10.0.0.1" or "2001:db8::1"');
  return { af: ADDRESS_IP6, un: { ip4: bytes.slice(0, 4), ip6: bytes } };
}

/** "10.0.0.0/24", "2001:db8::/32", or an address alone (its full length). @throws VppError ENCODE */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const longest = address.af === ADDRESS_IP4 ? 32 : 128;
  if (slash < 0) return { address, len: longest };
  const length = text.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(length) || Number(length) > longest) bad(text, 'a prefix such as "10.0.0.0/24"');
  return { address, len: Number(length) };
}

/** Six bytes of "02:fe:00:00:00:01" (also with "-", or as Cisco writes it). @throws VppError ENCODE */
export function parseMac(text: string): Uint8Array {
  const digits = /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(text)
    ? text.replace(/[:-]/g, "")
    : /^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$/.test(text)
      ? text.replace(/\./g, "")
      : bad(text, 'a MAC address such as "02:fe:00:00:00:01"');
  const bytes = new Uint8Array(6);
  for (let i = 0; i < 6; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function formatIp4(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

/** The text of RFC 5952: lower case, the longest run of zero groups (two at least, the first of equals) as "::". */
export function formatIp6(bytes: Uint8Array): string {
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  if (start < 0) return hex(words);
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

/** An address of VPP, or its 4 or 16 bytes, as text. */
export function formatAddress(address: Address | Uint8Array): string {
  if (address instanceof Uint8Array) return address.length === 4 ? formatIp4(address) : formatIp6(address);
  return address.af === ADDRESS_IP4 ? formatIp4(address.un.ip4) : formatIp6(address.un.ip6);
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.len}`;
}

export function formatMac(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < 6; i++) text += (i ? ":" : "") + (bytes[i] ?? 0).toString(16).padStart(2, "0");
  return text;
}
