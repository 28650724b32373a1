import { MSG_CMSG_CLOEXEC, MSG_DONTWAIT } from "./constants.ts";
import { SysError } from "./errors.ts";
import { errno, libc } from "./libc.ts";
import { mapMemory, type Mapping } from "./mmap.ts";
import { controlFds, message } from "./fdpass.ts";
import { closeFd } from "./sockets.ts";

const PAGE = 4096;
/** Room for the kernel's limit of 253 descriptors a message (SCM_MAX_FD), so that nothing is ever cut off. */
const CONTROL_BYTES = 16 + 4 * 256;
const EINTR = 4;
const EAGAIN = 11;

/** Reads a unix stream socket in large pieces together with the descriptors that came in them. */
export class FdStreamReader {
  readonly #memory: Mapping;
  readonly #length: number;

  /** @param length bytes that one read takes at most, default 64 KiB */
  constructor(length = 65_536) {
    this.#length = length;
    this.#memory = mapMemory(PAGE + length);
  }

  /**
   * What is there now. The descriptors are the caller's, close-on-exec.
   * @returns undefined where nothing is there; empty data at the end of the stream
   * @throws SysError
   */
  read(fd: number): { data: Buffer; fds: number[] } | undefined {
    const { address, bytes } = this.#memory;
    message(this.#memory, this.#length, CONTROL_BYTES, PAGE);
    const count = libc().recvmsg(fd, address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) {
      const error = errno();
      if (error === EAGAIN || error === EINTR) return undefined;
      throw new SysError("recvmsg", error, { what: `descriptor ${fd}` });
    }
    // Of Node's pool where it is small: memory of its own for each read would keep the collector busy.
    const data = Buffer.allocUnsafe(Number(count));
    data.set(bytes.subarray(PAGE, PAGE + Number(count)));
    return { data, fds: controlFds(this.#memory) };
  }

  close(): void {
    this.#memory.close();
  }
}

export function closeAll(fds: readonly number[]): void {
  fds.forEach(closeFd);
}
