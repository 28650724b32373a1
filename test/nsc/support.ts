import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  beforeRequest,
  compose,
  endpointChain,
  insecureTokens,
  ipContextOf,
  kernelServer,
  mechanisms,
  memifServer,
  newEndpoint,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type Connection,
  type Endpoint,
  type NsmServer,
  type Route,
} from "@networkservicemesh/sdk-ts";
import { startMesh, type Mesh } from "../../src/mesh/index.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { NscAgent, readSettings, type NscEvent, type NscFlags, type NscOptions } from "../../src/nsc/index.ts";
import { KernelWiring } from "../../src/wiring/kernel.ts";
import { MemifHandOver } from "../../src/wiring/memif.ts";
import { needNamespaces, needTun, until } from "../sys/support.ts";

export const tokens = insecureTokens("spiffe://test/anybody");
export const SERVICE = "load-balancer";

/** What an endpoint of the tests gives. Changed in place, and told by `update`. */
export interface Gift {
  /** Answers wait for it. */
  gate?: Promise<void>;
  /** Closes wait for it; the client's interface is gone by then. */
  onClose?: () => Promise<void>;
  routes: Route[];
  extra?: Record<string, string>;
}

/** A load-balancer's control side: addresses of 10.60.N.0/24, an interface in its namespace, VIPs as routes. */
export class TestEndpoint {
  readonly name: string;
  readonly gift: Gift;
  /** Requests. */
  asked = 0;
  readonly #endpoint: Endpoint;
  readonly #abort = new AbortController();
  #server: NsmServer | undefined;
  #registry: RegistryClient | undefined;

  constructor(name: string, namespace: Namespace, prefix: string, gift: Gift, folder: string) {
    this.name = name;
    this.gift = gift;
    const path = `/proc/${process.pid}/fd/${namespace.netns.fd}`;
    const context = beforeRequest((_request, connection) => {
      ipContextOf(connection).srcRoutes = structuredClone(this.gift.routes);
    });
    const extra = compose((next) => ({
      request: async (request, call) => {
        this.asked += 1;
        const connection = await next.request(request, call);
        await this.gift.gate;
        if (connection.context !== null && this.gift.extra !== undefined)
          Object.assign(connection.context.extraContext, this.gift.extra);
        return connection;
      },
      close: async (connection, call) => {
        await this.gift.onClose?.();
        await next.close(connection, call);
      },
    }));
    this.#endpoint = endpointChain(
      {
        name,
        tokens,
        elements: [
          extra,
          sharedNetworkIpam({ prefix }),
          receiveDescriptors(),
          returnDescriptors(),
          mechanisms({
            KERNEL: compose(kernelServer(path), context),
            MEMIF: compose(
              memifServer(() => `${folder}/memif.sock`),
              context,
            ),
          }),
        ],
      },
      this.#abort.signal,
    );
  }

  get connections(): readonly Connection[] {
    return [...this.#endpoint.monitor.connections.values()];
  }

  async serve(folder: string, manager: string): Promise<void> {
    this.#server = await serveNsm({ listen: `unix://${folder}/${this.name}.sock`, services: this.#endpoint.services });
    this.#registry = new RegistryClient({ url: manager, tokens });
    await this.#registry.registerService({ name: SERVICE, payload: "ETHERNET" });
    await this.#registry.registerEndpoint({
      ...newEndpoint({ name: this.name, url: this.#server.url, networkServiceNames: [SERVICE] }),
      networkServiceLabels: { [SERVICE]: { labels: { app: "lb", name: this.name } } },
    });
  }

  /** Tells every client that what it has is another now. */
  update(change: (connection: Connection) => void): void {
    for (const connection of this.connections) {
      const changed = structuredClone(connection);
      change(changed);
      this.#endpoint.monitor.update(changed);
    }
  }

  /** As if it were killed: nobody is told. */
  async kill(): Promise<void> {
    await this.#server?.close();
    this.#registry?.close();
    this.#abort.abort();
  }
}

