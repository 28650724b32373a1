/**
 * VPP's way of writing things (src/vppinfra/format.c): columns that cut what is too long, `%=Ns` that puts the odd space
 * left, decimals without a zero before the point.
 */

/** `%=Ns`: centred; cut at N. */
export function center(value: string | number, width: number): string {
  const text = String(value).slice(0, width);
  const missing = width - text.length;
  const right = Math.floor(missing / 2);
  return " ".repeat(missing - right) + text + " ".repeat(right);
}

/** `%-Ns`: left-aligned; cut at N. */
export function left(value: string | number, width: number): string {
  return String(value).slice(0, width).padEnd(width);
}

/** `%Ns`: right-aligned; cut at N. */
export function right(value: string | number, width: number): string {
  return String(value).slice(0, width).padStart(width);
}

/** `%.Nf`: no zero before the point of a fraction (format.c `format_float`). */
export function decimal(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) !== 0 && Math.abs(value) < 1 ? text.replace("0.", ".") : text;
}

/** `%.Ne`: `2.6706e-3`. */
export function exponential(value: number, digits: number): string {
  return value.toExponential(digits).replace("e+", "e");
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function macText(mac: Uint8Array): string {
  return hex(mac).replace(/..(?=.)/g, "$&:");
}

export function ip4Text(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join(".");
}

/** The longest run of more than one zero becomes `::`, the first where runs are equal (ip6_format.c:16). */
export function ip6Text(address: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0));
  let start = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (words[end] === 0) end += 1;
    if (end - i > longest) {
      longest = end - i;
      start = i;
    }
    i = Math.max(i, end);
  }
  const text = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(":");
  return start < 0 ? text(0, 8) : `${text(0, start)}::${text(start + longest, 8)}`;
}

/** A number is IPv4, 16 bytes are IPv6. */
export function addressText(address: number | Uint8Array): string {
  return typeof address === "number" ? ip4Text(address) : ip6Text(address);
}

/** 16 bytes, of which twelve zeroes mean IPv4 (`format_ip46_address` with IP46_TYPE_ANY). */
export function ip46Text(address: Uint8Array): string {
  return ip46Is4(address) ? ip4Text(Buffer.from(address.subarray(12)).readUInt32BE()) : ip6Text(address);
}

export function ip46Is4(address: Uint8Array): boolean {
  return address.subarray(0, 12).every((byte) => byte === 0);
}

export function prefixText(prefix: { readonly address: number | Uint8Array; readonly length: number }): string {
  return `${addressText(prefix.address)}/${prefix.length}`;
}

/** `h:m:s:u` of trace records: 00:00:06:759211. */
export function clockText(seconds: number): string {
  const micros = Math.floor(seconds * 1e6);
  const two = (n: number): string => String(n).padStart(2, "0");
  const whole = Math.floor(micros / 1e6);
  const parts = [two(Math.floor(whole / 3600)), two(Math.floor(whole / 60) % 60), two(whole % 60)];
  return `${parts.join(":")}:${String(micros % 1e6).padStart(6, "0")}`;
}
