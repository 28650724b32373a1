import { titleOfAddress } from "./assign.ts";
import { attachOperationId, policyOperationId } from "./abf-ids.ts";
import { freeIds, isOurPolicy } from "./abf.ts";
import { aclOperationId, aclOwner, ourAcls, titleOfTag } from "./acl.ts";
import { interfaceOperationId, startingPoint } from "./interface.ts";
import { STAGES, type DiffInput, type Kind, type PlanBuilder } from "./kind.ts";
import { routeOperationId } from "./route.ts";
import type { DesiredAbf, ObservedAbfAttachment, ObservedAbfPolicy } from "./types.ts";
import { familyOf, hostPrefix } from "./wire.ts";

/**
 * ABF: what matches an ACL on its way in goes to a next hop. A policy is never changed: where its next hop or priority
 * is to be another, a new one is attached before the old one is taken off.
 */
export const abfKind: Kind = {
  kind: "abf",
  diff(input, plan) {
    const wanted = input.desired.abf ?? [];
    if (wanted.length > 0 && input.observed.features.abf !== true) {
      plan.problem("abf", "this VPP has no ABF plugin: load abf_plugin.so");
      return;
    }
    new AbfPlan(input, plan).make(wanted);
  },
};

const detachId = (one: ObservedAbfAttachment) => attachOperationId(one.policy, String(one.interfaceIndex), "detach");

type How = "stays" | "stale" | "goes";

class AbfPlan {
  readonly #input: DiffInput;
  readonly #plan: PlanBuilder;
  readonly #ours: readonly ObservedAbfPolicy[];
  readonly #ids: Generator<number, void>;
  readonly #titles = new Map<number, string>();

  constructor(input: DiffInput, plan: PlanBuilder) {
    this.#input = input;
    this.#plan = plan;
    this.#ours = (input.observed.abfPolicies ?? []).filter((policy) => isOurPolicy(policy, input));
    this.#ids = freeIds(input);
  }

