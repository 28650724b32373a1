/** Bridge domains (VPP src/vnet/l2/l2_bd.c, l2_input.c). */
import type { Dataplane } from "../../dataplane.ts";
import { NO_INDEX } from "../../model.ts";
import type { BridgeDomain, Interface } from "../../model.ts";
import { interfaceName, nameOrDeleted, needInterface, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { addressText, center, macText } from "../format.ts";
import { ipAddress, macAddress } from "../parsers.ts";
import type { Input } from "../unformat.ts";
import { l2FibCommands, nameOf } from "./l2fib.ts";
import { rewriteText } from "./vlan.ts";

const MAX_BD_ID = 0xffffff;
/** vnet/error.h. */
const BD_IN_USE = -120;
const BD_ALREADY_HAS_BVI = -152;

/** Features of a bridge domain's input that are always there, in VPP's order, with those that can be switched. */
const FEATURES: readonly (readonly [node: string, on: (domain: BridgeDomain) => boolean])[] = [
  ...[
    ...["span-l2-input", "l2-input-classify", "l2-input-feat-arc", "l2-policer-classify", "l2-policer-input"],
    ...["l2-input-acl", "vpath-input-l2", "l2-ip-qos-record", "l2-input-vtr", "sr-pl-rewrite-encaps-l2"],
  ].map((node) => [node, () => true] as const),
  ["l2-learn", (domain) => domain.learn],
  ["l2-rw", () => true],
  ["l2-fwd", (domain) => domain.forward],
  ["l2-uu-fwd", (domain) => domain.uuFwdSwIfIndex !== NO_INDEX],
  ["l2-flood", (domain) => domain.uuFlood],
  ["arp-term-l2bd", (domain) => domain.arpTerm],
  ["l2-uu-fwd", (domain) => domain.arpUfwd],
  ["l2-flood", (domain) => domain.flood],
  ["l2-output", () => true],
];

const DOMAIN_COLUMNS = [8, 7, 4, 9, 9, 9, 11, 9, 9, 9, 8, 8, 11] as const;
const DOMAIN_HEADER = [
  ...["BD-ID", "Index", "BSN", "Age(min)", "Learning", "U-Forwrd", "UU-Flood", "Flooding", "ARP-Term"],
  ...["arp-ufwd", "Learn-count", "Learn-limit", "BVI-Intf"],
];
const MEMBER_COLUMNS = [30, 7, 5, 5, 5, 9, 30] as const;

function row(columns: readonly number[], cells: readonly (string | number)[], between: string): string {
  return columns.map((width, i) => center(cells[i] ?? "", width)).join(between);
}

function onOff(on: boolean): string {
  return on ? "on" : "off";
}

function domainRow(dp: Dataplane, domain: BridgeDomain): string {
  const unknownUnicast =
    domain.uuFwdSwIfIndex !== NO_INDEX ? nameOf(dp, domain.uuFwdSwIfIndex) : domain.uuFlood ? "flood" : "drop";
  return row(
    DOMAIN_COLUMNS,
    [
      ...[domain.bdId, domain.bdIndex, domain.seqNum, domain.macAgeMin === 0 ? "off" : domain.macAgeMin],
      ...[onOff(domain.learn), onOff(domain.forward), unknownUnicast, onOff(domain.flood), onOff(domain.arpTerm)],
      ...[onOff(domain.arpUfwd), domain.learnCount, domain.learnLimit, nameOf(dp, domain.bviSwIfIndex)],
    ],
    " ",
  );
}

/** Members in the order of VPP's flood vector; the packet path floods from the end. */
function memberRows(dp: Dataplane, domain: BridgeDomain): string[] {
  const rows: string[] = [];
  for (const [i, member] of domain.members.entries()) {
    if (i === 0) {
      const header = ["Interface", "If-idx", "ISN", "SHG", "BVI", "TxFlood", "VLAN-Tag-Rewrite"];
      rows.push(`\n${row(MEMBER_COLUMNS, header, "")}`);
    }
    const { swIfIndex, shg } = member;
    const isn = dp.bridges.fib.interfaceSeq(swIfIndex);
    const rewrite = dp.bridges.rewriteOf(swIfIndex)?.view();
    const bvi = member.flags === "bvi" ? "*" : "-";
    const flooded = member.floods ? "*" : "-";
    rows.push(
      row(MEMBER_COLUMNS, [nameOf(dp, swIfIndex), swIfIndex, isn, shg, bvi, flooded, rewriteText(rewrite)], ""),
    );
  }
  const uu = domain.uuFwdSwIfIndex;
  if (uu !== NO_INDEX) rows.push(row(MEMBER_COLUMNS, [nameOf(dp, uu), uu, 0, 0, "uu", "-", "None"], ""));
  return rows;
}

function needDomain(dp: Dataplane, bdId: number): BridgeDomain {
  if (bdId === 0) refuse("No operations on the default bridge domain are supported");
  return dp.bridges.byId(bdId) ?? refuse(`No such bridge domain ${bdId}`);
}

function showDomain({ dp, out }: CliContext, input: Input): void {
  const [bdId] = input.read("%d") ?? [];
  let detail = false;
  let members = false;
  let tag = false;
  let arp = false;
  let shown = [...dp.bridges.domains].filter((domain) => domain.bdId !== 0);
  if (bdId !== undefined) {
    detail = input.match("detail") || input.match("det");
    members = input.match("int");
    arp = input.match("arp");
    tag = input.match("bd-tag");
    shown = [needDomain(dp, bdId)];
  }
  if (shown.length === 0) out("no bridge-domains in use");
  for (const [i, domain] of shown.entries()) {
    if (i === 0) out(row(DOMAIN_COLUMNS, DOMAIN_HEADER, " "));
    out(domainRow(dp, domain));
    if (detail)
      out(
        `${FEATURES.filter(([, on]) => on(domain))
          .map(([node]) => `${node} `)
          .join("")}`,
      );
    if (detail || members) memberRows(dp, domain).forEach(out);
    if ((detail || arp) && domain.arpTerm) {
      out("\n  IP4/IP6 to MAC table for ARP Termination");
      for (const { address, mac } of domain.ipMacs)
        out(`${center(addressText(address), 40)} => ${center(macText(mac), 20)}`);
    }
    if ((detail || tag) && domain.tag !== "") out(`\n  BD-Tag: ${domain.tag}`);
  }
}

interface DomainLine {
  bdId: number | undefined;
  del: boolean;
  tag: string;
  numbers: Record<"flood" | "uu-flood" | "forward" | "learn" | "arp-term" | "arp-ufwd" | "mac-age", number>;
}

function domainOption(line: Input, wanted: DomainLine): boolean {
  const [bdId] = line.read("%d") ?? [];
  if (bdId !== undefined) {
    wanted.bdId = bdId >>> 0;
    return true;
  }
  for (const key of Object.keys(wanted.numbers) as (keyof DomainLine["numbers"])[]) {
    const [value] = line.read(`${key} %d`) ?? [];
    if (value === undefined) continue;
    wanted.numbers[key] = value >>> 0;
    return true;
  }
  const [tag] = line.read("bd-tag %s") ?? [];
  if (tag !== undefined) wanted.tag = tag;
  else if (line.match("del")) wanted.del = true;
  else return false;
  return true;
}

function createDomain({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const numbers = {
    ...{ flood: 1, "uu-flood": 1, forward: 1, learn: 1 },
    ...{ "arp-term": 0, "arp-ufwd": 0, "mac-age": 0 },
  };
  const wanted: DomainLine = { bdId: undefined, del: false, tag: "", numbers };
  while (!line.atEnd()) if (!domainOption(line, wanted)) break;
  if (wanted.bdId === undefined && wanted.del) refuse("bridge-domain-id not specified");
  const bdId = wanted.bdId ?? dp.bridges.unusedId();
  if (bdId === 0) refuse("bridge domain 0 can not be modified");
  if (numbers["mac-age"] > 255) refuse("mac age must be less than 256");
  if (wanted.tag.length > 63) refuse("bd-tag cannot be longer than 63");
  if (bdId > MAX_BD_ID) refuse("bridge domain ID exceed 16M limit");
  const result = wanted.del
    ? dp.bridges.delete(bdId)
    : dp.bridges.create(bdId, {
        ...{ flood: numbers.flood !== 0, uuFlood: numbers["uu-flood"] !== 0, forward: numbers.forward !== 0 },
        ...{ learn: numbers.learn !== 0, arpTerm: numbers["arp-term"] !== 0, arpUfwd: numbers["arp-ufwd"] !== 0 },
        ...{ macAgeMin: numbers["mac-age"], tag: wanted.tag },
      });
  if (result === BD_IN_USE) refuse("bridge domain in use - remove members");
  if (result === -6) refuse("bridge domain ID does not exist");
  if (result !== 0) refuse(`bd_add_del returned ${result}`);
  if (!wanted.del) out(`bridge-domain ${bdId}`);
}

function setFlag(flag: "learn" | "forward" | "flood" | "uuFlood" | "arpTerm" | "arpUfwd") {
  return ({ dp }: CliContext, input: Input): void => {
    const [bdId] = input.read("%d") ?? refuse(`expecting bridge-domain id but got \`${input.error()}'`);
    const domain = needDomain(dp, bdId);
    domain[flag] = !input.match("disable");
  };
}

/** VPP keeps the entries whether ARP termination is on or not. */
function setArpEntry({ dp }: CliContext, input: Input): void {
  const [bdId] = input.read("%d") ?? refuse(`expecting bridge-domain id but got \`${input.error()}'`);
  const domain = needDomain(dp, bdId);
  const [address] = input.read("%U", ipAddress) ?? [];
  if (address === undefined) {
    if (!input.match("del-all")) refuse(`expecting IP address but got \`${input.error()}'`);
    return domain.ipMacs.clear();
  }
  const [mac] = input.read("%U", macAddress) ?? refuse(`expecting MAC address but got \`${input.error()}'`);
  if (!input.match("del")) return domain.ipMacs.set(address, mac);
  if (!domain.ipMacs.delete(address, mac))
    refuse(`MAC del for IP ${addressText(address)} and MAC ${macText(mac)} failed`);
}

function setAge({ dp }: CliContext, input: Input): void {
  const [bdId] = input.read("%d") ?? refuse(`expecting bridge-domain id but got \`${input.error()}'`);
  const domain = needDomain(dp, bdId);
  const [age] = input.read("%u") ?? refuse(`expecting ageing time in minutes but got \`${input.error()}'`);
  if (age > 255) refuse("mac aging time cannot be bigger than 255");
  domain.macAgeMin = age;
}

function setLimit({ dp }: CliContext, input: Input): void {
  const [bdId] = input.read("%d") ?? refuse(`expecting bridge-domain id but got \`${input.error()}'`);
  const domain = needDomain(dp, bdId);
  const [limit] = input.read("%u") ?? refuse(`expecting maxium number of learned entries but got \`${input.error()}'`);
  domain.learnLimit = limit;
}

function setBridge(context: CliContext, input: Input): void {
  const { dp } = context;
  const one = needInterface(context, input);
  const [bdId] = input.read("%d") ?? refuse(`expected bridge domain ID \`${input.error()}'`);
  if (bdId >>> 0 > MAX_BD_ID) refuse("bridge domain ID exceed 16M limit");
  let portType: "normal" | "bvi" | "uu-fwd" = input.match("bvi") ? "bvi" : "normal";
  if (input.match("uu-fwd")) portType = "uu-fwd";
  const [shg = 0] = input.read("%d") ?? [];
  const result = dp.bridges.attach(one.swIfIndex, bdId, portType, shg & 0xff);
  if (result === BD_ALREADY_HAS_BVI) refuse("bridge-domain already has a bvi interface");
  if (result !== 0) refuse("invalid configuration for interface");
}

function setL3(context: CliContext, input: Input): void {
  const one = needInterface(context, input);
  context.dp.bridges.detach(one.swIfIndex);
}

function showMode({ dp, out }: CliContext, input: Input): void {
  const chosen: Interface[] = [];
  while (!input.atEnd()) {
    const [one] = input.read("%U", interfaceName(dp)) ?? refuse(`unknown input \`${input.error()}'`);
    chosen.push(one);
  }
  for (const one of chosen.length > 0 ? chosen : dp.interfaces) {
    const domain = one.l2 === undefined ? undefined : dp.bridges.domains.get(one.l2.bdIndex);
    if (one.xconnect !== undefined) {
      out(`l2 xconnect ${one.name} ${nameOrDeleted(dp, one.xconnect)}`);
      continue;
    }
    if (one.l2 === undefined || domain === undefined) {
      out(`l3 ${one.name}  `);
      continue;
    }
    const bvi = one.l2.portType === "bvi" ? "bvi " : "";
    out(`l2 bridge ${one.name} bd_id ${domain.bdId} ${bvi}shg ${one.l2.shg}`);
  }
}

const CREATE_HELP =
  "create bridge-domain <bridge-domain-id> [learn <0|1>] [forward <0|1>] [uu-flood <0|1>] [flood <0|1>] " +
  "[arp-term <0|1>] [arp-ufwd <0|1>] [mac-age <0|1-255>] [bd-tag <tag>] [del]";

function flagCommand(words: string, flag: Parameters<typeof setFlag>[0]): CliCommand {
  const path = `set bridge-domain ${words}`;
  return { path, help: `${path} <bridge-domain-id> [disable]`, run: setFlag(flag) };
}

export const l2Commands: readonly CliCommand[] = [
  {
    path: "show bridge-domain",
    help: "show bridge-domain [bridge-domain-id [detail|int|arp|bd-tag]]",
    run: showDomain,
  },
  { path: "create bridge-domain", help: CREATE_HELP, run: createDomain },
  flagCommand("learn", "learn"),
  flagCommand("forward", "forward"),
  flagCommand("flood", "flood"),
  flagCommand("uu-flood", "uuFlood"),
  flagCommand("arp term", "arpTerm"),
  flagCommand("arp-ufwd", "arpUfwd"),
  {
    path: "set bridge-domain arp entry",
    help: "set bridge-domain arp entry <bridge-domain-id> [<ip-addr> <mac-addr> [del] | del-all]",
    run: setArpEntry,
  },
  { path: "set bridge-domain mac-age", help: "set bridge-domain mac-age <bridge-domain-id> <mins>", run: setAge },
  {
    path: "set bridge-domain learn-limit",
    help: "set bridge-domain learn-limit <bridge-domain-id> <learn-limit>",
    run: setLimit,
  },
  {
    path: "set interface l2 bridge",
    help: "set interface l2 bridge <interface> <bridge-domain-id> [bvi|uu-fwd] [shg]",
    run: setBridge,
  },
  { path: "set interface l3", help: "set interface l3 <interface>", run: setL3 },
  ...l2FibCommands,
  { path: "show mode", help: "show mode [<if-name1> <if-name2> ...]", run: showMode },
];
