import type { Socket } from "node:net";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { reasonOf } from "./errors.ts";
import { isEchoOf, makePacket, nameIn } from "./protocol.ts";
import { openTcp } from "./sockets.ts";

/** One packet on its way at a time; the next one when the echo is complete and it is due. */
export class TcpConnection extends Connection {
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sent: Buffer = Buffer.alloc(0);
  #answer: Buffer;
  #filled = 0;

  constructor(options: ConnectionOptions) {
    super(options, "tcp");
    this.#answer = Buffer.alloc(options.packetSize);
  }

  start(): void {
    const { target, source, netns, connectTimeoutMs } = this.options;
    try {
      const socket = openTcp(target.address, source, netns);
      this.#socket = socket;
      socket.on("error", (error) => this.finish(reasonOf(error)));
      socket.on("connect", () => this.#connected(socket));
      socket.on("data", (chunk: Buffer) => this.#received(chunk));
      socket.on("end", () => this.finish("EOF"));
      socket.on("close", () => this.finish("ECONNRESET"));
      this.#timer = setTimeout(() => this.finish("ETIMEDOUT"), connectTimeoutMs);
      socket.connect({ host: target.address, port: target.port });
    } catch (error) {
      this.finish(reasonOf(error));
    }
  }

  protected sendPacket(): void {
    this.#sent = makePacket(this.options.packetSize, this.id, this.sequence++);
    this.#filled = 0;
    this.noteSent(this.#sent.length);
    this.#socket?.write(this.#sent);
  }

  protected release(clean: boolean): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    if (clean && this.options.close === "fin") endGently(socket);
    else if (socket.connecting) socket.destroy();
    else socket.resetAndDestroy();
  }

  #connected(socket: Socket): void {
    this.noteConnected();
    clearTimeout(this.#timer);
    socket.setNoDelay(true);
    this.flow = {
      ...this.flow,
      src: socket.localAddress ?? this.flow.src,
      srcPort: socket.localPort ?? this.flow.srcPort,
    };
    this.sendPacket();
    this.#timer = setTimeout(() => this.finish("ETIMEDOUT"), this.options.answerTimeoutMs);
  }

  #received(chunk: Buffer): void {
    if (this.state === "ended" || this.state === "broken") return;
    const room = this.options.packetSize - this.#filled;
    if (chunk.length > room || this.waitingSinceMs === undefined) return this.finish("EDAMAGED");
    chunk.copy(this.#answer, this.#filled);
    this.#filled += chunk.length;
    const whole = this.#filled === this.options.packetSize;
    this.noteReceived(chunk.length, whole);
    if (!whole) return;
    if (!isEchoOf(this.#sent, this.#answer)) return this.finish("EDAMAGED");
    if (this.sequence === 1) this.noteServer(nameIn(this.#answer));
    clearTimeout(this.#timer);
    this.noteOpen();
    if (this.options.once) this.finish();
  }
}

const LINGER_MS = 2000;

/** FIN, and no longer than LINGER_MS for the peer's. */
function endGently(socket: Socket): void {
  socket.removeAllListeners("end");
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.end();
  socket.resume();
}
