import type { DesiredInterface, VppFeatures } from "./types.ts";

/** What the plan says of an interface that it makes. */
export function describeNew(wanted: DesiredInterface): string {
  const mac = wanted.mac === undefined ? "" : ` with MAC ${wanted.mac}`;
  switch (wanted.kind) {
    case "loopback":
      return `add loopback ${wanted.name}${mac}`;
    case "host":
      return `add host-interface ${wanted.name} on ${wanted.hostInterface}`;
    case "memif": {
      const { role, mode, socket, id } = wanted.memif;
      return `add memif ${wanted.name} as ${role} of id ${id} at socket ${socket}${mode === "ip" ? " in IP mode" : ""}${mac}`;
    }
    case "vlan":
      return `add VLAN ${wanted.vlan.id} of ${wanted.vlan.parent} as ${wanted.name}`;
    case "tap":
      return `add TAP ${wanted.name}, in the kernel ${wanted.tap.hostName}${mac}`;
  }
}

/** Why this VPP can have no such interface. */
export function unsupported(wanted: DesiredInterface, features: VppFeatures): string | undefined {
  if (wanted.kind === "memif" && features.memif !== true) return missing(wanted, "memif_create_v2", "memif_plugin.so");
  if (wanted.kind === "tap" && features.tap !== true) return missing(wanted, "tap_create_v3");
  if (wanted.kind === "vlan" && features.vlan !== true) return missing(wanted, "create_vlan_subif");
  if (wanted.crossConnect !== undefined && features.crossConnect !== true)
    return missing(wanted, "sw_interface_set_l2_xconnect");
  return undefined;
}

function missing(wanted: DesiredInterface, message: string, plugin?: string): string {
  return `${wanted.name}: this VPP has no ${message}${plugin === undefined ? "" : `: load ${plugin}`}`;
}
