import { randomUUID } from "node:crypto";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { emptyYaml } from "../config.ts";
import { DemoError } from "../errors.ts";
import type { GivenVpp } from "../given-vpp.ts";
import { LabBase } from "../lab-base.ts";
import type { NamedServer } from "../prediction.ts";
import { DemoProcess, untilReady, waitFor } from "../processes.ts";
import { SETTING } from "../setting.ts";
import { nsmDemoYaml } from "./config.ts";
import { MeshWatch } from "./mesh-watch.ts";
import { NSM_SETTING, type ServerName } from "./setting.ts";
import type { NsmTopology } from "./topology.ts";

/** A client's Request waits for manager, endpoint and VPP. */
const CONNECT_MS = 20_000;
/** A server that was taken out and is still missing so long after is lost. */
const LOST_MS = 1000;
const LOSE_ATTEMPTS = 10;

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
export class NsmLab extends LabBase {
  readonly manager = join(this.folder, "nsm.io.sock");
  /** What the manager says of connections. */
  readonly watch: MeshWatch;
  readonly #topology: NsmTopology;
  readonly #options: NsmLabOptions;
  readonly #servers = new Map<string, RunningServer>();
  /** Of the node: a forwarder takes up the links of who had its name before it, wherever on this machine they are. */
  readonly #node = `node-${randomUUID().slice(0, 8)}`;
  #mesh: DemoProcess | undefined;

  constructor(topology: NsmTopology, options: NsmLabOptions, signal: AbortSignal) {
    super({ lb: topology.lb, vpp: options.vpp?.socket, signal, syncDeadlineMs: CONNECT_MS });
    this.#topology = topology;
    this.#options = options;
    this.watch = new MeshWatch(`unix://${this.manager}`, signal);
  }

  /** Manager, registry and forwarder, on the node. */
  async startMesh(): Promise<void> {
    const args = ["nsm", "--insecure", "--name", this.#node, "--listen", `unix://${this.manager}`];
    const started = this.#start("nsm", this.#topology.node.netns.fd, args);
    this.#mesh = started;
    await untilReady("NSM's manager", started, { signal: this.signal });
  }

  #start(name: string, netns: number, args: readonly string[]): DemoProcess {
    const { onLog } = this.#options;
    if (onLog === undefined) return new DemoProcess(name, netns, args);
    return new DemoProcess(name, netns, ["--json", ...args, "--log-level", "debug"], {
      onLine: (line) => onLog(name, line),
    });
  }

  async killMesh(): Promise<void> {
    await this.#mesh?.kill();
  }

  /** The endpoint's agent, in the namespace of VPP: links for VPP end there. */
  async startEndpoint(signal = this.signal): Promise<void> {
    const started = this.#start("nse", this.#topology.lb.netns.fd, ["nse", "-f", this.configFile]);
    await this.startProgrammer(started, "the endpoint's control socket", signal);
  }

  async killEndpoint(): Promise<void> {
    await this.programmer?.kill();
  }

  /** Writes the demo's lb.yaml. */
  writeConfig(): void {
    const { tableSize, repairMs } = this.#options;
    const listen = join(this.folder, "nse.sock");
    const manageLbConf = this.ownsDataplane;
    this.write(nsmDemoYaml({ ...this.names(), manager: this.manager, listen, tableSize, repairMs, manageLbConf }));
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
    const options = { process, signal: this.signal, deadlineMs: CONNECT_MS };
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
    await untilReady(`server ${name}`, process, options);
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
    await this.#serverGone(name);
  }

  /** kill -9 of the agent, and its namespace goes. Resolves when VPP has it no more. */
  async crashServer(name: string): Promise<void> {
    await this.#servers.get(name)?.process.kill();
    await this.#serverGone(name);
  }

  async #serverGone(name: string): Promise<void> {
    this.#topology.removeServer(name);
    await this.#serverInVpp(name, false);
    this.#servers.delete(name);
  }

  /** Behind the agent's back, takes the server out of VPP: a client whose entry is missing. @throws DemoError SETUP */
  async loseServer(name: string): Promise<void> {
    // What still goes on for one that has just come looks at VPP once more, and puts back what it misses.
    for (let attempt = 0; attempt < LOSE_ATTEMPTS; attempt++) {
      const found = await this.#addressesInVpp(name);
      if (found.length === 0) return;
      for (const address of found)
        await this.forceVppctl(`lb as ${isIPv6(address) ? SETTING.vip6 : SETTING.vip4} ${address} del flush`);
      await sleep(LOST_MS, undefined, { signal: this.signal });
    }
    throw new DemoError("SETUP", `${name} is put back into VPP whenever it is taken out`);
  }

  async #addressesInVpp(name: string): Promise<readonly string[]> {
    const { ip4, ip6 } = this.server(name);
    const text = await this.vppctl("show lb vips verbose");
    const servers = text.split("\n").filter((line) => !line.includes("removed"));
    return [ip4, ip6].filter((address) => servers.some((line) => line.trim().startsWith(`${address} `)));
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
        const found = await this.#addressesInVpp(name);
        return found.length === (there ? 2 : 0) && (await this.status()).sync.state === "in-sync" ? true : undefined;
      },
      {
        deadlineMs: CONNECT_MS,
        everyMs: 50,
        signal: this.signal,
        ...(this.programmer ? { process: this.programmer } : {}),
      },
    );
  }

  protected override async clean(signal: AbortSignal): Promise<void> {
    await this.programmer?.stop();
    this.write(emptyYaml(this.names()));
    const cleaner = new DemoProcess("controller", this.#topology.lb.netns.fd, ["lb", "-f", this.configFile]);
    await this.startProgrammer(cleaner, "the controller's control socket", signal);
    await this.inSync(0, signal);
  }

  protected override async stopOthers(): Promise<void> {
    await this.#mesh?.stop();
  }

  override async close(): Promise<void> {
    this.watch.close();
    await Promise.all([...this.#servers.values()].map(({ process }) => process.stop()));
    await super.close();
  }
}
