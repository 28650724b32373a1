import { closeSync, openSync } from "node:fs";
import { onAbort } from "../../sys/on-abort.ts";
import { signalWithin } from "../aborts.ts";
import { CallKey, type Call } from "../call.ts";
import type { ChainElement, NetworkService } from "../chain.ts";
import { CHANNEL } from "../channel.ts";
import { NsmError } from "../errors.ts";
import type { DescriptorSocket } from "../fd/socket.ts";
import { filePathOf, PARAMETER } from "../mechanism.ts";
import { clone, type Connection, type Mechanism } from "../messages.ts";
import { CALLER_DESCRIPTORS } from "../server.ts";
import { storeOf } from "./store.ts";
import { undoNew } from "./undo.ts";

/** O_PATH: names a file (a namespace, a socket) without opening it. */
const O_PATH = 0o10000000;

/** A descriptor travels ahead of the message that names it: long enough for any delay. */
const RECEIVE_MS = 3000;

/** Files that came with a connection: url by which they are named here, and as the peer named them. */
class ReceivedFiles {
  readonly byInode = new Map<string, number>();
  readonly inodeOfPath = new Map<string, string>();

  close(): void {
    for (const fd of this.byInode.values()) closeSync(fd);
    this.byInode.clear();
    this.inodeOfPath.clear();
  }

  /** Keeps only the files that the connection uses after all. */
  keepOnly(inodes: ReadonlySet<string>): void {
    for (const [url, fd] of this.byInode) {
      if (inodes.has(url)) continue;
      closeSync(fd);
      this.byInode.delete(url);
      this.inodeOfPath.delete(pathOf(fd));
    }
  }
}

function pathOf(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`;
}

const FROM_CALLER = new CallKey<ReceivedFiles>("files from the caller");
const FROM_NEXT = new CallKey<ReceivedFiles>("files from the next hop");

function filesOf(call: Call, key: CallKey<ReceivedFiles>): ReceivedFiles {
  const store = storeOf(call);
  const files = store.get(key) ?? new ReceivedFiles();
  store.set(key, files);
  return files;
}

/** Replaces `inode://dev/ino` by a file of this process, once its descriptor has come. @throws NsmError INVALID */
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
  const known = files.byInode.get(url);
  if (known !== undefined) socket.letGo(url);
  nameFile(mechanism, url, known ?? (await receiveSoon(socket, url, signal)), files);
}

/** For a Close, which waits for nothing: what was made is taken away even where its file is gone. */
function takeFile(mechanism: Mechanism | null, socket: DescriptorSocket | undefined, files: ReceivedFiles): void {
  const url = mechanism?.parameters[PARAMETER.inodeUrl];
  if (mechanism === null || url === undefined || !url.startsWith("inode://")) return;
  const known = files.byInode.get(url);
  if (known !== undefined) socket?.letGo(url);
  const fd = known ?? socket?.received(url);
  if (fd !== undefined) nameFile(mechanism, url, fd, files);
}

function nameFile(mechanism: Mechanism, url: string, fd: number, files: ReceivedFiles): void {
  files.byInode.set(url, fd);
  const path = pathOf(fd);
  files.inodeOfPath.set(path, url);
  mechanism.parameters[PARAMETER.inodeUrl] = `file://${path}`;
}

/** The descriptor of this url; the caller closes it. @throws NsmError INVALID, TIMEOUT, CANCELLED */
export async function receiveSoon(socket: DescriptorSocket, url: string, parent: AbortSignal): Promise<number> {
  const { signal, end } = signalWithin(RECEIVE_MS, parent);
  try {
    return await socket.receive(url, signal);
  } catch (error) {
    if (parent.aborted) throw NsmError.fromAbort(parent);
    throw new NsmError("INVALID", `${url.slice(0, 64)} is named, and no such descriptor came with it`, {
      cause: error,
    });
  } finally {
    end();
  }
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
      const before = new Set(files.byInode.keys());
      const offered = [...request.mechanismPreferences, request.connection?.mechanism];
      const named = new Set(offered.map((mechanism) => mechanism?.parameters[PARAMETER.inodeUrl] ?? ""));
      try {
        for (const mechanism of offered) await receiveFile(mechanism, socket, files, call.signal);
        const connection = await next.request(request, call);
        const path = connection.mechanism?.parameters[PARAMETER.inodeUrl]?.slice("file://".length);
        const inode = path === undefined ? undefined : files.inodeOfPath.get(path);
        if (inode !== undefined) connection.mechanism!.parameters[PARAMETER.inodeUrl] = inode;
        files.keepOnly(inode === undefined ? named : new Set([inode]));
        return connection;
      } catch (error) {
        // What the connection had before this Request it still has.
        files.keepOnly(before);
        throw error;
      }
    },
    async close(connection, call) {
      const files = filesOf(call, FROM_CALLER);
      try {
        takeFile(connection.mechanism, call.get(CALLER_DESCRIPTORS), files);
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
      const made = clone(connection);
      try {
        sendFile(connection.mechanism, call.get(CALLER_DESCRIPTORS));
      } catch (error) {
        await undoNew(next, made, call);
        throw error;
      }
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}

/** For a Close, which goes on where the file is gone. */
function sendIfThere(mechanism: Mechanism | null, socket: DescriptorSocket | undefined): void {
  try {
    sendFile(mechanism, socket);
  } catch (error) {
    if (!NsmError.is(error, "NOT_FOUND", "INVALID")) throw error;
  }
}

/** The file of the next hop's answer. @throws NsmError INVALID */
async function receiveAnswered(
  connection: Connection,
  socket: DescriptorSocket | undefined,
  call: Call,
  next: NetworkService,
): Promise<void> {
  const files = filesOf(call, FROM_NEXT);
  try {
    const url = connection.mechanism?.parameters[PARAMETER.inodeUrl] ?? "";
    await receiveFile(connection.mechanism, socket, files, call.signal);
    files.keepOnly(new Set([url]));
  } catch (error) {
    await undoNew(next, connection, call);
    throw error;
  }
}

/**
 * A client's: sends the files that its mechanisms name to the next hop, and takes those that come back
 * (sdk .../sendfd, recvfd). After `dial`. Connected first: descriptors belong to one connection.
 * @param signal closes the files of connections that are not closed
 */
export function passDescriptors(signal?: AbortSignal): ChainElement {
  const live = new Set<ReceivedFiles>();
  if (signal !== undefined) onAbort(signal, () => live.forEach((files) => files.close()));
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
      const named = mechanism?.parameters[PARAMETER.inodeUrl] ?? "";
      const own = sent.get(named);
      if (own !== undefined) {
        channel?.descriptors?.letGo(named);
        mechanism!.parameters[PARAMETER.inodeUrl] = own;
      } else {
        const files = filesOf(call, FROM_NEXT);
        live.add(files);
        await receiveAnswered(connection, channel?.descriptors, call, next);
        if (signal?.aborted === true) {
          files.close();
          throw new NsmError("CANCELLED", "this client has let go of its connections");
        }
      }
      return connection;
    },
    async close(connection, call) {
      const channel = storeOf(call).get(CHANNEL);
      const files = filesOf(call, FROM_NEXT);
      try {
        await channel?.ready(call);
        sendIfThere(connection.mechanism, channel?.descriptors);
        await next.close(connection, call);
      } finally {
        files.close();
        live.delete(files);
      }
    },
  });
}
