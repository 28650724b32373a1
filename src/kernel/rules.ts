import { AF_INET, AF_INET6 } from "../sys/constants.ts";
import { addressText } from "../sys/sockaddr.ts";
import { attribute, concat, parseAttributes, readText, readU32, text, u32 } from "./attributes.ts";
import { KernelError } from "./errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Netlink } from "./netlink.ts";
import { networkText, parsePrefix } from "./prefix.ts";

/* linux/rtnetlink.h, linux/fib_rules.h */
const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_TABLE = 15;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
const FR_ACT_TO_TBL = 1;
const HEADER = 12;

/** A policy rule: packets that match are routed by `table`. */
export interface RuleSpec {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly iif?: string | undefined;
  readonly table: number;
  /** Rules are tried from 0 up; the main table is at 32766. Default: the kernel puts it before the others. */
  readonly priority?: number | undefined;
  readonly family?: 4 | 6 | undefined;
  /** IANA's number. */
  readonly ipProtocol?: number | undefined;
  /** Inclusive; of TCP, UDP and others that have ports. */
  readonly sourcePorts?: PortRange | undefined;
  readonly destinationPorts?: PortRange | undefined;
}

/** First and last. */
export type PortRange = readonly [number, number];

export interface Rule {
  readonly family: 4 | 6;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly iif: string | undefined;
  readonly table: number;
  readonly priority: number;
  readonly ipProtocol: number | undefined;
  readonly sourcePorts: PortRange | undefined;
  readonly destinationPorts: PortRange | undefined;
}

function ruleMessage(spec: RuleSpec): Uint8Array {
  const from = spec.from === undefined ? undefined : parsePrefix(spec.from);
  const to = spec.to === undefined ? undefined : parsePrefix(spec.to);
  const header = new Uint8Array(HEADER);
  header[0] = (from ?? to)?.family ?? (spec.family === 6 ? AF_INET6 : AF_INET);
  header[1] = to?.length ?? 0;
  header[2] = from?.length ?? 0;
  header[4] = spec.table < 256 ? spec.table : 0;
  header[7] = FR_ACT_TO_TBL;
  return concat(
    header,
    u32(FRA_TABLE, spec.table),
    ...(from === undefined ? [] : [attribute(FRA_SRC, from.bytes)]),
    ...(to === undefined ? [] : [attribute(FRA_DST, to.bytes)]),
    ...(spec.iif === undefined ? [] : [text(FRA_IIFNAME, spec.iif)]),
    ...(spec.priority === undefined ? [] : [u32(FRA_PRIORITY, spec.priority)]),
    ...(spec.ipProtocol === undefined ? [] : [attribute(FRA_IP_PROTO, Uint8Array.of(spec.ipProtocol))]),
    ...(spec.sourcePorts === undefined ? [] : [ports(FRA_SPORT_RANGE, spec.sourcePorts)]),
    ...(spec.destinationPorts === undefined ? [] : [ports(FRA_DPORT_RANGE, spec.destinationPorts)]),
  );
}

/** struct fib_rule_port_range, in the host's byte order. */
function ports(type: number, [first, last]: PortRange): Uint8Array {
  const range = new Uint8Array(4);
  const view = new DataView(range.buffer);
  view.setUint16(0, first, true);
  view.setUint16(2, last, true);
  return attribute(type, range);
}

function readPorts(bytes: Uint8Array | undefined): PortRange | undefined {
  if (bytes?.length !== 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint16(0, true), view.getUint16(2, true)];
}

function describeRule(spec: RuleSpec): string {
  return `rule${spec.from ? ` from ${spec.from}` : ""}${spec.to ? ` to ${spec.to}` : ""} table ${spec.table}`;
}

/** The text of a prefix as the kernel would show it, for comparisons. */
function canonical(prefix: string | undefined): string | undefined {
  return prefix === undefined ? undefined : networkText(parsePrefix(prefix));
}

export function sameRule(rule: Rule, spec: RuleSpec): boolean {
  return (
    rule.from === canonical(spec.from) &&
    rule.to === canonical(spec.to) &&
    rule.iif === spec.iif &&
    rule.ipProtocol === spec.ipProtocol &&
    String(rule.sourcePorts) === String(spec.sourcePorts) &&
    String(rule.destinationPorts) === String(spec.destinationPorts) &&
    rule.table === spec.table &&
    (spec.priority === undefined || rule.priority === spec.priority) &&
    (spec.family === undefined || rule.family === spec.family)
  );
}

/** Adds a rule; one that is there already is kept (the kernel itself would take it twice). */
export async function addRule(netlink: Netlink, spec: RuleSpec): Promise<void> {
  if ((await listRules(netlink)).some((rule) => sameRule(rule, spec))) return;
  try {
    await netlink.request(RTM_NEWRULE, ruleMessage(spec), {
      flags: NLM_F_CREATE | NLM_F_EXCL,
      doing: `add ${describeRule(spec)}`,
    });
  } catch (error) {
    if (!KernelError.is(error, "EXISTS")) throw error;
  }
}

/** False where there was none. */
export async function deleteRule(netlink: Netlink, spec: RuleSpec): Promise<boolean> {
  try {
    await netlink.request(RTM_DELRULE, ruleMessage(spec), { doing: `delete ${describeRule(spec)}` });
    return true;
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}

function parseRule(data: Uint8Array): Rule {
  const attributes = parseAttributes(data.subarray(HEADER));
  const prefix = (type: number, length: number): string | undefined => {
    const bytes = attributes.get(type);
    return bytes === undefined ? undefined : `${addressText(bytes)}/${length}`;
  };
  return {
    family: data[0] === AF_INET ? 4 : 6,
    from: prefix(FRA_SRC, data[2] ?? 0),
    to: prefix(FRA_DST, data[1] ?? 0),
    iif: readText(attributes.get(FRA_IIFNAME)),
    table: readU32(attributes.get(FRA_TABLE)) ?? data[4] ?? 0,
    priority: readU32(attributes.get(FRA_PRIORITY)) ?? 0,
    ipProtocol: attributes.get(FRA_IP_PROTO)?.[0] || undefined,
    sourcePorts: readPorts(attributes.get(FRA_SPORT_RANGE)),
    destinationPorts: readPorts(attributes.get(FRA_DPORT_RANGE)),
  };
}

export async function listRules(netlink: Netlink): Promise<Rule[]> {
  const out: Rule[] = [];
  for (const family of [AF_INET, AF_INET6]) {
    const header = new Uint8Array(HEADER);
    header[0] = family;
    const replies = await netlink.dump(RTM_GETRULE, header, "list rules");
    out.push(...replies.filter(({ data }) => data[0] === family).map(({ data }) => parseRule(data)));
  }
  return out;
}
