import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VppClient } from "vpp-api-ts";
import { stringify } from "yaml";
import { ControlClient } from "../../src/control/index.ts";
import { checkGivenVpp } from "../../src/demo/given-vpp.ts";
import { DemoProcess, waitFor } from "../../src/demo/processes.ts";
import { SETTING, type DemoServer } from "../../src/demo/setting.ts";
import { makeTopology, type Topology } from "../../src/demo/topology.ts";

import type { Namespace } from "../../src/kernel/namespace.ts";

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

/** What a scene is asked for beside its VIPs. */
export interface SceneOptions {
  /** Addresses of VIPs with their DSCP, `10.2.6.1=7`, for the servers. */
  readonly l3dsr?: readonly string[];
  /** Runs a VPP in the directory that is its first argument, in the foreground, instead of the embedded dataplane. */
  readonly vpp?: string;
  /** Further arguments of the embedded dataplane. */
  readonly dataplane?: readonly string[];
  /** Changes the topology before anything runs in it. */
  readonly prepare?: (topology: Topology) => Promise<void>;
  /** Changes the document that becomes lb.yaml. */
  readonly edit?: (document: LbDocument) => void;
}

/** The parts of lb.yaml that a scene makes; others can be added. */
export interface LbDocument {
  [part: string]: unknown;
  interfaces: Record<string, unknown>[];
  routes?: Record<string, unknown>[];
}

/** Whatever can be on the other side of the API socket here: the embedded dataplane, and VPPLB_VPP_COMMAND's VPP. */
export const SUBJECTS: readonly { readonly name: string; readonly vpp?: string }[] = [
  { name: "the embedded dataplane" },
  ...(process.env["VPPLB_VPP_COMMAND"] === undefined
    ? []
    : [{ name: "a real VPP", vpp: process.env["VPPLB_VPP_COMMAND"] }]),
];

/** Client, dataplane (or the VPP that VPPLB_VPP_API names), controller and servers, each in its namespace. */
export class Scene {
  readonly #folder = mkdtempSync(join(tmpdir(), "vpplb-e2e-"));
  readonly #processes: DemoProcess[] = [];
  readonly #signal = AbortSignal.timeout(240_000);
  readonly #options: SceneOptions;
  /** Only where none is to be started. */
  readonly #given: string | undefined;
  readonly #vips: readonly VipYaml[];
  readonly #edits: ((document: LbDocument) => void)[] = [];
  #vpp: ChildProcess | undefined;
  #unsetSource = false;
  /** The dataplane's API socket. */
  readonly api: string;
  topology!: Topology;
  control!: ControlClient;

  private constructor(vips: readonly VipYaml[], options: SceneOptions, given: string | undefined) {
    this.#vips = vips;
    this.#options = options;
    if (options.edit !== undefined) this.#edits.push(options.edit);
    this.#given = given;
    this.api = given ?? join(this.#folder, "api.sock");
  }

  /** With the VPP of VPPLB_VPP_API where it names one. */
  static open(vips: readonly VipYaml[], options: SceneOptions = {}): Promise<Scene> {
    return Scene.#opened(new Scene(vips, options, process.env["VPPLB_VPP_API"]));
  }

  /** With a dataplane of its own: `options.vpp`, or the embedded one. */
  static openOwn(vips: readonly VipYaml[], options: SceneOptions = {}): Promise<Scene> {
    return Scene.#opened(new Scene(vips, options, undefined));
  }

  static async #opened(scene: Scene): Promise<Scene> {
    try {
      await scene.#open();
      return scene;
    } catch (error) {
      await scene.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const given =
      this.#given === undefined ? undefined : await checkGivenVpp(this.#given, this.#signal, { mostFlows: 64 });
    this.#unsetSource = given?.unsetSource ?? false;
    this.topology = await makeTopology(given === undefined ? {} : { vppPid: given.pid });
    await this.#options.prepare?.(this.topology);
    for (const { prefix } of this.#vips) {
      const via = prefix.includes(":") ? SETTING.uplink.vpp6 : SETTING.uplink.vpp4;
      await this.topology.client.addRoute({ dst: prefix, via });
    }
    if (given === undefined) await this.#startDataplane();
    this.#writeConfig(this.#vips);
    await Promise.all(SETTING.servers.slice(0, 3).map((server) => this.#startServer(server)));
    const controller = this.#start("lb", this.topology.client.netns.fd, ["lb", "-f", join(this.#folder, "lb.yaml")]);
    this.control = new ControlClient({ socket: join(this.#folder, "control.sock") });
    await this.inSync(controller);
  }

  #start(name: string, netns: number, args: readonly string[]): DemoProcess {
    const started = new DemoProcess(name, netns, args);
    this.#processes.push(started);
    return started;
  }

  async #startDataplane(): Promise<void> {
    const { lb } = this.topology;
    const { vpp, dataplane = [] } = this.#options;
    const client = new VppClient({ socket: this.api, name: "e2e", probe: false });
    try {
      if (vpp === undefined) this.#start("dataplane", lb.netns.fd, ["dataplane", "--api", this.api, ...dataplane]);
      else this.#vpp = lb.spawn(vpp, [this.#folder], { stdio: "ignore" });
      await client.connect({ deadlineMs: 20_000, signal: this.#signal });
    } finally {
      client.close();
    }
  }

  async #startServer(server: DemoServer): Promise<void> {
    const { l3dsr = [] } = this.#options;
    const args = ["--gateway", SETTING.loopback.ip4, "--gateway", SETTING.loopback.ip6];
    args.push("--encap", "gre4", "--encap", "gre6", "--route", `${SETTING.uplink.host4}/31`);
    args.push(...l3dsr.flatMap((vip) => ["--l3dsr", vip]), ...(this.#unsetSource ? ["--unset-source"] : []));
    await this.serve(server.name, this.topology.servers.get(server.name)!, "nsm0", args);
  }

  /** An application server of the VIPs on a host: `vpplb target`, answering its name. */
  async serve(name: string, host: Namespace, device: string, args: readonly string[]): Promise<void> {
    const vips = this.#vips.flatMap(({ prefix }) => ["--vip", prefix]);
    const serving = ["--serve", String(SETTING.port), "--name", name];
    const target = this.#start(name, host.netns.fd, ["target", "--device", device, ...vips, ...args, ...serving]);
    const ready = () => (target.output.includes("ready") ? true : undefined);
    await waitFor(`server ${name}`, ready, { process: target, signal: this.#signal, deadlineMs: 20_000 });
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
    const document: LbDocument = {
      vpp: { api: this.api },
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
    if (wanted) for (const edit of this.#edits) edit(document);
    writeFileSync(join(this.#folder, "lb.yaml"), stringify(document));
  }

  /** Changes the document, on top of what was changed before, and resolves when VPP is so. */
  async change(edit: (document: LbDocument) => void): Promise<void> {
    this.#edits.push(edit);
    const since = Date.now();
    this.#writeConfig(this.#vips);
    const look = async () => {
      const { sync, config } = await this.control.status();
      if (config.error !== undefined) throw new Error(config.error);
      const loaded = Date.parse(config.loadedAt ?? "");
      const observed = Date.parse(sync.lastObservedAt ?? "");
      return sync.state === "in-sync" && loaded >= since && observed >= loaded ? true : undefined;
    };
    await waitFor("VPP to be as lb.yaml says", look, { deadlineMs: 30_000, signal: this.#signal });
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
    if (this.#vpp?.exitCode === null) {
      const gone = once(this.#vpp, "exit");
      this.#vpp.kill("SIGKILL");
      await gone;
    }
    await this.topology?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
