import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ControlClient } from "../../src/control/index.ts";
import { checkGivenVpp } from "../../src/demo/given-vpp.ts";
import { DemoProcess, waitFor } from "../../src/demo/processes.ts";
import { SETTING, type DemoServer } from "../../src/demo/setting.ts";
import { makeTopology, type Topology } from "../../src/demo/topology.ts";

export { SETTING };

/** A VIP of lb.yaml. */
export interface VipYaml {
  readonly prefix: string;
  readonly encap: "gre4" | "gre6" | "l3dsr";
  readonly protocol?: "tcp" | "udp";
  readonly port?: number;
  readonly dscp?: number;
  readonly srcIpSticky?: boolean;
  readonly tableSize?: number;
  readonly servers: readonly string[];
}

/** Client, dataplane (or the VPP that VPPLB_VPP_API names), controller and servers, each in its namespace. */
export class Scene {
  readonly #folder = mkdtempSync(join(tmpdir(), "vpplb-e2e-"));
  readonly #processes: DemoProcess[] = [];
  readonly #signal = AbortSignal.timeout(240_000);
  readonly #given = process.env["VPPLB_VPP_API"];
  readonly #api = this.#given ?? join(this.#folder, "api.sock");
  readonly #vips: readonly VipYaml[];
  #unsetSource = false;
  topology!: Topology;
  control!: ControlClient;

  private constructor(vips: readonly VipYaml[]) {
    this.#vips = vips;
  }

  static async open(vips: readonly VipYaml[], l3dsr: readonly string[] = []): Promise<Scene> {
    const scene = new Scene(vips);
    try {
      await scene.#open(l3dsr);
      return scene;
    } catch (error) {
      await scene.close();
      throw error;
    }
  }

  async #open(l3dsr: readonly string[]): Promise<void> {
    const given =
      this.#given === undefined ? undefined : await checkGivenVpp(this.#given, this.#signal, { mostFlows: 64 });
    this.#unsetSource = given?.unsetSource ?? false;
    this.topology = await makeTopology(given === undefined ? {} : { vppPid: given.pid });
    for (const { prefix } of this.#vips) {
      const via = prefix.includes(":") ? SETTING.uplink.vpp6 : SETTING.uplink.vpp4;
      await this.topology.client.addRoute({ dst: prefix, via });
    }
    if (given === undefined) this.#start("dataplane", this.topology.lb.netns.fd, ["dataplane", "--api", this.#api]);
    this.#writeConfig(this.#vips);
    await Promise.all(SETTING.servers.slice(0, 3).map((server) => this.#startServer(server, l3dsr)));
    const controller = this.#start("lb", this.topology.client.netns.fd, ["lb", "-f", join(this.#folder, "lb.yaml")]);
    this.control = new ControlClient({ socket: join(this.#folder, "control.sock") });
    await this.inSync(controller);
  }

  #start(name: string, netns: number, args: readonly string[]): DemoProcess {
    const started = new DemoProcess(name, netns, args);
    this.#processes.push(started);
    return started;
  }

  async #startServer(server: DemoServer, l3dsr: readonly string[]): Promise<void> {
    const flags = this.#vips.flatMap(({ prefix }) => ["--vip", prefix]);
    const args = ["target", "--device", "nsm0", ...flags, "--gateway", SETTING.loopback.ip4];
    args.push("--gateway", SETTING.loopback.ip6, "--encap", "gre4", "--encap", "gre6");
    args.push(...l3dsr.flatMap((vip) => ["--l3dsr", vip]), ...(this.#unsetSource ? ["--unset-source"] : []));
    args.push("--route", `${SETTING.uplink.host4}/31`, "--serve", String(SETTING.port), "--name", server.name);
    const target = this.#start(server.name, this.topology.servers.get(server.name)!.netns.fd, args);
    const ready = () => (target.output.includes("ready") ? true : undefined);
    await waitFor(`server ${server.name}`, ready, { process: target, signal: this.#signal, deadlineMs: 20_000 });
  }

  #writeConfig(vips: readonly VipYaml[]): void {
    const { loopback, uplink, bridgeId } = SETTING;
    const lb = { ip4Source: loopback.ip4, ip6Source: loopback.ip6, stickyBuckets: 16384 };
    const wanted = vips.length > 0;
    const members = SETTING.servers.map(({ vppDevice, vppMac }) => ({
      host: vppDevice,
      mac: vppMac,
      bridge: { id: bridgeId },
    }));
    const addresses = [`${loopback.ip4}/24`, `${loopback.ip6}/64`];
    const bvi = { loopback: 0, mac: loopback.mac, addresses, bridge: { id: bridgeId, bvi: true } };
    const outside = [`${uplink.vpp4}/31`, `${uplink.vpp6}/64`];
    const yaml = {
      vpp: { api: this.#api },
      control: { socket: join(this.#folder, "control.sock") },
      state: { journal: join(this.#folder, "journal.json") },
      repair: { periodMs: 1000 },
      lb: this.#given === undefined && wanted ? lb : { manage: false },
      bridges: wanted ? [{ id: bridgeId }] : [],
      interfaces: wanted
        ? [bvi, ...members, { host: uplink.vppDevice, mac: uplink.vppMac, addresses: outside, outside: true }]
        : [],
      vips,
    };
    writeFileSync(join(this.#folder, "lb.yaml"), stringify(yaml));
  }

  /** Resolves when VPP is as lb.yaml says. */
  async inSync(controller?: DemoProcess): Promise<void> {
    const since = Date.now();
    const look = async () => {
      const { sync, config } = await this.control.status();
      const observed = Date.parse(sync.lastObservedAt ?? "");
      return sync.state === "in-sync" && observed >= Date.parse(config.loadedAt ?? "") && observed > since - 5000
        ? true
        : undefined;
    };
    await waitFor("VPP to be in sync", look, {
      deadlineMs: 30_000,
      signal: this.#signal,
      ...(controller === undefined ? {} : { process: controller }),
    });
  }

  async close(): Promise<void> {
    if (this.#given !== undefined && this.control !== undefined) {
      this.#writeConfig([]);
      await waitFor(
        "VPP to be empty",
        async () => ((await this.control.get("vips")).every((row) => row.owner !== "ours") ? true : undefined),
        {
          deadlineMs: 15_000,
          signal: AbortSignal.timeout(20_000),
        },
      );
      await waitFor(
        "VPP to be in sync",
        async () => ((await this.control.status()).sync.state === "in-sync" ? true : undefined),
        {
          signal: AbortSignal.timeout(20_000),
        },
      );
    }
    this.control?.close();
    for (const started of this.#processes.reverse()) await started.stop();
    await this.topology?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
