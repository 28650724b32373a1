import { openEventFd } from "../sys/eventfd.ts";
import { closeFd, connectSocket } from "../sys/sockets.ts";
import { socketAddress, socketFor } from "./address.ts";
import { asMemifError, Channel } from "./channel.ts";
import { MemifError } from "./errors.ts";
import { layOut } from "./layout.ts";
import { MemifLink } from "./link.ts";
import { identityOf, inRange, shapeOf } from "./options.ts";
import type { Identity, MemifHandlers, SlaveOptions } from "./options.ts";
import { MODE_ETHERNET, VERSION, type Hello, type Message } from "./protocol.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { Region } from "./region.ts";
import { Ring } from "./ring.ts";
import { TransmitQueue } from "./transmit-queue.ts";

/** The next message is sent when the last one was acknowledged, or after this: a peer need not acknowledge. */
const ACK_WAIT_MS = 20;

/** What is still to be sent in a handshake. */
interface Step {
  readonly message: Message;
  readonly fd?: number;
}

type State =
  | { readonly kind: "stopped" }
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout }
  | {
      readonly kind: "connecting";
      readonly channel: Channel;
      readonly deadline: NodeJS.Timeout;
      /** Made when the master's HELLO has come. */
      link: MemifLink | undefined;
      remoteName: string;
      steps: Step[];
      pace: NodeJS.Timeout | undefined;
    }
  | { readonly kind: "connected"; readonly channel: Channel; readonly link: MemifLink };

/**
 * The side that connects and owns the memory. While started it connects, and connects again with back-off when the
 * connection fails or ends.
 */
export class MemifSlave {
  readonly options: SlaveOptions;
  readonly #identity: Identity;
  readonly #shape: ReturnType<typeof shapeOf>;
  readonly #handlers: MemifHandlers;
  #state: State = { kind: "stopped" };
  #retryMs: number;

  /** @throws MemifError OPTION */
  constructor(options: SlaveOptions, handlers: MemifHandlers) {
    const { minRetryMs = 50, maxRetryMs = 2000 } = options;
    inRange("minRetryMs", minRetryMs, 1, 3_600_000);
    inRange("maxRetryMs", maxRetryMs, minRetryMs, 3_600_000);
    this.options = { ...options, minRetryMs, maxRetryMs };
    this.#identity = identityOf(options);
    this.#shape = shapeOf(options);
    this.#handlers = handlers;
    this.#retryMs = minRetryMs;
    const { receiveQueues, transmitQueues, ...rest } = this.#shape;
    layOut({ ...rest, s2mRings: transmitQueues, m2sRings: receiveQueues });
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** Of the control connection; -1 without one. */
  get controlFd(): number {
    return "channel" in this.#state ? this.#state.channel.fd : -1;
  }

  /** Begins to connect; nothing where it does already. */
  start(): void {
    if (this.#state.kind !== "stopped") return;
    this.#retryMs = this.options.minRetryMs!;
    this.#wait(0);
  }

  /** Stops connecting; an established link stays. */
  pause(): void {
    if (this.#state.kind === "connected") return;
    this.#drop();
  }

  /** Ends link and attempts, telling the peer `reason`. No handler is called. */
  stop(reason = "interface deleted"): void {
    const state = this.#state;
    if ("channel" in state) state.channel.send({ type: "disconnect", code: 0, reason });
    this.#drop();
  }

  /** Ends a link whose memory was found broken; it is tried again. */
  fail(error: MemifError): void {
    if ("channel" in this.#state) this.#state.channel.end(error);
  }

  /** To the stopped state, without a word. */
  #drop(): void {
    const state = this.#state;
    this.#state = { kind: "stopped" };
    if (state.kind === "waiting") clearTimeout(state.timer);
    if (state.kind === "connecting") {
      clearTimeout(state.deadline);
      clearTimeout(state.pace);
    }
    if (!("channel" in state)) return;
    state.channel.close();
    state.link?.close();
  }

  #wait(ms: number): void {
    this.#state = { kind: "waiting", timer: setTimeout(() => this.#connect(), ms) };
  }

  #connect(): void {
    let fd = -1;
    try {
      fd = socketFor(this.options.socketPath);
      connectSocket(fd, socketAddress(this.options.socketPath), this.options.socketPath);
    } catch (cause) {
      if (fd >= 0) closeFd(fd);
      const hint = cause instanceof Error ? cause.message : String(cause);
      return this.#ended(new MemifError("CONNECT", "cannot connect", { cause, hint }));
    }
    const channel = new Channel(fd, {
      message: (message, received) => {
        // A master has nothing to give.
        if (received !== undefined) closeFd(received);
        this.#receive(message);
      },
      ended: (error) => this.#ended(error),
    });
    const deadline = setTimeout(
      () => channel.end(new MemifError("TIMEOUT", "no answer in time")),
      this.#identity.handshakeTimeoutMs,
    );
    const nothingYet = { link: undefined, remoteName: "", steps: [], pace: undefined };
    this.#state = { kind: "connecting", channel, deadline, ...nothingYet };
  }

  #receive(message: Message): void {
    const state = this.#state;
    if (message.type === "ack") return state.kind === "connecting" ? this.#step(state) : undefined;
    if (message.type === "disconnect") {
      const hint = message.reason === "" ? {} : { hint: "so says the peer" };
      throw new MemifError("REJECTED", message.reason === "" ? "disconnect received" : message.reason, hint);
    }
    if (state.kind === "connecting") {
      if (message.type === "hello" && state.link === undefined) return this.#hello(message, state);
      if (message.type === "connected" && state.link !== undefined) {
        return this.#connected(message.interfaceName, state, state.link);
      }
    }
    throw new MemifError("PROTOCOL", `unexpected message ${message.type}`);
  }

