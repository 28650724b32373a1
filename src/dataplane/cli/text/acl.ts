/** What the acl plugin shows (VPP src/plugins/acl/acl.c, dataplane_node.c). */
import type { AclMain } from "../../acl/acl.ts";
import { LOOKUP_USERS, type LookupContext } from "../../acl/contexts.ts";
import type { DirectionLists } from "../../acl/interface-lists.ts";
import type { Acl, AclRule } from "../../acl/types.ts";
import type { TraceData } from "../../trace/trace.ts";
import { addressText, ip4Text, ip6Text, right } from "../format.ts";

const ACTIONS = ["deny", "permit", "permit+reflect"] as const;
const FORWARDED = 1;

function portText(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

function ruleText(rule: AclRule): string {
  const family = typeof rule.source === "number" ? "ipv4" : "ipv6";
  const action = ACTIONS[rule.action] ?? `action ${rule.action}`;
  const flags =
    rule.tcpFlagsMask !== 0 || rule.tcpFlagsValue !== 0
      ? ` tcpflags ${rule.tcpFlagsValue} mask ${rule.tcpFlagsMask}`
      : "";
  return (
    `${family} ${action} src ${addressText(rule.source)}/${rule.sourceLength}` +
    ` dst ${addressText(rule.destination)}/${rule.destinationLength} proto ${rule.protocol}` +
    ` sport ${portText(rule.sourcePortFirst, rule.sourcePortLast)}` +
    ` dport ${portText(rule.destinationPortFirst, rule.destinationPortLast)}${flags}`
  );
}

export function aclText({ index, tag, rules }: Acl): string {
  const lines = rules.map((rule, i) => `  ${right(i, 9)}: ${ruleText(rule)}\n`);
  return `acl-index ${index} count ${rules.length} tag {${tag}}\n${lines.join("")}`;
}

/** Where a list is bound and who matches against it: lines that VPP has once any list of that index or a later was. */
export function aclUsesText({ input, output, contexts }: AclMain, { index }: Acl): string {
  const line = (title: string, users: ReadonlyMap<number, readonly number[]>): string => {
    const known = [...users.keys()].some((used) => used >= index);
    return known ? `  ${title}: ${(users.get(index) ?? []).join(", ")}\n` : "";
  };
  return (
    line("applied inbound on sw_if_index", input.interfacesByAcl) +
    line("applied outbound on sw_if_index", output.interfacesByAcl) +
    line("used in lookup context index", contexts.usersByAcl)
  );
}

export function contextText({ index, user, value1, value2, aclIndexes }: LookupContext): string {
  const { name, label1, label2 } = LOOKUP_USERS[user];
  return `index ${index}:${name} ${label1}: ${value1} ${label2}: ${value2}, acl_indices: ${aclIndexes.join(", ")}`;
}

/** `show acl-plugin interface` of one interface. */
export function aclInterfaceText(acl: AclMain, swIfIndex: number, withAcls: boolean, withDetail: boolean): string {
  const both = [acl.input, acl.output] as const;
  let text = `sw_if_index ${swIfIndex}:\n`;
  for (const lists of both) {
    const known = [...lists.epochs.keys()].some((index) => index >= swIfIndex);
    const epoch = (lists.epochs.get(swIfIndex) ?? 0).toString(16);
    if (known) text += `   ${lists.isInput ? "input" : "output"} policy epoch: ${epoch}\n`;
  }
  for (const lists of both) text += whitelistText(lists, swIfIndex);
  for (const lists of both) text += listText(acl, lists, swIfIndex, withAcls);
  if (!withDetail) return text;
  for (const lists of both) {
    const title = lists.isInput ? "   input" : "  output";
    if (swIfIndex <= lists.highestSet)
      text += `${title} lookup context index: ${lists.contexts.get(swIfIndex)?.index ?? -1}\n`;
  }
  return text;
}

function whitelistText(lists: DirectionLists, swIfIndex: number): string {
  const list = lists.whitelists.get(swIfIndex) ?? [];
  if (list.length === 0) return "";
  const types = list.map((type) => type.toString(16).padStart(4, "0")).join(", ");
  return `${lists.isInput ? "  input" : " output"} etype whitelist: ${types}\n`;
}

function listText(acl: AclMain, lists: DirectionLists, swIfIndex: number, withAcls: boolean): string {
  const list = lists.listOf(swIfIndex);
  if (list.length === 0) return "";
  const head = `  ${lists.isInput ? "input" : "output"} acl(s): ${list.join(", ")}\n`;
  if (!withAcls) return head;
  const acls = list.map((index) => acl.get(index)).filter((one) => one !== undefined);
  return `${head}\n${acls.map(aclText).join("")}\n`;
}

/** format_fa_5tuple: VPP's 48 bytes in words. */
export function tupleText(tuple: Uint8Array): string {
  const view = new DataView(tuple.buffer, tuple.byteOffset, tuple.length);
  const flags = tuple[47]!;
  const isIp6 = (flags & 8) !== 0;
  const source = isIp6 ? ip6Text(tuple.subarray(0, 16)) : ip4Text(view.getUint32(24));
  const destination = isIp6 ? ip6Text(tuple.subarray(16, 32)) : ip4Text(view.getUint32(28));
  const l4Flags = tuple[37]!;
  return (
    `lc_index ${view.getInt32(40, true)} l3 ${isIp6 ? "ip6" : "ip4"}${(flags & 4) !== 0 ? " non-initial fragment" : ""}` +
    ` ${source} -> ${destination} l4 lsb_of_sw_if_index ${view.getUint16(38, true)} proto ${tuple[36]}` +
    ` l4_is_input ${l4Flags & 1} l4_slow_path ${(l4Flags >> 1) & 1} l4_flags 0x${l4Flags.toString(16).padStart(2, "0")}` +
    ` port ${view.getUint16(32, true)} -> ${view.getUint16(34, true)}` +
    ` tcp flags (${(flags & 1) !== 0 ? "valid" : "invalid"}) ${tuple[46]!.toString(16).padStart(2, "0")} rsvd ${flags >> 4}`
  );
}

/** The record of an acl-plugin node. The arc to the next feature is always given as 1. */
export function aclTraceText(d: Extract<TraceData, { kind: "acl" }>): string {
  const view = new DataView(d.tuple.buffer, d.tuple.byteOffset, d.tuple.length);
  const words = [0, 8, 16, 24, 32, 40].map((at) => view.getBigUint64(at, true).toString(16).padStart(16, "0"));
  return (
    `acl-plugin: lc_index: ${d.lcIndex | 0}, sw_if_index ${d.swIfIndex}, next index ${d.action === 0 ? 0 : FORWARDED},` +
    ` action: ${d.action}, match: acl ${d.aclIndex | 0} rule ${d.ruleIndex | 0}` +
    ` trace_bits ${d.traceBits.toString(16).padStart(8, "0")}\n  pkt info ${words.join(" ")}\n   ${tupleText(d.tuple)}`
  );
}
