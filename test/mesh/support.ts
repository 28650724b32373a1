import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { Namespace } from "../../src/kernel/namespace.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import {
  beforeRequest,
  Call,
  ChannelPool,
  clientChain,
  endpointChain,
  insecureTokens,
  ipContextOf,
  kernelMechanism,
  kernelServer,
  mechanisms,
  newConnection,
  newEndpoint,
  NsmClient,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type ChainElement,
  type Connection,
  type Endpoint,
  type IpContext,
  type NsmClientOptions,
} from "@networkservicemesh/sdk-ts";
import { until } from "../sys/support.ts";
import { printed, start, type Started } from "../cli/vpplb.ts";

/** `vpplb nsm` as a process of its own. */
export class NsmProcess {
  readonly url: string;
  /** Its `--name`. */
  readonly name: string;
  readonly #args: readonly string[];
  #started: Started;

  private constructor(url: string, name: string, args: readonly string[], started: Started) {
    this.url = url;
    this.name = name;
    this.#args = args;
    this.#started = started;
  }

  static async start(folder: string, more: readonly string[] = []): Promise<NsmProcess> {
    const url = `unix://${folder}/nsm.sock`;
    // Another test's forwarder of the same name would take up its links.
    const name = `test-${randomUUID().slice(0, 8)}`;
    const args = ["--json", "nsm", "--insecure", "--name", name, "--listen", url, "--log-level", "debug", ...more];
    const self = new NsmProcess(url, name, args, start(args, { deadlineMs: 60_000 }));
    await self.ready();
    return self;
  }

  get pid(): number {
    return this.#started.child.pid ?? 0;
  }

  get output(): string {
    return this.#started.output();
  }

