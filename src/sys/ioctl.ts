import {
  AF_INET,
  IFF_UP,
  IFNAMSIZ,
  SIOCGIFFLAGS,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFMTU,
  SIOCSIFFLAGS,
  SOCK_DGRAM,
} from "./constants.ts";
import { SysError } from "./errors.ts";
import { libc, must } from "./libc.ts";
import { closeFd, openSocket } from "./sockets.ts";

const IFREQ = 40;

/** struct ifreq with the name filled in. @throws SysError EINVAL for a name that no device can have */
export function interfaceRequest(name: string): { bytes: Uint8Array; view: DataView } {
  const encoded = new TextEncoder().encode(name);
  if (encoded.length === 0 || encoded.length >= IFNAMSIZ || /[\s/]/.test(name)) {
    throw new SysError("ioctl", 22, {
      what: `"${name}"`,
      hint: "an interface's name has 1 to 15 bytes, no / or space",
    });
  }
  const bytes = new Uint8Array(IFREQ);
  bytes.set(encoded);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** Runs `fn` with a socket for interface ioctls of the thread's present network namespace. */
export function withControlSocket<T>(fn: (fd: number) => T): T {
  const fd = openSocket(AF_INET, SOCK_DGRAM);
  try {
    return fn(fd);
  } finally {
    closeFd(fd);
  }
}

function get(name: string, request: number, label: string): DataView {
  const { bytes, view } = interfaceRequest(name);
  withControlSocket((fd) => must(`ioctl ${label}`, libc().ioctl(fd, request, bytes), name));
  return view;
}

/** The interface's index in the present namespace. @throws SysError ENODEV */
export function interfaceIndex(name: string): number {
  return get(name, SIOCGIFINDEX, "SIOCGIFINDEX").getInt32(IFNAMSIZ, true);
}

/** The 6 bytes of the hardware address. @throws SysError ENODEV */
export function interfaceMac(name: string): Uint8Array {
  return new Uint8Array(get(name, SIOCGIFHWADDR, "SIOCGIFHWADDR").buffer.slice(IFNAMSIZ + 2, IFNAMSIZ + 8));
}

/** L3 MTU in bytes. @throws SysError ENODEV */
export function interfaceMtu(name: string): number {
  return get(name, SIOCGIFMTU, "SIOCGIFMTU").getInt32(IFNAMSIZ, true);
}

/** IFF_ flags. @throws SysError ENODEV */
export function interfaceFlags(name: string): number {
  return get(name, SIOCGIFFLAGS, "SIOCGIFFLAGS").getUint16(IFNAMSIZ, true);
}

/** Sets the interface up, or down. @throws SysError ENODEV, EPERM */
export function interfaceUp(name: string, up = true): void {
  const { bytes, view } = interfaceRequest(name);
  withControlSocket((fd) => {
    must("ioctl SIOCGIFFLAGS", libc().ioctl(fd, SIOCGIFFLAGS, bytes), name);
    const flags = view.getUint16(IFNAMSIZ, true);
    view.setUint16(IFNAMSIZ, up ? flags | IFF_UP : flags & ~IFF_UP, true);
    must("ioctl SIOCSIFFLAGS", libc().ioctl(fd, SIOCSIFFLAGS, bytes), name);
  });
}
