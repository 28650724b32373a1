import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  insecureTokens,
  kernelMechanism,
  memifMechanism,
  newConnection,
  newContext,
  NsmClient,
  type Connection,
} from "@networkservicemesh/sdk-ts";
import { stringify } from "yaml";
import { ControlClient } from "../../src/control/index.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { startMesh, type Mesh } from "../../src/mesh/index.ts";
import type { NseAgent, NseEvent } from "../../src/nse/index.ts";
import { runNse, type NseRoleOptions } from "../../src/roles/nse.ts";
import { KernelWiring } from "../../src/wiring/kernel.ts";
import { MemifHandOver } from "../../src/wiring/memif.ts";
import { until } from "../sys/support.ts";

export const BVI = { ip4: "10.60.1.1", ip6: "2001:db8:60::1", mac: "02:fe:00:00:00:02" };
export const VIP4 = "10.2.2.0/24";
export const VIP6 = "2001:db8:2::/64";
const DEADLINE_MS = 30_000;

/** What a scene is made of beside the defaults. */
export interface LabOptions {
  readonly nsm?: Record<string, unknown>;
  readonly edit?: (document: Record<string, unknown>) => void;
  readonly tokenLifetimeMs?: number;
  /** Without VPP at first. */
  readonly withoutVpp?: boolean;
}

export interface RunningAgent {
  readonly agent: NseAgent;
  readonly events: NseEvent[];
  stop(): Promise<void>;
}

