import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { SOL_SOCKET } from "./constants.ts";
import { SysError } from "./errors.ts";
import { getSocketOption, peerCredentials } from "./sockets.ts";

/** Linux 4.13. */
const SO_PEERGROUPS = 59;
const SOME_GROUPS_BYTES = 4 * 64;
/** NGROUPS_MAX of Linux. */
const ALL_GROUPS_BYTES = 4 * 65_536;

/** Who is at the other end of a unix socket, as it was when it connected (or began to listen). */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  /** Primary group first, then the supplementary ones. */
  readonly gids: readonly number[];
}

/** Users and groups by id. */
export interface AccessList {
  readonly uids?: readonly number[];
  readonly gids?: readonly number[];
}

/** @throws SysError, also where the socket has been closed already */
export function peerOf(socket: Socket): Peer {
  const handle = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle;
  const fd = handle?.fd ?? -1;
  const { pid, uid, gid } = peerCredentials(fd);
  return { pid, uid, gids: [gid, ...peerGroups(fd).filter((one) => one !== gid)] };
}

function peerGroups(fd: number): number[] {
  try {
    return gidsOf(getSocketOption(fd, SOL_SOCKET, SO_PEERGROUPS, SOME_GROUPS_BYTES));
  } catch (error) {
    if (SysError.is(error, "ERANGE")) return gidsOf(getSocketOption(fd, SOL_SOCKET, SO_PEERGROUPS, ALL_GROUPS_BYTES));
    // An older kernel tells the primary group only.
    if (SysError.is(error, "ENOPROTOOPT")) return [];
    throw error;
  }
}

function gidsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, true));
}

/** Root and this process's user always may. */
export function mayAccess({ uid, gids }: Peer, list: AccessList = {}): boolean {
  return (
    uid === 0 ||
    uid === process.geteuid?.() ||
    (list.uids ?? []).includes(uid) ||
    (list.gids ?? []).some((gid) => gids.includes(gid))
  );
}

/**
 * Ids of users or groups by name or number, as /etc/passwd and /etc/group have them; those of other sources have to be
 * given by number.
 * @throws RangeError for a name that is not there
 */
export function idsOf(kind: "user" | "group", names: readonly (string | number)[]): number[] {
  return names.map((name) =>
    typeof name === "number" ? name : /^\d+$/.test(name) ? Number(name) : lookUp(kind, name),
  );
}

function lookUp(kind: "user" | "group", name: string): number {
  const file = kind === "user" ? "/etc/passwd" : "/etc/group";
  const lines = readFileSync(file, "utf8").split("\n");
  const id = lines.map((line) => line.split(":")).find((fields) => fields[0] === name)?.[2];
  if (id === undefined) throw new RangeError(`${file} has no ${kind} "${name}": name another one, or give its number`);
  return Number(id);
}
