import { chmodSync, lstatSync, rmSync, statSync } from "node:fs";
import { connect, type Server } from "node:net";
import { ApiServerError } from "./errors.ts";

const PROBE_TIMEOUT_MS = 1000;

/**
 * Listens on a unix socket. A socket file that nobody listens on is replaced; anything else in its place is left alone.
 * @param mode Permissions of the socket file, set before the first client can connect.
 * @throws ApiServerError
 */
export async function listenUnix(server: Server, path: string, mode: number): Promise<void> {
  await removeStale(path);
  const umask = process.umask(0o777 & ~mode);
  const listening = new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new ApiServerError("LISTEN", `cannot listen on ${path}: ${cause.message}`, cause)),
    );
    // Node binds a unix socket within this call, so the file gets the umask that holds now.
    server.listen(path, resolve);
  });
  process.umask(umask);
  await listening;
  chmodSync(path, mode);
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new ApiServerError("NOT_A_SOCKET", `${path} exists and is not a socket: choose another path or remove it`);
  }
  if (await answers(path)) {
    throw new ApiServerError(
      "ADDRESS_IN_USE",
      `another process serves ${path}: stop it, or give this dataplane a socket of its own`,
    );
  }
  rmSync(path, { force: true });
}

/** True unless the kernel says that nobody listens. */
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

/** Identity of the socket file, to remove it at the end only if it is still ours. */
export function socketInode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
