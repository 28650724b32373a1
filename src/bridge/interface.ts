import { type PlanBuilder, STAGES, type DiffInput, type Kind } from "./kind.ts";
import { bridgeOperationId } from "./bridge-domain.ts";
import { memifNoteDiffers } from "./memif.ts";
import type { Action, BridgeMember, DesiredInterface, InterfaceKind, ObservedInterface } from "./types.ts";
import { describeNew, unsupported } from "./interface-text.ts";

export const interfaceOperationId = (name: string, what: string): string => `interface ${name} ${what}`;

/** Interfaces are ours by their tag; one that was created and not yet tagged when we died is known by the journal. */
export function isOurInterface(found: ObservedInterface, { desired, owned }: DiffInput): boolean {
  return found.tag === desired.ownership.tag || isHalfMade(found, owned.pendingInterfaces);
}

function isHalfMade(found: ObservedInterface, pending: ReadonlySet<string>): boolean {
  return found.tag === "" && pending.has(found.name);
}

/**
 * The interface as it will be when the plan's operations on it begin: what exists of it, or undefined where the plan
 * makes it anew; `null` where it is not ours to touch.
 */
export function startingPoint(wanted: DesiredInterface, input: DiffInput): ObservedInterface | undefined | null {
  const found = input.observed.interfaces.find((other) => other.name === wanted.name);
  if (unsupported(wanted, input.observed.features) !== undefined) return null;
  if (found === undefined) return undefined;
  if (!isOurInterface(found, input)) return null;
  return recreateInterfaceReasons(wanted, found, input).length > 0 ? undefined : found;
}

/** What VPP cannot change in place of an interface that it has, for people; empty where nothing is to be made anew. */
export function recreateInterfaceReasons(
  wanted: DesiredInterface,
  found: ObservedInterface,
  input: DiffInput,
): string[] {
  if (wanted.kind !== found.kind) return [`it is of another kind: ${found.kind} -> ${wanted.kind}`];
  switch (wanted.kind) {
    case "loopback":
      return [];
    case "host":
      // VPP would change the kernel's interface instead.
      return wanted.mac === undefined || wanted.mac === found.mac
        ? []
        : [`its MAC cannot be changed in place from ${found.mac} to ${wanted.mac}`];
    case "memif":
      return memifReasons(wanted, found, input);
    case "vlan":
      return vlanReasons(wanted.vlan.parent, input);
    case "tap":
      return differences(wanted.tap, found.tap);
  }
}

function memifReasons(
  wanted: Extract<DesiredInterface, { kind: "memif" }>,
  found: ObservedInterface,
  input: DiffInput,
): string[] {
  const { memif } = found;
  const { role, mode } = wanted.memif;
  const reasons = memif === undefined ? [] : differences<object>({ role, mode }, memif);
  const filename = (sockets: readonly { id: number; filename: string }[] = []) =>
    sockets.find((socket) => socket.id === wanted.memif.socket)?.filename;
  const [before, now] = [filename(input.observed.memifSockets), filename(input.desired.memifSockets)];
  if (now !== undefined && before !== now) reasons.push(`its socket ${before ?? "?"} -> ${now}`);
  const unseen = memifNoteDiffers(input.owned.memifs?.get(wanted.name), wanted.memif);
  return [...reasons, ...unseen.map((what) => `VPP cannot change ${what} in place`)];
}

/** A sub-interface goes with its parent. */
function vlanReasons(parentName: string, input: DiffInput): string[] {
  const parent = input.desired.interfaces.find((one) => one.name === parentName);
  const found = input.observed.interfaces.find((one) => one.name === parentName);
  if (parent === undefined || found === undefined) return [];
  return startingPoint(parent, input) === undefined ? [`its parent ${parentName} is made anew`] : [];
}

/** Of what is wanted, what is found otherwise. */
function differences<T extends object>(wanted: T, found: Partial<T> | undefined): string[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const now = (found as Record<string, unknown> | undefined)?.[name];
    if (JSON.stringify(now) === JSON.stringify(value)) return [];
    return [`VPP cannot change ${name} in place: ${JSON.stringify(now) ?? "none"} -> ${JSON.stringify(value)}`];
  });
}

export const interfaceKind: Kind = {
  kind: "interface",
  diff(input, plan) {
    for (const wanted of input.desired.interfaces) diffInterface(wanted, input, plan);
    const names = new Set(input.desired.interfaces.map((wanted) => wanted.name));
    for (const found of input.observed.interfaces) {
      if (names.has(found.name) || found.deviceType === "local") continue;
      if (isOurInterface(found, input)) remove(found, input, plan);
      else plan.foreign.push(`interface ${found.name}`);
    }
  },
};

