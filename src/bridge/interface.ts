import { type PlanBuilder, STAGES, type DiffInput, type ExecuteContext, type Kind } from "./kind.ts";
import { bridgeOperationId } from "./bridge-domain.ts";
import { BridgeError } from "./errors.ts";
import { DONE, tolerate, type VppPort } from "./port.ts";
import type { Action, BridgeMember, DesiredInterface, ObservedInterface } from "./types.ts";
import { ALL, number, text } from "./wire.ts";

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
  if (found === undefined) return undefined;
  if (!isOurInterface(found, input)) return null;
  return mustRecreate(wanted, found) ? undefined : found;
}

/** A host-interface takes its MAC at creation only; VPP would change the kernel's interface instead. */
function mustRecreate(wanted: DesiredInterface, found: ObservedInterface): boolean {
  return wanted.kind === "host" && wanted.mac !== undefined && wanted.mac !== found.mac;
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
  const there = startingPoint(wanted, input);
  if (there === undefined) addCreate(wanted, found, input, plan);
  else if (there !== null && there.tag === "") addTag(wanted, input, plan);
  diffAttributes(wanted, there ?? undefined, plan);
}

function addCreate(
  wanted: DesiredInterface,
  found: ObservedInterface | undefined,
  input: DiffInput,
  plan: PlanBuilder,
): void {
  const stage = stageOf(wanted);
  if (found !== undefined) {
    plan.add({
      ...base(wanted.name, "delete", "delete", stage),
      action: deleteAction(found),
      sentence: `remove ${wanted.name}: its MAC cannot be changed in place from ${found.mac} to ${wanted.mac ?? ""}`,
    });
  }
  plan.add({
    ...base(wanted.name, "create", "create", stage),
    action: { type: "interface-create", interface: wanted, tag: input.desired.ownership.tag },
    inverse: deleteAction(wanted),
    sentence:
      wanted.kind === "loopback"
        ? `add loopback ${wanted.name}${wanted.mac === undefined ? "" : ` with MAC ${wanted.mac}`}`
        : `add host-interface ${wanted.name} on ${wanted.hostInterface}`,
    dependsOn: [interfaceOperationId(wanted.name, "delete")],
  });
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

function diffAttributes(wanted: DesiredInterface, found: ObservedInterface | undefined, plan: PlanBuilder): void {
  const { name } = wanted;
  const stage = stageOf(wanted);
  const created = [interfaceOperationId(name, "create")];
  if (found !== undefined && wanted.mac !== undefined && wanted.mac !== found.mac) {
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
  if (wanted.up !== (found?.up ?? false)) addState(wanted, plan);
}

/** Up comes after everything else about the interface: nothing arrives before it can be treated. */
function addState(wanted: DesiredInterface, plan: PlanBuilder): void {
  const { name, up } = wanted;
  plan.add({
    ...base(name, up ? "up" : "down", "update", wanted.outside && up ? STAGES.attract : stageOf(wanted)),
    action: { type: "interface-state", name, up },
    inverse: { type: "interface-state", name, up: !up },
    sentence:
      up && wanted.outside ? `set ${name} up: from now on it attracts traffic` : `set ${name} ${up ? "up" : "down"}`,
    dependsOn: ["create", "mtu", "mac", "join bridge"].map((what) => interfaceOperationId(name, what)),
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
  } else if (current !== undefined) {
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
function remove(found: ObservedInterface, { desired }: DiffInput, plan: PlanBuilder): void {
  const { name } = found;
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
  });
}

function deleteAction(of: { name: string; kind: string; hostInterface?: string | undefined }): Action {
  if (of.kind === "loopback") return { type: "interface-delete", name: of.name, kind: "loopback" };
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

type InterfaceAction = Extract<Action, { type: `interface-${string}` }>;

export async function runInterface(action: InterfaceAction, context: ExecuteContext): Promise<void> {
  const { port } = context;
  switch (action.type) {
    case "interface-create":
      return createInterface(action, context);
    case "interface-delete":
      return deleteInterface(action, context);
    case "interface-tag":
      await port.request("sw_interface_tag_add_del", {
        is_add: action.tag !== "",
        sw_if_index: indexOf(action.name, context),
        tag: action.tag,
      });
      return;
    case "interface-state":
      await port.request("sw_interface_set_flags", {
        sw_if_index: indexOf(action.name, context),
        flags: action.up ? 1 : 0,
      });
      return;
    case "interface-mtu":
      await port.request("sw_interface_set_mtu", {
        sw_if_index: indexOf(action.name, context),
        mtu: [action.mtu, 0, 0, 0],
      });
      return;
    case "interface-mac":
      await port.request("sw_interface_set_mac_address", {
        sw_if_index: indexOf(action.name, context),
        mac_address: action.mac,
      });
      return;
    case "interface-bridge":
      await port.request("sw_interface_set_l2_bridge", {
        rx_sw_if_index: indexOf(action.name, context),
        bd_id: action.bridge.id,
        port_type: action.bridge.bvi ? 1 : 0,
        shg: action.bridge.splitHorizonGroup,
        enable: action.enable,
      });
  }
}

async function createInterface(
  action: Extract<Action, { type: "interface-create" }>,
  context: ExecuteContext,
): Promise<void> {
  const { interface: wanted, tag } = action;
  const { port } = context;
  const create = wanted.kind === "loopback" ? createLoopback(wanted, context) : createHost(wanted, context);
  const reply = await tolerate(create, DONE.IF_ALREADY_EXISTS, DONE.INSTANCE_IN_USE);
  // Fields of a failed reply are not read: which interface is in the way is asked for.
  const index = reply === undefined ? await existingIndex(wanted.name, tag, port) : number(reply["sw_if_index"]);
  context.interfaces.set(wanted.name, index);
  await port.request("sw_interface_tag_add_del", { is_add: true, sw_if_index: index, tag });
}

async function existingIndex(name: string, tag: string, port: VppPort): Promise<number> {
  const all = await port.dump("sw_interface_dump", { sw_if_index: ALL, name_filter_valid: false, name_filter: "" });
  const found = all.find((detail) => text(detail["interface_name"]) === name);
  if (found !== undefined && text(found["tag"]) === tag) return number(found["sw_if_index"]);
  throw new BridgeError(
    "INTERFACE",
    `VPP has a ${name} that is not ours, or its kernel interface is in use by another`,
  );
}

async function createLoopback(
  wanted: Extract<DesiredInterface, { kind: "loopback" }>,
  { port }: ExecuteContext,
): Promise<Record<string, unknown>> {
  return port.request("create_loopback_instance", {
    mac_address: wanted.mac ?? "00:00:00:00:00:00",
    is_specified: true,
    user_instance: wanted.instance,
  });
}

/** VPP's SYSCALL_ERROR_1: here, the ring could not be locked into memory. */
const SYSCALL_ERROR_1 = -11;
const ETHERNET = 1;
/** QDISC_BYPASS and CKSUM_GSO, as `create host-interface` of the CLI. */
const HOST_FLAGS = 3;

/**
 * Rings of 10 MB, and where those may not be locked (RLIMIT_MEMLOCK is 8 MB in a user namespace) of 2.3 MB. VPP's own
 * default takes 69 MB for each interface.
 */
async function createHost(
  wanted: Extract<DesiredInterface, { kind: "host" }>,
  { port }: ExecuteContext,
): Promise<Record<string, unknown>> {
  const common = {
    hw_addr: wanted.mac ?? "00:00:00:00:00:00",
    use_random_hw_addr: wanted.mac === undefined,
    host_if_name: wanted.hostInterface,
  };
  if (!port.has("af_packet_create_v3")) return port.request("af_packet_create", common);
  const frame = frameSize(wanted.mtu);
  const create = (rxFrames: number) =>
    port.request("af_packet_create_v3", {
      ...common,
      mode: ETHERNET,
      rx_frame_size: frame,
      tx_frame_size: frame,
      rx_frames_per_block: rxFrames,
      tx_frames_per_block: 512,
      flags: HOST_FLAGS,
      num_rx_queues: 1,
      num_tx_queues: 1,
    });
  return (await tolerate(create(32), SYSCALL_ERROR_1)) ?? create(4);
}

/** A power of two that holds a packet, its Ethernet header and the ring's own (af_packet.c: tpacket3_hdr, vnet header). */
function frameSize(mtu: number): number {
  const overhead = 160;
  return Math.max(2048, 2 ** Math.ceil(Math.log2(mtu + overhead)));
}

async function deleteInterface(
  action: Extract<Action, { type: "interface-delete" }>,
  context: ExecuteContext,
): Promise<void> {
  if (action.kind === "host") {
    await tolerate(
      context.port.request("af_packet_delete", { host_if_name: action.hostInterface ?? "" }),
      DONE.INVALID_INTERFACE,
    );
  } else if (context.interfaces.has(action.name)) {
    await context.port.request("delete_loopback", { sw_if_index: indexOf(action.name, context) });
  }
  context.interfaces.delete(action.name);
}

/** @throws BridgeError INTERFACE: only indexes that this VPP returned are ever sent, others crash it in places. */
export function indexOf(name: string, { interfaces }: ExecuteContext): number {
  const index = interfaces.get(name);
  if (index === undefined) throw new BridgeError("INTERFACE", `VPP has no interface ${name}`);
  return index;
}
