import type { LogEntry } from "../observe/events.ts";
import type { Peer } from "../sys/peer.ts";

/** What is logged of somebody who may not connect. */
export function peerRefused(socket: string, peer: Peer | undefined): LogEntry<"peer-refused"> {
  const who = peer === undefined ? "somebody who was gone at once" : `user ${peer.uid}, process ${peer.pid}`;
  const message = `${who} may not use ${socket}: cut off`;
  return { event: "peer-refused", message, socket, uid: peer?.uid, pid: peer?.pid };
}