  /** Makes the memory and offers it. */
  #hello(hello: Hello, state: State & { kind: "connecting" }): void {
    if (hello.minVersion > VERSION || hello.maxVersion < VERSION) {
      throw new MemifError("VERSION", "incompatible protocol version", { hint: "this speaks memif version 2.0" });
    }
    const { id, secret, name, interfaceName } = this.#identity;
    const { bufferSize } = this.#shape;
    const s2mRings = Math.min(hello.maxS2mRing + 1, this.#shape.transmitQueues);
    const m2sRings = Math.min(hello.maxM2sRing + 1, this.#shape.receiveQueues);
    const log2RingSize = Math.min(hello.maxLog2RingSize, this.#shape.log2RingSize);
    const link = makeLink({ s2mRings, m2sRings, log2RingSize, bufferSize });
    state.link = link;
    state.remoteName = hello.name;
    const [region] = link.regions;
    const rings = (s2m: boolean, queues: MemifLink["receive"] | MemifLink["transmit"]): Step[] =>
      queues.map(({ ring: { offset }, interruptFd: fd }, index) => ({
        message: { type: "add-ring", s2m, index, region: 0, offset, log2RingSize, privateHeaderBytes: 0 },
        fd,
      }));
    state.steps = [
      { message: { type: "init", version: VERSION, id, mode: MODE_ETHERNET, secret, name } },
      { message: { type: "add-region", index: 0, size: region!.size }, fd: region!.fd },
      ...rings(true, link.transmit),
      ...rings(false, link.receive),
      { message: { type: "connect", interfaceName } },
    ];
    this.#step(state);
  }

  /**
   * Sends the next message. One at a time: VPP answers one message per wake-up of its socket, and forgets what waits
   * behind it when several came at once (socket.c memif_conn_fd_write_ready).
   */
  #step(state: State & { kind: "connecting" }): void {
    clearTimeout(state.pace);
    const next = state.steps.shift();
    if (next === undefined) return;
    if (state.steps.length > 0) state.pace = setTimeout(() => this.#step(state), ACK_WAIT_MS);
    state.channel.send(next.message, next.fd);
  }

  #connected(remoteInterfaceName: string, state: State & { kind: "connecting" }, link: MemifLink): void {
    clearTimeout(state.deadline);
    clearTimeout(state.pace);
    this.#retryMs = this.options.minRetryMs!;
    this.#state = { kind: "connected", channel: state.channel, link };
    this.#handlers.connected(link, { remoteName: state.remoteName, remoteInterfaceName });
  }

  #ended(error: MemifError): void {
    const wasConnected = this.#state.kind === "connected";
    this.#drop();
    const wait = this.#retryMs;
    this.#retryMs = Math.min(2 * wait, this.options.maxRetryMs!);
    this.#wait(wait);
    this.#handlers.disconnected(error, wasConnected);
  }
}

/** The memory of a slave: one region with rings and buffers, an eventfd for each ring. */
function makeLink(shape: Parameters<typeof layOut>[0]): MemifLink {
  const layout = layOut(shape);
  const region = Region.create("memif region 0", layout.size);
  const receive: ReceiveQueue[] = [];
  const transmit: TransmitQueue[] = [];
  try {
    for (const { s2m, offset, buffers } of layout.rings) {
      const ring = new Ring(region, 0, offset, shape.log2RingSize);
      ring.initialize();
      const { fd } = openEventFd();
      if (s2m) transmit.push(new TransmitQueue(ring, [region], fd, buffers));
      else receive.push(new ReceiveQueue(ring, [region], fd, buffers));
    }
  } catch (error) {
    for (const { interruptFd } of [...receive, ...transmit]) closeFd(interruptFd);
    region.close();
    throw asMemifError(error);
  }
  return new MemifLink({ regions: [region], receive, transmit });
}
