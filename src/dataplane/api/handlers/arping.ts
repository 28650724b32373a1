/** arping.api: plugins/arping/arping.c; and what of interface.api has no other place. */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import type { Interface } from "../../model.ts";
import { action, request, type Call, type Fields, type Handlers } from "../handler.ts";
import { decodeAddress, type WireAddress } from "./wire.ts";

/** VPP waits this long for the last answer, looking ten times. */
const LAST_WAIT_MS = 1000;
const LOOK_MS = 100;
/** Longest time between two requests that is kept to. */
const MAX_INTERVAL_MS = 60_000;

interface ArpingFields {
  readonly address: WireAddress;
  readonly sw_if_index: number;
  readonly is_garp: boolean;
  readonly repeat: number;
  readonly interval: number;
}

/** Waits; false where the client went away meanwhile. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** When the neighbour was last heard of. */
function heardAtS({ neighbors }: Dataplane, iface: Interface, address: number | Uint8Array): number {
  return neighbors.find(iface.swIfIndex, address)?.updatedS ?? -1;
}

/** Asks or advertises; resolves with how many requests were answered. */
async function arping(fields: ArpingFields, { dataplane, session }: Call): Promise<Fields> {
  const iface = dataplane.interfaces.get(fields.sw_if_index);
  const address = decodeAddress(fields.address);
  if (iface === undefined) return { retval: RETVAL.INVALID_SW_IF_INDEX, reply_count: 0 };
  if (address === undefined) return { retval: RETVAL.INVALID_VALUE, reply_count: 0 };
  const { signal } = session;
  const intervalMs = Math.min(Math.max(0, fields.interval * 1000), MAX_INTERVAL_MS);
  let replies = 0;
  for (let left = fields.repeat; left > 0; left -= 1) {
    const before = heardAtS(dataplane, iface, address);
    if (fields.is_garp) dataplane.graph.advertise(iface, address);
    else dataplane.graph.ask(iface, address);
    if (left > 1 && !(await pause(intervalMs, signal))) break;
    if (fields.is_garp) continue;
    const looks = left > 1 ? 0 : LAST_WAIT_MS / LOOK_MS;
    for (let i = 0; i < looks && heardAtS(dataplane, iface, address) <= before; i += 1)
      if (!(await pause(LOOK_MS, signal))) break;
    if (heardAtS(dataplane, iface, address) > before) replies += 1;
  }
  return { reply_count: replies };
}

/** The same, and who answered. */
async function detect(fields: ArpingFields, call: Call): Promise<Fields> {
  const reply = await arping(fields, call);
  const address = decodeAddress(fields.address);
  const { neighbors } = call.dataplane;
  const mac = address === undefined ? undefined : neighbors.find(fields.sw_if_index, address)?.mac;
  return { ...reply, mac_address: (reply["reply_count"] === 0 ? undefined : mac) ?? new Uint8Array(6) };
}

/** ethernet_set_flags: -1 where the device can't be told; a memif's can, but it does nothing about it. */
function setPromiscuous(iface: Interface | undefined, on: boolean): number {
  if (iface === undefined) return RETVAL.INVALID_SW_IF_INDEX;
  const hardware = iface.sup ?? iface;
  if (hardware.kind === "local") return RETVAL.INVALID_VALUE;
  if (hardware.kind === "memif") return 0;
  if (hardware.kind !== "tap") return RETVAL.UNSPECIFIED;
  hardware.promiscuous = on;
  return 0;
}

export const arpingHandlers: Handlers = {
  arping: request<ArpingFields>((fields, call) => arping(fields, call)),
  arping_acd: request<ArpingFields>((fields, call) => detect(fields, call)),
  sw_interface_set_promisc: action<{ sw_if_index: number; promisc_on: boolean }>((fields, { dataplane }) =>
    setPromiscuous(dataplane.interfaces.get(fields.sw_if_index), fields.promisc_on),
  ),
};
