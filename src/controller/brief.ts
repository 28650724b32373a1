import type { ObservedVip } from "../bridge/index.ts";

/**
 * What `show lb vips` should print and up to 26.06 does not (plugins/lb/cli.c:378): the line of format_lb_vip for each
 * VIP, made from the verbose form.
 */
export function briefVips(vips: readonly ObservedVip[]): string {
  return vips.map((vip) => `${briefVip(vip)}\n`).join("");
}

function briefVip(vip: ObservedVip): string {
  const family = vip.prefix.includes(":") ? "ip6" : "ip4";
  const number = vip.protocol === "udp" ? 17 : 6;
  const port = vip.port === undefined ? "" : `  protocol:${number} port:${vip.port} `;
  const dscp = vip.encap === "l3dsr" ? `  dscp:${vip.dscp ?? 0}` : "";
  const removed = vip.removed ? " removed" : "";
  return `${family}-${vip.encap} ${vip.prefix} new_size:${vip.tableSize} #as:${vip.servers.length}${removed}${port}${dscp}`;
}

/** `show lb vips` without an argument, with VPP's abbreviations. */
export function isShowLbVips(command: string): boolean {
  return /^sh(o|ow)?\s+lb\s+v(i|ip|ips)?\s*$/.test(command.trim());
}
