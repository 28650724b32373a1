import { closeSync, openSync } from "node:fs";
import { Call } from "../call.ts";
import type { Channel } from "../channel.ts";
import { receiveSoon } from "../elements/descriptors.ts";
import { inodeUrl, type DescriptorSocket } from "../fd/socket.ts";
import { newEndpoint, type EndpointInfo, type RegistryEvent } from "../messages.ts";
import { CALLER_DESCRIPTORS } from "../server.ts";
import type { Registry } from "./registry.ts";

/** O_PATH: names a socket without connecting to it. */
const O_PATH = 0o10000000;
/** Sockets of endpoints that one side keeps; the oldest are let go. */
const MAX_FILES = 10_000;

/** The endpoints' sockets that came as descriptors: one for each name. */
class EndpointFiles {
  readonly #files = new Map<string, { readonly inode: string; readonly fd: number }>();

  urlOf(name: string, inode: string): string | undefined {
    const file = this.#files.get(name);
    return file?.inode === inode ? pathUrl(file.fd) : undefined;
  }

  /** The file of which this is the url; undefined: not one of these. */
  byUrl(name: string, url: string): { readonly inode: string; readonly fd: number } | undefined {
    const file = this.#files.get(name);
    return file !== undefined && pathUrl(file.fd) === url ? file : undefined;
  }

  /** @returns its url in this process */
  set(name: string, inode: string, fd: number): string {
    this.delete(name);
    this.#files.set(name, { inode, fd });
    const [oldest] = this.#files.keys();
    if (this.#files.size > MAX_FILES && oldest !== undefined) this.delete(oldest);
    return pathUrl(fd);
  }

  delete(name: string): void {
    const file = this.#files.get(name);
    if (file !== undefined) closeSync(file.fd);
    this.#files.delete(name);
  }

  clear(): void {
    for (const name of [...this.#files.keys()]) this.delete(name);
  }
}

function pathUrl(fd: number): string {
  return `unix:///proc/${process.pid}/fd/${fd}`;
}

/**
 * A manager's: endpoints whose unix socket is not in its file system send the socket's descriptor and name it
 * `inode://dev/ino`; whoever finds them gets it the same way (sdk pkg/registry/common/{recvfd,sendfd}).
 */
export function endpointDescriptors(next: Registry<EndpointInfo>): Registry<EndpointInfo> & { close(): void } {
  const files = new EndpointFiles();
  const closed = new AbortController();
  let watching = false;
  const letGoWithEntries = () => {
    if (watching) return;
    watching = true;
    const over = () => (watching = false);
    const onEvent = ({ info, deleted }: RegistryEvent<EndpointInfo>) => {
      if (deleted) files.delete(info.name);
    };
    next.watch(newEndpoint(), new Call({ signal: closed.signal }), onEvent).then(over, over);
  };
  const outgoing = (info: EndpointInfo, call: Call): EndpointInfo => {
    const file = files.byUrl(info.name, info.url);
    const socket = call.get(CALLER_DESCRIPTORS);
    if (file === undefined || socket === undefined || socket.destroyed) return info;
    return { ...info, url: socket.send(file.fd) };
  };
  return {
    close: () => {
      closed.abort();
      files.clear();
    },
    async register(info, call) {
      const socket = call.get(CALLER_DESCRIPTORS);
      if (socket === undefined || !info.url.startsWith("inode://")) return next.register(info, call);
      letGoWithEntries();
      const known = files.urlOf(info.name, info.url);
      if (known !== undefined) socket.letGo(info.url);
      const url = known ?? files.set(info.name, info.url, await receiveSoon(socket, info.url, call.signal));
      try {
        return { ...(await next.register({ ...info, url }, call)), url: info.url };
      } catch (error) {
        if (known === undefined) files.delete(info.name);
        throw error;
      }
    },
    unregister: (info, call) => next.unregister(info, call),
    find: async (query, call) => (await next.find(query, call)).map((info) => outgoing(info, call)),
    watch: (query, call, onEvent) =>
      next.watch(query, call, (event) =>
        onEvent(event.deleted ? event : { ...event, info: outgoing(event.info, call) }),
      ),
  };
}

/**
 * The client's side: its own unix socket goes to the manager as a descriptor, which so reaches it over the borders of
 * containers; those that come with what it finds become sockets of this process until this is closed.
 */
export class EndpointSockets {
  readonly #sent = new Map<string, string>();
  readonly #files = new EndpointFiles();

  /** Sends the socket along where it can. A path that is not there is the manager's to know. */
  async send(info: EndpointInfo, channel: Channel, call: Call): Promise<EndpointInfo> {
    const path = /^unix:(?:\/\/)?(\/.+)$/.exec(info.url)?.[1];
    if (path === undefined) return info;
    await channel.ready(call);
    const socket = channel.descriptors;
    const url = socket === undefined ? undefined : sendPath(socket, path);
    if (url === undefined) return info;
    this.#sent.set(url, info.url);
    if (this.#sent.size > MAX_FILES) this.#sent.delete(this.#sent.keys().next().value!);
    return { ...info, url };
  }

  /** An answer, with urls as this process can use them. @throws NsmError INVALID: the descriptor did not come */
  async receive(info: EndpointInfo, channel: Channel, call: Call): Promise<EndpointInfo> {
    if (!info.url.startsWith("inode://")) return info;
    const socket = channel.descriptors;
    const known = this.#sent.get(info.url) ?? this.#files.urlOf(info.name, info.url);
    if (known !== undefined) {
      socket?.letGo(info.url);
      return { ...info, url: known };
    }
    if (socket === undefined) return info;
    return { ...info, url: this.#files.set(info.name, info.url, await receiveSoon(socket, info.url, call.signal)) };
  }

  /** The endpoint is not registered any more. */
  forget(name: string): void {
    this.#files.delete(name);
  }

  close(): void {
    this.#files.clear();
  }
}

function sendPath(socket: DescriptorSocket, path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch {
    return undefined;
  }
  try {
    socket.send(fd);
    return inodeUrl(fd);
  } finally {
    closeSync(fd);
  }
}
