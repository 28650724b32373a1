import { createHash } from "node:crypto";
import { STAGES, countText, type DiffInput, type ExecuteContext, type Kind, type PlanBuilder } from "./kind.ts";
import { BridgeError } from "./errors.ts";
import { interfaceOperationId, isOurInterface } from "./interface.ts";
import { DONE, tolerate, type VppPort } from "./port.ts";
import type { AclAction, AclRule, DesiredAcl, ObservedAcl } from "./types.ts";
import { ALL, familyOf, number, prefixText, text } from "./wire.ts";

/** VPP's ACL tags hold 63 characters (acl.api, acl_add_replace). */
const TAG_LENGTH = 63;
/** Of the ownership tag so much is kept as it is. */
const OWNER_LENGTH = 20;

/** Short and the same for the same text. */
export const digest = (value: string, length: number) =>
  createHash("sha256").update(value).digest("base64url").slice(0, length);

/** With this the tags of all our ACLs begin. */
export function aclOwner(ownershipTag: string): string {
  if (ownershipTag.length <= OWNER_LENGTH) return `${ownershipTag}/`;
  return `${ownershipTag.slice(0, OWNER_LENGTH - 9)}~${digest(ownershipTag, 8)}/`;
}

/** The tag by which VPP keeps an ACL of ours: `vpplb/flow/http/4`; long names are cut and hashed. */
export function aclTag(ownershipTag: string, kind: string, name: string): string {
  const owner = aclOwner(ownershipTag);
  const whole = `${owner}${kind}/${name}`;
  if (whole.length <= TAG_LENGTH) return whole;
  const kept = TAG_LENGTH - owner.length - kind.length - 24;
  return `${owner}${kind}/${name.slice(0, Math.max(0, kept))}~${digest(name, 22)}`;
}

export const aclOperationId = (tag: string, what: "set" | "delete"): string => `acl ${tag} ${what}`;

/** ACLs of ours that VPP has, the first of each tag. */
export function ourAcls({ desired, observed }: Pick<DiffInput, "desired" | "observed">): Map<string, ObservedAcl> {
  const owner = aclOwner(desired.ownership.tag);
  const ours = new Map<string, ObservedAcl>();
  for (const found of observed.acls ?? [])
    if (found.tag.startsWith(owner) && !ours.has(found.tag)) ours.set(found.tag, found);
  return ours;
}

/** Of an ACL that the file does not have any more, for people. */
export function titleOfTag(tag: string): string {
  const [, kind = "", ...name] = tag.split("/");
  const title = name.join("/").replace(/\/([46])(\/[^/]*)?$/, " (IPv$1)");
  return kind === "flow" ? `flow ${title}` : kind === "acl" ? `ACL ${title}` : `${kind} ${title}`;
}

/** ACLs: named by their tag, which marks them as ours. Rules are replaced in one step, also while they are used. */
export const aclKind: Kind = {
  kind: "acl",
  diff(input, plan) {
    const wanted = input.desired.acls ?? [];
    if (wanted.length > 0 && input.observed.features.acl !== true) {
      plan.problem("acl", "this VPP has no ACL plugin: load acl_plugin.so");
      return;
    }
    const there = ourAcls(input);
    for (const acl of wanted) diffAcl(acl, there.get(acl.tag), plan);
    const tags = new Set(wanted.map((acl) => acl.tag));
    const owner = aclOwner(input.desired.ownership.tag);
    for (const found of input.observed.acls ?? []) {
      if (!found.tag.startsWith(owner)) continue;
      const kept = tags.has(found.tag) && there.get(found.tag) === found;
      if (!kept) removeAcl(found, input, plan);
    }
  },
};

function diffAcl(acl: DesiredAcl, found: ObservedAcl | undefined, plan: PlanBuilder): void {
  if (found !== undefined && sameRules(found.rules, acl.rules)) return;
  const before: DesiredAcl | undefined = found && { ...acl, rules: found.rules };
  plan.add({
    id: aclOperationId(acl.tag, "set"),
    kind: "acl",
    object: acl.title,
    verb: found === undefined ? "create" : "update",
    stage: STAGES.inside,
    action: { type: "acl-set", acl },
    inverse: before === undefined ? { type: "acl-delete", tag: acl.tag } : { type: "acl-set", acl: before },
    sentence: `${acl.title}: match ${rulesText(acl.rules)}${found === undefined ? "" : ` (was ${rulesText(found.rules)})`}`,
  });
}

