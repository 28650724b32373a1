import type { ExecuteContext } from "./kind.ts";
import { BridgeError } from "./errors.ts";
import { createMemif, deleteMemif } from "./memif.ts";
import { DONE, tolerate, type VppPort } from "./port.ts";
import { createTap, deleteTap } from "./tap.ts";
import type { Action, DesiredInterface } from "./types.ts";
import { ALL, number, text } from "./wire.ts";

type InterfaceAction = Extract<
  Action,
  { type: `interface-${"create" | "delete" | "tag" | "state" | "mtu" | "mac" | "bridge"}` }
>;

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
  const reply = await tolerate(
    createByKind(wanted, tag, context),
    DONE.IF_ALREADY_EXISTS,
    DONE.INSTANCE_IN_USE,
    DONE.VLAN_ALREADY_EXISTS,
  );
  // Fields of a failed reply are not read: which interface is in the way is asked for.
  const index = reply === undefined ? await existingIndex(wanted.name, tag, port) : number(reply["sw_if_index"]);
  context.interfaces.set(wanted.name, index);
  await port.request("sw_interface_tag_add_del", { is_add: true, sw_if_index: index, tag });
}

function createByKind(
  wanted: DesiredInterface,
  tag: string,
  context: ExecuteContext,
): Promise<Record<string, unknown> | undefined> {
  switch (wanted.kind) {
    case "loopback":
      return createLoopback(wanted, context);
    case "host":
      return createHost(wanted, context);
    case "memif":
      return createMemif(wanted, context);
    case "tap":
      return createTap(wanted, tag, context);
    case "vlan":
      return context.port.request("create_vlan_subif", {
        sw_if_index: indexOf(wanted.vlan.parent, context),
        vlan_id: wanted.vlan.id,
      });
  }
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
  if (!port.has("af_packet_create_v2")) return port.request("af_packet_create", common);
  const frame = frameSize(wanted.mtu);
  const create = (rxFrames: number) => {
    const rings = {
      ...{ rx_frame_size: frame, tx_frame_size: frame, rx_frames_per_block: rxFrames, tx_frames_per_block: 512 },
      ...{ flags: HOST_FLAGS, num_rx_queues: 1 },
    };
    if (!port.has("af_packet_create_v3")) return port.request("af_packet_create_v2", { ...common, ...rings });
    return port.request("af_packet_create_v3", { ...common, ...rings, mode: ETHERNET, num_tx_queues: 1 });
  };
  return (await tolerate(create(32), SYSCALL_ERROR_1)) ?? create(4);
}

/** A power of two that holds a packet, its Ethernet header and the ring's own (af_packet.c: tpacket3_hdr, vnet header). */
function frameSize(mtu: number): number {
  const overhead = 160;
  return Math.max(2048, 2 ** Math.ceil(Math.log2(mtu + overhead)));
}

/** What went with its parent, or was deleted by another, is as it should be. */
async function deleteInterface(
  action: Extract<Action, { type: "interface-delete" }>,
  context: ExecuteContext,
): Promise<void> {
  const { port, interfaces } = context;
  const index = interfaces.get(action.name);
  if (action.kind === "host") {
    await tolerate(
      port.request("af_packet_delete", { host_if_name: action.hostInterface ?? "" }),
      DONE.INVALID_INTERFACE,
    );
  } else if (index !== undefined) {
    if (action.kind === "memif") await deleteMemif(index, port);
    else if (action.kind === "tap") await deleteTap(index, port);
    else {
      const message = action.kind === "vlan" ? "delete_subif" : "delete_loopback";
      await tolerate(port.request(message, { sw_if_index: index }), DONE.INVALID_SW_IF_INDEX);
    }
  }
  interfaces.delete(action.name);
}

/** @throws BridgeError INTERFACE: only indexes that this VPP returned are ever sent, others crash it in places. */
export function indexOf(name: string, { interfaces }: ExecuteContext): number {
  const index = interfaces.get(name);
  if (index === undefined) throw new BridgeError("INTERFACE", `VPP has no interface ${name}`);
  return index;
}
