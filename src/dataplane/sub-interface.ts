/** VLAN sub-interfaces (vnet/interface_api.c, interface.c vnet_create_sw_interface, ethernet/interface.c). */
import type { Dataplane } from "./dataplane.ts";
import { SubFlag, SubInterfaces, NEVER, unsupported, type SubInterface } from "./l2/sub-interfaces.ts";
import { NO_INDEX, type Interface } from "./model.ts";
import { RV } from "./retval.ts";

/** vnet/error.h. */
const VLAN_ALREADY_EXISTS = -56;
const INVALID_SUB_SW_IF_INDEX = -98;
const INVALID_VLAN = -55;
const INVALID_REGISTRATION = -31;
const MAX_VLAN = 4095;

export interface NewSubInterface {
  /** 0, or VPP's return value. */
  readonly retval: number;
  readonly swIfIndex: number;
  /** VPP's words, where it has some. */
  readonly reason?: string;
}

/**
 * create_subif: -56 for an id that the interface has already, -1 for what VPP has not implemented and for tags that are
 * taken (or above 4095, which VPP writes beyond its tables). It is down, and without an MTU of its own.
 */
export function createSubInterface(dataplane: Dataplane, sup: Interface, sub: SubInterface): NewSubInterface {
  const refused = (retval: number, reason?: string): NewSubInterface => ({
    retval,
    swIfIndex: NO_INDEX,
    ...(reason === undefined ? {} : { reason }),
  });
  if (dataplane.subsOf(sup).some((each) => each.sub?.id === sub.id)) return refused(VLAN_ALREADY_EXISTS);
  const reason = unsupported(sub);
  // VPP has made an interface by then, whose index its reply names.
  const given = (why: string): NewSubInterface => {
    return { retval: RV.UNSPECIFIED, swIfIndex: dataplane.interfaces.nextIndex, reason: why };
  };
  if (reason !== undefined) return reason === NEVER ? refused(RV.UNSPECIFIED, reason) : given(reason);
  if (sup.kind !== "local") {
    sup.subs ??= subsOf(sup);
    if (!sup.subs.add(sub)) {
      dataplane.abandoned.add(dataplane.interfaces.nextIndex);
      return given("vlan is already in use");
    }
  } else sup.subs ??= new SubInterfaces(sup.swIfIndex, false);
  const { swIfIndex } = dataplane.addInterface({
    ...{ kind: "sub", name: `${sup.name}.${sub.id}`, sup, sub, mac: sup.mac, mtu: 0, linkUp: sup.linkUp },
  });
  return { retval: RV.OK, swIfIndex };
}

/** create_vlan_subif: one 802.1q tag, exactly. -55 for an id outside 1 to 4095. */
export function createVlan(dataplane: Dataplane, sup: Interface, vlan: number): NewSubInterface {
  if (vlan === 0 || vlan > MAX_VLAN) return { retval: INVALID_VLAN, swIfIndex: NO_INDEX };
  const flags = SubFlag.oneTag | SubFlag.exactMatch;
  const made = createSubInterface(dataplane, sup, { id: vlan, flags, outerVlan: vlan, innerVlan: 0 });
  return made.retval === RV.UNSPECIFIED ? { ...made, retval: INVALID_REGISTRATION } : made;
}

/** delete_subif: -2 for an unknown interface, -98 for one that is none. */
export function deleteSubInterface(dataplane: Dataplane, swIfIndex: number): number {
  const iface = dataplane.interfaces.get(swIfIndex);
  if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
  if (iface.sub === undefined) return INVALID_SUB_SW_IF_INDEX;
  return dataplane.removeInterface(swIfIndex);
}

function subsOf(sup: Interface): SubInterfaces {
  const subs = new SubInterfaces(sup.swIfIndex, sup.adminUp);
  if (sup.l2 !== undefined || sup.xconnect !== undefined) subs.setL2(undefined, true);
  return subs;
}
