import { createRequire } from "node:module";
import type * as NetlinkModule from "netlink";
import { SysError } from "../sys/errors.ts";
import { inNetns, type Netns } from "../sys/netns.ts";
import { KernelError } from "./errors.ts";

/** nlmsghdr flags of the requests made here. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const DEFAULT_TIMEOUT_MS = 5000;
const DUMP_ATTEMPTS = 5;

let library: typeof NetlinkModule | undefined;

function load(): typeof NetlinkModule {
  try {
    library ??= createRequire(import.meta.url)("netlink") as typeof NetlinkModule;
    return library;
  } catch (cause) {
    throw new KernelError(
      "UNSUPPORTED",
      "the native module netlink could not be loaded: run `npm install` on this machine (Linux, x64 or arm64)",
      cause,
    );
  }
}

/** One netlink message of an answer: its type and what follows the header. */
export interface NetlinkReply {
  readonly type: number;
  readonly data: Uint8Array;
}

type Exchanged = NetlinkReply & { readonly flags: number };

/**
 * A netlink socket in one network namespace: requests with a deadline, failures as KernelError. It keeps the process
 * alive only while a request is under way.
 */
export class Netlink {
  readonly #socket: NetlinkModule.NetlinkSocket;
  readonly #closed = new AbortController();
  /** The exchange before: the kernel refuses a dump while another is under way on the same socket (EBUSY). */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws KernelError UNSUPPORTED, PERMISSION */
  constructor(namespace: number | Netns, protocol = NETLINK_ROUTE) {
    const { createNetlink } = load();
    try {
      this.#socket = inNetns(namespace, () => createNetlink(protocol));
    } catch (cause) {
      throw KernelError.from("open a netlink socket", cause);
    }
    // An exception in this library's callbacks ends the process: nothing may throw there, an unheard "error" would.
    this.#socket.on("error", () => undefined);
  }

