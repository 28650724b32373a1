import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { AF_UNIX, SOCK_NONBLOCK, SOCK_SEQPACKET } from "../sys/constants.ts";
import { SysError } from "../sys/errors.ts";
import { libc, must } from "../sys/libc.ts";
import { watchReadable, type Watch } from "../sys/notifier.ts";
import { acceptSocket, bindSocket, closeFd, connectSocket, openSocket, setNonBlocking } from "../sys/sockets.ts";
import { Channel } from "./channel.ts";
import { MemifError } from "./errors.ts";
import { checkVersion, type MemifMaster } from "./master.ts";
import { MAX_QUEUES, MAX_REGIONS } from "./options.ts";
import { VERSION, type Message } from "./protocol.ts";
import { MAX_LOG2_RING_SIZE } from "./ring.ts";
import { isAbstract, socketAddress, socketFor } from "./address.ts";

const BACKLOG = 64;
/** Connections that have not said yet which interface they want; more are closed at once. */
const MAX_PENDING = 64;
const ACCEPTS_PER_TURN = 16;
/** After an error like "too many descriptors" the listener rests for this. */
const ACCEPT_RETRY_MS = 100;

export interface ListenerOptions {
  /** Permissions of the socket: whoever can write there can connect. Default 0o660. */
  readonly mode?: number;
  /** What HELLO says: at most 31 bytes. Default "vpplb". */
  readonly name?: string;
  /** A connection must say within this which interface it wants. Default 5,000. */
  readonly handshakeTimeoutMs?: number;
}

/** A unix socket (SOCK_SEQPACKET) where slaves ask for interfaces by their id. */
export class MemifListener {
  readonly path: string;
  readonly fd: number;
  readonly #options: Required<ListenerOptions>;
  readonly #watch: Watch;
  readonly #masters = new Map<number, MemifMaster>();
  /** With the deadline of each. */
  readonly #pending = new Map<Channel, NodeJS.Timeout>();
  /** Of the socket file; undefined for an abstract one. */
  readonly #inode: bigint | undefined;
  #rest: NodeJS.Timeout | undefined;
  #open = true;

  private constructor(path: string, fd: number, options: Required<ListenerOptions>) {
    this.path = path;
    this.fd = fd;
    this.#options = options;
    this.#inode = inodeOf(path);
    this.#watch = watchReadable(fd, () => this.#accept());
  }

  /**
   * Listens at a path (`@name`: abstract). A socket file that nobody listens at any more is replaced.
   * @throws MemifError LISTEN
   */
  static open(path: string, options: ListenerOptions = {}): MemifListener {
    const { mode = 0o660, name = "vpplb", handshakeTimeoutMs = 5000 } = options;
    const fd = openAt(path);
    try {
      bindOrReplace(fd, path);
      if (!isAbstract(path)) chmodSync(path, mode);
      must("listen", libc().listen(fd, BACKLOG), path);
      return new MemifListener(path, fd, { mode, name, handshakeTimeoutMs });
    } catch (cause) {
      closeFd(fd);
      if (cause instanceof MemifError) throw cause;
      const hint = cause instanceof Error ? cause.message : String(cause);
      throw new MemifError("LISTEN", `cannot listen at ${path}`, { cause, hint });
    }
  }

