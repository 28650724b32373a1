/** The Internet checksum (RFC 1071) over `bytes[offset..offset+length)`, starting from `sum`; not yet inverted. */
export function sum16(bytes: Uint8Array, offset: number, length: number, sum = 0): number {
  const end = offset + (length & ~1);
  let total = sum;
  for (let i = offset; i < end; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!;
  if (length & 1) total += bytes[end]! << 8;
  return total;
}

/** Folds a sum to 16 bits. */
export function fold(sum: number): number {
  let folded = (sum & 0xffff) + Math.floor(sum / 0x10000);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

/** Whether the checksum of the IPv4 header at `ip` is right; `length` is a multiple of 4, at most 60. */
export function headerIsRight(view: DataView, ip: number, length: number): boolean {
  let total = 0;
  for (let at = ip; at < ip + length; at += 4) {
    const word = view.getInt32(at);
    total += (word >>> 16) + (word & 0xffff);
  }
  total = (total & 0xffff) + (total >>> 16);
  return (total & 0xffff) + (total >>> 16) === 0xffff;
}

/** The checksum field's value for a region whose field is zero. */
export function checksum(bytes: Uint8Array, offset: number, length: number, sum = 0): number {
  return ~fold(sum16(bytes, offset, length, sum)) & 0xffff;
}

/** RFC 1624: the new checksum after a 16-bit word changed. */
export function update16(old: number, from: number, to: number): number {
  return ~fold((~old & 0xffff) + (~from & 0xffff) + to) & 0xffff;
}

/** Sum of the pseudo header of an IPv4 packet's TCP or UDP payload (RFC 793). */
export function pseudo4(bytes: Uint8Array, ip: number, protocol: number, length: number): number {
  return sum16(bytes, ip + 12, 8) + protocol + length;
}

/** The same for IPv6 (RFC 8200, 8.1). */
export function pseudo6(bytes: Uint8Array, ip: number, protocol: number, length: number): number {
  return sum16(bytes, ip + 8, 32) + protocol + (length >>> 16) + (length & 0xffff);
}

/**
 * Writes the TCP or UDP checksum of an IP packet whose sender left it to the hardware. Fragments and other protocols
 * are left as they are.
 */
export function completeL4Checksum(bytes: Uint8Array, ip: number, end: number): void {
  const isIp4 = bytes[ip]! >> 4 === 4;
  if (isIp4 && ((bytes[ip + 6]! & 0x3f) !== 0 || bytes[ip + 7] !== 0)) return;
  const header = isIp4 ? (bytes[ip]! & 15) * 4 : 40;
  const protocol = bytes[ip + (isIp4 ? 9 : 6)]!;
  const length = end - ip - header;
  const field = protocol === 6 ? 16 : protocol === 17 ? 6 : -1;
  if (field < 0 || length < field + 2) return;
  const at = ip + header + field;
  bytes[at] = 0;
  bytes[at + 1] = 0;
  const pseudo = isIp4 ? pseudo4(bytes, ip, protocol, length) : pseudo6(bytes, ip, protocol, length);
  const value = checksum(bytes, ip + header, length, pseudo);
  const written = value === 0 && protocol === 17 ? 0xffff : value;
  bytes[at] = written >> 8;
  bytes[at + 1] = written & 0xff;
}
