import { parseAddress } from "../codec/address.ts";

const ALL = 0xffff_ffff;

/** A path of a route or policy, as it is given to a request. */
export interface Path {
  readonly sw_if_index?: unknown;
  readonly table_id?: unknown;
  readonly type?: unknown;
  readonly proto?: unknown;
  readonly nh?: { readonly address?: { readonly ip4?: unknown; readonly ip6?: unknown } };
}

/** FIB_API_PATH_TYPE_LOCAL, _DROP, _ICMP_UNREACH and _ICMP_PROHIBIT of fib_types.api. */
const LOCAL = 1;
const SPECIAL: ReadonlySet<number> = new Set([2, 5, 6]);

/**
 * What VPP tells paths apart by (fib_path.c fib_path_cmp_i): weight and preference do not count, a table only without
 * interface, and of paths that end in VPP nothing but that.
 */
export function pathKey({ sw_if_index, table_id, type, proto, nh }: Path): string {
  const isIp6 = Number(proto ?? 0) === 1;
  const kind = Number(type ?? 0);
  if (kind === LOCAL || SPECIAL.has(kind)) return `${kind === LOCAL ? "local" : "special"},${isIp6}`;
  const address = isIp6 ? nh?.address?.ip6 : nh?.address?.ip4;
  const given = typeof address === "string" ? parseAddress(address).un : undefined;
  const bytes = given === undefined ? address : isIp6 ? given.ip6 : given.ip4;
  const hop = bytes instanceof Uint8Array ? Buffer.from(bytes).toString("hex") : "";
  const index = Number(sw_if_index ?? 0);
  return [index, index === ALL ? Number(table_id ?? 0) : 0, kind, isIp6, hop].join();
}
