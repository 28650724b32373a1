import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FrameReader, builtinSchema, encodeFrame, sockclnt } from "vpp-api-ts/codec";
import type { Fields, MessageCodec } from "vpp-api-ts/codec";

/** A request as the server sees it. */
export interface Received {
  readonly name: string;
  readonly fields: Fields;
  readonly context: number;
}

export type Handler = (request: Received, peer: Peer) => void;

/** One connection of a client. */
export interface Peer {
  readonly socket: Socket;
  /** Sends a message by name. */
  send(name: string, fields: Fields): void;
  raw(bytes: Uint8Array): void;
}

/** The wire side of VPP, to be as silent, slow or wrong as a test wants. Answers control_ping and show_version itself. */
export class FakeVpp {
  readonly directory = mkdtempSync(join(tmpdir(), "vpp-api-"));
  readonly path = join(this.directory, "api.sock");
  readonly received: Received[] = [];
  readonly peers = new Set<Peer>();
  /** Answers nothing, not even the handshake. */
  silent = false;
  handler: Handler = () => undefined;
  readonly ids = new Map<string, number>();
  #byId: MessageCodec[] = [];
  #server: Server | undefined;

  constructor(leaveOut: (nameCrc: string) => boolean = () => false) {
    let id = 100;
    for (const [nameCrc, codec] of builtinSchema().messages) {
      if (leaveOut(nameCrc)) continue;
      this.#byId[id] = codec;
      this.ids.set(nameCrc, id++);
    }
  }

  async listen(): Promise<this> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
    return this;
  }

  /** Drops all connections and the socket. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const peer of this.peers) peer.socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  payload(name: string, fields: Fields): Uint8Array {
    const codec = [...this.#byId].find((one) => one?.name === name);
    if (codec === undefined) throw new Error(`no ${name}`);
    return codec.encode(this.ids.get(codec.nameCrc) ?? 0, fields);
  }

  #serve(socket: Socket): void {
    const peer: Peer = {
      socket,
      raw: (bytes) => void socket.write(bytes),
      send: (name, fields) => void socket.write(encodeFrame(this.payload(name, fields))),
    };
    this.peers.add(peer);
    const reader = new FrameReader();
    socket.on("error", () => undefined);
    socket.on("close", () => this.peers.delete(peer));
    socket.on("data", (chunk) => {
      for (const payload of reader.push(chunk)) this.#receive(payload, peer);
    });
  }

  #receive(payload: Uint8Array, peer: Peer): void {
    if (this.silent) return;
    const id = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
    if (id === sockclnt.createId) return this.#welcome(payload, peer);
    const codec = this.#byId[id];
    if (codec === undefined) return;
    const fields = codec.decode(payload);
    const context = Number(fields["context"]);
    const request = { name: codec.name, fields, context };
    this.received.push(request);
    if (codec.name === "control_ping") {
      peer.send("control_ping_reply", { context, vpe_pid: 4242 });
    } else if (codec.name === "show_version") {
      peer.send("show_version_reply", { context, program: "vpe", version: "26.06-fake" });
    } else {
      this.handler(request, peer);
    }
  }

  #welcome(payload: Uint8Array, peer: Peer): void {
    const { context } = sockclnt.create.decode(payload);
    const table = [...this.ids].map(([name, index]) => ({ index, name }));
    const reply = sockclnt.createReply.encode(sockclnt.createReplyId, {
      context,
      index: 0x8000_0001,
      message_table: table,
    });
    peer.raw(encodeFrame(reply));
  }
}

/** Waits for a condition, with a deadline. */
export async function until(condition: () => boolean, what: string, deadlineMs = 5000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
