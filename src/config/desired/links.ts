import {
  aclTag,
  canonicalPrefix,
  familyOf,
  type AclRule,
  reassemblyOf,
  type DesiredAcl,
  type DesiredInterface,
  type DesiredReassembly,
  type DesiredTable,
} from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";
import { toRange } from "./steering.ts";

type Rule = LbFile["acls"][number]["rules"][number];
type Range = readonly [number, number];

/** 64 KB over links of 1,500 bytes are 45 fragments. */
const LEAST_FRAGMENTS = 64;

/** Undefined where nothing of ours reassembles: then VPP's limits are none of our business. */
export function toReassembly(
  given: LbFile["reassembly"],
  interfaces: readonly DesiredInterface[],
): DesiredReassembly | undefined {
  if (given?.manage === false || !interfaces.some((one) => reassemblyOf(one) === "full")) return undefined;
  const { manage: _, ...fields } = given ?? {};
  const limits = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { limits, leastFragments: LEAST_FRAGMENTS };
}

/** Tables of the file, and those that interfaces and routes name: these need no entry of their own. */
export function toTables(file: LbFile): DesiredTable[] {
  const ids = [
    ...file.interfaces.map((entry) => entry.table),
    ...file.routes.flatMap((route) => [route.table, ...route.via.map((path) => path.table)]),
  ];
  const tables = new Map<number, DesiredTable>();
  for (const { id, name } of file.tables) tables.set(id, { id, ...(name === undefined ? {} : { name }) });
  for (const id of ids) if (id !== 0 && !tables.has(id)) tables.set(id, { id });
  return [...tables.values()].sort((a, b) => a.id - b.id);
}

export function toAcls(file: LbFile): DesiredAcl[] {
  return file.acls.map(({ name, rules }) => ({
    tag: aclTag(file.ownership.tag, "acl", name),
    title: `ACL ${name}`,
    rules: rules.flatMap(toRules),
  }));
}

const PROTOCOL = { any: 0, icmp: 1, tcp: 6, udp: 17, gre: 47, icmp6: 58, sctp: 132 } as const;
const ICMP = 1;
const ICMP6 = 58;

export function protocolOf({ protocol }: Pick<Rule, "protocol">): number {
  return typeof protocol === "number" ? protocol : PROTOCOL[protocol];
}

/** Families that a rule is for: of its prefixes and its protocol, where neither says both. */
export function familiesOf(rule: Rule): (4 | 6)[] {
  const prefixes = [...listOf(rule.src), ...listOf(rule.dst)];
  const protocol = protocolOf(rule);
  return ([4, 6] as const).filter(
    (family) =>
      (protocol !== ICMP || family === 4) &&
      (protocol !== ICMP6 || family === 6) &&
      [rule.src, rule.dst].every(
        (side) => side === undefined || listOf(side).some((one) => familyOf(one) === family),
      ) &&
      (prefixes.length === 0 || prefixes.some((one) => familyOf(one) === family)),
  );
}

function listOf(side: string | readonly string[] | undefined): string[] {
  return side === undefined ? [] : (typeof side === "string" ? [side] : [...side]).map(canonicalPrefix);
}

/** One rule of the file as rules of VPP: each family, each pair of prefixes, each pair of ranges. */
export function toRules(rule: Rule): AclRule[] {
  const protocol = protocolOf(rule);
  const [first, second] = ranges(rule, protocol);
  const { permit, ...reflect } =
    rule.action === "reflect" ? { permit: true, reflect: true as const } : { permit: rule.action === "permit" };
  const flags = flagsOf(rule.tcpFlags);
  return familiesOf(rule).flatMap((family) =>
    pairs(side(rule.src, family), side(rule.dst, family)).flatMap(([source, destination]) =>
      pairs(first, second).map(([sourcePorts, destinationPorts]) => ({
        permit,
        ...reflect,
        source,
        destination,
        protocol,
        sourcePorts,
        destinationPorts,
        ...(flags === undefined ? {} : { tcpFlags: flags }),
      })),
    ),
  );
}

function side(value: Rule["src"], family: 4 | 6): string[] {
  if (value === undefined) return [family === 4 ? "0.0.0.0/0" : "::/0"];
  return listOf(value).filter((prefix) => familyOf(prefix) === family);
}

const pairs = <A, B>(as: readonly A[], bs: readonly B[]): [A, B][] => as.flatMap((a) => bs.map((b): [A, B] => [a, b]));

function ranges(rule: Rule, protocol: number): [Range[], Range[]] {
  const all: Range = [0, 65_535];
  const one = (value: number | string | undefined): Range[] => [value === undefined ? [0, 255] : asRange(value)];
  if (protocol === ICMP || protocol === ICMP6) return [one(rule.icmpType), one(rule.icmpCode)];
  const many = (list: Rule["srcPorts"]): Range[] => (list.length === 0 ? [all] : list.map(asRange));
  return [many(rule.srcPorts), many(rule.dstPorts)];
}

function asRange(value: number | string): Range {
  const { first, last } = toRange(value);
  return [first, last];
}

const FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"] as const;

function flagsOf(flags: Rule["tcpFlags"]): { mask: number; value: number } | undefined {
  if (flags === undefined) return undefined;
  const bits = (names: readonly string[]) =>
    FLAGS.reduce((sum, name, bit) => sum | (names.includes(name) ? 1 << bit : 0), 0);
  const value = bits(flags.set);
  const mask = value | bits(flags.unset);
  return mask === 0 ? undefined : { mask, value };
}
