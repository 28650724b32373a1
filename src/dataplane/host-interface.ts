import { SysError } from "../sys/errors.ts";
import { interfaceUp } from "../sys/ioctl.ts";
import type { Dataplane } from "./dataplane.ts";
import { AfPacketPort } from "./io/af-packet.ts";
import { loopOf } from "./io/shared-loop.ts";
import { NO_INDEX, type Interface } from "./model.ts";
import { RV } from "./retval.ts";

/** VNET_API_ERROR_SYSCALL_ERROR_1: the kernel refused, for lack of rights or memory. */
const SYSCALL_ERROR_1 = -11;

export interface HostInterfaceOptions {
  /** The kernel's device. */
  readonly hostIfName: string;
  /** Default: a random one. The device keeps its own. */
  readonly mac?: Uint8Array;
}

export interface HostInterfaceResult {
  /** 0, IF_ALREADY_EXISTS (-79, with the existing index), INVALID_INTERFACE (-71) or SYSCALL_ERROR_1 (-11). */
  readonly retval: number;
  readonly swIfIndex: number;
  /** Why, where the retval does not say enough. */
  readonly cause?: SysError;
}

/** af_packet_create_if: opens the device of this process's namespace and sets it up, as VPP does. */
export function createHostInterface(dataplane: Dataplane, options: HostInterfaceOptions): HostInterfaceResult {
  const { hostIfName } = options;
  const existing = findHostInterface(dataplane, hostIfName);
  if (existing !== undefined) return { retval: RV.IF_ALREADY_EXISTS, swIfIndex: existing.swIfIndex };
  if (hostIfName === "") return { retval: RV.INVALID_INTERFACE, swIfIndex: NO_INDEX };
  try {
    const loop = loopOf(dataplane);
    const port = new AfPacketPort(dataplane, hostIfName);
    try {
      interfaceUp(hostIfName);
    } catch (error) {
      port.close();
      throw error;
    }
    const iface = dataplane.addInterface({
      kind: "host",
      name: `host-${hostIfName}`,
      hostIfName,
      port,
      ...(options.mac === undefined ? {} : { mac: options.mac }),
    });
    port.attach(iface, loop.add(port));
    return { retval: RV.OK, swIfIndex: iface.swIfIndex };
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const retval = SysError.is(error, "ENODEV") ? RV.INVALID_INTERFACE : SYSCALL_ERROR_1;
    return { retval, swIfIndex: NO_INDEX, cause: error };
  }
}

/** af_packet_delete_if: INVALID_INTERFACE (-71) where there is none. The device stays, up. */
export function deleteHostInterface(dataplane: Dataplane, hostIfName: string): number {
  const iface = findHostInterface(dataplane, hostIfName);
  if (iface === undefined) return RV.INVALID_INTERFACE;
  return dataplane.removeInterface(iface.swIfIndex);
}

function findHostInterface(dataplane: Dataplane, hostIfName: string): Interface | undefined {
  for (const iface of dataplane.interfaces) if (iface.hostIfName === hostIfName) return iface;
  return undefined;
}
