import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { VppClient } from "vpp-api-ts";
import { ControlClient } from "../control/index.ts";
import type { ControllerStatus } from "../control/index.ts";
import type { MaglevAlgorithm } from "../maglev/index.ts";
import { demoYaml, emptyYaml, type DemoConfig } from "./config.ts";
import { DemoError } from "./errors.ts";
import { CLI, DemoProcess, waitFor } from "./processes.ts";
import { SETTING, type DemoServer } from "./setting.ts";
import type { Topology } from "./topology.ts";

/** To take the demo out of a VPP that is not its own. */
const CLEAN_DEADLINE_MS = 15_000;
const CLEAN_ATTEMPTS = 3;

/** What the demo was told about the VPP to use. */
export interface LabOptions {
  /** API socket of a VPP that runs already; absent: the demo starts the embedded dataplane. */
  readonly vpp?: string;
  /** Its `lb conf` is not set, and the demo does not change it. */
  readonly unsetSource?: boolean;
}

/** The processes of the demo and their files. Whoever makes it closes it. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-demo-"));
  readonly api: string;
  readonly control = join(this.folder, "control.sock");
  /** What starts vpplb in the folder that the demo was started in. */
  readonly command = `node ${relative(process.cwd(), CLI)}`;
  readonly configFile = join(this.folder, "lb.yaml");
  readonly ownsDataplane: boolean;
  readonly #topology: Topology;
  readonly #signal: AbortSignal;
  readonly #unsetSource: boolean;
  readonly #servers = new Map<string, DemoProcess>();
  #dataplane: DemoProcess | undefined;
  #controller: DemoProcess | undefined;

  constructor(topology: Topology, options: LabOptions, signal: AbortSignal) {
    this.#topology = topology;
    this.#signal = signal;
    this.ownsDataplane = options.vpp === undefined;
    this.#unsetSource = options.unsetSource ?? false;
    this.api = options.vpp ?? join(this.folder, "api.sock");
  }

  /** Starts the embedded dataplane and waits until it answers. */
  async startDataplane(): Promise<void> {
    const cli = join(this.folder, "cli.sock");
    this.#dataplane = new DemoProcess("dataplane", this.#topology.lb.netns.fd, [
      "dataplane",
      "--api",
      this.api,
      "--cli",
      cli,
    ]);
    await waitFor("the dataplane's API socket", () => this.vppAnswers(), {
      process: this.#dataplane,
      signal: this.#signal,
    });
  }

  async killDataplane(): Promise<void> {
    await this.#dataplane?.kill();
  }

  /** Which table this VPP builds; undefined while it does not answer. */
  async vppAnswers(): Promise<MaglevAlgorithm | undefined> {
    const client = new VppClient({ socket: this.api, name: "vpplb-demo" });
    try {
      await client.connect({ signal: this.#signal, deadlineMs: 1000 });
      return client.has("lb_add_del_as_v2") ? "weighted" : "plain";
    } catch {
      return undefined;
    } finally {
      client.close();
    }
  }

  async startController(signal = this.#signal): Promise<void> {
    this.#controller = new DemoProcess("controller", this.#topology.client.netns.fd, ["lb", "-f", this.configFile]);
    await waitFor("the controller's control socket", async () => (await this.status()) && true, {
      process: this.#controller,
      signal,
    });
  }

  get controllerRuns(): boolean {
    return this.#controller?.running ?? false;
  }

  async killController(): Promise<void> {
    await this.#controller?.kill();
  }

  /** An application server of its own: VIP, GRE, routes and a TCP server that answers its name. */
  async startServer(server: DemoServer, nameItAnswers: string = server.name): Promise<void> {
    const namespace = this.#topology.servers.get(server.name)!;
    const { loopback, vip4, vip6, port, uplink } = SETTING;
    const process = new DemoProcess(server.name, namespace.netns.fd, [
      "target",
      ...["--device", "nsm0", "--vip", vip4, "--vip", vip6, "--gateway", loopback.ip4, "--gateway", loopback.ip6],
      ...["--route", `${uplink.host4}/31`, "--encap", "gre4", "--encap", "gre6"],
      ...["--serve", String(port), "--name", nameItAnswers],
      ...(this.#unsetSource ? ["--unset-source"] : []),
    ]);
    this.#servers.set(server.name, process);
    await waitFor(`server ${server.name}`, () => (process.output.includes("ready") ? true : undefined), {
      process,
      signal: this.#signal,
    });
  }

  async killServer(server: DemoServer): Promise<void> {
    await this.#servers.get(server.name)?.kill();
  }

  /** Replaces lb.yaml at once, as an editor that saves does. */
  writeConfig(config: Omit<DemoConfig, "api" | "control" | "journal" | "manageLbConf">): void {
    this.#write(demoYaml({ ...config, ...this.#names() }));
  }

  #names(): Pick<DemoConfig, "api" | "control" | "journal" | "manageLbConf"> {
    const journal = join(this.folder, "journal.json");
    return { api: this.api, control: this.control, journal, manageLbConf: this.ownsDataplane };
  }

  #write(yaml: string): void {
    writeFileSync(`${this.configFile}.new`, yaml);
    renameSync(`${this.configFile}.new`, this.configFile);
  }

  async withControl<T>(use: (client: ControlClient) => Promise<T>): Promise<T> {
    const client = new ControlClient({ socket: this.control });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  async status(): Promise<ControllerStatus> {
    return this.withControl((client) => client.status());
  }

  async vppctl(command: string): Promise<string> {
    return (await this.withControl((client) => client.vppctl(command))).output;
  }

  /** A line that changes VPP behind the controller's back. */
  async forceVppctl(command: string): Promise<void> {
    const client = new VppClient({ socket: this.api, name: "vpplb-demo" });
    try {
      await client.connect({ signal: this.#signal, deadlineMs: 1000 });
      await client.cli(command);
    } finally {
      client.close();
    }
  }

  /** Resolves when the controller says that VPP is as lb.yaml (loaded after `since`) wants it. */
  async inSync(since = 0, signal = this.#signal): Promise<ControllerStatus> {
    return waitFor(
      "VPP to be as lb.yaml says",
      async () => {
        const status = await this.status();
        const loaded = Date.parse(status.config.loadedAt ?? "");
        const observed = Date.parse(status.sync.lastObservedAt ?? "");
        return status.sync.state === "in-sync" && loaded >= since && observed > loaded ? status : undefined;
      },
      { ...(this.#controller ? { process: this.#controller } : {}), signal },
    );
  }

  /**
   * Takes everything of the demo out of a VPP that goes on living. The demo's signal may have fired already, and the
   * controller may end just now: then another one does it.
   */
  async #cleanGivenVpp(): Promise<void> {
    const signal = AbortSignal.timeout(CLEAN_DEADLINE_MS);
    this.#write(emptyYaml(this.#names()));
    for (let attempt = 1; ; attempt++) {
      try {
        const since = Date.now();
        if (this.controllerRuns) this.#write(emptyYaml(this.#names()));
        else await this.startController(signal);
        await this.inSync(since, signal);
        return;
      } catch (cause) {
        if (attempt < CLEAN_ATTEMPTS && !signal.aborted) continue;
        const message = `VPP on ${this.api} may still hold objects of the demo: ${(cause as Error).message}`;
        throw new DemoError("CLEANUP", message, { cause });
      }
    }
  }

  /** Stops everything and removes the files. Idempotent. */
  async close(): Promise<void> {
    try {
      if (!this.ownsDataplane && this.#controller !== undefined) await this.#cleanGivenVpp();
    } finally {
      await this.#controller?.stop();
      await Promise.all([...this.#servers.values()].map((server) => server.stop()));
      await this.#dataplane?.stop();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