/** A mesh, endpoints and agents in a folder of their own. */
export class NscScene {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-nsc-"));
  readonly url = `unix://${this.folder}/nsm.sock`;
  readonly wiring = new KernelWiring();
  readonly #abort = new AbortController();
  readonly #agents: NscAgent[] = [];
  readonly #endpoints: TestEndpoint[] = [];
  #mesh: Mesh | undefined;

  async startMesh(): Promise<void> {
    this.#mesh = await startMesh(
      { name: "here", listen: [this.url], tokens, wirings: [this.wiring, new MemifHandOver()] },
      this.#abort.signal,
    );
  }

  async stopMesh(): Promise<void> {
    await this.#mesh?.close();
    this.#mesh = undefined;
  }

  async endpoint(name: string, namespace: Namespace, prefix: string, gift: Gift): Promise<TestEndpoint> {
    const endpoint = new TestEndpoint(name, namespace, prefix, gift, this.folder);
    this.#endpoints.push(endpoint);
    await endpoint.serve(this.folder, this.url);
    return endpoint;
  }

  agent(
    namespace: Namespace,
    flags: NscFlags = {},
    more: Partial<NscOptions> = {},
    environment: Readonly<Record<string, string>> = {},
  ): TestAgent {
    const settings = readSettings(
      { connectTo: this.url, name: "as", urls: [`kernel://${SERVICE}/nsm0`], ...flags },
      environment,
    );
    const agent = new NscAgent({
      ...{ settings, namespace, identity: { tokens } },
      netns: `/proc/${process.pid}/fd/${namespace.netns.fd}`,
      retryMs: { first: 50, last: 500 },
      ...more,
    });
    this.#agents.push(agent);
    return new TestAgent(agent);
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) await agent.close().catch(() => undefined);
    for (const endpoint of this.#endpoints) await endpoint.kill();
    await this.stopMesh();
    this.#abort.abort();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Gives each test of a suite a scene of its own; without namespaces and TUN devices they are skipped. */
export function eachScene(use: (scene: NscScene) => void): void {
  let scene: NscScene;
  before(function () {
    needNamespaces(this);
    needTun(this);
  });
  beforeEach(() => {
    scene = new NscScene();
    use(scene);
  });
  afterEach(() => scene.close());
}

/** An agent, and everything that it told. */
export class TestAgent {
  readonly agent: NscAgent;
  readonly events: NscEvent[] = [];

  constructor(agent: NscAgent) {
    this.agent = agent;
    agent.events$.subscribe((event) => this.events.push(event));
    agent.start();
  }

  get types(): string[] {
    return this.events.map((event) => event.type);
  }

  /** Waits for an event of that type, from the given place on; the place after it. */
  async sees(type: NscEvent["type"], from = 0, message = /./): Promise<number> {
    const found = () =>
      this.events.findIndex((event, i) => i >= from && event.type === type && message.test(event.message));
    await until(`${type} ${message}`, () => found() >= 0, 20_000).catch((error: unknown) => {
      const said = this.events.map((event) => `${event.type}: ${event.message}`).join("\n");
      throw new Error(`${(error as Error).message}\n${said}`);
    });
    return found() + 1;
  }
}

/** Everything about a namespace that an agent may touch. */
export async function stateOf(namespace: Namespace): Promise<unknown> {
  const settings = ["all", "default"].flatMap((dev) =>
    ["arp_announce", "arp_ignore", "rp_filter"].map((name) => `net/ipv4/conf/${dev}/${name}`),
  );
  return {
    links: (await namespace.links()).map(({ name, up, mtu }) => ({ name, up, mtu })),
    addresses: (await namespace.addresses()).map((one) => one.prefix).sort(),
    routes: (await namespace.routes())
      // The kernel adds IPv6 routes of its own when it likes.
      .filter((route) => !/^(ff|fe80)/.test(route.dst))
      .map((route) => JSON.stringify(route))
      .sort(),
    rules: await namespace.rules(),
    sysctls: settings.map((name) => namespace.sysctl(name)),
  };
}
