import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { Actor } from "../history/types.ts";
import type { Peer } from "../sys/peer.ts";

const PREFIX = "unix-peer:";

/**
 * Marks a connection with who is at its other end: gRPC hands a call's remote address to its handler, and a unix socket
 * has none of its own.
 */
export function markPeer(connection: Socket, { uid, pid }: Peer): void {
  Object.defineProperty(connection, "remoteAddress", { value: `${PREFIX}${uid}:${pid}`, configurable: true });
}

/** Who made a call, by the remote address that {@link markPeer} gave its connection; undefined for any other. */
export function actorOf(remote: string): Actor | undefined {
  const match = new RegExp(`^${PREFIX}(\\d+):(\\d+)`).exec(remote);
  if (match === null) return undefined;
  const [uid, pid] = [Number(match[1]), Number(match[2])];
  const user = userName(uid);
  return { uid, pid, ...(user === undefined ? {} : { user }) };
}

export function withActor<T extends object>(options: T, by: Actor | undefined): T & { by?: Actor } {
  return by === undefined ? options : { ...options, by };
}

/** As /etc/passwd has it now; users of a directory service have numbers only. */
function userName(uid: number): string | undefined {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return lines.map((line) => line.split(":")).find((fields) => fields[2] === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
