import { IFF_NO_PI, IFF_TAP, IFF_TUN, IFNAMSIZ, O_CLOEXEC, O_NONBLOCK, O_RDWR, TUNSETIFF } from "./constants.ts";
import { SysError } from "./errors.ts";
import { interfaceRequest } from "./ioctl.ts";
import { errno, libc, must } from "./libc.ts";
import { closeFd } from "./sockets.ts";

/** A TUN (IP packets) or TAP (Ethernet frames) device; it is gone when `close` is called or the process ends. */
export interface Tun {
  /** Non-blocking: a read gives one packet, a write takes one. */
  readonly fd: number;
  /** The name that the kernel gave it. */
  readonly name: string;
  close(): void;
}

/**
 * Creates a TUN or TAP device without packet information in the thread's present network namespace; it is down.
 * @param options `name` may hold %d ("gre%d"); `mode` defaults to "tun"
 * @throws SysError EACCES or EPERM (/dev/net/tun may not be opened here), ENOENT (no TUN driver), EBUSY (name in use)
 */
export function openTun(options: { name?: string; mode?: "tun" | "tap" } = {}): Tun {
  const { name = "tun%d", mode = "tun" } = options;
  const fd = libc().open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const error = errno();
    const hint =
      error === 2 || error === 19
        ? "this kernel or container has no TUN device: modprobe tun, or pass /dev/net/tun to the container"
        : "/dev/net/tun may not be opened: chmod 0666 /dev/net/tun, or run as root";
    throw new SysError("open", error, { what: "/dev/net/tun", hint });
  }
  try {
    const { bytes, view } = interfaceRequest(name);
    view.setUint16(IFNAMSIZ, (mode === "tun" ? IFF_TUN : IFF_TAP) | IFF_NO_PI, true);
    must("ioctl TUNSETIFF", libc().ioctl(fd, TUNSETIFF, bytes), name);
    const end = bytes.indexOf(0);
    const given = new TextDecoder().decode(bytes.subarray(0, Math.min(end, IFNAMSIZ)));
    let open = true;
    return {
      fd,
      name: given,
      close() {
        if (open) closeFd(fd);
        open = false;
      },
    };
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}