function diffInterface(wanted: DesiredInterface, input: DiffInput, plan: PlanBuilder): void {
  const found = input.observed.interfaces.find((other) => other.name === wanted.name);
  if (found !== undefined && !isOurInterface(found, input)) {
    plan.problem(
      `interface ${wanted.name}`,
      `${wanted.name} exists in VPP without our tag "${input.desired.ownership.tag}": it is left alone. Delete it there, or take it out of the file.`,
    );
    return;
  }
  const lacking = unsupported(wanted, input.observed.features);
  if (lacking !== undefined) {
    plan.problem(`interface ${wanted.name}`, lacking);
    return;
  }
  const there = startingPoint(wanted, input);
  if (there === undefined) addCreate(wanted, found, input, plan);
  else if (there !== null && there.tag === "") addTag(wanted, input, plan);
  diffAttributes(wanted, there ?? undefined, input, plan);
}

function addCreate(
  wanted: DesiredInterface,
  found: ObservedInterface | undefined,
  input: DiffInput,
  plan: PlanBuilder,
): void {
  const stage = createStageOf(wanted, input);
  if (found !== undefined) {
    plan.add({
      // Its socket may have to go before the new one comes.
      ...base(wanted.name, "delete", "delete", found.kind === "memif" ? STAGES.inside : stage),
      action: deleteAction(found),
      sentence: `remove ${wanted.name}: ${recreateInterfaceReasons(wanted, found, input).join(", ")}`,
      dependsOn: goesBefore(found, input),
    });
  }
  plan.add({
    ...base(wanted.name, "create", "create", stage),
    action: { type: "interface-create", interface: wanted, tag: input.desired.ownership.tag },
    inverse: deleteAction(wanted),
    sentence: describeNew(wanted),
    dependsOn: [interfaceOperationId(wanted.name, "delete"), ...comesBefore(wanted)],
  });
}

function comesBefore(wanted: DesiredInterface): string[] {
  if (wanted.kind === "vlan") return [interfaceOperationId(wanted.vlan.parent, "create")];
  return wanted.kind === "memif" ? [`memif socket ${wanted.memif.socket} add`] : [];
}

/** Sub-interfaces go before their parent, and cross-connects before either end: VPP would keep the index. */
function goesBefore(found: ObservedInterface, { observed }: DiffInput): string[] {
  const children = observed.interfaces.filter((one) => one.vlan?.parent === found.name);
  const connected = observed.interfaces.filter((one) => one.crossConnect === found.name);
  return [
    ...children.map((one) => interfaceOperationId(one.name, "delete")),
    ...connected.map((one) => interfaceOperationId(one.name, "leave cross-connect")),
    interfaceOperationId(found.name, "leave cross-connect"),
    interfaceOperationId(found.name, "reassembly off"),
  ];
}

/** A parent is made when the first of its sub-interfaces needs it. */
function createStageOf(wanted: DesiredInterface, { desired }: DiffInput): number {
  const children = desired.interfaces.filter((one) => one.kind === "vlan" && one.vlan.parent === wanted.name);
  return Math.min(stageOf(wanted), ...children.map(stageOf));
}

function addTag(wanted: DesiredInterface, input: DiffInput, plan: PlanBuilder): void {
  const { tag } = input.desired.ownership;
  plan.add({
    ...base(wanted.name, "tag", "update", stageOf(wanted)),
    action: { type: "interface-tag", name: wanted.name, tag },
    inverse: { type: "interface-tag", name: wanted.name, tag: "" },
    sentence: `tag ${wanted.name} as "${tag}": it was made before the controller could`,
  });
}

function diffAttributes(
  wanted: DesiredInterface,
  found: ObservedInterface | undefined,
  input: DiffInput,
  plan: PlanBuilder,
): void {
  const { name } = wanted;
  const stage = stageOf(wanted);
  const created = [interfaceOperationId(name, "create")];
  if (found !== undefined && wanted.kind !== "vlan" && wanted.mac !== undefined && wanted.mac !== found.mac) {
    plan.add({
      ...base(name, "mac", "update", stage),
      action: { type: "interface-mac", name, mac: wanted.mac },
      inverse: { type: "interface-mac", name, mac: found.mac },
      sentence: `set the MAC of ${name} to ${wanted.mac} (was ${found.mac})`,
    });
  }
  if (wanted.mtu !== found?.mtu) {
    plan.add({
      ...base(name, "mtu", "update", stage),
      action: { type: "interface-mtu", name, mtu: wanted.mtu },
      inverse: found && { type: "interface-mtu", name, mtu: found.mtu },
      sentence: `set the L3 MTU of ${name} to ${wanted.mtu}${found === undefined ? "" : ` (was ${found.mtu})`}`,
      dependsOn: created,
    });
  }
  diffBridge(wanted, found, plan);
  if (wanted.up !== (found?.up ?? false)) addState(wanted, input, plan);
}

