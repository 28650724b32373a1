import { parseIp46Prefix } from "../maglev/index.ts";
import { BridgeError } from "./errors.ts";
import type { VppPort } from "./port.ts";
import type { DesiredVip, ObservedLbConf, ObservedServer, ObservedVip, VipRef } from "./types.ts";
import { canonicalAddress, canonicalPrefix } from "./wire.ts";

const PROTOCOL = { tcp: 6, udp: 17 } as const;
const ALL_PROTOCOLS = 255;
const ENCAP = { gre4: 0, gre6: 1, l3dsr: 2 } as const;

/** lb_conf_get came with the commit that fixed the byte orders (db44addb60c). */
export function hasFixedByteOrder(port: Pick<VppPort, "has">): boolean {
  return port.has("lb_conf_get");
}

/**
 * A VIP's prefix as every VPP understands it: IPv4 as `::a.b.c.d` with 96 added to the length. Up to 26.06 VPP takes
 * an IPv4 length as it stands and makes a VIP of `::/n` from it (plugins/lb/api.c:75,100,213).
 */
function vipFields(vip: VipRef): Record<string, unknown> {
  const { bytes, length, version } = parseIp46Prefix(vip.prefix);
  return {
    pfx: { address: { af: 1, un: { ip6: bytes } }, len: version === 4 ? 96 + length : length },
    protocol: vip.protocol === undefined ? ALL_PROTOCOLS : PROTOCOL[vip.protocol],
    port: vip.port ?? 0,
  };
}

/** Up to 26.06 the handler compares the encapsulation without swapping it (plugins/lb/api.c:83,150). */
function encapValue(encap: keyof typeof ENCAP, port: VppPort): number {
  const value = ENCAP[encap];
  return hasFixedByteOrder(port) ? value : (value << 24) >>> 0;
}

export function vipAddFields(vip: DesiredVip, port: VppPort): Record<string, unknown> {
  return {
    ...vipFields(vip),
    encap: encapValue(vip.encap, port),
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

const VIP_LINE = /^\s*(ip[46])-(gre4|gre6|l3dsr|nat4|nat6) \[(\d+)\] (\S+)( src_ip_sticky)?( removed)?\s*$/;
const AS_LINE = /^\s+(\S+) (\d+) buckets\s+(\d+) flows\s+dpo:\d+\s+(used|removed)\s*$/;
const AS_LINE_WEIGHTS = /^\s+(\S+) weight:(\d+) buckets:(\d+) flows:(\d+) dpo:\d+\s+(used|removed)\s*$/;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type VipBeingRead = Mutable<Omit<ObservedVip, "servers" | "counters">> & {
  servers: ObservedServer[];
  counters: Record<string, number>;
};

/** Reads `show lb vips verbose` (plugins/lb/lb.c, format_lb_vip_detailed): the API's dumps lie up to 26.06. */
export function parseVips(output: string): ObservedVip[] {
  const vips: VipBeingRead[] = [];
  for (const line of output.split("\n")) {
    const head = VIP_LINE.exec(line);
    if (head !== null) vips.push(startVip(head));
    else if (line.trim() !== "") readLine(line, vips.at(-1));
  }
  return vips;
}

function startVip(head: RegExpExecArray): VipBeingRead {
  return {
    prefix: canonicalPrefix(head[4]!),
    encap: head[2] as ObservedVip["encap"],
    index: Number(head[3]),
    srcIpSticky: head[5] !== undefined,
    removed: head[6] !== undefined,
    tableSize: 0,
    servers: [],
    counters: {},
  };
}

function readLine(line: string, vip: VipBeingRead | undefined): void {
  if (vip === undefined) throw new BridgeError("REPLY", `"show lb vips verbose" begins with "${line}"`);
  const server = AS_LINE.exec(line);
  const weighted = AS_LINE_WEIGHTS.exec(line);
  if (server !== null) vip.servers.push(readServer(server[1]!, server[2]!, server[3]!, server[4]!));
  else if (weighted !== null) {
    vip.servers.push({
      ...readServer(weighted[1]!, weighted[3]!, weighted[4]!, weighted[5]!),
      weight: Number(weighted[2]),
    });
  } else readAttribute(line.trim(), vip);
}

function readServer(address: string, buckets: string, flows: string, state: string): ObservedServer {
  return { address: canonicalAddress(address), buckets: Number(buckets), flows: Number(flows), used: state === "used" };
}

function readAttribute(line: string, vip: VipBeingRead): void {
  const size = /^new_size:(\d+)/.exec(line);
  const port = /^protocol:(\d+) port:(\d+)/.exec(line);
  const dscp = /^dscp:(\d+)/.exec(line);
  const counter = /^([a-z ]+): (\d+)$/.exec(line);
  if (size !== null) vip.tableSize = Number(size[1]);
  else if (port !== null) {
    vip.protocol = port[1] === "17" ? "udp" : "tcp";
    vip.port = Number(port[2]);
  } else if (dscp !== null) vip.dscp = Number(dscp[1]);
  else if (counter !== null) vip.counters[counter[1]!] = Number(counter[2]);
}

/** Reads `show lb`. It prints a sticky table's capacity as its mask and 4 (lbhash.h, lb_hash_size). */
export function parseLbMain(output: string): ObservedLbConf {
  const ip4 = /ip4-src-address: (\S+)/.exec(output)?.[1];
  const ip6 = /ip6-src-address: (\S+)/.exec(output)?.[1];
  if (ip4 === undefined || ip6 === undefined)
    throw new BridgeError("REPLY", `"show lb" printed: ${output.slice(0, 200)}`);
  const usages = [...output.matchAll(/usage: (\d+) \/ (\d+)/g)];
  const timeout = /timeout: (\d+)s/.exec(output)?.[1];
  return {
    ip4Source: ip4,
    ip6Source: canonicalAddress(ip6),
    ...(usages[0] === undefined ? {} : { stickyBuckets: Number(usages[0][2]) - 3 }),
    ...(timeout === undefined ? {} : { flowTimeoutS: Number(timeout) }),
    flows: usages.reduce((sum, usage) => sum + Number(usage[1]), 0),
  };
}
