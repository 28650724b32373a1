import { diffAclLists } from "./acl-lists.ts";
import { interfaceOperationId, isOurInterface, stageOf, startingPoint } from "./interface.ts";
import { STAGES, type DiffInput, type Kind, type PlanBuilder } from "./kind.ts";
import { tableOperationId } from "./table.ts";
import { familyOf } from "./wire.ts";
import type { DesiredInterface, ObservedInterface, ObservedReassembly, ReassemblyMode } from "./types.ts";

type Found = ObservedInterface | undefined;

/** What interfaces have besides themselves: table, cross-connect, tag rewrite, ACLs, reassembly. */
export const linkKind: Kind = {
  kind: "interface",
  diff(input, plan) {
    for (const wanted of input.desired.interfaces) {
      const there = startingPoint(wanted, input);
      if (there === null) continue;
      diffTable(wanted, there, input, plan);
      diffCrossConnect(wanted, there, input, plan);
      diffTagRewrite(wanted, there, plan);
      diffReassembly(wanted, there, input, plan);
      diffAclLists(wanted, there, input, plan);
    }
    leaveCrossConnects(input, plan);
    leaveReassembly(input, plan);
  },
};

function base(wanted: DesiredInterface, what: string) {
  return {
    id: interfaceOperationId(wanted.name, what),
    kind: "interface" as const,
    object: wanted.name,
    verb: "update" as const,
    stage: stageOf(wanted),
  };
}

/** Families whose table is to change: VPP refuses that while the interface has an address of the family (-114). */
export function movedFamilies(wanted: DesiredInterface, found: Found): (4 | 6)[] {
  const table = wanted.table ?? 0;
  const now = found?.tables ?? { ip4: 0, ip6: 0 };
  return [...(now.ip4 === table ? [] : [4 as const]), ...(now.ip6 === table ? [] : [6 as const])];
}

function diffTable(wanted: DesiredInterface, found: Found, input: DiffInput, plan: PlanBuilder): void {
  const families = movedFamilies(wanted, found);
  if (families.length === 0) return;
  if (input.observed.features.tables !== true) return;
  const { name, table = 0 } = wanted;
  const off = (found?.addresses ?? []).filter((address) => families.includes(familyOf(address)));
  const before = found?.tables ?? { ip4: 0, ip6: 0 };
  plan.add({
    ...base(wanted, "table"),
    action: { type: "interface-table", name, table, families },
    ...(found === undefined
      ? {}
      : {
          inverse: { type: "interface-table", name, table: families.includes(4) ? before.ip4 : before.ip6, families },
        }),
    sentence:
      off.length === 0
        ? `put ${name} into table ${table}`
        : `put ${name} into table ${table}; VPP wants its addresses off meanwhile: ${off.join(", ")}`,
    dependsOn: [
      interfaceOperationId(name, "create"),
      tableOperationId(table, "add"),
      ...off.map((address) => `address ${address} on ${name} delete`),
    ],
  });
}

function diffCrossConnect(wanted: DesiredInterface, found: Found, input: DiffInput, plan: PlanBuilder): void {
  const { name, crossConnect: to } = wanted;
  const peer = input.desired.interfaces.find((one) => one.name === to);
  if (to === undefined || peer === undefined) return;
  const there = startingPoint(peer, input);
  if (there === null) return;
  if (found !== undefined && there !== undefined && found.crossConnect === to) return;
  plan.add({
    ...base(wanted, "cross-connect"),
    // Both ends are there.
    stage: Math.max(stageOf(wanted), stageOf(peer)),
    action: { type: "interface-cross-connect", name, to, enable: true },
    inverse: { type: "interface-cross-connect", name, to, enable: false },
    sentence: `cross-connect ${name} to ${to}: every frame of the one leaves by the other`,
    dependsOn: [
      interfaceOperationId(name, "create"),
      interfaceOperationId(to, "create"),
      interfaceOperationId(name, "leave cross-connect"),
    ],
  });
}

/** Off where it is no longer wanted, and before either end is deleted. */
function leaveCrossConnects(input: DiffInput, plan: PlanBuilder): void {
  const goes = new Set(
    plan.operations.filter(({ action }) => action.type === "interface-delete").map((operation) => operation.object),
  );
  for (const found of input.observed.interfaces) {
    const to = found.crossConnect;
    if (to === undefined || !isOurInterface(found, input)) continue;
    const wanted = input.desired.interfaces.find((one) => one.name === found.name);
    const ends = goes.has(found.name) || goes.has(to);
    // Joining a bridge takes the interface out of the cross-connect by itself.
    if (!ends && (wanted === undefined || wanted.crossConnect !== undefined || wanted.bridge !== undefined)) continue;
    const deletion = plan.operations.find(
      (one) => one.action.type === "interface-delete" && [found.name, to].includes(one.object),
    );
    plan.add({
      id: interfaceOperationId(found.name, "leave cross-connect"),
      kind: "interface",
      object: found.name,
      verb: "update",
      stage: Math.min(deletion?.stage ?? STAGES.inside, STAGES.dropInterfaces),
      action: { type: "interface-cross-connect", name: found.name, to, enable: false },
      inverse: { type: "interface-cross-connect", name: found.name, to, enable: true },
      sentence: `take ${found.name} out of its cross-connect to ${to}`,
    });
  }
}