/** A VPP in its namespace, a mesh of this process, and the load-balancer's endpoint. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-nse-"));
  readonly lb: Namespace;
  readonly control: ControlClient;
  readonly tokens = insecureTokens("spiffe://test/anybody");
  readonly options: LabOptions;
  mesh!: Mesh;
  wiring!: KernelWiring;
  readonly #abort = new AbortController();
  readonly #clients: NsmClient[] = [];
  readonly #namespaces: Namespace[] = [];
  readonly #agents: RunningAgent[] = [];
  #vpp: ChildProcess | undefined;
  #document: Record<string, unknown> = {};

  private constructor(lb: Namespace, options: LabOptions) {
    this.lb = lb;
    this.options = options;
    this.control = new ControlClient({ socket: join(this.folder, "control.sock") });
  }

  static async open(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(await Namespace.create("lb"), options);
    try {
      if (options.withoutVpp !== true) await lab.startVpp();
      await lab.startMesh();
      lab.write();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get api(): string {
    return join(this.folder, "api.sock");
  }

  /** VPP's CLI socket. */
  get cli(): string {
    return join(this.folder, "cli.sock");
  }

  get netns(): string {
    return `/proc/${process.pid}/fd/${this.lb.netns.fd}`;
  }

  get managerUrl(): string {
    return `unix://${this.folder}/nsm.sock`;
  }

  async startVpp(): Promise<void> {
    const command = process.env["VPPLB_VPP_COMMAND"];
    rmSync(this.api, { force: true });
    const script = fileURLToPath(new URL("../controller/dataplane-child.ts", import.meta.url));
    const args = ["--conditions=source", "--import=tsx", script, this.api, this.cli];
    this.#vpp =
      command === undefined
        ? this.lb.spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] })
        : this.lb.spawn(command, [this.folder], { stdio: "ignore" });
    await until("VPP answers", () => accepts(this.api), DEADLINE_MS);
  }

  async stopVpp(): Promise<void> {
    const vpp = this.#vpp;
    this.#vpp = undefined;
    if (vpp === undefined || vpp.exitCode !== null || vpp.signalCode !== null) return;
    const gone = new Promise((resolve) => vpp.once("exit", resolve));
    vpp.kill("SIGKILL");
    await gone;
  }

  async startMesh(): Promise<void> {
    this.wiring = new KernelWiring();
    this.mesh = await startMesh(
      {
        name: "box",
        listen: [this.managerUrl],
        tokens: this.tokens,
        wirings: [this.wiring, new MemifHandOver()],
      },
      this.#abort.signal,
    );
  }

  /** lb.yaml, with changes on top. */
  write(change: (document: Record<string, unknown>) => void = () => undefined): void {
    this.#document = {
      vpp: { api: this.api },
      control: { socket: join(this.folder, "control.sock") },
      state: { journal: join(this.folder, "state.sqlite") },
      lb: { ip4Source: BVI.ip4, ip6Source: BVI.ip6, stickyBuckets: 4096 },
      interfaces: [
        {
          loopback: 0,
          mac: BVI.mac,
          addresses: [`${BVI.ip4}/24`, `${BVI.ip6}/64`],
          bridge: { id: 1, bvi: true },
        },
      ],
      vips: [
        { prefix: VIP4, encap: "gre4", tableSize: 1024 },
        { prefix: VIP6, encap: "gre6", tableSize: 1024 },
      ],
      nsm: {
        name: "lb",
        connectTo: this.managerUrl,
        listen: `unix://${this.folder}/lb.sock`,
        prefixes: ["10.60.1.0/24", "2001:db8:60::/64"],
        netns: this.netns,
        insecure: true,
        ...this.options.nsm,
      },
    };
    this.options.edit?.(this.#document);
    change(this.#document);
    writeFileSync(this.file, stringify(this.#document));
  }

  get file(): string {
    return join(this.folder, "lb.yaml");
  }

  /** The agent in this process. */
  async startAgent(api?: string, more: Partial<NseRoleOptions> = {}): Promise<RunningAgent> {
    const events: NseEvent[] = [];
    const stop = new AbortController();
    let serving: NseAgent | undefined;
    const running = runNse(
      {
        file: this.file,
        ...(api === undefined ? {} : { api }),
        env: {},
        onNseEvent: (event) => events.push(event),
        onServing: (agent) => (serving = agent),
        ...more,
      },
      stop.signal,
    );
    let failure: unknown;
    running.catch((error: unknown) => (failure = error));
    await until("the endpoint serves", () => serving !== undefined || failure !== undefined, DEADLINE_MS);
    if (failure !== undefined) throw failure as Error;
    const started: RunningAgent = {
      agent: serving!,
      events,
      stop: async () => {
        stop.abort();
        await running;
      },
    };
    this.#agents.push(started);
    return started;
  }

  /** An agent that is registered. */
  async startRegistered(more: Partial<NseRoleOptions> = {}): Promise<RunningAgent> {
    const started = await this.startAgent(undefined, more);
    await until("the endpoint is registered", () => has(started.events, "endpoint_started"), DEADLINE_MS);
    return started;
  }

  /** A client's host. */
  async host(label: string): Promise<Namespace> {
    const namespace = await Namespace.create(label);
    this.#namespaces.push(namespace);
    return namespace;
  }

  client(name: string, options: Partial<ConstructorParameters<typeof NsmClient>[0]> = {}): NsmClient {
    const client = new NsmClient({
      name,
      url: this.managerUrl,
      tokens: insecureTokens(`spiffe://test/${name}`, this.options.tokenLifetimeMs),
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** Closes the connections of all clients. */
  async endClients(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client.shutdown();
  }

  async close(): Promise<void> {
    await this.endClients();
    for (const agent of this.#agents) await agent.stop();
    await this.mesh?.close();
    this.#abort.abort();
    await this.stopVpp();
    for (const namespace of [...this.#namespaces, this.lb]) namespace.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A Request of the service by KERNEL. */
export function byKernel(host: Namespace, extra: Record<string, string> = {}) {
  return {
    connection: newConnection({
      networkService: "load-balancer",
      context: newContext({ extraContext: { ...extra } }),
    }),
    mechanismPreferences: [kernelMechanism("nsm0", `/proc/${process.pid}/fd/${host.netns.fd}`)],
  };
}

export function byMemif(extra: Record<string, string> = {}) {
  return {
    connection: newConnection({
      networkService: "load-balancer",
      context: newContext({ extraContext: { ...extra } }),
    }),
    mechanismPreferences: [memifMechanism()],
  };
}

/** A connection as it is, with other extra context. */
export function withExtra(connection: Connection, extra: Record<string, string>): Connection {
  const copy = structuredClone(connection);
  Object.assign(copy.context!.extraContext, extra);
  return copy;
}

export function has(events: readonly NseEvent[], type: NseEvent["type"]): boolean {
  return events.some((event) => event.type === type);
}

export function countOf(events: readonly NseEvent[], type: NseEvent["type"]): number {
  return events.filter((event) => event.type === type).length;
}

export function spawnChild(script: string, args: readonly string[], lb?: Namespace): ChildProcess {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const all = ["--conditions=source", "--import=tsx", file, ...args];
  const options = { stdio: ["ignore", "pipe", "inherit"] as ("ignore" | "pipe" | "inherit")[] };
  return lb === undefined ? spawn(process.execPath, all, options) : lb.spawn(process.execPath, all, options);
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
