/** The abf plugin's commands (VPP src/plugins/abf/abf_policy.c, abf_itf_attach.c). */
import type { AbfAttachment, AbfPolicy } from "../../abf/abf.ts";
import type { RoutePath } from "../../fib/types.ts";
import { NO_INDEX } from "../../model.ts";
import { RV } from "../../retval.ts";
import { interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { FibText } from "../text/fib.ts";
import type { Input } from "../unformat.ts";
import { readPaths } from "./ip.ts";

/** Arcs of abf-input: its drop, then the first target's. */
const LOAD_BALANCE_SLOT = 1;

function policyCommand({ dp, out }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let aclIndex = NO_INDEX;
  let id = NO_INDEX;
  let del = false;
  const paths: RoutePath[] = [];
  while (!line.atEnd()) {
    const [acl] = line.read("acl %d") ?? [];
    const [given] = acl === undefined ? (line.read("id %d") ?? []) : [];
    if (acl !== undefined) aclIndex = acl >>> 0;
    else if (given !== undefined) id = given >>> 0;
    else if (line.match("del")) del = true;
    else if (line.match("add")) del = false;
    else {
      const [read] = line.read("via %U", (rest) => readPaths(dp, rest)) ?? [];
      if (read === undefined) refuse(`unknown input '${line.error()}'`);
      paths.push(...read);
    }
  }
  if (id === NO_INDEX) return out("Specify a Policy ID");
  if (paths.length === 0) return out("Hop path must not be empty");
  if (del) return void dp.abf.removePaths(id, paths);
  if (aclIndex === NO_INDEX) return out("ACL index must be set");
  if (dp.abf.addPaths(id, aclIndex, paths) === RV.INVALID_VALUE)
    out("ACL index must match existing ACL index in policy");
}

function attachCommand({ dp }: CliContext, input: Input): void {
  let id = NO_INDEX;
  let swIfIndex = NO_INDEX;
  let priority = 0;
  let proto: 4 | 6 | undefined;
  let del = false;
  while (!input.atEnd()) {
    if (input.match("del")) del = true;
    else if (input.match("add")) del = false;
    else if (input.match("ip4")) proto = 4;
    else if (input.match("ip6")) proto = 6;
    else {
      const [policy] = input.read("policy %d") ?? [];
      const [given] = policy === undefined ? (input.read("priority %d") ?? []) : [];
      if (policy !== undefined) id = policy >>> 0;
      else if (given !== undefined) priority = given >>> 0;
      else {
        const [iface] = input.read("%U", interfaceName(dp)) ?? [];
        swIfIndex = iface?.swIfIndex ?? refuse(`unknown input '${input.error()}'`);
      }
    }
  }
  if (id === NO_INDEX) refuse(`invalid policy ID:${id | 0}`);
  if (swIfIndex === NO_INDEX) refuse("invalid interface name");
  if (proto === undefined) refuse("Specify either ip4 or ip6");
  if (dp.abf.policy(id) === undefined) refuse(`invalid policy ID:${id | 0}`);
  if (del) dp.abf.detach(id, swIfIndex, proto);
  else dp.abf.attach(id, swIfIndex, proto, priority);
}

function policyText(text: FibText, policy: AbfPolicy): string {
  const head = `abf:[${policy.index}]: policy:${policy.id | 0} acl:${policy.aclIndex | 0}\n `;
  return head + (policy.pathList === undefined ? "no forwarding" : text.pathList(policy.pathList));
}

function showPolicy({ dp, out }: CliContext, input: Input): void {
  let id = NO_INDEX;
  while (!input.atEnd()) {
    const [given] = input.read("%d") ?? [];
    if (given === undefined) refuse(`unknown input '${input.error()}'`);
    id = given >>> 0;
  }
  const text = new FibText(dp);
  if (id === NO_INDEX) for (const policy of dp.abf.policies) out(policyText(text, policy));
  else {
    const policy = dp.abf.policy(id);
    out(policy === undefined ? `Invalid policy ID:${id | 0}` : policyText(text, policy));
  }
}

function attachmentText(text: FibText, { policy, priority, dpo, proto }: AbfAttachment): string {
  const target = `  [@${LOAD_BALANCE_SLOT}]: ${text.dpo(dpo, proto, 2)}`;
  return ` abf-interface-attach: policy:${policy.id | 0} priority:${priority | 0}\n${target}`;
}

function showAttach({ dp, out }: CliContext, input: Input): void {
  let swIfIndex = NO_INDEX;
  while (!input.atEnd()) {
    const [iface] = input.read("%U", interfaceName(dp)) ?? [];
    if (iface === undefined) refuse(`unknown input '${input.error()}'`);
    swIfIndex = iface.swIfIndex;
  }
  if (swIfIndex === NO_INDEX) out("specify an interface");
  const text = new FibText(dp);
  for (const proto of [4, 6] as const) {
    const here = dp.abf.interfaces[proto][swIfIndex];
    if (here === undefined) continue;
    out(`ipv${proto}:`);
    for (const attachment of here.attachments) out(attachmentText(text, attachment));
  }
}

export const abfCommands: readonly CliCommand[] = [
  {
    path: "abf policy",
    help: "abf policy [add|del] id <index> acl <index> via ...",
    run: policyCommand,
  },
  {
    path: "abf attach",
    help: "abf attach <ip4|ip6> [del] policy <value> <interface>",
    run: attachCommand,
  },
  { path: "show abf policy", help: "show abf policy <value>", run: showPolicy },
  { path: "show abf attach", help: "show abf attach <interface>", run: showAttach },
];
