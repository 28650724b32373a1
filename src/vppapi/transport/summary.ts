import { formatAddress, formatMac, formatPrefix } from "../codec/address.ts";
import type { Address, Prefix } from "../codec/address.ts";

const LONGEST = 400;

/** A message's fields on one line, addresses as text, for errors: `{pfx: 10.2.2.0/24, protocol: 255}`. */
export function summarize(value: unknown): string {
  const text = show(value, 0);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

function show(value: unknown, depth: number): string {
  if (value instanceof Uint8Array) return value.length === 6 ? formatMac(value) : bytes(value);
  if (typeof value === "string") return depth === 0 ? value : JSON.stringify(value);
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((one) => show(one, depth + 1));
    return `[${shown.join(", ")}${value.length > 8 ? `, ... ${value.length} in all` : ""}]`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  if (isAddress(value)) return formatAddress(value);
  if (isPrefix(value)) return formatPrefix(value);
  if (depth > 6) return "{...}";
  const parts = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => `${key}: ${show(one, depth + 1)}`);
  return `{${parts.join(", ")}}`;
}

function bytes(value: Uint8Array): string {
  if (value.length === 4 || value.length === 16) return formatAddress(value);
  return `0x${Buffer.from(value.subarray(0, 16)).toString("hex")}${value.length > 16 ? "..." : ""}`;
}

function isAddress(value: object): value is Address {
  if (!("af" in value) || !("un" in value)) return false;
  const un = value.un as Partial<Address["un"]>;
  return value.af === 0 ? un.ip4 instanceof Uint8Array : un.ip6 instanceof Uint8Array;
}

function isPrefix(value: object): value is Prefix {
  return (
    "len" in value &&
    "address" in value &&
    typeof value.address === "object" &&
    value.address !== null &&
    isAddress(value.address)
  );
}
