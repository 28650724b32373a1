import { demoYaml, emptyYaml, type DemoConfig } from "./config.ts";
import { LabBase } from "./lab-base.ts";
import { DemoProcess, untilReady } from "./processes.ts";
import { SETTING, type DemoServer } from "./setting.ts";
import type { Topology } from "./topology.ts";

/** Of taking the demo out of a VPP that is not its own. */
const CLEAN_ATTEMPTS = 3;
const SYNC_DEADLINE_MS = 10_000;

/** What the demo was told about the VPP to use. */
export interface LabOptions {
  /** API socket of a VPP that runs already; absent: the demo starts the embedded dataplane. */
  readonly vpp?: string;
  /** Its `lb conf` is not set, and the demo does not change it. */
  readonly unsetSource?: boolean;
}

/** The processes of the demo and their files. Whoever makes it closes it. */
export class Lab extends LabBase {
  readonly #topology: Topology;
  readonly #unsetSource: boolean;
  readonly #servers = new Map<string, DemoProcess>();

  constructor(topology: Topology, options: LabOptions, signal: AbortSignal) {
    super({ lb: topology.lb, vpp: options.vpp, signal, syncDeadlineMs: SYNC_DEADLINE_MS });
    this.#topology = topology;
    this.#unsetSource = options.unsetSource ?? false;
  }

  async startController(signal = this.signal): Promise<void> {
    const started = new DemoProcess("controller", this.#topology.client.netns.fd, ["lb", "-f", this.configFile]);
    await this.startProgrammer(started, "the controller's control socket", signal);
  }

  get controllerRuns(): boolean {
    return this.programmer?.running ?? false;
  }

  async killController(): Promise<void> {
    await this.programmer?.kill();
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
    await untilReady(`server ${server.name}`, process, { signal: this.signal });
  }

  async killServer(server: DemoServer): Promise<void> {
    await this.#servers.get(server.name)?.kill();
  }

  /** Replaces lb.yaml. */
  writeConfig(config: Pick<DemoConfig, "servers" | "tableSize">): void {
    this.write(demoYaml({ ...config, ...this.names(), manageLbConf: this.ownsDataplane }));
  }

  /** The controller may end just now: then another one does it. */
  protected override async clean(signal: AbortSignal): Promise<void> {
    this.write(emptyYaml(this.names()));
    // The same for every attempt: what is loaded already is not loaded again.
    const since = Date.now();
    for (let attempt = 1; ; attempt++) {
      try {
        if (!this.controllerRuns) await this.startController(signal);
        await this.inSync(since, signal);
        return;
      } catch (cause) {
        if (attempt >= CLEAN_ATTEMPTS || signal.aborted) throw cause;
      }
    }
  }

  protected override async stopOthers(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }
}
