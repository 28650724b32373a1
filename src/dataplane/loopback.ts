import type { Dataplane } from "./dataplane.ts";
import type { Interface } from "./model.ts";
import { RV } from "./retval.ts";

/** VNET_API_ERROR_INVALID_REGISTRATION: the instance is taken or out of range. */
const INVALID_REGISTRATION = -31;
/** LOOPBACK_MAX_INSTANCE: vnet/ethernet/ethernet.h. */
const MAX_INSTANCES = 16 * 1024;

/**
 * vnet_create_loopback_interface: the instance asked for or the lowest free one; a MAC address of zeroes becomes
 * de:ad:00:00:00:instance.
 */
export function createLoopback(
  dataplane: Dataplane,
  mac: Uint8Array = new Uint8Array(6),
  wantedInstance?: number,
): Interface | typeof INVALID_REGISTRATION {
  const taken = new Set<number>();
  for (const each of dataplane.interfaces) if (each.kind === "loopback") taken.add(each.instance);
  let instance = wantedInstance ?? 0;
  if (wantedInstance === undefined) while (taken.has(instance)) instance += 1;
  if (instance >= MAX_INSTANCES || taken.has(instance)) return INVALID_REGISTRATION;
  const isZero = mac.every((byte) => byte === 0);
  return dataplane.addInterface({
    kind: "loopback",
    name: `loop${instance}`,
    instance,
    mac: isZero ? Uint8Array.of(0xde, 0xad, 0, 0, 0, instance & 0xff) : mac.slice(0, 6),
    linkUp: false,
  });
}

/** vnet_delete_loopback_interface: -2 unless it is a loopback. */
export function deleteLoopback(dataplane: Dataplane, swIfIndex: number): number {
  if (dataplane.interfaces.get(swIfIndex)?.kind !== "loopback") return RV.INVALID_SW_IF_INDEX;
  return dataplane.removeInterface(swIfIndex);
}