  make(wanted: readonly DesiredAbf[]): void {
    const acls = ourAcls(this.#input);
    const kept = new Map<number, DesiredAbf>();
    for (const abf of wanted) {
      const index = acls.get(abf.acl)?.index;
      const mine = this.#ours.filter((policy) => policy.aclIndex === index && index !== undefined);
      for (const policy of mine) this.#titles.set(policy.id, abf.title);
      const found = mine.find((policy) => this.#serves(policy, abf));
      if (found === undefined) this.#create(abf, mine);
      else {
        kept.set(found.id, abf);
        this.#keep(found, abf);
      }
    }
    for (const policy of this.#ours) if (!kept.has(policy.id)) this.#remove(policy);
    this.#foreign();
  }

  #attachmentsOf(id: number): ObservedAbfAttachment[] {
    return (this.#input.observed.abfAttachments ?? []).filter((one) => one.policy === id);
  }

  #serves(policy: ObservedAbfPolicy, abf: DesiredAbf): boolean {
    const ipv6 = familyOf(abf.via) === 6;
    const right = this.#attachmentsOf(policy.id).every((one) => one.priority === abf.priority && one.ipv6 === ipv6);
    return right && policy.via.join() === abf.via;
  }

  /**
   * - `stale`: VPP does not look at it: its interface is gone, was made anew, or will be by this plan.
   * - `goes`: this plan removes its interface.
   */
  #howIs(attachment: ObservedAbfAttachment): How {
    if (attachment.interface === undefined || !attachment.active) return "stale";
    const wanted = this.#input.desired.interfaces.find((one) => one.name === attachment.interface);
    if (wanted !== undefined) return startingPoint(wanted, this.#input) === undefined ? "stale" : "stays";
    const found = this.#input.observed.interfaces.find((one) => one.name === attachment.interface);
    return found?.tag === this.#input.desired.ownership.tag ? "goes" : "stays";
  }

  #keep(policy: ObservedAbfPolicy, abf: DesiredAbf): void {
    const attached = this.#attachmentsOf(policy.id);
    for (const one of attached) {
      const wanted = one.interface !== undefined && abf.interfaces.includes(one.interface);
      if (!wanted || this.#howIs(one) === "stale") this.#detach(one, abf.title);
    }
    for (const name of abf.interfaces) {
      const there = attached.find((one) => one.interface === name);
      if (there === undefined || this.#howIs(there) === "stale") this.#attach(policy.id, name, abf);
    }
  }

  /** @param rivals policies of the same ACL, which VPP takes once on an interface: they go before */
  #create(abf: DesiredAbf, rivals: readonly ObservedAbfPolicy[]): void {
    const { value: id } = this.#ids.next();
    if (id === undefined) {
      this.#plan.problem(abf.title, `${abf.title}: all of steering.policyIds are in use; give it more`);
      return;
    }
    this.#plan.add({
      id: policyOperationId(id, "create"),
      kind: "abf",
      object: abf.title,
      verb: "create",
      stage: STAGES.steer,
      action: { type: "abf-policy-create", id, acl: abf.acl, via: abf.via },
      inverse: { type: "abf-policy-delete", id, via: [abf.via] },
      sentence: `${abf.title}: make ready`,
      dependsOn: [aclOperationId(abf.acl, "set"), routeOperationId({ prefix: hostPrefix(abf.via), table: 0 }, "add")],
    });
    const before = rivals.flatMap((policy) => this.#attachmentsOf(policy.id)).map(detachId);
    for (const name of abf.interfaces) this.#attach(id, name, abf, before);
  }

  #attach(policy: number, name: string, { title, priority, via }: DesiredAbf, before: readonly string[] = []): void {
    const attachment = { policy, interface: name, priority, ipv6: familyOf(via) === 6 };
    this.#plan.add({
      id: attachOperationId(policy, name, "attach"),
      kind: "abf",
      object: title,
      verb: "create",
      stage: STAGES.attach,
      action: { type: "abf-attach", attachment },
      inverse: { type: "abf-detach", attachment },
      sentence: `${title}: from now on taken by its rule on ${name}`,
      dependsOn: [
        policyOperationId(policy, "create"),
        interfaceOperationId(name, "create"),
        ...this.#staleOn(name, attachment.ipv6),
        ...before,
      ],
    });
  }

  /** While one stale attachment is there VPP takes no notice of new ones. */
  #staleOn(name: string, ipv6: boolean): string[] {
    return (this.#input.observed.abfAttachments ?? [])
      .filter((one) => one.interface === name && one.ipv6 === ipv6 && this.#howIs(one) === "stale")
      .map(detachId);
  }

  #detach(one: ObservedAbfAttachment, title: string): string {
    const how = this.#howIs(one);
    const name = one.interface ?? `interface ${one.interfaceIndex}`;
    const id = detachId(one);
    const rival = this.#titles.has(one.policy);
    const { policy, priority, ipv6 } = one;
    const attachment = { policy, interface: name, priority, ipv6 };
    const remade = how === "stale" && one.active;
    this.#plan.add({
      id,
      kind: "abf",
      object: title,
      verb: "delete",
      stage: remade
        ? STAGES.outside
        : how === "stale"
          ? STAGES.withdraw
          : how === "goes"
            ? STAGES.dropPolicies
            : rival
              ? STAGES.attach
              : STAGES.detach,
      action: { type: "abf-detach", attachment, interfaceIndex: one.interfaceIndex },
      ...(how === "stays" ? { inverse: { type: "abf-attach", attachment } as const } : {}),
      sentence:
        how === "stays"
          ? `${title}: not taken by this rule on ${name} any more`
          : `${title}: forget the rule on ${name}, which ${one.interface === undefined ? "is gone" : "is made anew"}`,
      dependsOn: remade
        ? [interfaceOperationId(name, "create")]
        : how === "goes"
          ? [interfaceOperationId(name, "delete")]
          : rival
            ? []
            : this.#successors(title, name),
    });
    return id;
  }

  /** What takes the packets instead is there before. */
  #successors(title: string, name: string): string[] {
    return this.#plan.operations
      .filter(
        ({ action, object }) =>
          action.type === "abf-attach" && action.attachment.interface === name && object === title,
      )
      .map((operation) => operation.id);
  }

  #remove(policy: ObservedAbfPolicy): void {
    const title = this.#titles.get(policy.id) ?? this.#titleOf(policy);
    const detached = this.#attachmentsOf(policy.id).map((one) => this.#detach(one, title));
    this.#plan.add({
      id: policyOperationId(policy.id, "delete"),
      kind: "abf",
      object: title,
      verb: "delete",
      stage: STAGES.dropPolicies,
      action: { type: "abf-policy-delete", id: policy.id, via: policy.via },
      sentence: `${title}: remove the rule`,
      dependsOn: detached,
    });
  }

  #titleOf(policy: ObservedAbfPolicy): string {
    const acl = this.#input.observed.acls?.find((one) => one.index === policy.aclIndex);
    if (acl?.tag.startsWith(aclOwner(this.#input.desired.ownership.tag)) === true) return titleOfTag(acl.tag);
    return titleOfAddress(policy.via[0], this.#input.owned.assigned) ?? `ABF policy ${policy.id}`;
  }

  #foreign(): void {
    const ours = new Set(this.#ours.map((policy) => policy.id));
    for (const { id } of this.#input.observed.abfPolicies ?? [])
      if (!ours.has(id)) this.#plan.foreign.push(`ABF policy ${id}`);
    const stale = (this.#input.observed.abfAttachments ?? []).filter((one) => !ours.has(one.policy) && !one.active);
    for (const one of stale) {
      const blocked = this.#plan.operations.some(
        ({ action }) => action.type === "abf-attach" && action.attachment.interface === one.interface,
      );
      if (blocked)
        this.#plan.problem(
          `abf policy ${one.policy}`,
          `VPP ignores the rules on ${one.interface ?? ""} while policy ${one.policy} of someone else, attached before the interface was made anew, is there: take it off and attach it again`,
        );
    }
  }
}
