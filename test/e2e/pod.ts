import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DemoProcess, waitFor } from "../../src/demo/processes.ts";
import { SETTING } from "../../src/demo/setting.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { TrafficClient } from "../../src/traffic/index.ts";

export const SCRIPT = fileURLToPath(new URL("../../scripts/nsehook.sh", import.meta.url));
const VPPCTL = fileURLToPath(new URL("vppctl.pl", import.meta.url));
export const SERVERS = SETTING.servers.slice(0, 3);
export const NEW_VIP = "10.2.8.8/32";
const POD = { eth0: "172.30.0.2", client: "172.30.0.1", eth0v6: "fd00:172:30::2", clientv6: "fd00:172:30::1" };

/**
 * The example's topology without an agent: what an agent does is to make the servers' interfaces and to call the script.
 * Clients come by the pod's own eth0, as in the example.
 */
export class Pod {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-nsehook-"));
  readonly cli = join(this.folder, "cli.sock");
  readonly env: NodeJS.ProcessEnv;
  readonly #processes: DemoProcess[] = [];
  readonly #vpp: string | undefined;
  readonly #signal = AbortSignal.timeout(240_000);
  #child: ChildProcess | undefined;
  #dataplane: DemoProcess | undefined;
  lb!: Namespace;
  client!: Namespace;
  servers: Namespace[] = [];

  constructor(vpp: string | undefined) {
    this.#vpp = vpp;
    const own = process.env["VPPLB_VPPCTL"];
    this.env = {
      PATH: process.env["PATH"],
      VPPCTL: own === undefined ? `perl ${VPPCTL} ${this.cli}` : `${own} -s ${this.cli}`,
      VIP_ADDRESS: SETTING.vip4,
      VIP_ADDRESS6: SETTING.vip6,
      IP_ADDRESS: SETTING.serverNet4,
      IP_ADDRESS6: SETTING.serverNet6,
    };
  }

  async open(): Promise<void> {
    this.lb = await Namespace.create("pod");
    this.client = await Namespace.create("client");
    const { lb, client } = this;
    await client.addVeth({ name: "eth0", peer: { name: "eth0", namespace: lb } });
    await client.addAddress("eth0", `${POD.client}/24`);
    await client.addAddress("eth0", `${POD.clientv6}/64`);
    await lb.addAddress("eth0", `${POD.eth0}/24`);
    await lb.addAddress("eth0", `${POD.eth0v6}/64`);
    for (const dst of [SETTING.vip4, NEW_VIP]) await client.addRoute({ dst, via: POD.eth0 });
    await client.addRoute({ dst: SETTING.vip6, via: POD.eth0v6 });
    for (const server of SERVERS) {
      const host = await Namespace.create(server.name);
      this.servers.push(host);
      await host.addVeth({ name: "nsm0", mac: server.mac, peer: { name: server.vppDevice, namespace: lb } });
      await host.addAddress("nsm0", `${server.ip4}/24`);
      await host.addAddress("nsm0", `${server.ip6}/64`);
      host.offloadsOff("nsm0");
    }
    await this.startVpp();
    await Promise.all(SERVERS.map((server, at) => this.#serve(server.name, this.servers[at]!)));
  }

  async #serve(name: string, host: Namespace): Promise<void> {
    const vips = [SETTING.vip4, SETTING.vip6, NEW_VIP].flatMap((vip) => ["--vip", vip]);
    const gateways = ["--gateway", SETTING.loopback.ip4, "--gateway", SETTING.loopback.ip6];
    const more = ["--encap", "gre4", "--encap", "gre6", "--serve", String(SETTING.port), "--name", name];
    const target = new DemoProcess(name, host.netns.fd, ["target", "--device", "nsm0", ...vips, ...gateways, ...more]);
    this.#processes.push(target);
    const ready = () => (target.output.includes("ready") ? true : undefined);
    await waitFor(`server ${name}`, ready, { process: target, signal: this.#signal, deadlineMs: 20_000 });
  }

  /** What an agent does: the servers' interfaces, in bridge 1. */
  async startVpp(): Promise<void> {
    const api = join(this.folder, "api.sock");
    if (this.#vpp !== undefined) this.#child = this.lb.spawn(this.#vpp, [this.folder], { stdio: "ignore" });
    else this.#dataplane = new DemoProcess("vpp", this.lb.netns.fd, ["dataplane", "--api", api, "--cli", this.cli]);
    const answers = async () => ((await this.vppctl("show version")).startsWith("vpp v") ? true : undefined);
    await waitFor("VPP", answers, { signal: this.#signal, deadlineMs: 20_000 });
    for (const { vppDevice, vppMac } of SERVERS) {
      await this.vppctl(`create host-interface name ${vppDevice} hw-addr ${vppMac}`);
      await this.vppctl(`set interface l2 bridge host-${vppDevice} ${SETTING.bridgeId}`);
      await this.vppctl(`set interface state host-${vppDevice} up`);
    }
  }

  /** Of a process in VPP's namespace. */
  get pid(): number {
    return (this.#child ?? this.#dataplane!.child).pid!;
  }

  /** Of processes in the servers' namespaces. */
  get serverPids(): readonly number[] {
    return this.#processes.map(({ child }) => child.pid!);
  }

  async killVpp(): Promise<void> {
    await this.#dataplane?.kill();
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async vppctl(line: string): Promise<string> {
    const [program, ...args] = this.env["VPPCTL"]!.split(" ");
    return (await this.run(program!, [...args, ...line.split(" ")])).stdout.replaceAll("\r", "");
  }

  /** Servers of a VIP that take flows. */
  async held(vip: string): Promise<string[]> {
    const blocks = (await this.vppctl("show lb vips verbose")).split(/^(?= ?ip[46]-)/m);
    const block = blocks.find((one) => one.split("\n")[0]!.endsWith(` ${vip}`)) ?? "";
    return [...block.matchAll(/^ +([0-9a-f.:]+) .*\bused/gm)].map((match) => match[1]!).sort();
  }

  async run(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    where: Namespace = this.lb,
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const child = where.spawn(program, args, {
      env: { ...this.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });
    const out = { stdout: "", stderr: "" };
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (out.stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (out.stderr += text));
    const [status] = (await once(child, "close")) as [number | null];
    return { status, ...out };
  }

  /** @throws where the script fails */
  async hook(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run(SCRIPT, args, env);
    assert.equal(status, 0, `nsehook.sh ${args.join(" ")}: ${stderr}`);
    assert.equal(stdout, "");
    return stderr;
  }

  traffic(address: string): TrafficClient {
    const netns = this.client.netns.fd;
    return new TrafficClient({
      target: { address, port: SETTING.port },
      netns,
      rate: 100,
      connectTimeoutMs: 12_000,
      answerTimeoutMs: 15_000,
    });
  }

  /** All connections succeed; whom they reach. */
  async reach(address: string, count = 40): Promise<string[]> {
    const { records } = await this.traffic(address).connectBatch(count);
    for (const { state, err, flow } of records) assert.equal(state, "ended", `${err} ${JSON.stringify(flow)}`);
    return [...new Set(records.map(({ host }) => host ?? "nobody"))].sort();
  }

  async close(): Promise<void> {
    for (const one of this.#processes) await one.stop();
    await this.killVpp();
    for (const one of [this.client, this.lb, ...this.servers]) one?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
