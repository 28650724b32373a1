import { timingSafeEqual } from "node:crypto";
import { closeFd } from "../sys/sockets.ts";
import { asMemifError, type Channel } from "./channel.ts";
import { MemifError } from "./errors.ts";
import type { MemifLink } from "./link.ts";
import type { MemifListener } from "./listener.ts";
import { Offer } from "./offer.ts";
import { identityOf } from "./options.ts";
import type { Identity, MasterOptions, MemifHandlers } from "./options.ts";
import { MODE_ETHERNET, MODES, VERSION, type Init, type Message } from "./protocol.ts";

type State =
  | { readonly kind: "stopped" }
  | { readonly kind: "waiting" }
  | {
      readonly kind: "connecting";
      readonly channel: Channel;
      readonly deadline: NodeJS.Timeout;
      readonly offer: Offer;
      readonly remoteName: string;
    }
  | { readonly kind: "connected"; readonly channel: Channel; readonly link: MemifLink };

/** The side that a slave connects to by id; several share one {@link MemifListener}. */
export class MemifMaster {
  readonly options: MasterOptions;
  readonly identity: Identity;
  readonly #listener: MemifListener;
  readonly #handlers: MemifHandlers;
  #state: State = { kind: "stopped" };

  /** @throws MemifError OPTION */
  constructor(listener: MemifListener, options: MasterOptions, handlers: MemifHandlers) {
    this.options = options;
    this.identity = identityOf(options);
    this.#listener = listener;
    this.#handlers = handlers;
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** Of the control connection; -1 without one. */
  get controlFd(): number {
    return "channel" in this.#state ? this.#state.channel.fd : -1;
  }

  /** Lets slaves connect. @throws MemifError OPTION where the listener has another with this id */
  start(): void {
    if (this.#state.kind !== "stopped") return;
    this.#listener.add(this);
    this.#state = { kind: "waiting" };
  }

  /** Ends the link, telling the peer `reason`, and lets nobody connect. No handler is called. */
  stop(reason = "interface deleted"): void {
    const state = this.#state;
    this.#state = { kind: "stopped" };
    if (state.kind === "stopped") return;
    this.#listener.remove(this);
    if (state.kind === "waiting") return;
    state.channel.send({ type: "disconnect", code: 0, reason });
    state.channel.close();
    release(state);
  }

  /** Ends a link whose memory was found broken. */
  fail(error: MemifError): void {
    if ("channel" in this.#state) this.#state.channel.end(error);
  }

  /**
   * For the listener: a slave asks for this interface. A connection whose peer has died gives way.
   * @throws MemifError why it cannot have it
   */
  accept(init: Init, channel: Channel): void {
    if (init.mode !== MODE_ETHERNET) {
      throw new MemifError("MODE", "mode mismatch", {
        hint: `the slave wants mode ${MODES[init.mode] ?? init.mode}, here is only ${MODES[MODE_ETHERNET]}`,
      });
    }
    if ("channel" in this.#state && this.#state.channel.isHungUp) {
      this.#state.channel.end(new MemifError("CLOSED", "disconnected"));
    }
    if (this.#state.kind !== "waiting") throw new MemifError("ID", "already connected");
    const { hasSecret, secret, handshakeTimeoutMs } = this.identity;
    if (hasSecret && init.secret[0] === 0) throw new MemifError("SECRET", "secret required");
    if (hasSecret && !timingSafeEqual(init.secret, secret)) throw new MemifError("SECRET", "incorrect secret");
    const deadline = setTimeout(
      () => channel.end(new MemifError("TIMEOUT", "handshake not finished in time")),
      handshakeTimeoutMs,
    );
    const offer = new Offer({ allowUnsealed: this.options.allowUnsealed ?? false });
    this.#state = { kind: "connecting", channel, deadline, offer, remoteName: init.name };
    channel.send({ type: "ack" });
  }

  /** For the listener: a message after INIT. @throws MemifError, SysError: the channel must be ended */
  receive(message: Message, fd: number | undefined): void {
    const state = this.#state;
    if (state.kind === "connecting" && message.type === "add-region") {
      state.offer.addRegion(message, fd);
      return state.channel.send({ type: "ack" });
    }
    if (state.kind === "connecting" && message.type === "add-ring") {
      state.offer.addRing(message, fd);
      return state.channel.send({ type: "ack" });
    }
    if (fd !== undefined) closeFd(fd);
    if (message.type === "ack") return;
    if (message.type === "disconnect") {
      const hint = message.reason === "" ? {} : { hint: "so says the peer" };
      throw new MemifError("REJECTED", message.reason === "" ? "disconnect received" : message.reason, hint);
    }
    if (state.kind === "connecting" && message.type === "connect") return this.#connect(message.interfaceName, state);
    throw new MemifError("PROTOCOL", `unexpected message ${message.type}`);
  }

  /** For the listener: the channel has ended. */
  ended(channel: Channel, error: MemifError): void {
    const state = this.#state;
    if (!("channel" in state) || state.channel !== channel) return;
    this.#state = { kind: "waiting" };
    release(state);
    this.#handlers.disconnected(error, state.kind === "connected");
  }

  #connect(remoteInterfaceName: string, state: State & { kind: "connecting" }): void {
    const { channel, remoteName, offer } = state;
    let link: MemifLink;
    try {
      link = offer.connect();
    } catch (error) {
      throw asMemifError(error);
    }
    clearTimeout(state.deadline);
    this.#state = { kind: "connected", channel, link };
    channel.send({ type: "connected", interfaceName: this.identity.interfaceName });
    // A peer that does not take it has ended the channel by now.
    if (this.#state.kind === "connected") this.#handlers.connected(link, { remoteName, remoteInterfaceName });
  }
}

/** What a state holds beside its channel. */
function release(state: State): void {
  if (state.kind === "connecting") {
    clearTimeout(state.deadline);
    state.offer.close();
  } else if (state.kind === "connected") state.link.close();
}

/** Checks what does not depend on the interface. @throws MemifError VERSION */
export function checkVersion(init: Init): void {
  if (init.version === VERSION) return;
  throw new MemifError("VERSION", "unsupported version", { hint: "this speaks memif version 2.0" });
}
