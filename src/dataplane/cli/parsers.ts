/** Parse functions for addresses, as VPP's `unformat_...` take them. */
import type { Input, Parser } from "./unformat.ts";

/** `%d.%d.%d.%d`, host order (src/vnet/ip/ip4_format.c:49). */
export const ip4Address: Parser<number> = (input) => {
  const parts = input.read("%d.%d.%d.%d");
  // C's `unsigned` takes a negative number for a large one.
  if (parts === undefined || parts.some((part) => part < 0 || part >= 256)) return undefined;
  return parts.reduce((all, part) => ((all << 8) | part) >>> 0, 0);
};

/** src/vnet/ip/ip6_format.c:100; no embedded IPv4. */
export const ip6Address: Parser<Uint8Array> = (input) => {
  const quads: number[] = [];
  let quad = 0;
  let digits = 0;
  let colons = 0;
  let gap = -1;
  for (let c = input.get(); c !== ""; c = input.get()) {
    const digit = /^[0-9a-fA-F]$/.test(c) ? Number.parseInt(c, 16) : -1;
    if (digit < 0 && !(c === ":" && colons < 2)) {
      input.unget();
      break;
    }
    if (digit < 0) colons += 1;
    if (quads.length >= 8) return undefined;
    if (digit >= 0) {
      if (digits >= 4) return undefined;
      quad = (quad << 4) | digit;
      colons = 0;
      digits += 1;
    }
    if (colons === 2) {
      if (gap >= 0) return undefined;
      gap = quads.length;
    }
    if (colons > 0 && digits > 0) {
      quads.push(quad);
      quad = 0;
      digits = 0;
    }
  }
  if (digits > 0) quads.push(quad);
  if (gap >= 0) quads.splice(gap, 0, ...Array.from({ length: 8 - quads.length }, () => 0));
  if (quads.length < 8) return undefined;
  return Uint8Array.from(quads.flatMap((word) => [word >> 8, word & 255]));
};

/** IPv4 as a number, IPv6 as 16 bytes; IPv4 is tried first. */
export const ipAddress: Parser<number | Uint8Array> = (input) => {
  const [ip4] = input.read("%U", ip4Address) ?? [];
  if (ip4 !== undefined) return ip4;
  const [ip6] = input.read("%U", ip6Address) ?? [];
  return ip6;
};

/** 16 bytes; IPv4 as twelve zero bytes and the address. */
export const ip46Address: Parser<Uint8Array> = (input) => {
  const address = ipAddress(input);
  return address === undefined ? undefined : ip46Of(address);
};

/** The lb plugin's prefixes: length counted in the 128 bits (src/plugins/lb/util.c:22). */
export const ip46Prefix: Parser<{ readonly prefix: Uint8Array; readonly length: number }> = (input) => {
  const four = input.read("%U/%u", ip4Address);
  if (four !== undefined) {
    const [address, length] = four;
    return length > 32 ? undefined : { prefix: ip46Of(address), length: length + 96 };
  }
  const six = input.read("%U/%u", ip6Address);
  if (six === undefined) return undefined;
  const [prefix, length] = six;
  return length > 128 ? undefined : { prefix, length };
};

export function ip46Of(address: number | Uint8Array): Uint8Array {
  if (typeof address !== "number") return address;
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, address);
  return bytes;
}

/** `xx:xx:xx:xx:xx:xx` or `xxxx.xxxx.xxxx` (src/vnet/ethernet/format.c:154). */
export const macAddress: Parser<Uint8Array> = (input) => {
  const unix = input.user((i) => {
    const parts = i.read("%_%x:%x:%x:%x:%x:%x%_");
    return parts === undefined || parts.some((part) => part > 0xff) ? undefined : Uint8Array.from(parts);
  });
  if (unix !== undefined) return unix;
  return input.user((i) => {
    const parts = i.read("%_%x.%x.%x%_");
    if (parts === undefined || parts.some((part) => part > 0xffff)) return undefined;
    return Uint8Array.from(parts.flatMap((part) => [part >> 8, part & 255]));
  });
};

/** `up`, `down`: the admin state. VPP's `punt` and `enable` only set a flag that is not kept here. */
export const adminState: Parser<boolean> = (input: Input) => {
  if (input.match("up")) return true;
  if (input.match("down") || input.match("punt") || input.match("enable")) return false;
  return undefined;
};
