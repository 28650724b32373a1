import { aclIndex, aclOwner } from "./acl.ts";
import { BridgeError } from "./errors.ts";
import type { DiffInput, ExecuteContext } from "./kind.ts";
import { indexOf } from "./interface-run.ts";
import { DONE, tolerate, type VppPort } from "./port.ts";
import { encodePath } from "./route.ts";
import type { AbfAction, AbfAttachment, ObservedAbfAttachment, ObservedAbfPolicy, PolicyIds } from "./types.ts";
import { ALL, familyOf, ip4Text, ip6Text, number } from "./wire.ts";

/** Ids that nobody else is likely to use: VPP's users count from small numbers. */
export const DEFAULT_POLICY_IDS: PolicyIds = { first: 0x4c42_0000, count: 0x1_0000 };

const inRange = (id: number, { first, count }: PolicyIds) => id >= first && id < first + count;

/**
 * Policies carry no tag. Ours are those of the journal, and those with an id of our range whose ACL is tagged as ours.
 */
export function isOurPolicy(policy: ObservedAbfPolicy, { desired, observed, owned }: DiffInput): boolean {
  if (owned.abfPolicies?.has(policy.id) === true) return true;
  if (!inRange(policy.id, desired.policyIds ?? DEFAULT_POLICY_IDS)) return false;
  const acl = observed.acls?.find((one) => one.index === policy.aclIndex);
  return acl?.tag.startsWith(aclOwner(desired.ownership.tag)) ?? false;
}

/** Free ids of our range, lowest first. */
export function* freeIds({ desired, observed }: DiffInput): Generator<number, void> {
  const { first, count } = desired.policyIds ?? DEFAULT_POLICY_IDS;
  const used = new Set(observed.abfPolicies?.map((policy) => policy.id));
  for (let id = first; id < first + count; id++) if (!used.has(id)) yield id;
}

/** What VPP has, asked once for all operations of a context and kept up to date by them. */
interface Known {
  readonly policies: Map<number, { readonly aclIndex: number; readonly via: readonly string[] }>;
  /** `policy interface-index` */
  readonly attachments: Set<string>;
}

const known = new WeakMap<ExecuteContext, Promise<Known>>();

function knownOf(context: ExecuteContext): Promise<Known> {
  let found = known.get(context);
  if (found === undefined) {
    found = ask(context.port);
    known.set(context, found);
  }
  return found;
}

async function ask(port: VppPort): Promise<Known> {
  const [policies, attachments] = await Promise.all([observePolicies(port), dumpAttachments(port)]);
  return {
    policies: new Map(policies.map((policy) => [policy.id, policy])),
    attachments: new Set(attachments.map((one) => `${one.policy} ${one.interfaceIndex}`)),
  };
}

/**
 * Never adds a path to a policy that exists: VPP would leave it on a freed path list (plugins/abf/abf_policy.c:143).
 * Attaching a policy that does not exist, and looking at one that was deleted while attached, end VPP.
 */
export async function runAbf(action: AbfAction, context: ExecuteContext): Promise<void> {
  const has = await knownOf(context);
  switch (action.type) {
    case "abf-policy-create":
      return createPolicy(action, has, context);
    case "abf-policy-delete":
      return deletePolicy(action, has, context);
    case "abf-attach":
      return attach(action.attachment, has, context);
    case "abf-detach":
      return detach(action, has, context);
  }
}

function encodePolicy(id: number, acl: number, via: readonly string[], context: ExecuteContext) {
  const paths = via.map((hop) =>
    encodePath({ address: hop, weight: 1, table: 0 }, { prefix: `${hop}/${familyOf(hop) === 4 ? 32 : 128}` }, context),
  );
  return { policy_id: id, acl_index: acl, n_paths: paths.length, paths };
}

async function createPolicy(
  { id, acl, via }: Extract<AbfAction, { type: "abf-policy-create" }>,
  has: Known,
  context: ExecuteContext,
): Promise<void> {
  const index = await aclIndex(acl, context);
  const there = has.policies.get(id);
  if (there !== undefined) {
    if (there.aclIndex === index && there.via.join() === via) return;
    throw new BridgeError("REPLY", `VPP has another ABF policy ${id} by now; looking again`);
  }
  has.policies.set(id, { aclIndex: index, via: [via] });
  await context.port.request("abf_policy_add_del", { is_add: true, policy: encodePolicy(id, index, [via], context) });
}

async function deletePolicy(
  { id, via }: Extract<AbfAction, { type: "abf-policy-delete" }>,
  has: Known,
  context: ExecuteContext,
): Promise<void> {
  const there = has.policies.get(id);
  if (there === undefined) return;
  if ([...has.attachments].some((key) => key.startsWith(`${id} `))) {
    throw new BridgeError("REPLY", `ABF policy ${id} is attached: deleting it now would end VPP at the next look`);
  }
  has.policies.delete(id);
  const policy = encodePolicy(id, there.aclIndex, via, context);
  await context.port.request("abf_policy_add_del", { is_add: false, policy });
}

function encodeAttachment({ policy, priority, ipv6 }: AbfAttachment, index: number): Record<string, unknown> {
  return { policy_id: policy, sw_if_index: index, priority, is_ipv6: ipv6 };
}

