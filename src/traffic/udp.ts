import type { Socket } from "node:dgram";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { reasonOf } from "./errors.ts";
import { isEchoOf, isEchoOfAnother, makePacket, nameIn, sequenceIn } from "./protocol.ts";
import { openUdp } from "./sockets.ts";

/** Answers to packets as old as this are still recognised. */
const WINDOW = 64;

/** A UDP flow: one connected socket. It is open once it was answered. */
export class UdpConnection extends Connection {
  #socket: Socket | undefined;
  #timers: NodeJS.Timeout[] = [];
  readonly #unanswered = new Map<number, Buffer>();

  constructor(options: ConnectionOptions) {
    super(options, "udp");
  }

  start(): void {
    const { target, source, netns } = this.options;
    try {
      const socket = openUdp(target.address, source, netns);
      this.#socket = socket;
      socket.on("error", (error) => this.#failed(error));
      socket.on("message", (packet) => this.#received(packet));
      socket.once("connect", () => this.#connected(socket));
      socket.connect(target.port, target.address);
    } catch (error) {
      this.finish(reasonOf(error));
    }
  }

  protected override mayOverlap(): boolean {
    return true;
  }

  protected sendPacket(): void {
    const packet = makePacket(this.options.packetSize, this.id, this.sequence);
    this.#unanswered.set(this.sequence, packet);
    this.#unanswered.delete(this.sequence - WINDOW);
    this.sequence += 1;
    this.#send(packet, false);
  }

  protected release(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#unanswered.clear();
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      socket?.close();
    } catch {
      // It failed before it was bound: there is nothing to close.
    }
  }

  #send(packet: Buffer, again: boolean): void {
    this.noteSent(packet.length, again);
    this.#socket?.send(packet, (error) => {
      if (error !== null) this.#failed(error);
    });
  }

  /** A refusal (ICMP) is about one packet that went before: the flow is broken only if it stays without an answer. */
  #failed(error: Error): void {
    if (reasonOf(error) !== "ECONNREFUSED") this.finish(reasonOf(error));
  }

  #connected(socket: Socket): void {
    const { address, port } = socket.address();
    this.noteConnected();
    this.flow = { ...this.flow, src: address, srcPort: port };
    this.sendPacket();
    const { once, retransmits, answerTimeoutMs } = this.options;
    this.#timers.push(setTimeout(() => this.finish("ETIMEDOUT"), answerTimeoutMs));
    for (let i = 1; once && i <= retransmits; i++) {
      const packet = this.#unanswered.get(0);
      const delayMs = (answerTimeoutMs * i) / (retransmits + 1);
      this.#timers.push(setTimeout(() => packet !== undefined && this.#send(packet, true), delayMs));
    }
  }

  #received(packet: Buffer): void {
    if (this.state === "ended" || this.state === "broken") return;
    const sequence = sequenceIn(packet) ?? this.sequence - 1;
    const sent = this.#unanswered.get(sequence);
    // A second answer to a packet that was sent again, or one from beyond the window.
    if (sent === undefined || isEchoOfAnother(sent, packet)) return;
    this.#unanswered.delete(sequence);
    if (!isEchoOf(sent, packet)) return this.finish("EDAMAGED");
    this.noteReceived(packet.length, true);
    this.noteServer(nameIn(packet));
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.noteOpen();
    if (this.options.once) this.finish();
  }
}
