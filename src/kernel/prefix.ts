import { isIP } from "node:net";
import { addressBytes, addressText } from "../sys/sockaddr.ts";
import { AF_INET, AF_INET6 } from "../sys/constants.ts";
import { KernelError } from "./errors.ts";

/** An address with a length, as "10.60.1.1/24" writes it; host bits are kept. */
export interface Prefix {
  /** AF_INET (2) or AF_INET6 (10). */
  readonly family: number;
  readonly bytes: Uint8Array;
  /** Length in bits. */
  readonly length: number;
}

/** "default" needs `family`; an address alone is a host's (/32 or /128). @throws KernelError INVALID */
export function parsePrefix(text: string, family?: number): Prefix {
  if (text === "default") {
    const chosen = family ?? AF_INET;
    return { family: chosen, bytes: new Uint8Array(chosen === AF_INET ? 4 : 16), length: 0 };
  }
  const [address = "", length, ...rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  const max = version === 4 ? 32 : 128;
  const bits = length === undefined ? max : /^\d+$/.test(length) ? Number(length) : NaN;
  if (version === 0 || rest.length > 0 || !(bits >= 0 && bits <= max)) {
    throw new KernelError("INVALID", `"${text}" is not an address or prefix such as 10.0.0.1/24 or 2001:db8::/64`);
  }
  return { family: version === 4 ? AF_INET : AF_INET6, bytes: addressBytes(address), length: bits };
}

/** The prefix with its host bits zero, in text. */
export function networkText(prefix: Prefix): string {
  const bytes = prefix.bytes.map((byte, i) => byte & (0xff << Math.max(0, 8 - Math.max(0, prefix.length - 8 * i))));
  return `${addressText(bytes)}/${prefix.length}`;
}

/** 4 or 6 of any text that holds an address or a prefix. */
export function familyOf(text: string): 4 | 6 {
  return text.includes(":") ? 6 : 4;
}

/** Six bytes of "02:fe:00:00:00:01". @throws KernelError INVALID */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new KernelError("INVALID", `"${text}" is not a MAC address such as 02:fe:00:00:00:01`);
  }
  return Uint8Array.from(text.split(":").map((byte) => Number.parseInt(byte, 16)));
}

export function macText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
