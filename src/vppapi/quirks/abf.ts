import type { Fields } from "../codec/message.ts";
import type { VppClient } from "../client.ts";
import { refused } from "./lb-encoding.ts";
import { pathKey, type Path } from "./paths.ts";

const ALL = 0xffff_ffff;
const ATTACH = "abf_itf_attach_add_del";
const POLICY = "abf_policy_add_del";
/** A policy whose last path was deleted while it was attached, as `show abf policy` has it. */
const WITHOUT_PATHS = /^abf:\[\d+\]: policy:(-?\d+) acl:-?\d+\s*\n\s*no forwarding/m;

/** abf_api.c:133: a policy without paths is dumped from memory that is none of its own. `show` is safe. */
export async function dumpPolicies(_fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const broken = WITHOUT_PATHS.exec(await client.cli("show abf policy"))?.[1];
  if (broken === undefined) return;
  throw refused(
    "abf_policy_dump",
    `policy ${broken} was deleted while it was attached, and VPP would crash; detach it first (abf_itf_attach_add_del)`,
  );
}

/**
 * abf_policy.c:133: a path that the policy has already leaves it on a path-list that is freed, and it forwards by whatever
 * comes there next. abf_policy.c:226: deleting the last path of an attached policy leaves one that ends VPP when it is
 * dumped, deleted again or attached.
 */
export async function policy(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const wanted = fields["policy"] as { policy_id?: unknown; paths?: readonly Path[] } | undefined;
  const id = Number(wanted?.policy_id ?? 0);
  const given = (wanted?.paths ?? []).map(pathKey);
  const rows = await client.dumpAll("abf_policy_dump");
  const known = rows.find((row) => row.policy.policy_id === id);
  if (known === undefined) return;
  const present = known.policy.paths.map((path) => pathKey(path as unknown as Path));
  if (fields["is_add"] === true) {
    if (!given.some((key) => present.includes(key))) return;
    throw refused(POLICY, `policy ${id} has this path already, and VPP would lose it; leave it as it is`);
  }
  if (present.some((key) => !given.includes(key))) return;
  const attached = await client.dumpAll("abf_itf_attach_dump");
  if (!attached.some((row) => row.attach.policy_id === id)) return;
  throw refused(
    POLICY,
    `policy ${id} is attached, and without paths it would end VPP sooner or later; detach it first`,
  );
}

/**
 * abf_itf_attach.c:138: an unknown policy or interface ends VPP, and so does detaching by the other family. An ACL that
 * does not exist, or that a policy on the interface uses already, is not taken over: VPP goes on with the interface's old
 * list of ACLs, whose positions then stand for other policies.
 */
export async function attachment(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const wanted = fields["attach"] as { policy_id?: unknown; sw_if_index?: unknown; is_ipv6?: unknown } | undefined;
  const id = Number(wanted?.policy_id ?? 0);
  const index = Number(wanted?.sw_if_index ?? 0);
  const isIp6 = wanted?.is_ipv6 === true;
  const attached = (await client.dumpAll("abf_itf_attach_dump")).map((row) => row.attach);
  const there = attached.find((one) => one.policy_id === id && one.sw_if_index === index);
  if (fields["is_add"] !== true) {
    if (there === undefined || there.is_ipv6 === isIp6) return;
    throw refused(ATTACH, `policy ${id} is attached for IPv${isIp6 ? 4 : 6}, and VPP would crash`);
  }
  const policies = (await client.dumpAll("abf_policy_dump")).map((row) => row.policy);
  const own = policies.find((one) => one.policy_id === id);
  if (own === undefined) throw refused(ATTACH, `there is no policy ${id}, and VPP would crash`);
  const interfaces = await client.dumpAll("sw_interface_dump", { sw_if_index: ALL });
  if (!interfaces.some((row) => row.sw_if_index === index))
    throw refused(ATTACH, `there is no interface ${index}, and VPP would write beyond its memory`);
  if (there !== undefined) return;
  const acls = await client.dumpAll("acl_dump", { acl_index: own.acl_index });
  if (acls.length === 0)
    throw refused(ATTACH, `there is no ACL ${own.acl_index} (policy ${id}), and VPP would match by old lists`);
  const others = attached.filter((one) => one.sw_if_index === index && one.is_ipv6 === isIp6);
  const rival = policies.find(
    (one) => one.acl_index === own.acl_index && others.some((other) => other.policy_id === one.policy_id),
  );
  if (rival !== undefined)
    throw refused(
      ATTACH,
      `policy ${rival.policy_id} on this interface uses ACL ${own.acl_index}, too: make another ACL`,
    );
}

/** acl.c:1880: a list that names an ACL twice is answered with 1, which is no error to a client, and changes half. */
export function setAclList(fields: Readonly<Fields>): undefined {
  const acls = (fields["acls"] as readonly unknown[] | undefined)?.map(Number) ?? [];
  const inputs = Number(fields["n_input"] ?? 0);
  for (const list of [acls.slice(0, inputs), acls.slice(inputs)])
    if (new Set(list).size < list.length)
      throw refused("acl_interface_set_acl_list", `an ACL comes twice in ${list.join(", ")}, and VPP takes none of it`);
  return undefined;
}

/** The CLI's lines that change policies: it looks at no more than the API does. `show abf ...` has none of these words. */
export function refuseAbfLine(words: readonly string[]): void {
  const [first = "", second = "", ...rest] = words;
  if (first.length < 2 || !"abf".startsWith(first) || second === "") return;
  const changes = "policy".startsWith(second)
    ? rest.includes("id")
    : "attach".startsWith(second) && rest.includes("policy");
  if (!changes) return;
  throw refused(
    "cli_inband",
    `"abf ${second}" can end VPP or leave a policy astray; ${POLICY} and ${ATTACH} are looked at before they are sent`,
  );
}
