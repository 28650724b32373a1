import { connect, createServer, type Server, type Socket } from "node:net";
import { encodeFrame, FrameReader, sockclnt } from "vpp-api-ts/codec";

/** Asks, and changes nothing in VPP. */
function isRead(name: string, payload: Uint8Array): boolean {
  if (name.startsWith("cli_inband")) return Buffer.from(payload).includes("show ");
  return /^(sockclnt_|control_ping|show_|want_interface_events|lb_conf_get)|sw_interface_get_table_|feature_is_enabled_|_(dump|get)_[0-9a-f]{8}$/.test(
    name,
  );
}

/** Stands between a controller and VPP, knows each message's name, and counts those that write. */
export class WriteProxy {
  readonly socket: string;
  /** Names of the writing messages that were passed on. */
  readonly writes: string[] = [];
  /** Called when one was passed on; what comes behind it is not if it returns true. */
  onWrite: ((count: number) => boolean) | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(socket: string, upstream: string) {
    this.socket = socket;
    this.#server = createServer((client) => this.#accept(client, upstream));
  }

  static async start(socket: string, upstream: string): Promise<WriteProxy> {
    const proxy = new WriteProxy(socket, upstream);
    await new Promise<void>((resolve) => proxy.#server.listen(socket, resolve));
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket, upstream: string): void {
    const vpp = connect(upstream);
    const names = new Map<number, string>();
    const [requests, replies] = [new FrameReader(), new FrameReader()];
    let cut = false;
    for (const socket of [client, vpp]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        vpp.destroy();
      });
    }
    client.on("data", (chunk) => {
      for (const payload of requests.push(chunk)) {
        if (cut) return;
        vpp.write(encodeFrame(payload));
        const name = names.get((payload[0]! << 8) | payload[1]!) ?? "sockclnt_create";
        if (isRead(name, payload)) continue;
        this.writes.push(name);
        cut = this.onWrite?.(this.writes.length) === true;
      }
    });
    vpp.on("data", (chunk) => {
      if (cut) return;
      if (names.size === 0) for (const payload of replies.push(chunk)) learn(payload, names);
      client.write(chunk);
    });
  }
}

function learn(payload: Uint8Array, names: Map<number, string>): void {
  if (((payload[0]! << 8) | payload[1]!) !== sockclnt.createReplyId) return;
  const { message_table: table } = sockclnt.createReply.decode(payload) as {
    message_table: { index: number; name: string }[];
  };
  for (const { index, name } of table) names.set(index, name.split("\0")[0]!);
}
