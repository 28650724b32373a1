import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { VppClient } from "vpp-api-ts";
import { ControlClient, type ControllerStatus } from "../../control/index.ts";
import type { MaglevAlgorithm } from "../../maglev/index.ts";
import { DemoError } from "../errors.ts";
import type { GivenVpp } from "../given-vpp.ts";
import type { NamedServer } from "../prediction.ts";
import { CLI, DemoProcess, waitFor } from "../processes.ts";
import { SETTING } from "../setting.ts";
import { nsmDemoYaml, nsmEmptyYaml } from "./config.ts";
import { MeshWatch } from "./mesh-watch.ts";
import { NSM_SETTING, type ServerName } from "./setting.ts";
import type { NsmTopology } from "./topology.ts";

/** To take the demo out of a VPP that is not its own. */
const CLEAN_DEADLINE_MS = 15_000;
/** A client's Request waits for manager, endpoint and VPP. */
const CONNECT_MS = 20_000;

export interface NsmLabOptions {
  /** API socket of a VPP that runs already, and what was found out about it; absent: the embedded dataplane. */
  readonly vpp?: { readonly socket: string } & Pick<GivenVpp, "unsetSource">;
  readonly tableSize: number;
  /** What others change in VPP is put back after so long. */
  readonly repairMs: number;
  /** Hears the log of a role, as JSON and with all that it can tell. */
  readonly onLog?: (role: string, line: string) => void;
}

/** A running application server: a pod with the client agent in it. */
interface RunningServer extends NamedServer {
  readonly process: DemoProcess;
}

/** The processes of the demo with NSM and their files. Whoever makes it closes it. */
export class NsmLab {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-demo-"));
  readonly api: string;
  readonly control = join(this.folder, "control.sock");
  readonly manager = join(this.folder, "nsm.io.sock");
  readonly configFile = join(this.folder, "lb.yaml");
  readonly command = `node ${relative(process.cwd(), CLI)}`;
  readonly ownsDataplane: boolean;
  /** What the manager says of connections. */
  readonly watch: MeshWatch;
  readonly #topology: NsmTopology;
  readonly #options: NsmLabOptions;
  readonly #signal: AbortSignal;
  readonly #servers = new Map<string, RunningServer>();
  #dataplane: DemoProcess | undefined;
  #mesh: DemoProcess | undefined;
  #endpoint: DemoProcess | undefined;

  constructor(topology: NsmTopology, options: NsmLabOptions, signal: AbortSignal) {
    this.#topology = topology;
    this.#options = options;
    this.#signal = signal;
    this.ownsDataplane = options.vpp === undefined;
    this.watch = new MeshWatch(`unix://${this.manager}`, signal);
    this.api = options.vpp?.socket ?? join(this.folder, "api.sock");
  }

