import { lstatSync, realpathSync, statSync, type Stats } from "node:fs";
import type { Socket } from "node:net";
import { dirname } from "node:path";

/**
 * Who controls VPP's API socket. Whoever can write to it runs code as VPP (`rpc_call` takes an address to jump to,
 * vlibmemory/memclnt_api.c:480); whoever can replace it is taken for VPP, and given what is meant for VPP.
 */
export interface SocketTrust {
  /** `warn`: the client's `socketWarnings` tell. `refuse`: no connection either (INSECURE). Default `warn`. */
  readonly check?: "off" | "warn" | "refuse" | undefined;
  /** Users, besides root and this process's, that may own the socket and its directories. */
  readonly owners?: readonly number[] | undefined;
  /** Looks at the connection before anything is sent, by SO_PEERCRED for example; tells what is wrong with the peer. */
  readonly checkPeer?: ((socket: Socket) => string | undefined) | undefined;
}

const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * What is wrong with a socket's owner and permissions and those of its directories, for people; empty: nothing, or it
 * is not there.
 */
export function inspectSocket(path: string, owners: readonly number[] = []): string[] {
  const trusted = new Set([0, process.geteuid?.() ?? 0, ...owners]);
  const socket = lookAt(path);
  if (socket === undefined) return [];
  const found: string[] = [];
  if (!socket.isSocket()) found.push(`${path} is no socket`);
  if (!trusted.has(socket.uid)) {
    found.push(
      `${path} belongs to user ${socket.uid}: he is taken for VPP, and can read and answer what is sent to it`,
    );
  }
  if ((socket.mode & OTHERS_WRITE) !== 0) {
    found.push(
      `${path} is open to every user of this host (mode ${octal(socket)}): each can run code as VPP; ` +
        '"api-segment { gid }" of startup.conf names a group, "chmod o-w" closes it',
    );
  }
  return [...found, ...directoriesOf(path).flatMap((folder) => inspectDirectory(folder, trusted))];
}

function inspectDirectory(folder: string, trusted: ReadonlySet<number>): string[] {
  const stat = lookAt(folder);
  if (stat === undefined) return [];
  if (!trusted.has(stat.uid)) return [`${folder} belongs to user ${stat.uid}: he can replace VPP's socket`];
  const open = (stat.mode & OTHERS_WRITE) !== 0 && (stat.mode & STICKY) === 0;
  return open ? [`${folder} is open to every user (mode ${octal(stat)}): each can replace VPP's socket`] : [];
}

/** Every directory above, links followed. */
function directoriesOf(path: string): string[] {
  const found = new Set<string>();
  for (const start of [dirname(path), dirname(realPath(path))]) {
    for (let folder = realPath(start); !found.has(folder); folder = dirname(folder)) found.add(folder);
  }
  return [...found];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
