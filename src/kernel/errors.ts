import { SysError, type SysErrorCode } from "../sys/errors.ts";

/** What went wrong, as far as a caller may want to tell cases apart. */
export type KernelErrorCode =
  | "EXISTS" // the object is there already, and is not what was asked for
  | "NOT_FOUND" // no such device, address, route, rule or namespace
  | "PERMISSION" // not root, and not in a user namespace of our own; or a read-only /proc/sys
  | "UNSUPPORTED" // this kernel lacks it
  | "INVALID" // the kernel or we refuse the arguments
  | "BUSY"
  | "TIMEOUT" // no answer within the deadline
  | "CLOSED" // the handle was closed
  | "REJECTED"; // any other errno

const byErrno: Partial<Record<SysErrorCode, KernelErrorCode>> = {
  EEXIST: "EXISTS",
  ENODEV: "NOT_FOUND",
  ENOENT: "NOT_FOUND",
  ESRCH: "NOT_FOUND",
  ENXIO: "NOT_FOUND",
  EADDRNOTAVAIL: "NOT_FOUND",
  EPERM: "PERMISSION",
  EACCES: "PERMISSION",
  EROFS: "PERMISSION",
  EOPNOTSUPP: "UNSUPPORTED",
  EAFNOSUPPORT: "UNSUPPORTED",
  EPROTONOSUPPORT: "UNSUPPORTED",
  EINVAL: "INVALID",
  ERANGE: "INVALID",
  EBUSY: "BUSY",
};

/** An error of Linux networking: what was being done to which object, and what the user can do about it. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly code: KernelErrorCode;

  constructor(code: KernelErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  static is(error: unknown, ...codes: KernelErrorCode[]): error is KernelError {
    return error instanceof KernelError && (codes.length === 0 || codes.includes(error.code));
  }

  /** The error of an errno; `doing` is a phrase such as `add route 10.0.0.0/24`. */
  static fromErrno(doing: string, errno: number, hint?: string): KernelError {
    const cause = new SysError("rtnetlink", errno, hint === undefined ? {} : { hint });
    return KernelError.from(doing, cause);
  }

  /** Wraps a SysError or Node error once; a KernelError is passed on. */
  static from(doing: string, cause: unknown): KernelError {
    if (cause instanceof KernelError) return cause;
    const code = byErrno[(cause as NodeJS.ErrnoException | undefined)?.code as SysErrorCode] ?? "REJECTED";
    return new KernelError(code, `${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
