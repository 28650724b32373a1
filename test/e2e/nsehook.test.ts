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
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";
import { TrafficClient } from "../../src/traffic/index.ts";
import { SUBJECTS } from "./harness.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/nsehook.sh", import.meta.url));
const VPPCTL = fileURLToPath(new URL("vppctl.py", import.meta.url));
const SERVERS = SETTING.servers.slice(0, 3);
const NEW_VIP = "10.2.8.8/32";
const POD = { eth0: "172.30.0.2", client: "172.30.0.1", eth0v6: "fd00:172:30::2", clientv6: "fd00:172:30::1" };

/**
 * The example's topology without an agent: what an agent does is to make the servers' interfaces and to call the script.
 * Clients come by the pod's own eth0, as in the example.
 */
class Pod {
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
      VPPCTL: own === undefined ? `python3 -IS ${VPPCTL} ${this.cli}` : `${own} -s ${this.cli}`,
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

  async killVpp(): Promise<void> {
    await this.#dataplane?.kill();
    if (this.#child === undefined || this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
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
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const child = this.lb.spawn(program, args, {
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

for (const subject of SUBJECTS) {
  describe(`nsehook.sh on ${subject.name}`, function () {
    this.timeout(120_000);
    let pod: Pod;
    const [first, second, third] = SERVERS.map(({ name }) => name) as [string, string, string];
    const all = [first, second, third];
    const fresh = (family: 4 | 6) => (family === 4 ? "10.2.2.33" : "2001:db8:2:2::33");

    before(async function () {
      const may = ensureNetAdmin();
      if (may.kind !== "allowed") {
        console.log(`    skipped: ${may.kind === "refused" ? may.reason : "needs root here"}`);
        this.skip();
      }
      pod = new Pod(subject.vpp);
      await pod.open();
    });
    after(async () => pod?.close());

    it("makes the example's load-balancer alone: TCP to three servers, both families, by the pod's eth0", async () => {
      await pod.hook(["endpoint_started"]);
      assert.match(await pod.vppctl("show interface"), /host-vpp1out +\d+ +down/, "closed until there is a server");
      for (const { ip4, ip6 } of SERVERS) {
        const said = await pod.hook(["new_connection", ip4]);
        assert.match(said, new RegExp(`vppctl lb as 10.2.2.0/24 ${ip4}`), "what it does is told");
        await pod.hook(["new_connection", ip6]);
      }
      assert.deepEqual(await pod.reach(fresh(4)), all);
      assert.deepEqual(await pod.reach(fresh(6)), all);
      assert.equal(pod.lb.offloads("vpp1host").tso, false);
    });

    it("may run again at any time: no connection breaks or moves", async () => {
      const held = await pod.traffic(fresh(4)).hold(40, { packetRate: 10 });
      await pod.hook(["endpoint_started"]);
      const servers = SERVERS.map(({ ip4 }) => ip4);
      await pod.hook(["endpoint_started"], { VPPLB_SERVERS: servers.join(",") });
      await Promise.all(servers.map((server) => pod.hook(["new_connection", server])));
      const before = held.records().map(({ received }) => received);
      await waitFor(
        "held connections to be answered",
        () => (held.records().every(({ received }, at) => received > before[at]!) ? true : undefined),
        { signal: AbortSignal.timeout(20_000), deadlineMs: 15_000 },
      );
      const { errors, records } = held.stop();
      assert.deepEqual(errors, {});
      assert.ok(records.every(({ serverChanges }) => serverChanges === 0));
      assert.deepEqual(await pod.held("10.2.2.0/24"), servers);
    });

    it("a server that goes gets no more, and may come again", async () => {
      await pod.hook(["del_connection", SERVERS[1]!.ip4]);
      await pod.hook(["del_connection", SERVERS[1]!.ip4]);
      assert.deepEqual(await pod.reach(fresh(4)), [first, third]);
      assert.deepEqual(await pod.reach(fresh(6)), all, "the other family is another server");
      assert.doesNotMatch(
        await pod.vppctl("show ip neighbor"),
        new RegExp(`${SERVERS[1]!.ip4}\\s`),
        "its MAC is forgotten",
      );
      await pod.hook(["new_connection", SERVERS[1]!.ip4]);
      assert.deepEqual(await pod.reach(fresh(4)), all);
      await pod.hook(["server_down", SERVERS[2]!.ip4]);
      assert.deepEqual(await pod.reach(fresh(4)), [first, second]);
      await pod.hook(["new_connection", SERVERS[2]!.ip4]);
    });

    it("a VIP comes, with the servers that are connected, and goes", async () => {
      const env = { VPPLB_SERVERS: `${SERVERS[0]!.ip4} ${SERVERS[2]!.ip4} ${SERVERS[1]!.ip6}` };
      await pod.hook(["vip_added", NEW_VIP], env);
      assert.deepEqual(await pod.reach("10.2.8.8"), [first, third]);
      // The VIPs of the moment, where the agent tells them.
      await pod.hook(["new_connection", SERVERS[1]!.ip4], { VPPLB_VIPS: `${SETTING.vip4} ${NEW_VIP}` });
      assert.deepEqual(await pod.reach("10.2.8.8"), all);
      await pod.hook(["vip_removed", NEW_VIP]);
      await pod.hook(["vip_removed", NEW_VIP]);
      assert.deepEqual(await pod.held(NEW_VIP), []);
      assert.deepEqual(await pod.reach(fresh(4)), all);
    });

    it("after a restart of VPP the same again", async () => {
      await pod.killVpp();
      const alone = await pod.run(SCRIPT, ["new_connection", SERVERS[0]!.ip4]);
      assert.equal(alone.status, 1, "VPP is not there");
      await pod.startVpp();
      const early = await pod.run(SCRIPT, ["new_connection", SERVERS[0]!.ip4]);
      assert.equal(early.status, 1);
      assert.match(early.stderr, /VIP 10\.2\.2\.0\/24: not in VPP. Has endpoint_started run/);
      const servers = SERVERS.flatMap(({ ip4, ip6 }) => [ip4, ip6]).join(" ");
      await pod.hook(["endpoint_started"], { VPPLB_SERVERS: servers });
      assert.deepEqual(await pod.reach(fresh(4)), all);
      assert.deepEqual(await pod.reach(fresh(6)), all);
    });

    it("what is no address comes on no line of VPP's CLI, and everything that fails says of what", async () => {
      const before = await pod.vppctl("show interface");
      const refused = [
        ["new_connection", "10.60.1.2 create loopback interface"],
        ["new_connection", "10.60.1.2\ncreate loopback interface"],
        ["new_connection", "$(create)"],
        ["new_connection", "10.60.1.2/24"],
        ["new_connection", "10.60.1.256"],
        ["new_connection", "010.060.001.002"],
        ["new_connection", "1:2:3:4:5:6:7:8:9"],
        ["new_connection", "1::2::3"],
        ["new_connection", "::"],
        ["new_connection", "224.0.0.1"],
        ["new_connection", "\\061.2.3.4"],
        ["new_connection"],
        ["new_connection", "10.60.1.2", "10.60.1.3"],
        ["endpoint_started", "10.60.1.2"],
        ["vip_added", "0.0.0.0/0"],
        ["vip_added", "10.2.2.0/33"],
        ["delete_everything"],
        [],
      ];
      await Promise.all(
        refused.map(async (args) => {
          const { status, stderr } = await pod.run(SCRIPT, args);
          assert.equal(status, 2, `${args.join(" ")}: ${stderr}`);
          assert.match(stderr, /^nsehook\.sh: /);
          assert.doesNotMatch(stderr, /^vppctl/m);
        }),
      );
      for (const env of [
        { VIP_ADDRESS: "10.2.2.0/24;reboot" },
        { IP_ADDRESS: "nonsense" },
        { IP_ADDRESS: "", IP_ADDRESS6: "" },
        { MTU: "1500 x" },
        { TABLE_SIZE: "1000" },
        { STICKY_BUCKETS: "0" },
        { OUT_DEVICE: "a b" },
        { HOST_ADDRESS: "10.70.0.0/31 10.71.0.0/31" },
        { LOOPBACK_MAC: "02:00" },
      ]) {
        const { status, stderr } = await pod.run(SCRIPT, ["endpoint_started"], env);
        assert.equal(status, 2, `${JSON.stringify(env)}: ${stderr}`);
        assert.match(stderr, new RegExp(Object.keys(env)[0]!));
      }
      assert.equal(await pod.vppctl("show interface"), before);
      const taken = await pod.run(SCRIPT, ["vip_added", SETTING.vip4], { IP_ADDRESS: "" });
      assert.deepEqual([taken.status, /VIP 10\.2\.2\.0\/24: VPP has it with gre4/.test(taken.stderr)], [1, true]);
      const nowhere = await pod.run(SCRIPT, ["endpoint_started"], { VPPCTL: "/nowhere/vppctl", VPP_WAIT_S: "0" });
      assert.deepEqual([nowhere.status, /VPP: no answer from "\/nowhere\/vppctl"/.test(nowhere.stderr)], [1, true]);
    });
  });
}
