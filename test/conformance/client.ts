/**
 * A bare client of VPP's binary API for the conformance suites. It shares nothing with the client under test in
 * src/vppapi but the codec, and can send what that client refuses to.
 */
import { connect, type Socket } from "node:net";
import { builtinSchema, encodeFrame, FrameReader, type MessageCodec } from "vpp-api-ts/codec";

export type Fields = Record<string, unknown>;

export interface Message {
  readonly name: string;
  readonly fields: Fields;
}

export const DEADLINE_MS = 10_000;

const schema = builtinSchema();

export class BareClient {
  /** name -> codec and id, for what the server has and the schema knows. */
  readonly table = new Map<string, { readonly id: number; readonly codec: MessageCodec }>();
  /** Everything that the server lists, known or not. */
  readonly listed = new Map<string, number>();
  clientIndex = 0;
  /** Events seen by `exchange`. */
  readonly events: Message[] = [];
  readonly #names = new Map<number, MessageCodec>();
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #received: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #context = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#received.push(...this.#reader.push(chunk));
      this.#wake?.();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  /** Connects without the handshake. */
  static async open(path: string): Promise<BareClient> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new BareClient(socket);
  }

  static async connect(path: string, name = "conformance"): Promise<BareClient> {
    const client = await BareClient.open(path);
    client.sendPayload(codecOf("sockclnt_create").encode(15, { context: 7, name }));
    const reply = codecOf("sockclnt_create_reply").decode(await client.payload());
    client.clientIndex = Number(reply["index"]);
    for (const { index, name: nameCrc } of reply["message_table"] as { index: number; name: string }[]) {
      client.listed.set(nameCrc, index);
      const codec = schema.messages.get(nameCrc);
      if (codec === undefined) continue;
      client.table.set(codec.name, { id: index, codec });
      client.#names.set(index, codec);
    }
    return client;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  has(name: string): boolean {
    return this.table.has(name);
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  sendPayload(payload: Uint8Array): void {
    this.#socket.write(encodeFrame(payload));
  }

  /** The payload of a request of this client's. */
  encode(name: string, fields: Fields = {}, context = (this.#context += 1)): Uint8Array {
    const entry = this.table.get(name);
    if (entry === undefined) throw new Error(`the server has no message ${name}`);
    return entry.codec.encode(entry.id, { client_index: this.clientIndex, context, ...fields });
  }

  /** The next payload. @throws Error when the connection ends or the deadline passes first */
  async payload(deadlineMs = DEADLINE_MS): Promise<Uint8Array> {
    const payload = await this.poll(deadlineMs);
    if (payload === undefined) throw new Error(this.#closed ? "connection closed" : "no message in time");
    return payload;
  }

  /** The next payload, or undefined when the connection ends or none comes in time. */
  async poll(timeoutMs: number): Promise<Uint8Array | undefined> {
    const deadline = Date.now() + timeoutMs;
    while (this.#received.length === 0 && !this.#closed && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#received.shift();
  }

  decode(payload: Uint8Array): Message {
    const id = (payload[0]! << 8) | payload[1]!;
    const codec = this.#names.get(id);
    if (codec === undefined) throw new Error(`message with unknown id ${id}`);
    return { name: codec.name, fields: codec.decode(payload) };
  }

  /** The next message, decoded. */
  async message(deadlineMs = DEADLINE_MS): Promise<Message> {
    return this.decode(await this.payload(deadlineMs));
  }

  /**
   * Sends a request and a control_ping after it and collects details and reply until the ping's. Servers answer in order,
   * so nothing is missed. Events, which come in between or after, go to `events`.
   */
  async exchange(name: string, fields: Fields = {}): Promise<Message[]> {
    const ping = (this.#context += 1);
    this.sendPayload(this.encode(name, fields));
    this.sendPayload(this.encode("control_ping", {}, ping));
    const messages: Message[] = [];
    for (;;) {
      const message = await this.message();
      if (message.name === "control_ping_reply" && message.fields["context"] === ping) return messages;
      if (message.name.endsWith("_event")) this.events.push(message);
      else messages.push(message);
    }
  }

  /** The reply's fields. */
  async request(name: string, fields: Fields = {}): Promise<Fields> {
    const messages = await this.exchange(name, fields);
    const reply = messages.find((message) => message.name === `${name}_reply`);
    if (reply === undefined) throw new Error(`no reply to ${name}`);
    return reply.fields;
  }

  async dump(name: string, fields: Fields = {}): Promise<Fields[]> {
    const messages = await this.exchange(name, fields);
    return messages.filter((message) => message.name.endsWith("_details")).map((message) => message.fields);
  }

  /** A CLI command's output. */
  async cli(cmd: string): Promise<{ retval: number; reply: string }> {
    const { retval, reply } = await this.request("cli_inband", { cmd });
    return { retval: Number(retval), reply: String(reply) };
  }

  /** Stops reading until `readable` is called. */
  pause(): { readable: () => void } {
    this.#socket.pause();
    return { readable: () => this.#socket.resume() };
  }

  close(): void {
    this.#socket.destroy();
  }
}

function codecOf(name: string): MessageCodec {
  const codec = schema.versionsOf(name)[0];
  if (codec === undefined) throw new Error(`the schema has no message ${name}`);
  return codec;
}