  /** What it has logged of an event. */
  events(name: string): Record<string, unknown>[] {
    return this.output
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event }) => event === name);
  }

  async ready(): Promise<void> {
    await printed(this.#started, /"event":"mesh-ready"/);
  }

  signal(signal: NodeJS.Signals): void {
    this.#started.child.kill(signal);
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.#started.child.kill(signal);
    return (await this.#started.ended).code;
  }

  /** The same again, after it has ended. */
  async restart(): Promise<void> {
    this.#started = start(this.#args, { deadlineMs: 60_000 });
    await this.ready();
  }
}

/** Runs work with `vpplb nsm`, which is ended afterwards. */
export async function withNsm(
  folder: string,
  more: readonly string[],
  work: (nsm: NsmProcess) => Promise<void>,
): Promise<void> {
  const nsm = await NsmProcess.start(folder, more);
  try {
    await work(nsm);
  } catch (error) {
    process.stderr.write(`\n${nsm.output}\n`);
    throw error;
  } finally {
    await nsm.end();
  }
}

/** A namespace with a process in it, as a pod has: it can be found and opened by that process. */
export interface Pod {
  readonly namespace: Namespace;
  readonly netns: string;
  close(): void;
}

export async function pod(name: string): Promise<Pod> {
  const namespace = await Namespace.create(name);
  const child = namespace.spawn("cat", [], { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  return {
    namespace,
    netns: `/proc/${child.pid}/ns/net`,
    close: () => {
      child.kill("SIGKILL");
      namespace.close();
    },
  };
}

export async function withPods(names: readonly string[], work: (...pods: Pod[]) => Promise<void>): Promise<void> {
  const pods: Pod[] = [];
  try {
    for (const name of names) pods.push(await pod(name));
    await work(...pods);
  } finally {
    for (const one of pods) one.close();
  }
}

export const tokensOf = (name: string, lifetimeMs?: number) => insecureTokens(`spiffe://test/${name}`, lifetimeMs);

export interface EndpointOptions {
  readonly service?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly lifetimeMs?: number;
  readonly context?: () => Partial<IpContext>;
  readonly mtu?: number;
  /** Instead of `mtu`: asked at each Request. */
  readonly mtuOf?: () => number;
  /** Instead of KERNEL in the pod's namespace. */
  readonly mechanism?: Readonly<Record<string, ChainElement>>;
}

export interface TestEndpoint {
  readonly chain: Endpoint;
  close(): Promise<void>;
}

/** An endpoint whose interfaces are in a pod, registered at a manager. */
export async function endpoint(
  nsm: NsmProcess,
  folder: string,
  name: string,
  place: Pod | undefined,
  options: EndpointOptions = {},
): Promise<TestEndpoint> {
  const { service = "load-balancer", labels = {}, mtu = 0 } = options;
  const abort = new AbortController();
  const tokens = tokensOf(name, options.lifetimeMs);
  const context = beforeRequest((_request, connection) => {
    Object.assign(ipContextOf(connection), options.context?.());
    connection.context!.MTU = options.mtuOf?.() ?? mtu;
  });
  const chain = endpointChain(
    {
      name,
      tokens,
      elements: [
        context,
        sharedNetworkIpam({ prefix: "10.60.1.0/24" }, { prefix: "2001:db8:60::/64" }),
        receiveDescriptors(),
        returnDescriptors(),
        mechanisms(options.mechanism ?? { KERNEL: kernelServer(place?.netns) }),
      ],
    },
    abort.signal,
  );
  const server = await serveNsm({ listen: `unix://${folder}/${name}.sock`, services: chain.services });
  const registry = new RegistryClient({ url: nsm.url, tokens });
  const registration = await registry.registerEndpoint({
    ...newEndpoint({ name, url: server.url, networkServiceNames: [service] }),
    networkServiceLabels: { [service]: { labels } },
  });
  return {
    chain,
    close: async () => {
      await registration.unregister().catch(() => undefined);
      registry.close();
      await server.close();
      abort.abort();
    },
  };
}

/** Asks once, and never again. */
export async function requestOnce(
  nsm: NsmProcess,
  name: string,
  lifetimeMs: number,
  netns: string,
): Promise<Connection> {
  const abort = new AbortController();
  const pool = new ChannelPool({ tokens: tokensOf(name, lifetimeMs) });
  const once = clientChain({ name, url: nsm.url, pool, refresh: false, heal: false }, abort.signal);
  const connection = newConnection({ id: name, networkService: "load-balancer" });
  try {
    const mechanismPreferences = [kernelMechanism("nsm0", netns)];
    return await Call.within(10_000, (call) => once.request({ connection, mechanismPreferences }, call));
  } finally {
    abort.abort();
    pool.close();
  }
}

export function client(nsm: NsmProcess, name: string, options: Partial<NsmClientOptions> = {}): NsmClient {
  return new NsmClient({ name, url: nsm.url, tokens: tokensOf(name), ...options });
}

/** Who answers at an address and sees whom: TCP from one namespace to another. */
export async function echo(from: Namespace, to: Namespace, address: string): Promise<string> {
  const server = net.createServer((socket) => socket.end(`you are ${socket.remoteAddress}`));
  server.listen({ fd: listenTcp(to.netns, address, 5001) });
  await once(server, "listening");
  const socket = connectTcp(from.netns, address, 5001);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  try {
    await once(socket, "close");
    return text;
  } finally {
    socket.destroy();
    server.close();
  }
}

export async function linkNames(namespace: Namespace): Promise<string[]> {
  return (await namespace.links()).map(({ name }) => name).sort();
}

export async function addressesOf(namespace: Namespace, name: string): Promise<string[]> {
  return (await namespace.addresses(name)).map(({ prefix }) => prefix).filter((prefix) => !prefix.startsWith("fe80"));
}

/** Waits until a namespace has these interfaces beside lo. */
export async function hasLinks(namespace: Namespace, names: readonly string[], timeoutMs?: number): Promise<void> {
  const wanted = JSON.stringify(["lo", ...names].sort());
  let seen = "";
  await until(
    `interfaces ${wanted}`,
    async () => (seen = JSON.stringify(await linkNames(namespace))) === wanted,
    timeoutMs,
  ).catch((error: unknown) => assert.fail(`${String(error)}, but has ${seen}`));
}
