import { decodeMessage, encodeMessage, type Message } from "../../src/memif/protocol.ts";
import { AF_UNIX, SOCK_NONBLOCK, SOCK_SEQPACKET } from "../../src/sys/constants.ts";
import { receiveWithFds, sendWithFds } from "../../src/sys/fdpass.ts";
import { unixAddress } from "../../src/sys/sockaddr.ts";
import { closeFd, connectSocket, openSocket } from "../../src/sys/sockets.ts";
import { eventually } from "./support.ts";

/** A peer at the control channel that says whatever a test wants. */
export class RawPeer {
  readonly #fd: number;
  #open = true;

  constructor(path: string) {
    this.#fd = openSocket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
    connectSocket(this.#fd, unixAddress(path));
  }

  /** False where the other side has hung up. */
  send(message: Message | Uint8Array, fds: readonly number[] = []): boolean {
    try {
      sendWithFds(this.#fd, message instanceof Uint8Array ? message : encodeMessage(message), fds);
      return true;
    } catch {
      return false;
    }
  }

  /** The next message, or "closed". */
  next(): Promise<Message | "closed"> {
    return eventually("a message", () => {
      try {
        const received = receiveWithFds(this.#fd);
        if (received === undefined) return undefined;
        received.fds.forEach(closeFd);
        return received.data.length === 0 ? "closed" : decodeMessage(received.data);
      } catch {
        // ECONNRESET comes before what was said last.
        return undefined;
      }
    });
  }

  /** Skips to a message of this type, or the end. */
  async until(type: Message["type"]): Promise<Message | "closed"> {
    for (;;) {
      const message = await this.next();
      if (message === "closed" || message.type === type) return message;
    }
  }

  close(): void {
    if (this.#open) closeFd(this.#fd);
    this.#open = false;
  }
}
