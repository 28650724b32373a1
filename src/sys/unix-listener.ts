import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";

/**
 * - `PATH`: the path is too long, cannot be looked at, or its directory cannot be made.
 * - `NOT_A_SOCKET`: something else is there.
 * - `IN_USE`: another process serves it.
 * - `LISTEN`: the socket cannot be made, or not be given its group or mode.
 */
export type UnixListenErrorCode = "PATH" | "NOT_A_SOCKET" | "IN_USE" | "LISTEN";

export class UnixListenError extends Error {
  override readonly name = "UnixListenError";
  readonly code: UnixListenErrorCode;

  constructor(code: UnixListenErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export interface UnixListenOptions {
  /** Permissions of the socket file. Default 0o660. */
  readonly mode?: number;
  /** Group of the socket file, by id. Default: this process's. */
  readonly gid?: number;
  /** Make the directory where it is missing. Default false. */
  readonly makeDirectory?: boolean;
}

/** sun_path of Linux holds 108 bytes with its NUL; Node cuts a longer path instead of refusing it. */
export const MAX_UNIX_PATH_BYTES = 107;
const PROBE_TIMEOUT_MS = 1000;

/**
 * Listens on a unix socket. A socket file that nobody serves is replaced, anything else is left alone. The file is made
 * for this user alone and opened up to its group and mode afterwards, so that it is never more open than asked for.
 * @throws UnixListenError
 */
export async function listenUnix(server: Server, path: string, options: UnixListenOptions = {}): Promise<void> {
  if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    throw new UnixListenError("PATH", `the path of a unix socket has at most ${MAX_UNIX_PATH_BYTES} bytes: ${path}`);
  }
  await clear(path, options.makeDirectory === true);
  const umask = process.umask(0o177);
  const listening = new Promise<void>((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new UnixListenError("LISTEN", `cannot listen on ${path}: ${cause.message}`, cause));
    server.once("error", fail);
    // Node binds a unix socket within this call, so the file gets the umask that holds now.
    server.listen(path, () => {
      server.off("error", fail);
      resolve();
    });
  });
  process.umask(umask);
  await listening;
  try {
    if (options.gid !== undefined) chownSync(path, -1, options.gid);
    chmodSync(path, options.mode ?? 0o660);
  } catch (cause) {
    server.close();
    throw new UnixListenError("LISTEN", `cannot give ${path} its group and mode: ${(cause as Error).message}`, cause);
  }
}

async function clear(path: string, makeDirectory: boolean): Promise<void> {
  try {
    if (makeDirectory) mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) {
      throw new UnixListenError("NOT_A_SOCKET", `${path} exists and is no socket: name another path or remove it`);
    }
    if (await answers(path)) {
      throw new UnixListenError("IN_USE", `another process serves ${path}: stop it, or name another socket`);
    }
    rmSync(path, { force: true });
  } catch (cause) {
    if (cause instanceof UnixListenError) throw cause;
    throw new UnixListenError("PATH", `cannot make the socket ${path}: ${(cause as Error).message}`, cause);
  }
}

/** True unless the kernel says that nobody listens: connected, full and not allowed all mean that somebody does. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (answer: boolean): void => {
      probe.destroy();
      resolve(answer);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => done(true));
    probe.once("connect", () => done(true));
    probe.once("error", (error: NodeJS.ErrnoException) =>
      done(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
    );
  });
}

/** Identity of a socket file, to remove it at the end only if it is still the same. */
export function socketInode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
