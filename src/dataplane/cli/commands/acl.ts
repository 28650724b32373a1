/** The acl plugin's commands (VPP src/plugins/acl/acl.c); MACIP lists and the insides of VPP's hashes are not here. */
import { NEW_ACL } from "../../acl/acl.ts";
import type { AclRule } from "../../acl/types.ts";
import { prefix4, prefix6 } from "../../fib/prefix.ts";
import { NO_INDEX } from "../../model.ts";
import { RV } from "../../retval.ts";
import { interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { ip4Address, ip6Address } from "../parsers.ts";
import { aclInterfaceText, aclText, aclUsesText, contextText, tupleText } from "../text/acl.ts";
import { LOOKUP_USERS } from "../../acl/contexts.ts";
import { aclSettings } from "./acl-settings.ts";
import type { Input, Parser } from "../unformat.ts";

type Draft = { -readonly [K in keyof AclRule]: AclRule[K] };

interface Prefix {
  readonly address: number | Uint8Array;
  readonly length: number;
}

/** unformat_ip_prefix: host bits are cleared. */
const ipPrefix: Parser<Prefix> = (input) => {
  const four = input.read("%U/%d", ip4Address);
  if (four !== undefined) {
    const [address, length] = four;
    return length < 0 || length > 32 ? undefined : prefix4(address, length);
  }
  const six = input.read("%U/%d", ip6Address);
  if (six === undefined) return undefined;
  const [address, length] = six;
  return length < 0 || length > 128 ? undefined : prefix6(address, length);
};

function newRule(): Draft {
  return {
    ...{ action: 1, source: 0, sourceLength: 0, destination: 0, destinationLength: 0, protocol: 0 },
    ...{ sourcePortFirst: 0, sourcePortLast: 0xffff, destinationPortFirst: 0, destinationPortLast: 0xffff },
    ...{ tcpFlagsMask: 0, tcpFlagsValue: 0 },
  };
}

const ACTION_WORDS: readonly (readonly [word: string, action: number])[] = [
  ["permit+reflect", 2],
  ["permit", 1],
  ["deny", 0],
];

/** One option of a rule, or undefined where none stands at the cursor. */
function ruleOption(line: Input): ((rule: Draft) => void) | undefined {
  for (const [word, action] of ACTION_WORDS) if (line.match(word)) return (rule) => (rule.action = action);
  const [action] = line.read("action %d") ?? [];
  if (action !== undefined) return (rule) => (rule.action = action & 0xff);
  const [source] = line.read("src %U", ipPrefix) ?? [];
  if (source !== undefined)
    return (rule) => Object.assign(rule, { source: source.address, sourceLength: source.length });
  const [destination] = line.read("dst %U", ipPrefix) ?? [];
  if (destination !== undefined)
    return (rule) => Object.assign(rule, { destination: destination.address, destinationLength: destination.length });
  return portOption(line) ?? flagsOption(line);
}

function portOption(line: Input): ((rule: Draft) => void) | undefined {
  for (const [word, name] of [
    ["sport", "sourcePort"],
    ["dport", "destinationPort"],
  ] as const) {
    const range = word === "sport" ? line.read("sport %d-%d") : line.read("dport %d-%d");
    const one = range ?? (word === "sport" ? line.read("sport %d") : line.read("dport %d"));
    if (one === undefined) continue;
    const [first, last = one[0]] = one;
    return (rule) => Object.assign(rule, { [`${name}First`]: first & 0xffff, [`${name}Last`]: last & 0xffff });
  }
  return undefined;
}

function flagsOption(line: Input): ((rule: Draft) => void) | undefined {
  const flags = line.read("tcpflags %d %d") ?? line.read("tcpflags %d mask %d");
  if (flags !== undefined) {
    const [value, mask] = flags;
    return (rule) => Object.assign(rule, { tcpFlagsValue: value & 0xff, tcpFlagsMask: mask & 0xff });
  }
  const [protocol] = line.read("proto %d") ?? [];
  return protocol === undefined ? undefined : (rule) => (rule.protocol = protocol & 0xff);
}

/** An address that is not given is 0.0.0.0/0, also beside an IPv6 one: VPP refuses such a rule. */
function setAcl({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const rules: Draft[] = [];
  let aclIndex = NEW_ACL;
  let at = 0;
  let tag = "cli";
  const current = (): Draft => {
    while (rules.length <= at) rules.push(newRule());
    return rules[at]!;
  };
  while (!line.atEnd()) {
    const [index] = line.read("index %d") ?? [];
    const [count] = index === undefined ? (line.read("count %d") ?? []) : [];
    const option = index === undefined && count === undefined ? ruleOption(line) : undefined;
    if (index !== undefined) aclIndex = index >>> 0;
    else if (option !== undefined) option(current());
    else if (count === undefined) {
      const [name] = line.read("tag %s") ?? [];
      if (name !== undefined) tag = name;
      else if (!line.match(",")) break;
      else {
        at += 1;
        current();
      }
    }
  }
  const result = dp.acl.addReplace(aclIndex, tag, rules);
  if (result.retval !== RV.OK) refuse("failed");
  out(`ACL index:${result.aclIndex | 0}`);
}

function deleteAcl({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let aclIndex = NO_INDEX;
  while (!line.atEnd()) {
    const [index] = line.read("index %d") ?? [];
    if (index === undefined) break;
    aclIndex = index >>> 0;
  }
  if (dp.acl.delete(aclIndex) !== RV.OK) refuse("failed");
  out(`Deleted ACL index:${aclIndex | 0}`);
}

function setInterface({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let swIfIndex = NO_INDEX;
  let aclIndex = NO_INDEX;
  let isAdd = true;
  let isInput = true;
  while (!line.atEnd()) {
    const [iface] = line.read("%U", interfaceName(dp)) ?? [];
    if (iface !== undefined) swIfIndex = iface.swIfIndex;
    else if (line.match("add")) isAdd = true;
    else if (line.match("del")) isAdd = false;
    else if (line.match("input")) isInput = true;
    else if (line.match("output")) isInput = false;
    else {
      const [index] = line.read("acl %d") ?? [];
      if (index === undefined) break;
      aclIndex = index >>> 0;
    }
  }
  if (swIfIndex === NO_INDEX) refuse("invalid interface");
  if (aclIndex === NO_INDEX) refuse("invalid acl");
  dp.acl.addDelList(swIfIndex, isAdd, isInput, aclIndex);
}

/** An optional `NAME N`, undefined without it. */
function numberAfter(input: Input, name: "index" | "sw_if_index"): number | undefined {
  const [value] = (name === "index" ? input.read("index %u") : input.read("sw_if_index %u")) ?? [];
  return value === undefined || value >>> 0 === NO_INDEX ? undefined : value >>> 0;
}

function showAcl({ dp, out }: CliContext, input: Input): void {
  const wanted = numberAfter(input, "index");
  for (const acl of dp.acl.acls)
    if (wanted === undefined || wanted === acl.index) out(aclText(acl) + aclUsesText(dp.acl, acl));
}

function showInterface({ dp, out }: CliContext, input: Input): void {
  const wanted = numberAfter(input, "sw_if_index");
  const withAcls = input.match("acl");
  const withDetail = input.match("detail");
  const indexes = [...dp.acl.input.lists.keys(), ...dp.acl.output.lists.keys()];
  for (let swIfIndex = 0; swIfIndex <= Math.max(-1, ...indexes); swIfIndex += 1)
    if (wanted === undefined || wanted === swIfIndex) out(aclInterfaceText(dp.acl, swIfIndex, withAcls, withDetail));
}

function showContexts({ dp, out }: CliContext, input: Input): void {
  const wanted = numberAfter(input, "index");
  const { pool } = dp.acl.contexts;
  if (pool.length === 0) return out("ACL lookup contexts are not initialized");
  for (const context of pool) if (wanted === undefined || wanted === context.index) out(contextText(context));
}

function showUsers({ out }: CliContext, input: Input): void {
  const wanted = numberAfter(input, "index");
  for (const [index, { name, label1, label2 }] of LOOKUP_USERS.entries())
    if (wanted === undefined || wanted === index) out(`index ${index}:${name}:${label1}:${label2}`);
}

function showTuple({ out }: CliContext, input: Input): void {
  const text = input.line()?.rest() ?? "";
  const words = /^\s*([0-9a-f]+)\s+([0-9a-f]+)\s+([0-9a-f]+)\s+([0-9a-f]+)\s+([0-9a-f]+)\s+([0-9a-f]+)/i.exec(text);
  if (words === null) refuse("expecting 6 hex integers");
  const tuple = new DataView(new ArrayBuffer(48));
  words.slice(1).forEach((word, i) => tuple.setBigUint64(i * 8, BigInt.asUintN(64, BigInt(`0x${word}`)), true));
  out(`5-tuple structure decode: ${tupleText(new Uint8Array(tuple.buffer))}\n\n`);
}

/** Totals and the sessions that there are; VPP's lists and timers have no equal here. */
function showSessions({ dp, out }: CliContext): void {
  const { sessions } = dp.acl;
  out(`Sessions total: add ${sessions.added} - del ${sessions.deleted} = ${sessions.added - sessions.deleted}`);
  out(`Sessions active: add ${sessions.added} - deact ${sessions.deleted} = ${sessions.size}`);
  out(`Sessions being purged: deact ${sessions.deleted} - del ${sessions.deleted} = 0`);
  out(`Reclassify sessions: ${dp.acl.reclassifySessions ? 1 : 0}`);
}

export const aclCommands: readonly CliCommand[] = [
  {
    path: "set acl-plugin",
    help: "set acl-plugin session timeout {{udp idle}|tcp {idle|transient}} <seconds>",
    run: aclSettings,
  },
  {
    path: "set acl-plugin acl",
    help:
      "set acl-plugin acl [index <idx>] <permit|deny|permit+reflect> src <PREFIX> dst <PREFIX> [proto X] " +
      "[sport X[-Y]] [dport X[-Y]] [tcpflags <int> mask <int>] [tag FOO] {use comma separated list for multiple rules}",
    run: setAcl,
  },
  {
    path: "set acl-plugin interface",
    help: "set acl-plugin interface <interface> <input|output> <acl INDEX> [del] ",
    run: setInterface,
  },
  { path: "delete acl-plugin acl", help: "delete acl-plugin acl index <idx>", run: deleteAcl },
  { path: "show acl-plugin acl", help: "show acl-plugin acl [index N]", run: showAcl },
  { path: "show acl-plugin interface", help: "show acl-plugin interface [sw_if_index N] [acl]", run: showInterface },
  { path: "show acl-plugin lookup context", help: "show acl-plugin lookup context [index N]", run: showContexts },
  { path: "show acl-plugin lookup user", help: "show acl-plugin lookup user [index N]", run: showUsers },
  {
    path: "show acl-plugin decode 5tuple",
    help: "show acl-plugin decode 5tuple XXXX XXXX XXXX XXXX XXXX XXXX",
    run: showTuple,
  },
  {
    path: "show acl-plugin memory",
    help: "show acl-plugin memory",
    run: ({ out }) => out("ACL memory is now part of the main heap"),
  },
  { path: "show acl-plugin sessions", help: "show acl-plugin sessions", run: showSessions },
  {
    path: "clear acl-plugin sessions",
    help: "clear acl-plugin sessions",
    run: ({ dp }) => dp.acl.sessions.clear(),
  },
];
