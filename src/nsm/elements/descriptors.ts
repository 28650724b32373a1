import { closeSync, openSync } from "node:fs";
import { CallKey, type Call } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { CHANNEL } from "../channel.ts";
import { NsmError } from "../errors.ts";
import type { DescriptorSocket } from "../fd/socket.ts";
import { filePathOf, PARAMETER } from "../mechanism.ts";
import type { Mechanism } from "../messages.ts";
import { CALLER_DESCRIPTORS } from "../server.ts";
import { storeOf } from "./store.ts";

/** O_PATH: names a file (a namespace, a socket) without opening it. */
const O_PATH = 0o10000000;

/** Files that came with a connection: url by which they are named here, and as the peer named them. */
class ReceivedFiles {
  readonly byInode = new Map<string, number>();
  readonly inodeOfPath = new Map<string, string>();

  close(): void {
    for (const fd of this.byInode.values()) closeSync(fd);
    this.byInode.clear();
    this.inodeOfPath.clear();
  }

  /** Keeps only the file that the connection uses after all. */
  keepOnly(inode: string): void {
    for (const [url, fd] of this.byInode) {
      if (url === inode) continue;
      closeSync(fd);
      this.byInode.delete(url);
    }
  }
}

const FROM_CALLER = new CallKey<ReceivedFiles>("files from the caller");
const FROM_NEXT = new CallKey<ReceivedFiles>("files from the next hop");

function filesOf(call: Call, key: CallKey<ReceivedFiles>): ReceivedFiles {
  const store = storeOf(call);
  const files = store.get(key) ?? new ReceivedFiles();
  store.set(key, files);
  return files;
}

/** Replaces `inode://dev/ino` by a file of this process, once its descriptor has come. @throws NsmError TIMEOUT */
async function receiveFile(
  mechanism: Mechanism | null | undefined,
  socket: DescriptorSocket | undefined,
  files: ReceivedFiles,
  signal: AbortSignal,
): Promise<void> {
  const url = mechanism?.parameters[PARAMETER.inodeUrl];
  if (mechanism == null || url === undefined || !url.startsWith("inode://")) return;
  // Over TCP no descriptor comes: whoever can read the name may use it.
  if (socket === undefined) return;
  const fd = files.byInode.get(url) ?? (await socket.receive(url, signal));
  files.byInode.set(url, fd);
  const path = `/proc/${process.pid}/fd/${fd}`;
  files.inodeOfPath.set(path, url);
  mechanism.parameters[PARAMETER.inodeUrl] = `file://${path}`;
}

/** Sends the file that `file://path` names, and names it `inode://dev/ino`. @throws NsmError NOT_FOUND */
function sendFile(
  mechanism: Mechanism | null | undefined,
  socket: DescriptorSocket | undefined,
): { url: string; inode: string } | undefined {
  const url = mechanism?.parameters[PARAMETER.inodeUrl];
  if (mechanism == null || url === undefined || socket === undefined) return undefined;
  const path = filePathOf(url);
  if (path === undefined) return undefined;
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch (error) {
    throw new NsmError("NOT_FOUND", `mechanism ${mechanism.type} names ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  try {
    const inode = socket.send(fd);
    mechanism.parameters[PARAMETER.inodeUrl] = inode;
    return { url, inode };
  } finally {
    closeSync(fd);
  }
}

/**
 * A server's: files that callers name by inode and send along become files of this process; on the way back the caller
 * sees its own name (sdk pkg/networkservice/common/mechanisms/recvfd). They are closed with the connection.
 */
export function receiveDescriptors(): ChainElement {
  return (next) => ({
    async request(request, call) {
      const socket = call.get(CALLER_DESCRIPTORS);
      const files = filesOf(call, FROM_CALLER);
      for (const mechanism of [...request.mechanismPreferences, request.connection?.mechanism])
        await receiveFile(mechanism, socket, files, call.signal);
      const connection = await next.request(request, call).catch((error: unknown) => {
        files.close();
        throw error;
      });
      const path = filePathOf(connection.mechanism?.parameters[PARAMETER.inodeUrl] ?? "");
      const inode = path === undefined ? undefined : files.inodeOfPath.get(path);
      if (inode !== undefined) {
        connection.mechanism!.parameters[PARAMETER.inodeUrl] = inode;
        files.keepOnly(inode);
      }
      return connection;
    },
    async close(connection, call) {
      const files = filesOf(call, FROM_CALLER);
      try {
        await receiveFile(connection.mechanism, call.get(CALLER_DESCRIPTORS), files, call.signal);
        await next.close(connection, call);
      } finally {
        files.close();
      }
    },
  });
}

/** A server's: sends the file of the mechanism that the connection came to have back to the caller. */
export function returnDescriptors(): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = await next.request(request, call);
      sendFile(connection.mechanism, call.get(CALLER_DESCRIPTORS));
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}

/**
 * A client's: sends the files that its mechanisms name to the next hop, and takes those that come back
 * (sdk .../sendfd, recvfd). After `dial`. Connected first: descriptors belong to one connection.
 */
export function passDescriptors(): ChainElement {
  return (next) => ({
    async request(request, call) {
      const channel = storeOf(call).get(CHANNEL);
      await channel?.ready(call);
      const socket = channel?.descriptors;
      const sent = new Map<string, string>();
      for (const mechanism of [...request.mechanismPreferences, request.connection?.mechanism]) {
        const file = sendFile(mechanism, socket);
        if (file !== undefined) sent.set(file.inode, file.url);
      }
      const connection = await next.request(request, call);
      const { mechanism } = connection;
      const own = sent.get(mechanism?.parameters[PARAMETER.inodeUrl] ?? "");
      if (own !== undefined) mechanism!.parameters[PARAMETER.inodeUrl] = own;
      else await receiveFile(mechanism, channel?.descriptors, filesOf(call, FROM_NEXT), call.signal);
      return connection;
    },
    async close(connection, call) {
      const channel = storeOf(call).get(CHANNEL);
      const files = filesOf(call, FROM_NEXT);
      try {
        await channel?.ready(call);
        sendFile(connection.mechanism, channel?.descriptors);
        await next.close(connection, call);
      } finally {
        files.close();
      }
    },
  });
}