function removeAcl(found: ObservedAcl, { desired, observed, owned }: DiffInput, plan: PlanBuilder): void {
  const title = desired.acls?.find((acl) => acl.tag === found.tag)?.title ?? titleOfTag(found.tag);
  const bound = boundTo(found.index, { desired, observed, owned });
  if (bound.others.length > 0) {
    plan.warn(`${title} is no longer wanted and stays: ${bound.others.join(", ")}, not ours, has it`);
    return;
  }
  const policies = (observed.abfPolicies ?? []).filter((policy) => policy.aclIndex === found.index);
  plan.add({
    id: `${aclOperationId(found.tag, "delete")} ${found.index}`,
    kind: "acl",
    object: title,
    verb: "delete",
    stage: STAGES.dropPolicies,
    action: { type: "acl-delete", tag: found.tag, index: found.index },
    inverse: { type: "acl-set", acl: { tag: found.tag, title, rules: found.rules } },
    sentence: `${title}: forget what it matched`,
    dependsOn: [
      ...policies.map((policy) => `abf policy ${policy.id} delete`),
      ...bound.ours.flatMap((name) => ["acl", "delete"].map((what) => interfaceOperationId(name, what))),
    ],
  });
}

/** Interfaces, ours and others', that have the ACL in front. */
function boundTo(index: number, input: DiffInput): { ours: string[]; others: string[] } {
  const has = (list: readonly number[] = []) => list.includes(index);
  const users = input.observed.interfaces.filter((one) => has(one.acl?.in) || has(one.acl?.out));
  const names = (mine: boolean) => users.filter((one) => isOurInterface(one, input) === mine).map((one) => one.name);
  return { ours: names(true), others: names(false) };
}

const ruleKey = ({ permit, reflect, tcpFlags, ...rule }: AclRule) => {
  const { source, destination, protocol, sourcePorts, destinationPorts } = rule;
  const flags = [tcpFlags?.mask ?? 0, tcpFlags?.value ?? 0];
  return JSON.stringify([
    permit,
    reflect === true,
    source,
    destination,
    protocol,
    sourcePorts,
    destinationPorts,
    flags,
  ]);
};

function sameRules(a: readonly AclRule[], b: readonly AclRule[]): boolean {
  return a.length === b.length && a.every((rule, index) => ruleKey(rule) === ruleKey(b[index]!));
}

const PROTOCOLS: Readonly<Record<number, string>> = {
  0: "any",
  1: "icmp",
  6: "tcp",
  17: "udp",
  58: "icmp6",
  132: "sctp",
};

/** `tcp from 10.0.0.0/8 to 20.0.0.1/32:80` and how many more. */
export function rulesText(rules: readonly AclRule[], shown = 3): string {
  const texts = rules.slice(0, shown).map(ruleText);
  const more = rules.length - texts.length;
  return rules.length === 0
    ? "nothing"
    : `${texts.join(", ")}${more > 0 ? ` and ${countText(more, "rule")} more` : ""}`;
}

/** `tcp from 10.0.0.0/8:1024-65535 to 20.0.0.1/32:80` */
export function ruleText(rule: AclRule): string {
  const { protocol, source, destination, sourcePorts, destinationPorts } = rule;
  const withPorts = protocol === 6 || protocol === 17;
  const end = (prefix: string, [first, last]: readonly [number, number]) => {
    if (!withPorts || (first === 0 && last === 65_535)) return prefix;
    const ports = first === last ? `${first}` : `${first}-${last}`;
    return prefix.includes(":") ? `[${prefix}]:${ports}` : `${prefix}:${ports}`;
  };
  const icmp = protocol === 1 || protocol === 58;
  const type = icmp && sourcePorts[0] === sourcePorts[1] ? ` type ${sourcePorts[0]}` : "";
  const anywhere = source.endsWith("/0") && end(source, sourcePorts) === source;
  const from = anywhere ? "" : ` from ${end(source, sourcePorts)}`;
  return `${rule.permit ? "" : "not "}${PROTOCOLS[protocol] ?? `protocol ${protocol}`}${type}${from} to ${end(destination, destinationPorts)}`;
}

