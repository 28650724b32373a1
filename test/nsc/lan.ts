import { once } from "node:events";
import net from "node:net";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { openEncapsulator, type Encapsulator } from "../kernel/encapsulator.ts";

export const VIP = "10.2.2.33";
export const VIPS = "10.2.2.0/24";
const CLIENT = "10.99.0.1";

/** A client behind load-balancers that are kernels: each forwards, and sends what is for the VIPs as GRE to a server. */
export class Lan {
  readonly #client: Namespace;
  readonly #lbs = new Map<Namespace, string>();
  readonly #encapsulators = new Map<Namespace, Encapsulator>();
  #listener: net.Server | undefined;

  constructor(client: Namespace) {
    this.#client = client;
  }

  async add(lb: Namespace): Promise<void> {
    const n = this.#lbs.size;
    if (n === 0) await this.#client.addAddress("lo", `${CLIENT}/32`);
    await this.#client.addVeth({ name: `lb${n}`, peer: { name: "uplink", namespace: lb } });
    await this.#client.addAddress(`lb${n}`, `10.70.${n}.0/31`);
    await lb.addAddress("uplink", `10.70.${n}.1/31`);
    await lb.addRoute({ dst: CLIENT, via: `10.70.${n}.0` });
    for (const namespace of [this.#client, lb]) {
      namespace.sysctl("net.ipv4.ip_forward", 1);
      for (const dev of ["all", "default"]) namespace.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
    }
    for (const device of ["uplink"]) lb.sysctl(`net/ipv4/conf/${device}/rp_filter`, 0);
    this.#client.sysctl(`net/ipv4/conf/lb${n}/rp_filter`, 0);
    this.#lbs.set(lb, `10.70.${n}.1`);
  }

  /** That load-balancer sends the VIPs' packets to this server from now on. */
  async serve(lb: Namespace, server: string): Promise<void> {
    const before = this.#encapsulators.get(lb);
    before?.close();
    const encapsulator = await openEncapsulator(lb, server);
    this.#encapsulators.set(lb, encapsulator);
    for (const dev of [encapsulator.device]) lb.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
    await lb.addRoute({ dst: VIPS, dev: encapsulator.device });
  }

  /** The client's packets for the VIPs go by this one from now on. */
  async route(lb: Namespace): Promise<void> {
    await this.#client.addRoute({ dst: VIPS, via: this.#lbs.get(lb)!, src: CLIENT });
  }

  /** Answers every line with itself. */
  listen(host: Namespace): void {
    const server = net.createServer((socket) => {
      socket.on("error", () => undefined);
      socket.pipe(socket);
    });
    server.listen({ fd: listenTcp(host.netns, "0.0.0.0", 5001) });
    this.#listener = server;
  }

  /** A connection that stays. */
  async connect(address = VIP): Promise<Held> {
    const socket = connectTcp(this.#client.netns, address, 5001);
    await once(socket, "connect", { signal: AbortSignal.timeout(10_000) });
    return new Held(socket);
  }

  close(): void {
    this.#listener?.close();
    for (const encapsulator of this.#encapsulators.values()) encapsulator.close();
  }
}

/** A connection of the client, held. */
export class Held {
  readonly #socket: net.Socket;
  error: Error | undefined;
  #heard = "";
  #n = 0;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => (this.#heard += text));
    socket.on("error", (error) => (this.error = error));
  }

  /** Sends a line and waits until it comes back. */
  async echo(timeoutMs = 15_000): Promise<void> {
    const line = `line ${this.#n++}\n`;
    this.#heard = "";
    this.#socket.write(line);
    const deadline = Date.now() + timeoutMs;
    while (!this.#heard.includes(line)) {
      if (this.error !== undefined) throw this.error;
      if (this.#socket.destroyed) throw new Error("the connection was closed");
      if (Date.now() > deadline) throw new Error(`no echo within ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}