const BEFORE_UP = [
  "create",
  "mtu",
  "mac",
  "table",
  "join bridge",
  "cross-connect",
  "tag rewrite",
  "acl",
  "reassembly",
] as const;

/** Up comes after everything else about the interface: nothing arrives before it can be treated. */
function addState(wanted: DesiredInterface, { desired }: DiffInput, plan: PlanBuilder): void {
  const { name, up } = wanted;
  // A sub-interface cannot be set up while its parent is down (-1).
  const parent = wanted.kind === "vlan" ? desired.interfaces.find((one) => one.name === wanted.vlan.parent) : undefined;
  const last = wanted.outside || parent?.outside === true;
  plan.add({
    ...base(name, up ? "up" : "down", "update", last && up ? STAGES.attract : stageOf(wanted)),
    action: { type: "interface-state", name, up },
    inverse: { type: "interface-state", name, up: !up },
    sentence:
      up && wanted.outside ? `set ${name} up: from now on it attracts traffic` : `set ${name} ${up ? "up" : "down"}`,
    dependsOn: [
      ...BEFORE_UP.map((what) => interfaceOperationId(name, what)),
      ...(parent === undefined ? [] : [interfaceOperationId(parent.name, "up")]),
    ],
  });
}

function diffBridge(wanted: DesiredInterface, found: ObservedInterface | undefined, plan: PlanBuilder): void {
  const { name, bridge } = wanted;
  const stage = stageOf(wanted);
  const current = found?.bridge;
  if (sameMembership(bridge, current)) return;
  if (bridge !== undefined) {
    plan.add({
      ...base(name, "join bridge", "update", stage),
      action: { type: "interface-bridge", name, bridge, enable: true },
      inverse: { type: "interface-bridge", name, bridge: current ?? bridge, enable: current !== undefined },
      sentence: `put ${name} into bridge domain ${bridge.id}${bridge.bvi ? " as its BVI" : ""}`,
      dependsOn: [interfaceOperationId(name, "create"), bridgeOperationId(bridge.id, "create")],
    });
  } else if (current !== undefined && wanted.crossConnect === undefined) {
    plan.add({
      ...base(name, "leave bridge", "update", stage),
      action: { type: "interface-bridge", name, bridge: current, enable: false },
      inverse: { type: "interface-bridge", name, bridge: current, enable: true },
      sentence: `take ${name} out of bridge domain ${current.id}`,
    });
  }
}

function sameMembership(a: BridgeMember | undefined, b: BridgeMember | undefined): boolean {
  return a?.id === b?.id && a?.bvi === b?.bvi && a?.splitHorizonGroup === b?.splitHorizonGroup;
}

/**
 * What goes, goes last, so that its successor is there before. Only where no uplink is wanted any more it is set
 * down first: then nothing arrives for VIPs that are being taken apart.
 */
function remove(found: ObservedInterface, input: DiffInput, plan: PlanBuilder): void {
  const { name } = found;
  const { desired } = input;
  if (found.kind === "other") {
    plan.foreign.push(`interface ${name} (our tag, but ${found.deviceType} is no kind of ours)`);
    return;
  }
  const attracts = found.bridge === undefined && found.up && !desired.interfaces.some((other) => other.outside);
  if (attracts) {
    plan.add({
      ...base(name, "down", "update", STAGES.withdraw),
      action: { type: "interface-state", name, up: false },
      inverse: { type: "interface-state", name, up: true },
      sentence: `set ${name} down before it is removed`,
    });
  }
  plan.add({
    ...base(name, "delete", "delete", STAGES.dropInterfaces),
    action: deleteAction(found),
    sentence: `remove ${name}`,
    dependsOn: goesBefore(found, input),
  });
}

function deleteAction(of: { name: string; kind: InterfaceKind | "other"; hostInterface?: string | undefined }): Action {
  if (of.kind !== "host" && of.kind !== "other") return { type: "interface-delete", name: of.name, kind: of.kind };
  return {
    type: "interface-delete",
    name: of.name,
    kind: "host",
    hostInterface: of.hostInterface ?? of.name.replace(/^host-/, ""),
  };
}

export function stageOf(wanted: DesiredInterface): number {
  return wanted.outside ? STAGES.outside : STAGES.inside;
}

function base(name: string, what: string, verb: "create" | "update" | "delete", stage: number) {
  return { id: interfaceOperationId(name, what), kind: "interface" as const, object: name, verb, stage };
}