async function attach(attachment: AbfAttachment, has: Known, context: ExecuteContext): Promise<void> {
  const { policy } = attachment;
  const index = indexOf(attachment.interface, context);
  if (!has.policies.has(policy))
    throw new BridgeError("REPLY", `VPP has no ABF policy ${policy}: attaching it ends VPP`);
  has.attachments.add(`${policy} ${index}`);
  const request = context.port.request("abf_itf_attach_add_del", {
    is_add: true,
    attach: encodeAttachment(attachment, index),
  });
  await tolerate(request, DONE.ENTRY_ALREADY_EXISTS);
}

async function detach(
  { attachment, interfaceIndex }: Extract<AbfAction, { type: "abf-detach" }>,
  has: Known,
  context: ExecuteContext,
): Promise<void> {
  const index = interfaceIndex ?? indexOf(attachment.interface, context);
  // VPP ends where the family is another than that of the attachment: only what it showed is detached.
  if (!has.attachments.has(`${attachment.policy} ${index}`)) return;
  const request = context.port.request("abf_itf_attach_add_del", {
    is_add: false,
    attach: encodeAttachment(attachment, index),
  });
  await tolerate(request, DONE.NO_SUCH_ENTRY);
  has.attachments.delete(`${attachment.policy} ${index}`);
}

/** A policy that was deleted while attached: VPP shows it, and ends when it is dumped (abf_api.c:133). */
const WITHOUT_PATHS = /^abf:\[\d+\]: policy:(\d+) acl:\d+\s*\n\s*no forwarding/m;

/** @throws BridgeError REPLY where VPP would not survive the question */
export async function observePolicies(port: VppPort): Promise<ObservedAbfPolicy[]> {
  const shown = await port.cli("show abf policy").catch(() => "");
  const broken = WITHOUT_PATHS.exec(shown)?.[1];
  if (broken !== undefined) {
    throw new BridgeError(
      "REPLY",
      `someone deleted ABF policy ${broken} while it was attached: asking VPP for its policies would end it. ` +
        `Take it off its interfaces: abf attach ip4|ip6 del policy ${broken} INTERFACE`,
    );
  }
  const details = await port.dump("abf_policy_dump", {});
  return details
    .map((detail) => detail["policy"] as Record<string, unknown>)
    .map((policy) => ({
      id: number(policy["policy_id"]),
      aclIndex: number(policy["acl_index"]),
      via: (policy["paths"] as Record<string, unknown>[]).map(hopOf),
    }))
    .sort((a, b) => a.id - b.id);
}

function hopOf(path: Record<string, unknown>): string {
  if (path["type"] !== 0 || path["sw_if_index"] !== ALL || path["table_id"] !== 0) return "?";
  const { address } = path["nh"] as { address: { ip4: unknown; ip6: unknown } };
  return path["proto"] === 1 ? ip6Text(address.ip6) : ip4Text(address.ip4);
}

type RawAttachment = Omit<ObservedAbfAttachment, "interface" | "active">;

async function dumpAttachments(port: VppPort): Promise<RawAttachment[]> {
  const details = await port.dump("abf_itf_attach_dump", {});
  return details
    .map((detail) => detail["attach"] as Record<string, unknown>)
    .map((one) => ({
      policy: number(one["policy_id"]),
      interfaceIndex: number(one["sw_if_index"]),
      priority: number(one["priority"]),
      ipv6: one["is_ipv6"] === true,
    }));
}

/** @param names of the interfaces that VPP has, by index */
export async function observeAttachments(
  port: VppPort,
  names: ReadonlyMap<number, string>,
): Promise<ObservedAbfAttachment[]> {
  const all = await dumpAttachments(port);
  const ends = new Map(all.map((one) => [`${one.interfaceIndex} ${one.ipv6}`, one]));
  const active = new Map<string, boolean>();
  await Promise.all(
    [...ends].map(async ([key, { interfaceIndex, ipv6 }]) => {
      if (names.has(interfaceIndex)) active.set(key, await isActive(port, interfaceIndex, ipv6));
    }),
  );
  return all.map((one) => {
    const name = names.get(one.interfaceIndex);
    return {
      ...one,
      ...(name === undefined ? {} : { interface: name }),
      active: active.get(`${one.interfaceIndex} ${one.ipv6}`) ?? false,
    };
  });
}

/**
 * Attachments outlive their interface, and whatever comes to its index has them and does not look at them: VPP switches
 * its feature on for the first one only (plugins/abf/abf_itf_attach.c:165). VPPs before 25.10 cannot be asked.
 */
async function isActive(port: VppPort, index: number, ipv6: boolean): Promise<boolean> {
  if (!port.has("feature_is_enabled")) return true;
  const request = port.request("feature_is_enabled", {
    arc_name: ipv6 ? "ip6-unicast" : "ip4-unicast",
    feature_name: ipv6 ? "abf-input-ip6" : "abf-input-ip4",
    sw_if_index: index,
  });
  // The interface may go at any moment.
  return (await tolerate(request, DONE.INVALID_SW_IF_INDEX))?.["is_enabled"] === true;
}