  /**
   * One request, acknowledged.
   * @param doing what it does, for messages: `add route 10.0.0.0/24`
   * @throws KernelError
   */
  async request(
    type: number,
    body: Uint8Array,
    options: { flags?: number; doing: string; hint?: string; timeoutMs?: number },
  ): Promise<NetlinkReply[]> {
    const { flags = 0, doing, hint, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const replies = await this.#exchange(type, body, flags | NLM_F_ACK, doing, timeoutMs);
    for (const reply of replies) {
      if (reply.type !== NLMSG_ERROR) continue;
      const errno = -new DataView(reply.data.buffer, reply.data.byteOffset).getInt32(0, true);
      if (errno !== 0) throw KernelError.fromErrno(doing, errno, hint);
    }
    return replies.filter((reply) => reply.type !== NLMSG_ERROR);
  }

  /** Everything of a kind, asked again where it changed while being read. @throws KernelError */
  async dump(type: number, body: Uint8Array, doing: string): Promise<NetlinkReply[]> {
    for (let attempt = 1; ; attempt++) {
      const replies = await this.#exchange(type, body, NLM_F_DUMP, doing, DEFAULT_TIMEOUT_MS);
      const [first] = replies;
      if (first?.type === NLMSG_ERROR) {
        const errno = -new DataView(first.data.buffer, first.data.byteOffset).getInt32(0, true);
        if (errno !== 0) throw KernelError.fromErrno(doing, errno);
      }
      if (attempt < DUMP_ATTEMPTS && replies.some((reply) => (reply.flags & NLM_F_DUMP_INTR) !== 0)) continue;
      return replies.filter((reply) => reply.type !== NLMSG_ERROR);
    }
  }

  #exchange(type: number, body: Uint8Array, flags: number, doing: string, timeoutMs: number): Promise<Exchanged[]> {
    const mine = this.#turn.then(() => this.#exchangeNow(type, body, flags, doing, timeoutMs));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #exchangeNow(
    type: number,
    body: Uint8Array,
    flags: number,
    doing: string,
    timeoutMs: number,
  ): Promise<Exchanged[]> {
    const { signal } = this.#closed;
    if (signal.aborted) throw new KernelError("CLOSED", `${doing}: the netlink socket is closed`);
    let timer: NodeJS.Timeout | undefined;
    let onClose: (() => void) | undefined;
    const giveUp = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new KernelError("TIMEOUT", `${doing}: no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      onClose = () => reject(new KernelError("CLOSED", `${doing}: the netlink socket was closed`));
      signal.addEventListener("abort", onClose);
    });
    try {
      const answer = this.#socket.request(type, body, { flags, checkError: false, timeout: timeoutMs + 1000 });
      answer.catch(() => undefined);
      const [messages] = await Promise.race([answer, giveUp]);
      return messages;
    } catch (cause) {
      throw KernelError.from(doing, cause);
    } finally {
      clearTimeout(timer);
      if (onClose !== undefined) signal.removeEventListener("abort", onClose);
    }
  }

  /** Closes the socket; requests under way fail with CLOSED. Idempotent. */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#socket.close();
  }
}

/** One message of an nf_tables transaction; `body` starts with struct nfgenmsg. */
export interface BatchMessage {
  readonly type: number;
  readonly flags?: number;
  readonly body: Uint8Array;
}

const NFNL_BATCH_BEGIN = 0x10;
const NFNL_BATCH_END = 0x11;
/** struct nfgenmsg naming subsystem 10 (nf_tables). */
const BATCH_BODY = Uint8Array.of(0, 0, 0, 10);
const NLM_F_REQUEST = 0x1;

function frame(message: BatchMessage, seq: number): Uint8Array {
  const out = new Uint8Array(16 + Math.ceil(message.body.length / 4) * 4);
  const view = new DataView(out.buffer);
  view.setUint32(0, 16 + message.body.length, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, (message.flags ?? 0) | NLM_F_REQUEST, true);
  view.setUint32(8, seq, true);
  out.set(message.body, 16);
  return out;
}

/**
 * A transaction of nf_tables: all messages or none.
 * @throws KernelError with the first message's errno that failed
 */
export async function sendBatch(
  namespace: number | Netns,
  messages: readonly BatchMessage[],
  doing: string,
): Promise<void> {
  const { RawNetlinkSocket, parseMessages } = load();
  const socket = inNetns(namespace, () => new RawNetlinkSocket(NETLINK_NETFILTER));
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      let open = messages.length;
      timer = setTimeout(
        () => reject(new KernelError("TIMEOUT", `${doing}: no answer within ${DEFAULT_TIMEOUT_MS} ms`)),
        DEFAULT_TIMEOUT_MS,
      );
      socket.on("error", (cause) => reject(KernelError.from(doing, cause)));
      socket.on("message", (data) => {
        // An exception in this library's callbacks ends the process.
        try {
          for (const reply of parseMessages(data)) {
            if (reply.type !== NLMSG_ERROR) continue;
            const errno = -new DataView(reply.data.buffer, reply.data.byteOffset).getInt32(0, true);
            if (errno !== 0) reject(KernelError.fromErrno(doing, errno));
            else if (--open === 0) resolve();
          }
        } catch (cause) {
          reject(KernelError.from(doing, cause));
        }
      });
      const frames = [
        frame({ type: NFNL_BATCH_BEGIN, body: BATCH_BODY }, 1),
        ...messages.map((message, i) => frame({ ...message, flags: (message.flags ?? 0) | NLM_F_ACK }, i + 2)),
        frame({ type: NFNL_BATCH_END, body: BATCH_BODY }, messages.length + 2),
      ];
      socket.send(Buffer.concat(frames), undefined, (cause?: Error) => {
        if (cause !== undefined && cause !== null) reject(KernelError.from(doing, cause));
      });
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** Whether an error says that the kernel has no such thing (module or option missing). */
export function isUnsupported(error: unknown): boolean {
  return KernelError.is(error, "UNSUPPORTED") || SysError.is(error, "EOPNOTSUPP", "EAFNOSUPPORT", "EPROTONOSUPPORT");
}
