/** Extension headers that another header follows (vnet/ip/ip6_packet.h ip6_ext_hdr). */
const EXTENSIONS = new Set([0, 43, 44, 51, 60, 135, 139, 140]);
const FRAGMENT = 44;
const AUTHENTICATION = 51;
/** Extensions looked through at most. */
const MAX_EXTENSIONS = 4;

export interface FragmentHeader {
  /** Where it is. */
  readonly at: number;
  /** Where the header before it names it. */
  readonly namedAt: number;
  /** Whether the chain that follows it ends with something else than an extension. */
  readonly hasUpper: boolean;
}

/** The fragment header of an IPv6 packet at `ip`, undefined if it is none. */
export function findFragmentHeader(bytes: Uint8Array, ip: number, end: number): FragmentHeader | undefined {
  let namedAt = ip + 6;
  let at = ip + 40;
  let found: { at: number; namedAt: number } | undefined;
  for (let depth = 0; depth < MAX_EXTENSIONS; depth += 1) {
    const protocol = bytes[namedAt]!;
    if (!EXTENSIONS.has(protocol)) break;
    if (at + 8 > end) break;
    if (protocol === FRAGMENT) {
      found = { at, namedAt };
      // What follows in a later fragment is data.
      if ((((bytes[at + 2]! << 8) | bytes[at + 3]!) & 0xfff8) !== 0) return { ...found, hasUpper: true };
    }
    namedAt = at;
    at += lengthOf(protocol, bytes[at + 1]!);
  }
  return found === undefined ? undefined : { ...found, hasUpper: !EXTENSIONS.has(bytes[namedAt]!) };
}

function lengthOf(protocol: number, field: number): number {
  if (protocol === FRAGMENT) return 8;
  return protocol === AUTHENTICATION ? (field + 2) * 4 : (field + 1) * 8;
}
