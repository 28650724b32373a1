import type { DesiredNeighbor, Protocol, VipRef } from "./types.ts";

/** Names a VIP everywhere: `10.2.2.0/24`, or `10.2.2.0/24 tcp/5001` where it takes one port. */
export function vipKey(vip: VipRef): string {
  return vip.port === undefined ? vip.prefix : `${vip.prefix} ${vip.protocol}/${vip.port}`;
}

/** By what people know it: the key, or `stream web (IPv4)`. */
export function vipId(vip: VipRef): string {
  return vip.title ?? vipKey(vip);
}

/** `VIP 10.2.2.0/24`, `stream web (IPv4)` */
export function vipTitle(vip: VipRef): string {
  return vip.title ?? `VIP ${vipKey(vip)}`;
}

/** The reverse of {@link vipKey}; undefined where the text is no such key. */
export function parseVipKey(key: string): VipRef | undefined {
  const match = /^(\S+\/\d+)(?: (tcp|udp)\/(\d+))?$/.exec(key);
  if (match === null) return undefined;
  const [, prefix = "", protocol, port] = match;
  return protocol === undefined ? { prefix } : { prefix, protocol: protocol as Protocol, port: Number(port) };
}

/** What VPP needs to find the VIP again. */
export function vipRef(vip: VipRef): VipRef {
  const { prefix, protocol, port, title } = vip;
  return {
    prefix,
    ...(title === undefined ? {} : { title }),
    ...(port === undefined ? {} : { ...(protocol === undefined ? {} : { protocol }), port }),
  };
}

/** `0.0.0.0/0`, or `0.0.0.0/0 table 7` outside the default table. */
export function routeKey(route: { readonly prefix: string; readonly table: number }): string {
  return route.table === 0 ? route.prefix : `${route.prefix} table ${route.table}`;
}

/** `10.60.1.7 on loop0` */
export function neighborKey(neighbor: Pick<DesiredNeighbor, "address" | "interface">): string {
  return `${neighbor.address} on ${neighbor.interface}`;
}

/** Tables whose routes matter: of what is wanted, and of what is ours in VPP. */
export function routeTables(
  desired: { readonly routes: readonly { readonly table: number }[] } | undefined,
  owned: ReadonlySet<string>,
): number[] {
  const ours = [...owned].map((key) => Number(/ table (\d+)$/.exec(key)?.[1] ?? 0));
  return [...new Set([0, ...(desired?.routes.map((route) => route.table) ?? []), ...ours])];
}
