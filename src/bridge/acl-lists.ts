import { aclOperationId, ourAcls } from "./acl.ts";
import { interfaceOperationId, stageOf } from "./interface.ts";
import type { DiffInput, PlanBuilder } from "./kind.ts";
import type { AclLists, AclRef, DesiredInterface, ObservedAclLists, ObservedInterface } from "./types.ts";

const NONE = { in: [], out: [] } as const;

/**
 * The ACLs in front of an interface, both directions, set in one message. Those that it names are there by then with
 * their rules; changed rules are replaced in place (acl.ts): at no moment is the interface open or closed by us.
 */
export function diffAclLists(
  wanted: DesiredInterface,
  found: ObservedInterface | undefined,
  input: DiffInput,
  plan: PlanBuilder,
): void {
  const bound = found?.acl ?? NONE;
  const lists = wanted.acl === undefined ? withoutOurs(bound, input) : asTags(wanted.acl);
  if (holds(lists.in, bound.in, input) && holds(lists.out, bound.out, input)) return;
  const { name } = wanted;
  plan.add({
    id: interfaceOperationId(name, "acl"),
    kind: "interface",
    object: name,
    verb: "update",
    stage: stageOf(wanted),
    action: { type: "interface-acl", name, ...lists },
    inverse: { type: "interface-acl", name, in: asIndexes(bound.in), out: asIndexes(bound.out) },
    sentence: sentence(name, wanted.acl ?? NONE, input),
    dependsOn: [
      interfaceOperationId(name, "create"),
      ...[...lists.in, ...lists.out].flatMap((ref) => ("tag" in ref ? [aclOperationId(ref.tag, "set")] : [])),
    ],
  });
}

const asTags = (lists: AclLists) => ({ in: lists.in.map((tag) => ({ tag })), out: lists.out.map((tag) => ({ tag })) });
const asIndexes = (list: readonly number[]): AclRef[] => list.map((index) => ({ index }));

/** What an interface that says nothing of ACLs keeps: those that others bound. */
function withoutOurs(bound: ObservedAclLists, input: DiffInput): { in: readonly AclRef[]; out: readonly AclRef[] } {
  const ours = new Set([...ourAcls(input).values()].map((acl) => acl.index));
  const others = (list: readonly number[]) => asIndexes(list.filter((index) => !ours.has(index)));
  return { in: others(bound.in), out: others(bound.out) };
}

function holds(wanted: readonly AclRef[], bound: readonly number[], input: DiffInput): boolean {
  const ours = ourAcls(input);
  return (
    wanted.length === bound.length &&
    wanted.every((ref, at) => bound[at] === ("tag" in ref ? ours.get(ref.tag)?.index : ref.index))
  );
}

function sentence(name: string, lists: AclLists, { desired }: DiffInput): string {
  const title = (tag: string) => desired.acls?.find((acl) => acl.tag === tag)?.title ?? tag;
  const parts = (["in", "out"] as const).flatMap((direction) =>
    lists[direction].length === 0 ? [] : [`${direction}: ${lists[direction].map(title).join(", ")}`],
  );
  return parts.length === 0 ? `take our ACLs off ${name}` : `put in front of ${name}, in one step, ${parts.join("; ")}`;
}
