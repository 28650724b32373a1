import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { RETVAL, type MessageCodec } from "vpp-api-ts/codec";
import { mayAccess, peerOf, type AccessList, type Peer } from "../../sys/peer.ts";
import type { UnixListenOptions } from "../../sys/unix-listener.ts";
import type { Dataplane } from "../dataplane.ts";
import { Pool } from "../pool.ts";
import { InterfaceEvents } from "./events.ts";
import type { Call, DumpHandler, Fields, Handler } from "./handler.ts";
import { handlers as allHandlers } from "./handlers/index.ts";
import { listenUnix, socketInode } from "./listen.ts";
import { Session } from "./session.ts";
import { messageTable, type MessageTable, type TableEntry } from "./table.ts";

/** client_index of a socket client: its place in the pool, marked (vlibmemory/socket_api.c). */
const SOCKET_CLIENT = 0x80000000;

export interface ApiServerOptions {
  /** Path of the unix socket. */
  readonly path: string;
  /** Permissions of the socket: whoever can write to it controls the dataplane. Default 0o660, 0o666 with `access.uids`. */
  readonly mode?: number;
  /** Further users and groups who may connect where the mode lets them; root and this process's user always may. */
  readonly access?: AccessList;
  /** Hears of a peer that was turned away; `undefined`: it was gone before it could be asked for. */
  readonly onRefused?: (peer: Peer | undefined) => void;
  /** Connections at a time. Default 1024. */
  readonly maxClients?: number;
  /** Hears of a handler that threw. Default: a line on standard error. */
  readonly onFault?: (messageName: string, error: unknown) => void;
}

/**
 * VPP's binary API over a unix socket (vlibmemory/socket_api.c), for one dataplane. As with VPP there is no reply to an
 * unknown id, a truncated message, or a client_index that isn't the client's own; the last is served nevertheless.
 */
export class ApiServer {
  readonly #dataplane: Dataplane;
  readonly #options: ApiServerOptions;
  readonly #table: MessageTable = messageTable();
  readonly #handlers = new Map<number, { readonly entry: TableEntry; readonly handler: Handler }>();
  readonly #sessions = new Pool<Session | "listener">();
  readonly #events: InterfaceEvents;
  readonly #server: Server;
  #inode: number | undefined;