  /** For {@link MemifMaster}. @throws MemifError OPTION where the id is taken */
  add(master: MemifMaster): void {
    const { id } = master.identity;
    if (!this.#open) throw new MemifError("LISTEN", "listener is closed");
    if (this.#masters.has(id)) {
      throw new MemifError("OPTION", "interface already exists", { hint: `id ${id} is taken at ${this.path}` });
    }
    this.#masters.set(id, master);
  }

  /** For {@link MemifMaster}. */
  remove(master: MemifMaster): void {
    if (this.#masters.get(master.identity.id) === master) this.#masters.delete(master.identity.id);
  }

  /** Stops its interfaces, closes the socket and removes its file; idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const master of [...this.#masters.values()]) master.stop();
    clearTimeout(this.#rest);
    this.#watch.close();
    for (const channel of [...this.#pending.keys()]) {
      this.#settle(channel);
      channel.close();
    }
    closeFd(this.fd);
    // Not the file of somebody who has replaced it.
    if (this.#inode !== undefined && inodeOf(this.path) === this.#inode) unlinkSync(this.path);
  }

  #accept(): void {
    for (let left = ACCEPTS_PER_TURN; left > 0 && this.#open; left -= 1) {
      let fd: number;
      try {
        fd = acceptSocket(this.fd);
      } catch {
        this.#watch.pause();
        this.#rest = setTimeout(() => this.#watch.resume(), ACCEPT_RETRY_MS);
        return;
      }
      if (fd < 0) return;
      if (this.#pending.size >= MAX_PENDING) closeFd(fd);
      else {
        setNonBlocking(fd);
        this.#greet(fd);
      }
    }
  }

  /** HELLO, and whatever follows until the peer names an interface. */
  #greet(fd: number): void {
    let master: MemifMaster | undefined;
    const channel = new Channel(fd, {
      message: (message, received) => {
        if (master !== undefined) return master.receive(message, received);
        if (received !== undefined) closeFd(received);
        master = this.#choose(message, channel);
        this.#settle(channel);
      },
      ended: (error) => {
        this.#settle(channel);
        master?.ended(channel, error);
      },
    });
    const deadline = setTimeout(
      () => channel.end(new MemifError("TIMEOUT", "no INIT in time")),
      this.#options.handshakeTimeoutMs,
    );
    this.#pending.set(channel, deadline);
    channel.send({
      type: "hello",
      minVersion: VERSION,
      maxVersion: VERSION,
      maxRegion: MAX_REGIONS - 1,
      maxM2sRing: MAX_QUEUES - 1,
      maxS2mRing: MAX_QUEUES - 1,
      maxLog2RingSize: MAX_LOG2_RING_SIZE,
      name: this.#options.name,
    });
  }

  /** No longer waits for the channel to name an interface. */
  #settle(channel: Channel): void {
    clearTimeout(this.#pending.get(channel));
    this.#pending.delete(channel);
  }

  #choose(message: Message, channel: Channel): MemifMaster {
    if (message.type !== "init") throw new MemifError("PROTOCOL", "unexpected message received");
    checkVersion(message);
    const master = this.#masters.get(message.id);
    if (master === undefined) throw new MemifError("ID", "unmatched interface id");
    master.accept(message, channel);
    return master;
  }
}

/** @throws MemifError LISTEN */
function openAt(path: string): number {
  try {
    return socketFor(path);
  } catch (cause) {
    const hint = cause instanceof Error ? cause.message : String(cause);
    throw new MemifError("LISTEN", `cannot listen at ${path}`, { cause, hint });
  }
}

function inodeOf(path: string): bigint | undefined {
  if (isAbstract(path)) return undefined;
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

function bindOrReplace(fd: number, path: string): void {
  const address = socketAddress(path);
  try {
    bindSocket(fd, address, path);
  } catch (error) {
    if (!SysError.is(error, "EADDRINUSE") || isAbstract(path) || !isStale(path)) throw error;
    unlinkSync(path);
    bindSocket(fd, address, path);
  }
}

/** A socket file at which nobody listens. @throws MemifError LISTEN for a file of another kind */
function isStale(path: string): boolean {
  if (!lstatSync(path).isSocket()) {
    throw new MemifError("LISTEN", `${path} is not a socket`, { hint: "remove the file or choose another path" });
  }
  // A socket of another type refuses with EPROTOTYPE: somebody is there.
  const fd = openSocket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
  try {
    connectSocket(fd, socketAddress(path), path);
    return false;
  } catch (error) {
    return SysError.is(error, "ECONNREFUSED");
  } finally {
    closeFd(fd);
  }
}
