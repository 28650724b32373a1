/** The lb plugin's texts (VPP src/plugins/lb/lb.c:91-260), 26.06's quirks included. */
import { readAddress4 } from "../../lb/lb.ts";
import type { LbMain } from "../../lb/lb.ts";
import { prefixIsIp4, VIP_COUNTER_NAMES, VIP_TYPE_NAMES, VipType } from "../../lb/types.ts";
import type { LbVip } from "../../lb/types.ts";
import { ip46Text, ip4Text, ip6Text } from "../format.ts";

export function lbMainText(lb: LbMain): string {
  const lines = [
    `lb_main ip4-src-address: ${ip4Text(lb.ip4Src)} `,
    ` ip6-src-address: ${ip6Text(lb.ip6Src)} `,
    ` #vips: ${lb.vips.size}`,
    // The placeholder server counts here as the placeholder VIP does above.
    ` #ass: ${lb.ases.size - 1}`,
  ];
  if (lb.sticky !== undefined) {
    lines.push("core 0", `  timeout: ${lb.sticky.timeoutS}s`);
    // VPP's lb_hash_size is the mask plus the entries of a bucket (lbhash.h:40).
    lines.push(`  usage: ${lb.sticky.used(lb.hashTimeNow())} / ${lb.sticky.buckets - 1 + 4}`);
  }
  return lines.join("\n");
}

function vipPrefixText(vip: LbVip): string {
  return prefixIsIp4(vip.prefix, vip.plen)
    ? `${ip4Text(readAddress4(vip.prefix))}/${vip.plen - 96}`
    : `${ip6Text(vip.prefix)}/${vip.plen}`;
}

function natText(vip: LbVip): string {
  // VPP swaps the port, which it keeps in host order (lb.c:170).
  const swapped = ((vip.port & 255) << 8) | (vip.port >> 8);
  return `type:${vip.srvType === 0 ? "clusterip" : "nodeport"} port:${swapped} target_port:${vip.targetPort}`;
}

function isNat(vip: LbVip): boolean {
  return vip.type === VipType.ip4Nat4 || vip.type === VipType.ip6Nat6;
}

/** One line: `show lb vips x`, and the VIP's forwarding in `show ip fib`. */
export function lbVipText(vip: LbVip): string {
  const removed = vip.used ? "" : " removed";
  let text = `${VIP_TYPE_NAMES[vip.type]} ${vipPrefixText(vip)} new_size:${vip.newFlowTable.length} `;
  text += `#as:${vip.asIndexes.size}${removed}`;
  if (vip.port !== 0) text += `  protocol:${vip.protocol} port:${vip.port} `;
  if (vip.type === VipType.ip4L3dsr) text += `  dscp:${vip.dscp}`;
  else if (isNat(vip)) text += ` ${natText(vip)}`;
  return text;
}

/** The block of `show lb vips verbose`; ends with the newline after which VPP's output leaves an empty line. */
export function lbVipDetail(lb: LbMain, vip: LbVip): string {
  const flags = `${vip.srcIpSticky ? " src_ip_sticky" : ""}${vip.used ? "" : " removed"}`;
  let text = ` ${VIP_TYPE_NAMES[vip.type]} [${vip.index}] ${vipPrefixText(vip)}${flags}\n`;
  text += `  new_size:${vip.newFlowTable.length}\n`;
  if (vip.port !== 0) text += `  protocol:${vip.protocol} port:${vip.port}\n`;
  if (vip.type === VipType.ip4L3dsr) text += `  dscp:${vip.dscp}\n`;
  else if (isNat(vip)) text += `  ${natText(vip)}`;
  text += "  counters:\n";
  for (const [i, name] of VIP_COUNTER_NAMES.entries()) text += `    ${name}: ${vip.counters[i] ?? 0}\n`;
  text += `  #as:${vip.asIndexes.size}\n`;
  const buckets = lb.bucketCounts(vip);
  for (const as of lb.asesOf(vip)) {
    text += `    ${ip46Text(as.address)} ${buckets.get(as.index) ?? 0} buckets   ${as.refs} flows  `;
    text += `dpo:${as.forwarding?.index ?? 0} ${as.used ? "used" : " removed"}\n`;
  }
  return `${text}\n`;
}
