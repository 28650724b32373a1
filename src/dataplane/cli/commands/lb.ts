/** The lb plugin's commands (VPP src/plugins/lb/cli.c). */
import { VipType, prefixIsIp4 } from "../../lb/types.ts";
import type { LbVipAddArgs } from "../../lb/types.ts";
import type { LbMain } from "../../lb/lb.ts";
import { eachOption, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { ip46Address, ip46Prefix, ip4Address, ip6Address } from "../parsers.ts";
import { lbMainText, lbVipDetail, lbVipText } from "../text/lb.ts";
import type { Input } from "../unformat.ts";

const TCP = 6;
const UDP = 17;
/** The protocol of an all-port VIP. */
const ANY = 255;

type Encap = "gre4" | "gre6" | "l3dsr" | "nat4" | "nat6";
const ENCAPS: readonly Encap[] = ["gre4", "gre6", "l3dsr", "nat4", "nat6"];

interface Service {
  protocol: number;
  port: number;
}

/** `protocol (tcp|udp) port N`, in any order; without a port the VIP is for all. */
function serviceOption(line: Input, service: Service): boolean {
  if (line.match("protocol tcp")) service.protocol = TCP;
  else if (line.match("protocol udp")) service.protocol = UDP;
  else {
    const [port] = line.read("port %d") ?? [];
    if (port === undefined) return false;
    service.port = port & 0xffff;
  }
  return true;
}

function keyOf(service: Service): [protocol: number, port: number] {
  return service.port === 0 ? [ANY, 0] : [service.protocol, service.port];
}

interface VipLine extends Service {
  newLength: number;
  del: boolean;
  sticky: boolean;
  encap: Encap;
  dscp: number | undefined;
  nodeport: boolean;
  targetPort: number;
}

function vipOption(line: Input, vip: VipLine): boolean {
  const [newLength] = line.read("new_len %d") ?? [];
  if (newLength !== undefined) {
    vip.newLength = newLength >>> 0;
    return true;
  }
  if (line.match("del")) vip.del = true;
  else if (line.match("src_ip_sticky")) vip.sticky = true;
  else if (serviceOption(line, vip)) return true;
  else if (line.match("type clusterip")) vip.nodeport = false;
  else if (line.match("type nodeport")) vip.nodeport = true;
  else return encapOption(line, vip);
  return true;
}

function encapOption(line: Input, vip: VipLine): boolean {
  const encap = ENCAPS.find((name) => line.match(`encap ${name}`));
  if (encap !== undefined) {
    vip.encap = encap;
    return true;
  }
  const [dscp] = line.read("dscp %d") ?? [];
  if (dscp !== undefined) {
    vip.dscp = dscp >>> 0;
    return true;
  }
  const [targetPort] = line.read("target_port %d") ?? [];
  if (targetPort === undefined) return false;
  vip.targetPort = targetPort & 0xffff;
  return true;
}

function vipType(isIp4: boolean, encap: Encap): LbVipAddArgs["type"] {
  if (isIp4 && encap === "nat6") refuse("currently does not support NAT46");
  if (!isIp4 && encap === "nat4") refuse("currently does not support NAT64");
  const four = { gre4: VipType.ip4Gre4, gre6: VipType.ip4Gre6, l3dsr: VipType.ip4L3dsr, nat4: VipType.ip4Nat4 };
  // VPP leaves the type unset for L3DSR over IPv6, which lb_vip_add then refuses as the wrong family.
  const six = { gre4: VipType.ip6Gre4, gre6: VipType.ip6Gre6, l3dsr: VipType.ip4L3dsr, nat6: VipType.ip6Nat6 };
  return isIp4 ? four[encap as keyof typeof four] : six[encap as keyof typeof six];
}

function findVip(lb: LbMain, prefix: { prefix: Uint8Array; length: number }, service: Service): number {
  const index = lb.vipFind(prefix.prefix, prefix.length, ...keyOf(service));
  return index < 0 ? refuse(`lb_vip_find_index error ${index}`) : index;
}

function lbVip({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const [prefix] = line.read("%U", ip46Prefix) ?? [];
  if (prefix === undefined) refuse(`invalid vip prefix: '${line.error()}'`);
  const vip: VipLine = {
    ...{ protocol: 0, port: 0, newLength: 1024, del: false, sticky: false, encap: "gre4" },
    ...{ dscp: undefined, nodeport: false, targetPort: 0 },
  };
  if (!eachOption(line, () => vipOption(line, vip))) refuse(`parse error: '${line.error()}'`);
  if (vip.encap !== "l3dsr" && vip.dscp !== undefined) {
    refuse("lb_vip_add error: should not configure dscp for none L3DSR.");
  }
  if (vip.encap === "l3dsr" && (vip.dscp === undefined || vip.dscp >= 64)) {
    refuse("lb_vip_add error: dscp for L3DSR should be less than 64.");
  }
  const type = vipType(prefixIsIp4(prefix.prefix, prefix.length), vip.encap);
  dp.lb.garbageCollection();
  if (vip.del) {
    const result = dp.lb.vipDel(findVip(dp.lb, prefix, vip));
    if (result < 0) refuse(`lb_vip_del error ${result}`);
    return;
  }
  const [protocol, port] = keyOf(vip);
  const index = dp.lb.vipAdd({
    ...{ prefix: prefix.prefix, plen: prefix.length, protocol, port, type },
    ...{ newLength: vip.newLength, srcIpSticky: vip.sticky, dscp: vip.dscp ?? 0 },
    ...{ srvType: vip.nodeport ? 1 : 0, targetPort: vip.targetPort },
  });
  if (index < 0) refuse(`lb_vip_add error ${index}`);
  out(`lb_vip_add ok ${index}`);
}

function lbAs({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const [prefix] = line.read("%U", ip46Prefix) ?? [];
  if (prefix === undefined) refuse(`invalid as address: '${line.error()}'`);
  const service: Service = { protocol: 0, port: 0 };
  const addresses: Uint8Array[] = [];
  let del = false;
  let flush = false;
  const option = (): boolean => {
    const [address] = line.read("%U", ip46Address) ?? [];
    if (address !== undefined) addresses.push(address);
    else if (line.match("del")) del = true;
    else if (line.match("flush")) flush = true;
    else return serviceOption(line, service);
    return true;
  };
  if (!eachOption(line, option)) refuse(`parse error: '${line.error()}'`);
  const vip = findVip(dp.lb, prefix, service);
  if (addresses.length === 0) refuse("No AS address provided");
  dp.lb.garbageCollection();
  const result = del ? dp.lb.asDel(vip, addresses, flush) : dp.lb.asAdd(vip, addresses);
  if (result !== 0) refuse(`${del ? "lb_vip_del_ass" : "lb_vip_add_ass"} error ${result}`);
}

function lbConf({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const { lb } = dp;
  let ip4 = lb.ip4Src;
  let ip6 = lb.ip6Src;
  let buckets = lb.perCpuStickyBuckets;
  let timeoutS = lb.flowTimeoutS;
  const option = (): boolean => {
    const four = line.read("ip4-src-address %U", ip4Address);
    if (four !== undefined) return ([ip4] = four) && true;
    const six = line.read("ip6-src-address %U", ip6Address);
    if (six !== undefined) return ([ip6] = six) && true;
    const [count] = line.read("buckets %d") ?? [];
    if (count !== undefined) {
      buckets = count >>> 0;
      return true;
    }
    const [log2] = line.read("buckets-log2 %d") ?? [];
    if (log2 !== undefined) {
      if (log2 >>> 0 >= 32) refuse("buckets-log2 value is too high");
      buckets = 2 ** log2;
      return true;
    }
    const [timeout] = line.read("timeout %d") ?? [];
    if (timeout === undefined) return false;
    timeoutS = timeout >>> 0;
    return true;
  };
  if (!eachOption(line, option)) refuse(`parse error: '${line.error()}'`);
  lb.garbageCollection();
  const result = lb.conf(ip4, ip6, buckets, timeoutS);
  if (result !== 0) refuse(`lb_conf error ${result}`);
}

/** Without an argument VPP 26.06 prints nothing at all: there is no line to read (cli.c:334). */
function showVips({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const verbose = line.match("verbose");
  for (const vip of dp.lb.vips) {
    if (vip.index !== 0) out(verbose ? lbVipDetail(dp.lb, vip) : lbVipText(vip));
  }
}

function flushVip({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const [prefix] = line.read("%U", ip46Prefix) ?? [];
  if (prefix === undefined) refuse(`invalid vip prefix: '${line.error()}'`);
  const service: Service = { protocol: 0, port: 0 };
  // VPP 26.06 never returns from here on a word that it doesn't know (cli.c:508).
  if (!eachOption(line, () => serviceOption(line, service))) refuse(`parse error: '${line.error()}'`);
  const vip = findVip(dp.lb, prefix, service);
  const result = dp.lb.flush(vip);
  if (result !== 0) refuse(`lb_flush_vip error ${result}`);
  out(`lb_flush_vip ok ${vip}`);
}

export const lbCommands: readonly CliCommand[] = [
  {
    path: "lb vip",
    help:
      "lb vip <prefix> [protocol (tcp|udp) port <n>] [encap (gre6|gre4|l3dsr|nat4|nat6)] [dscp <n>] " +
      "[type (nodeport|clusterip) target_port <n>] [new_len <n>] [src_ip_sticky] [del]",
    run: lbVip,
  },
  {
    path: "lb as",
    help: "lb as <vip-prefix> [protocol (tcp|udp) port <n>] [<address> [<address> [...]]] [del] [flush]",
    run: lbAs,
  },
  {
    path: "lb conf",
    help: "lb conf [ip4-src-address <addr>] [ip6-src-address <addr>] [buckets <n>] [timeout <s>]",
    run: lbConf,
  },
  { path: "lb flush vip", help: "lb flush vip <prefix> [protocol (tcp|udp) port <n>]", run: flushVip },
  { path: "show lb", help: "show lb", run: ({ dp, out }) => out(lbMainText(dp.lb)) },
  { path: "show lb vips", help: "show lb vips [verbose]", run: showVips },
  { path: "test lb flowtable flush", help: "test lb flowtable flush", run: ({ dp }) => dp.lb.flushAll() },
];
