import {
  encapOnWire,
  LB_FIXED_MARK,
  parseLb,
  parseLbVips,
  vipPrefix,
  type LbServer,
  type LbVipState,
} from "vpp-api-ts";
import type { VppPort } from "./port.ts";
import type { DesiredVip, ObservedLbConf, ObservedServer, ObservedVip, VipRef } from "./types.ts";

const PROTOCOL = { tcp: 6, udp: 17 } as const;
const ALL_PROTOCOLS = 255;

/** The VIP in the one encoding that every VPP understands (see vpp-api-ts's quirks). */
function vipFields(vip: VipRef): Record<string, unknown> {
  return {
    pfx: vipPrefix(vip.prefix),
    protocol: vip.protocol === undefined ? ALL_PROTOCOLS : PROTOCOL[vip.protocol],
    port: vip.port ?? 0,
  };
}

export function vipAddFields(vip: DesiredVip, port: VppPort): Record<string, unknown> {
  return {
    ...vipFields(vip),
    encap: encapOnWire(vip.encap, port.has(LB_FIXED_MARK)),
    dscp: vip.dscp ?? 0,
    type: 0,
    target_port: 0,
    node_port: 0,
    new_flows_table_length: vip.tableSize,
    src_ip_sticky: vip.srcIpSticky,
    is_del: false,
  };
}

export function vipDeleteFields(vip: VipRef, port: VppPort): Record<string, unknown> {
  const fields = vipAddFields({ ...vip, encap: "gre4", tableSize: 1024, srcIpSticky: false, servers: [] }, port);
  return { ...fields, is_del: true };
}

export function serverFields(vip: VipRef, address: string): Record<string, unknown> {
  return { ...vipFields(vip), as_address: address };
}

/** `lb as 10.2.2.0/24 protocol tcp port 80 10.60.1.2 10.60.1.3` */
export function serverLine(vip: VipRef, addresses: readonly string[]): string {
  const port = vip.port === undefined ? "" : ` protocol ${vip.protocol} port ${vip.port}`;
  return `lb as ${vip.prefix}${port} ${addresses.join(" ")}`;
}

/** VIPs by their text, as VPP showed them last: mostly it shows the same again. */
let lastShown: ReadonlyMap<string, readonly ObservedVip[]> = new Map();

/**
 * Reads `show lb vips verbose`, removed VIPs included: the API's dumps lie up to 26.06. A VIP of which VPP shows the
 * same as the last time is the same object. @throws VppError PARSE
 */
export function parseVips(output: string): ObservedVip[] {
  const shown = new Map<string, readonly ObservedVip[]>();
  const vips: ObservedVip[] = [];
  for (const block of output.split(/^(?= *ip[46]-)/m)) {
    const known = lastShown.get(block) ?? parseLbVips(block).map(toVip);
    shown.set(block, known);
    vips.push(...known);
  }
  lastShown = shown;
  return vips;
}

function toVip(vip: LbVipState): ObservedVip {
  const { prefix, encap, index, removed, tableSize, srcIpSticky, dscp, counters } = vip;
  return {
    prefix,
    ...(vip.port === 0 ? {} : { protocol: vip.protocol === PROTOCOL.udp ? "udp" : "tcp", port: vip.port }),
    encap,
    ...(dscp === undefined ? {} : { dscp }),
    tableSize,
    srcIpSticky,
    index,
    removed,
    servers: vip.servers.map(toServer),
    counters,
  };
}

function toServer({ address, weight, buckets, flows, removed }: LbServer): ObservedServer {
  return { address, ...(weight === undefined ? {} : { weight }), buckets, flows, used: !removed };
}

/** lbhash.h, LBHASH_ENTRY_PER_BUCKET */
const ENTRIES_PER_BUCKET = 4;

/** Reads `show lb`. @throws VppError PARSE */
export function parseLbMain(output: string): ObservedLbConf {
  const { ip4Source, ip6Source, timeoutS, cores } = parseLb(output);
  const [first] = cores;
  return {
    ip4Source,
    ip6Source,
    ...(first === undefined ? {} : { stickyBuckets: first.size / ENTRIES_PER_BUCKET }),
    ...(timeoutS === undefined ? {} : { flowTimeoutS: timeoutS }),
    flows: cores.reduce((sum, core) => sum + core.used, 0),
  };
}
