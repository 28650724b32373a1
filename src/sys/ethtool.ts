import { IFNAMSIZ, SIOCETHTOOL } from "./constants.ts";
import { SysError } from "./errors.ts";
import { interfaceRequest, withControlSocket } from "./ioctl.ts";
import { errno, libc } from "./libc.ts";
import { mapMemory } from "./mmap.ts";

/** The offloads that matter to whoever reads or writes raw frames; names as `ethtool -K` takes them. */
export const OFFLOADS = ["tx", "sg", "tso", "gso", "gro", "rx"] as const;
export type Offload = (typeof OFFLOADS)[number];

/** linux/ethtool.h: ETHTOOL_G… and ETHTOOL_S…, each with struct ethtool_value. */
const commands: Record<Offload, readonly [get: number, set: number]> = {
  rx: [0x14, 0x15],
  tx: [0x16, 0x17],
  sg: [0x18, 0x19],
  tso: [0x1e, 0x1f],
  gso: [0x23, 0x24],
  gro: [0x2b, 0x2c],
};

const EOPNOTSUPP = 95;
const EINVAL = 22;

/** One SIOCETHTOOL of struct ethtool_value; undefined where the device has no such offload. */
function value(device: string, command: number, data: number): number | undefined {
  const { bytes } = interfaceRequest(device);
  const memory = mapMemory(4096);
  try {
    memory.bytes.set(bytes);
    memory.view.setBigUint64(IFNAMSIZ, memory.address + 64n, true);
    memory.view.setUint32(64, command, true);
    memory.view.setUint32(68, data, true);
    const result = withControlSocket((fd) => {
      const status = libc().ioctl(fd, SIOCETHTOOL, memory.address);
      return status < 0 ? errno() : 0;
    });
    if (result === EOPNOTSUPP || result === EINVAL) return undefined;
    if (result !== 0) throw new SysError("ioctl SIOCETHTOOL", result, { what: device });
    return memory.view.getUint32(68, true);
  } finally {
    memory.close();
  }
}

/** Which offloads are on, in the present namespace; `undefined` where the device does not know one. */
export function getOffloads(device: string): Record<Offload, boolean | undefined> {
  const read = (name: Offload): boolean | undefined => {
    const found = value(device, commands[name][0], 0);
    return found === undefined ? undefined : found !== 0;
  };
  return Object.fromEntries(OFFLOADS.map((name) => [name, read(name)])) as Record<Offload, boolean | undefined>;
}

/**
 * Switches offloads in the present namespace and reads them back. What the device does not know is left out of it.
 * @returns the offloads that are not as wanted afterwards (fixed by the driver), empty when all is well
 * @throws SysError ENODEV, EPERM
 */
export function setOffloads(device: string, wanted: Partial<Record<Offload, boolean>>): Offload[] {
  const names = OFFLOADS.filter((name) => wanted[name] !== undefined);
  // Off in this order, on in the reverse: tso needs sg, and sg needs tx.
  for (const name of [...names].reverse()) if (wanted[name] === false) value(device, commands[name][1], 0);
  for (const name of names) if (wanted[name] === true) value(device, commands[name][1], 1);
  const found = getOffloads(device);
  return names.filter((name) => found[name] !== undefined && found[name] !== wanted[name]);
}
