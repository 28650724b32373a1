import { constants } from "node:os";

/** The kernel's errno names ("ENOENT"), plus "UNAVAILABLE": the call cannot be made at all on this installation. */
export type SysErrorCode = keyof typeof constants.errno | "UNAVAILABLE" | "UNKNOWN";

const names = new Map<number, SysErrorCode>();
for (const [name, value] of Object.entries(constants.errno)) {
  if (!names.has(value)) names.set(value, name as SysErrorCode);
}

// Two names for one number: the kernel's headers and manual pages use these.
names.set(constants.errno.EAGAIN, "EAGAIN");
names.set(constants.errno.EOPNOTSUPP, "EOPNOTSUPP");

/** "ENOENT" for 2; "UNKNOWN" where this platform has no name for it. */
export function errnoName(errno: number): SysErrorCode {
  return names.get(errno) ?? "UNKNOWN";
}

const privileged =
  "needs CAP_NET_ADMIN and CAP_NET_RAW: run as root, or inside a user namespace (unshare -Urnm --map-root-user COMMAND)";

/** What the user can do about it, where the errno alone leaves a person guessing. */
const advice: Partial<Record<SysErrorCode, string>> = {
  EPERM: privileged,
  EACCES: privileged,
  ENODEV: "there is no such network device in this network namespace",
  ENXIO: "there is no such device or address",
  EAFNOSUPPORT: "the kernel lacks this address family: is IPv6 compiled in and enabled?",
  EPROTONOSUPPORT: "the kernel lacks this protocol",
  EMFILE: "this process holds too many descriptors: raise `ulimit -n`",
  ENFILE: "the system holds too many descriptors: raise fs.file-max",
  ENOMEM: "the kernel refused memory: check the memory limit and `ulimit -l`",
  ENOBUFS: "the kernel refused buffer space: lower the ring or buffer size",
  EADDRINUSE: "the address is in use by another process",
  EADDRNOTAVAIL: "the address is not on this host (in this network namespace)",
  ENETDOWN: "the network device is down",
  ENOSPC: "a kernel limit was reached: see user.max_net_namespaces and user.max_user_namespaces",
};

/** An error of a system call: which call, the errno and its name, and what the user can do about it. */
export class SysError extends Error {
  override readonly name = "SysError";
  readonly syscall: string;
  /** Positive errno; 0 where the code is UNAVAILABLE. */
  readonly errno: number;
  readonly code: SysErrorCode;

  constructor(syscall: string, errno: number, options: { what?: string; hint?: string; cause?: unknown } = {}) {
    const code = errno === 0 ? "UNAVAILABLE" : errnoName(errno);
    const hint = options.hint ?? advice[code];
    super(
      `${syscall}${options.what === undefined ? "" : ` ${options.what}`}: ${code}${errno === 0 ? "" : ` (${errno})`}` +
        (hint === undefined ? "" : `; ${hint}`),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }

  static is(error: unknown, ...codes: SysErrorCode[]): error is SysError {
    return error instanceof SysError && (codes.length === 0 || codes.includes(error.code));
  }
}