/** VPP counts virtual reassembly by index, and keeps the count when the interface goes: it is switched off before. */
function leaveReassembly({ observed }: DiffInput, plan: PlanBuilder): void {
  for (const deletion of plan.operations.filter(({ action }) => action.type === "interface-delete")) {
    const { object: name, stage } = deletion;
    const found = observed.interfaces.find((one) => one.name === name)?.reassembly;
    if (found === undefined || found.virtual4 + found.virtual6 === 0) continue;
    plan.add({
      id: interfaceOperationId(name, "reassembly off"),
      kind: "interface",
      object: name,
      verb: "update",
      stage,
      action: { type: "interface-reassembly", name, mode: "off" },
      sentence: `${name}: no reassembly any more, before it is removed`,
    });
  }
}

/** Joining and leaving a bridge or a cross-connect clears the rewrite. */
function diffTagRewrite(wanted: DesiredInterface, found: Found, plan: PlanBuilder): void {
  if (wanted.kind !== "vlan") return;
  const switched = wanted.bridge !== undefined || wanted.crossConnect !== undefined;
  const pop = switched && wanted.vlan.pop;
  const { name } = wanted;
  const before = ["create", "join bridge", "leave bridge", "cross-connect", "leave cross-connect"].map((what) =>
    interfaceOperationId(name, what),
  );
  const rejoins = plan.operations.some((one) => before.includes(one.id));
  if (pop === (found?.vlan?.pop ?? false) && !(pop && rejoins)) return;
  // Leaving clears it.
  if (!pop && !switched && rejoins) return;
  const peerStage = plan.operations.filter((one) => before.includes(one.id)).map((one) => one.stage);
  plan.add({
    ...base(wanted, "tag rewrite"),
    stage: Math.max(stageOf(wanted), ...peerStage),
    action: { type: "interface-tag-rewrite", name, pop },
    inverse: { type: "interface-tag-rewrite", name, pop: !pop },
    sentence: pop
      ? `${name}: take VLAN tag ${wanted.vlan.id} off on the way in, put it on on the way out`
      : `${name}: leave VLAN tag ${wanted.vlan.id} on`,
    dependsOn: before,
  });
}

/** On where fragments must reach the server of their flow: VPP's lb reads ports wherever they would be. */
export function reassemblyOf(wanted: DesiredInterface): ReassemblyMode {
  const routed = wanted.bridge === undefined && wanted.crossConnect === undefined;
  return wanted.reassembly ?? (wanted.outside && routed ? "full" : "off");
}

const EXPECTED: Readonly<Record<ReassemblyMode, ObservedReassembly>> = {
  off: { full4: 0, full6: 0, virtual4: 0, virtual6: 0 },
  full: { full4: 1, full6: 1, virtual4: 0, virtual6: 0 },
  virtual: { full4: 0, full6: 0, virtual4: 1, virtual6: 1 },
};

function diffReassembly(wanted: DesiredInterface, found: Found, input: DiffInput, plan: PlanBuilder): void {
  const { name } = wanted;
  const mode = reassemblyOf(wanted);
  if (input.observed.features.reassembly !== true) {
    if (wanted.reassembly !== undefined && mode !== "off") {
      plan.problem(`interface ${name}`, `${name}: this VPP has no ip_reassembly_enable_disable`);
    }
    return;
  }
  const now = found === undefined ? EXPECTED.off : found.reassembly;
  // One that is not tagged yet was not looked at: the operation itself looks.
  const halfMade = found !== undefined && found.tag === "" && mode !== "off";
  if (now === undefined ? !halfMade : JSON.stringify(now) === JSON.stringify(EXPECTED[mode])) return;
  plan.add({
    ...base(wanted, "reassembly"),
    action: { type: "interface-reassembly", name, mode },
    inverse: { type: "interface-reassembly", name, mode: now === undefined ? "off" : modeOf(now) },
    sentence:
      mode === "off"
        ? `${name}: no reassembly of fragments`
        : `${name}: ${mode} reassembly of fragments, so that they reach the server of their flow`,
    dependsOn: [interfaceOperationId(name, "create")],
  });
}

function modeOf(found: ObservedReassembly): ReassemblyMode {
  if (found.full4 + found.full6 > 0) return "full";
  return found.virtual4 + found.virtual6 > 0 ? "virtual" : "off";
}