/** Indexes by tag as VPP has them; asked once for all operations of a context. */
const known = new WeakMap<ExecuteContext, Promise<Map<string, number>>>();

function indexes(context: ExecuteContext): Promise<Map<string, number>> {
  let found = known.get(context);
  if (found === undefined) {
    found = observeAcls(context.port).then(
      (acls) => new Map([...acls].reverse().map(({ tag, index }) => [tag, index])),
    );
    known.set(context, found);
  }
  return found;
}

/** Index of an ACL of ours. @throws BridgeError REPLY where VPP has none with the tag */
export async function aclIndex(tag: string, context: ExecuteContext): Promise<number> {
  const index = (await indexes(context)).get(tag);
  if (index === undefined) throw new BridgeError("REPLY", `VPP has no ACL ${tag}`);
  return index;
}

export async function runAcl(action: AclAction, context: ExecuteContext): Promise<void> {
  const { port } = context;
  const byTag = await indexes(context);
  if (action.type === "acl-delete") {
    const index = action.index ?? byTag.get(action.tag);
    if (index === undefined) return;
    await tolerate(port.request("acl_del", { acl_index: index }), DONE.NO_SUCH_ENTRY);
    if (byTag.get(action.tag) === index) byTag.delete(action.tag);
    return;
  }
  const { tag, rules } = action.acl;
  const reply = await port.request("acl_add_replace", {
    acl_index: byTag.get(tag) ?? ALL,
    tag,
    count: rules.length,
    r: rules.map(encodeRule),
  });
  byTag.set(tag, number(reply["acl_index"]));
}

function encodeRule(rule: AclRule): Record<string, unknown> {
  return {
    is_permit: rule.reflect === true ? 2 : rule.permit ? 1 : 0,
    src_prefix: rule.source,
    dst_prefix: rule.destination,
    proto: rule.protocol,
    srcport_or_icmptype_first: rule.sourcePorts[0],
    srcport_or_icmptype_last: rule.sourcePorts[1],
    dstport_or_icmpcode_first: rule.destinationPorts[0],
    dstport_or_icmpcode_last: rule.destinationPorts[1],
    tcp_flags_mask: rule.tcpFlags?.mask ?? 0,
    tcp_flags_value: rule.tcpFlags?.value ?? 0,
  };
}

/** All ACLs of VPP, by rising index. */
export async function observeAcls(port: VppPort): Promise<ObservedAcl[]> {
  const details = await port.dump("acl_dump", { acl_index: ALL });
  return details
    .map((detail) => ({
      index: number(detail["acl_index"]),
      tag: text(detail["tag"]),
      rules: (detail["r"] as Record<string, unknown>[]).map(decodeRule),
    }))
    .sort((a, b) => a.index - b.index);
}

function decodeRule(rule: Record<string, unknown>): AclRule {
  const mask = number(rule["tcp_flags_mask"]);
  return {
    permit: rule["is_permit"] !== 0,
    ...(rule["is_permit"] === 2 ? { reflect: true as const } : {}),
    ...(mask === 0 ? {} : { tcpFlags: { mask, value: number(rule["tcp_flags_value"]) } }),
    source: prefixText(rule["src_prefix"]),
    destination: prefixText(rule["dst_prefix"]),
    protocol: number(rule["proto"]),
    sourcePorts: [number(rule["srcport_or_icmptype_first"]), number(rule["srcport_or_icmptype_last"])],
    destinationPorts: [number(rule["dstport_or_icmpcode_first"]), number(rule["dstport_or_icmpcode_last"])],
  };
}

/** `0.0.0.0/0` or `::/0`, of the family of a prefix. */
export function anyPrefix(like: string): string {
  return familyOf(like) === 4 ? "0.0.0.0/0" : "::/0";
}