  private constructor(dataplane: Dataplane, options: ApiServerOptions) {
    this.#dataplane = dataplane;
    this.#options = options;
    this.#events = new InterfaceEvents(dataplane);
    // VPP's registration 0 is its listening socket: the first client is 0x80000001.
    this.#sessions.add(() => "listener");
    for (const entry of this.#table.entries) {
      const handler = allHandlers[entry.name];
      if (handler !== undefined) this.#handlers.set(entry.id, { entry, handler });
    }
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** @throws ApiServerError when the socket can't be had. */
  static async listen(dataplane: Dataplane, options: ApiServerOptions): Promise<ApiServer> {
    const server = new ApiServer(dataplane, options);
    await listenUnix(server.#server, options.path, socketOptions(options));
    server.#inode = socketInode(options.path);
    return server;
  }

  /** Connected clients. */
  get clients(): number {
    return this.#sessions.size - 1;
  }

  /** Sends the interface events of what happened outside of a request: the CLI, a device that came or went. */
  flushEvents(): void {
    this.#events.flush();
  }

  /** Ends every connection and removes the socket. */
  async close(): Promise<void> {
    for (const session of [...this.#sessions]) if (session !== "listener") session.close();
    if (socketInode(this.#options.path) === this.#inode) rmSync(this.#options.path, { force: true });
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    if (this.clients >= (this.#options.maxClients ?? 1024) || !this.#isAllowed(socket)) {
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    this.#sessions.add((index) => {
      const clientIndex = SOCKET_CLIENT + index;
      const session: Session = new Session(socket, clientIndex, {
        serve: (payload) => this.#serve(session, payload),
        onClose: () => {
          this.#events.remove(clientIndex);
          this.#dataplane.apiClients.delete(index);
          this.#sessions.remove(index);
        },
      });
      return session;
    });
  }

  /** The socket's mode has let the peer in; its user or a group of it must be known too. */
  #isAllowed(socket: Socket): boolean {
    let peer: Peer | undefined;
    try {
      peer = peerOf(socket);
    } catch {
      // Gone already.
    }
    if (peer !== undefined && mayAccess(peer, this.#options.access)) return true;
    this.#options.onRefused?.(peer);
    return false;
  }

  #serve(session: Session, payload: Uint8Array): Iterator<Uint8Array> | Promise<void> | undefined {
    if (payload.length < 2) return undefined;
    const id = (payload[0]! << 8) | payload[1]!;
    const entry = this.#table.byId(id);
    const fields = entry === undefined ? undefined : decode(entry.codec, payload);
    if (entry === undefined || fields === undefined) return undefined;
    if (entry.name === "sockclnt_create") return this.#createClient(session, fields);
    if (entry.name === "sockclnt_delete") return this.#deleteClient(session, fields);
    const found = this.#handlers.get(id);
    return found === undefined ? undefined : this.#run(session, found.entry, found.handler, fields);
  }

  #run(
    session: Session,
    entry: TableEntry,
    handler: Handler,
    fields: Fields,
  ): Iterator<Uint8Array> | Promise<void> | undefined {
    const clientIndex = Number(fields["client_index"]);
    const isOwn = clientIndex === session.clientIndex;
    const call: Call = {
      dataplane: this.#dataplane,
      events: this.#events,
      session,
      clientIndex,
      event: (name, values) => this.#post(session, name, values),
    };
    const context = fields["context"];
    if (handler.kind === "dump") return isOwn ? this.#dump(entry, handler, fields, call) : undefined;
    const reply = (values: Fields): void => {
      const { id, codec } = this.#table.byName(handler.reply ?? `${entry.name}_reply`)!;
      if (isOwn) session.send(codec.encode(id, { retval: 0, ...values, context }));
      this.#events.flush();
    };
    const fail = (error: unknown): void => {
      this.#onFault(entry.name, error);
      try {
        reply({ retval: RETVAL.UNSPECIFIED });
      } catch (second) {
        this.#onFault(entry.name, second);
      }
    };
    try {
      const values = handler.run(fields, call);
      if (values instanceof Promise) return values.then(reply).catch(fail);
      reply(values);
    } catch (error) {
      fail(error);
    }
    return undefined;
  }

  #dump(entry: TableEntry, handler: DumpHandler, fields: Fields, call: Call): Iterator<Uint8Array> | undefined {
    const details = this.#table.byName(handler.details ?? entry.name.replace(/_dump$/, "_details"))!;
    try {
      const elements = handler.run(fields, call);
      const fault = (error: unknown): void => this.#onFault(entry.name, error);
      return encodeAll(details, Number(fields["context"]), elements, handler.encode, fault);
    } catch (error) {
      this.#onFault(entry.name, error);
      return undefined;
    }
  }

  /** A fault of ours must not end the packet path: the client gets UNSPECIFIED, whoever started us hears of it. */
  #onFault(name: string, error: unknown): void {
    (this.#options.onFault ?? reportFault)(name, error);
  }

  #post(session: Session, name: string, values: Fields): void {
    const { id, codec } = this.#table.byName(name)!;
    session.post(codec.encode(id, values));
  }

  #createClient(session: Session, fields: Fields): undefined {
    const { id, codec } = this.#table.byName("sockclnt_create_reply")!;
    this.#dataplane.apiClients.set(session.clientIndex - SOCKET_CLIENT, String(fields["name"]));
    const message_table = this.#table.entries.map((entry) => ({ index: entry.id, name: entry.nameCrc }));
    session.send(
      codec.encode(id, {
        client_index: 0,
        context: fields["context"],
        response: 0,
        index: session.clientIndex,
        count: message_table.length,
        message_table,
      }),
    );
    return undefined;
  }

  /** `response` is 1 where the client is known, -1 where not (socket_api.c:549); a client can only end itself here. */
  #deleteClient(session: Session, fields: Fields): undefined {
    if (fields["client_index"] !== session.clientIndex) return undefined;
    const { id, codec } = this.#table.byName("sockclnt_delete_reply")!;
    const isOwn = (Number(fields["index"]) | 0) === (session.clientIndex | 0);
    session.send(codec.encode(id, { context: fields["context"], response: isOwn ? 1 : -1 }));
    if (isOwn) session.finish();
    return undefined;
  }
}

/** The first group owns the socket; where users are named, the file is open to all and the peer's user decides. */
export function socketOptions({ mode, access = {} }: Pick<ApiServerOptions, "mode" | "access">): UnixListenOptions {
  const gid = access.gids?.[0];
  const named = (access.uids ?? []).length > 0;
  return { mode: mode ?? (named ? 0o666 : 0o660), ...(gid === undefined ? {} : { gid }) };
}

function reportFault(messageName: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`dataplane: ${messageName}: ${text}\n`);
}

/** undefined for a message that is too short for its fields: VPP drops it (vlibapi/api_shared.c:523). */
function decode(codec: MessageCodec, payload: Uint8Array): Fields | undefined {
  try {
    return codec.decode(payload);
  } catch {
    return undefined;
  }
}

/** Behind the message's id. */
const CONTEXT_OFFSET = 2;

/** An element that can't be encoded is left out and reported. */
function* encodeAll(
  details: TableEntry,
  context: number,
  elements: readonly unknown[],
  encode: (element: never) => Fields,
  onFault: (error: unknown) => void,
): Generator<Uint8Array> {
  for (const element of elements) {
    let payload: Uint8Array;
    try {
      payload = details.codec.encode(details.id, encode(element as never));
      // Every detail begins with the request's context (vlibapi/api_common.h); put in here, no object is copied for it.
      new DataView(payload.buffer, payload.byteOffset).setUint32(CONTEXT_OFFSET, context);
    } catch (error) {
      onFault(error);
      continue;
    }
    yield payload;
  }
}