  /** Starts the embedded dataplane and waits until it answers. */
  async startDataplane(): Promise<void> {
    const cli = join(this.folder, "cli.sock");
    const args = ["dataplane", "--api", this.api, "--cli", cli];
    const started = new DemoProcess("dataplane", this.#topology.lb.netns.fd, args);
    this.#dataplane = started;
    await waitFor("the dataplane's API socket", () => this.vppAnswers(), { process: started, signal: this.#signal });
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

  /** Manager, registry and forwarder, on the node. */
  async startMesh(): Promise<void> {
    const args = ["nsm", "--insecure", "--name", "node", "--listen", `unix://${this.manager}`];
    const started = this.#start("nsm", this.#topology.node.netns.fd, args);
    this.#mesh = started;
    const ready = () => (/\bready\b/.test(started.output) ? true : undefined);
    await waitFor("NSM's manager", ready, { process: started, signal: this.#signal });
  }

  #start(name: string, netns: number, args: readonly string[]): DemoProcess {
    const { onLog } = this.#options;
    if (onLog === undefined) return new DemoProcess(name, netns, args);
    return new DemoProcess(name, netns, ["--json", ...args, "--log-level", "debug"], (line) => onLog(name, line));
  }

  async killMesh(): Promise<void> {
    await this.#mesh?.kill();
  }

  /** The endpoint's agent, in the namespace of VPP: links for VPP end there. */
  async startEndpoint(signal = this.#signal): Promise<void> {
    const started = this.#start("nse", this.#topology.lb.netns.fd, ["nse", "-f", this.configFile]);
    this.#endpoint = started;
    const answers = async () => (await this.status()) && true;
    await waitFor("the endpoint's control socket", answers, { process: started, signal });
  }

  get endpointRuns(): boolean {
    return this.#endpoint?.running ?? false;
  }

  async killEndpoint(): Promise<void> {
    await this.#endpoint?.kill();
  }

  /** Writes the demo's lb.yaml, at once as an editor that saves does. */
  writeConfig(): void {
    const { tableSize, repairMs } = this.#options;
    const listen = join(this.folder, "nse.sock");
    const manageLbConf = this.ownsDataplane;
    this.#write(nsmDemoYaml({ ...this.#names(), manager: this.manager, listen, tableSize, repairMs, manageLbConf }));
  }

  #names() {
    return { api: this.api, control: this.control, journal: join(this.folder, "journal.json") };
  }

  #write(yaml: string): void {
    writeFileSync(`${this.configFile}.new`, yaml);
    renameSync(`${this.configFile}.new`, this.configFile);
  }

  /**
   * A pod that asks for the service, sets itself up and answers its name. Resolves when VPP has it as a server.
   * @param lifetimeS of its tokens: it is given up when half of it has passed without a refresh
   */
  async startServer(name: ServerName, lifetimeS: number = NSM_SETTING.tokenLifetimeS): Promise<void> {
    const namespace = await this.#topology.server(name);
    const { port } = SETTING;
    const process = this.#start(name, namespace.netns.fd, [
      ...["nsc", `kernel://${NSM_SETTING.service}/nsm0?app=web`, "--insecure", "--name", name],
      ...["--connect-to", `unix://${this.manager}`, "--max-token-lifetime", `${lifetimeS}s`],
      ...["--serve", String(port), "--state", join(this.folder, `${name}.json`)],
      ...(this.#options.vpp?.unsetSource === true ? ["--unset-source"] : []),
    ]);
    const started: RunningServer = { name, process, ip4: "", ip6: "" };
    this.#servers.set(name, started);
    const options = { process, signal: this.#signal, deadlineMs: CONNECT_MS };
    const [ip4, ip6] = await waitFor(
      `addresses of ${name}`,
      async () => {
        const own = (await namespace.addresses("nsm0")).map(({ prefix }) => prefix.split("/")[0]!);
        const found = [own.find((one) => !one.includes(":")), own.find((one) => /^2001:/.test(one))] as const;
        return found[0] !== undefined && found[1] !== undefined ? ([found[0], found[1]] as const) : undefined;
      },
      options,
    );
    this.#servers.set(name, { ...started, ip4, ip6 });
    await waitFor(`server ${name}`, () => (process.output.includes("ready") ? true : undefined), options);
    await this.#serverInVpp(name, true);
  }

  /** Servers that run, in the order in which they came. */
  get servers(): readonly NamedServer[] {
    return [...this.#servers.values()];
  }

  server(name: string): NamedServer {
    const found = this.#servers.get(name);
    if (found === undefined) throw new DemoError("SETUP", `application server ${name} does not run`);
    return found;
  }

  /** The pod ends as pods do: SIGTERM, then its namespace goes. Resolves when VPP has it no more. */
  async stopServer(name: string): Promise<void> {
    await this.#servers.get(name)?.process.stop(10_000);
    this.#topology.removeServer(name);
    await this.#serverInVpp(name, false);
    this.#servers.delete(name);
  }

  /** kill -9 of the agent, and its namespace goes. Resolves when VPP has it no more. */
  async crashServer(name: string): Promise<void> {
    await this.#servers.get(name)?.process.kill();
    this.#topology.removeServer(name);
    await this.#serverInVpp(name, false);
    this.#servers.delete(name);
  }

  /** Behind the agent's back, takes the server out of VPP: a client whose entry is missing. */
  async loseServer(name: string): Promise<void> {
    const { ip4, ip6 } = this.server(name);
    await this.forceVppctl(`lb as ${SETTING.vip4} ${ip4} del flush`);
    await this.forceVppctl(`lb as ${SETTING.vip6} ${ip6} del flush`);
  }

  /** Every flow loses its sticky entry: those whose slot has moved break. */
  async forgetFlows(): Promise<void> {
    for (const vip of [SETTING.vip4, SETTING.vip6]) await this.forceVppctl(`lb flush vip ${vip}`);
  }

  /** Resolves when VPP has every server that runs. */
  async serversInVpp(): Promise<void> {
    for (const name of this.#servers.keys()) await this.#serverInVpp(name, true);
  }

  async #serverInVpp(name: string, there: boolean): Promise<void> {
    const { ip4, ip6 } = this.server(name);
    await waitFor(
      `VPP to ${there ? "have" : "forget"} ${name} (${ip4}, ${ip6})`,
      async () => {
        const text = await this.vppctl("show lb vips verbose");
        const servers = text.split("\n").filter((line) => !line.includes("removed"));
        const found = [ip4, ip6].filter((address) => servers.some((line) => line.trim().startsWith(`${address} `)));
        return found.length === (there ? 2 : 0) && (await this.status()).sync.state === "in-sync" ? true : undefined;
      },
      {
        deadlineMs: CONNECT_MS,
        everyMs: 50,
        signal: this.#signal,
        ...(this.#endpoint ? { process: this.#endpoint } : {}),
      },
    );
  }

  async withControl<T>(use: (client: ControlClient) => Promise<T>): Promise<T> {
    const client = new ControlClient({ socket: this.control });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  status(): Promise<ControllerStatus> {
    return this.withControl((client) => client.status());
  }

  async vppctl(command: string): Promise<string> {
    return (await this.withControl((client) => client.vppctl(command))).output;
  }

  /** A line that changes VPP behind the agent's back. */
  async forceVppctl(command: string): Promise<void> {
    const client = new VppClient({ socket: this.api, name: "vpplb-demo" });
    try {
      await client.connect({ signal: this.#signal, deadlineMs: 1000 });
      await client.cli(command);
    } finally {
      client.close();
    }
  }

  /** Resolves when the agent says that VPP is as it wants it. */
  async inSync(signal = this.#signal): Promise<ControllerStatus> {
    const settled = async () => {
      const status = await this.status();
      const loaded = Date.parse(status.config.loadedAt ?? "");
      const observed = Date.parse(status.sync.lastObservedAt ?? "");
      return status.sync.state === "in-sync" && observed > loaded ? status : undefined;
    };
    const process = this.#endpoint === undefined ? {} : { process: this.#endpoint };
    return waitFor("VPP to be as wanted", settled, { ...process, signal, deadlineMs: CONNECT_MS });
  }

  /** Takes everything of the demo out of a VPP that goes on living; the demo's signal may have fired already. */
  async #cleanGivenVpp(): Promise<void> {
    const signal = AbortSignal.timeout(CLEAN_DEADLINE_MS);
    try {
      await this.#endpoint?.stop();
      this.#write(nsmEmptyYaml(this.#names()));
      const args = ["lb", "-f", this.configFile];
      const cleaner = new DemoProcess("controller", this.#topology.lb.netns.fd, args);
      this.#endpoint = cleaner;
      const answers = async () => (await this.status()) && true;
      await waitFor("the controller's control socket", answers, { process: cleaner, signal });
      await this.inSync(signal);
    } catch (cause) {
      const message = `VPP on ${this.api} may still hold objects of the demo: ${(cause as Error).message}`;
      throw new DemoError("CLEANUP", message, { cause });
    }
  }

  /** Stops everything and removes the files. Idempotent. */
  async close(): Promise<void> {
    this.watch.close();
    await Promise.all([...this.#servers.values()].map(({ process }) => process.stop()));
    try {
      if (!this.ownsDataplane && this.#endpoint !== undefined) await this.#cleanGivenVpp();
    } finally {
      await this.#endpoint?.stop();
      await this.#mesh?.stop();
      await this.#dataplane?.stop();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
