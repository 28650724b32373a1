import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { insecureTokens, RegistryClient } from "@networkservicemesh/sdk-ts";
import { stringify } from "yaml";
import { DemoProcess, waitFor } from "../../src/demo/processes.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { ControlClient } from "../../src/control/index.ts";
import { TrafficClient, type TrafficClientOptions } from "../../src/traffic/index.ts";

export const VIP = "10.2.2.33";
const PORT = 5001;
const CLIENT = "10.99.0.1";

/** A load-balancer that is gone without a word is given up after so long, not after 15 s. */
const LIVENESS = { NSM_LIVENESSCHECKTIMEOUT: "6s" };

/** One load-balancer: an embedded dataplane and `vpplb nse`, in a namespace of their own. */
interface Balancer {
  readonly namespace: Namespace;
  readonly n: number;
  readonly processes: DemoProcess[];
  readonly control: ControlClient;
}

/** A client, load-balancers, a mesh and application servers: every part a process of the CLI. */
export class Balancers {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-nsc-"));
  readonly manager = `unix://${this.folder}/nsm.sock`;
  readonly #signal = AbortSignal.timeout(170_000);
  readonly #registry = new RegistryClient({ url: this.manager, tokens: insecureTokens("spiffe://test/watch") });
  readonly #balancers = new Map<string, Balancer>();
  readonly #servers = new Map<string, { readonly host: Namespace; process: DemoProcess }>();
  #client!: Namespace;
  #count = 0;
  #mesh: DemoProcess | undefined;

  static async open(names: readonly string[]): Promise<Balancers> {
    const self = new Balancers();
    try {
      self.#client = await Namespace.create("client");
      await self.#client.addAddress("lo", `${CLIENT}/32`);
      await self.startMesh();
      await Promise.all(names.map((name) => self.startBalancer(name)));
      return self;
    } catch (error) {
      await self.close();
      throw error;
    }
  }

  async startMesh(): Promise<void> {
    this.#mesh = new DemoProcess("nsm", this.#client.netns.fd, [
      ...["nsm", "--insecure", "--name", basename(this.folder), "--listen", this.manager],
    ]);
    await this.#says(this.#mesh, /\bready\b/);
  }

  async startBalancer(name: string): Promise<void> {
    const n = this.#count++;
    const namespace = await Namespace.create(name);
    const uplink = `up${n}`;
    await this.#client.addVeth({ name: uplink, peer: { name: "vpp1out", namespace } });
    await this.#client.addAddress(uplink, `10.70.${n}.0/31`);
    this.#client.offloadsOff(uplink);
    for (const dev of ["all", uplink]) this.#client.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
    namespace.sysctl("net/ipv6/conf/vpp1out/disable_ipv6", 1);
    const [api, control] = [join(this.folder, `${name}-api.sock`), join(this.folder, `${name}.sock`)];
    const processes: DemoProcess[] = [];
    this.#balancers.set(name, { namespace, n, processes, control: new ControlClient({ socket: control }) });
    processes.push(new DemoProcess(`dataplane ${name}`, namespace.netns.fd, ["dataplane", "--api", api]));
    await this.#says(processes[0]!, /\bready\b/);
    const file = join(this.folder, `${name}.yaml`);
    writeFileSync(file, stringify(this.#document(name, n, api, control)));
    processes.push(new DemoProcess(`nse ${name}`, namespace.netns.fd, ["nse", "--insecure", "-f", file]));
    const registered = async () => {
      const found = await this.#registry.findEndpoints({ networkServiceNames: ["load-balancer"] });
      return found.some((endpoint) => endpoint.name.startsWith(name)) ? true : undefined;
    };
    const options = { process: processes[1]!, deadlineMs: 40_000, signal: this.#signal };
    await waitFor(`${name} to be registered`, registered, options);
  }

  #document(name: string, n: number, api: string, control: string): object {
    const bvi = `10.60.${n}.1`;
    return {
      vpp: { api },
      control: { socket: control },
      state: { journal: join(this.folder, name, "state.sqlite") },
      lb: { ip4Source: bvi, stickyBuckets: 4096 },
      interfaces: [
        { loopback: 0, mac: `02:fe:00:00:0${n}:02`, addresses: [`${bvi}/24`], bridge: { id: 1, bvi: true } },
        { host: "vpp1out", mac: `02:fe:00:00:0${n}:01`, addresses: [`10.70.${n}.1/31`], outside: true },
      ],
      routes: [{ prefix: `${CLIENT}/32`, via: [{ address: `10.70.${n}.0` }] }],
      vips: [{ prefix: "10.2.2.0/24", encap: "gre4", tableSize: 1024 }],
      nsm: {
        name,
        connectTo: this.manager,
        listen: `unix://${this.folder}/${name}-nse.sock`,
        prefixes: [`10.60.${n}.0/24`],
      },
    };
  }

  /** An application server in a namespace of its own: a pod. */
  async startServer(name: string, args: readonly string[] = []): Promise<DemoProcess> {
    const known = this.#servers.get(name);
    const host = known?.host ?? (await Namespace.create(name));
    const state = join(this.folder, `${name}.json`);
    const all = [
      ...["nsc", "kernel://load-balancer/nsm0", "--insecure", "--name", name, "--connect-to", this.manager],
      ...["--serve", String(PORT), "--state", state, "--max-token-lifetime", "60s", ...args],
    ];
    const process = new DemoProcess(name, host.netns.fd, all, { env: LIVENESS });
    this.#servers.set(name, { host, process });
    await this.#says(process, /nsc-ready/);
    return process;
  }

  /** kill -9 */
  async killServer(name: string): Promise<void> {
    await this.#servers.get(name)!.process.kill();
  }

  /** SIGTERM, and waits until it has ended. */
  async stopServer(name: string): Promise<void> {
    await this.#servers.get(name)!.process.stop(15_000);
  }

  /** A server's host is as it was before anything ran there. */
  async isBare(name: string): Promise<void> {
    const host = this.hostOf(name);
    assert.deepEqual(
      (await host.links()).map((link) => link.name),
      ["lo"],
    );
    assert.deepEqual(
      (await host.addresses()).map(({ prefix }) => prefix),
      ["127.0.0.1/8", "::1/128"],
    );
    assert.ok(
      (await host.rules()).every((rule) => rule.table >= 253),
      "rules",
    );
    assert.ok(
      (await host.routes()).every((route) => route.table >= 253),
      "routes",
    );
    for (const setting of ["arp_announce", "arp_ignore"])
      assert.equal(host.sysctl(`net/ipv4/conf/all/${setting}`), "0");
  }

  hostOf(name: string): Namespace {
    return this.#servers.get(name)!.host;
  }

  /** kill -9 of the dataplane and the agent. */
  async killBalancer(name: string): Promise<void> {
    for (const process of this.#balancers.get(name)!.processes) await process.kill();
  }

  /** kill -9 of the dataplane, and another one in its place. */
  async restartDataplane(name: string): Promise<void> {
    const { processes, namespace } = this.#balancers.get(name)!;
    await processes[0]!.kill();
    const api = join(this.folder, `${name}-api.sock`);
    processes[0] = new DemoProcess(`dataplane ${name}`, namespace.netns.fd, ["dataplane", "--api", api]);
    await this.#says(processes[0], /\bready\b/);
  }

  async killMesh(): Promise<void> {
    await this.#mesh?.kill();
  }

  /** Addresses of the servers that take new flows, as the load-balancer tells it. */
  async serversOf(name: string): Promise<string[]> {
    const rows = await this.#balancers.get(name)!.control.get("servers");
    return rows.filter((row) => row.columns["state"] === "ok").map((row) => String(row.columns["server"]));
  }

  /** Waits until a load-balancer has so many servers. */
  async has(name: string, count: number): Promise<void> {
    const look = async () => ((await this.serversOf(name)).length === count ? true : undefined);
    await waitFor(`${count} servers of ${name}`, look, { deadlineMs: 30_000, signal: this.#signal });
  }

  /** The client's packets for the VIP go by this load-balancer from now on. */
  async traffic(name: string, options: Partial<TrafficClientOptions> = {}): Promise<TrafficClient> {
    const { n } = this.#balancers.get(name)!;
    await this.#client.addRoute({ dst: "10.2.2.0/24", via: `10.70.${n}.1`, src: CLIENT });
    return new TrafficClient({
      target: { address: VIP, port: PORT },
      netns: this.#client.netns.fd,
      connectTimeoutMs: 10_000,
      answerTimeoutMs: 10_000,
      ...options,
    });
  }

  async #says(process: DemoProcess, what: RegExp): Promise<void> {
    const look = () => (what.test(process.output) ? true : undefined);
    await waitFor(`${process.name} to say ${what}`, look, { process, deadlineMs: 40_000, signal: this.#signal });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ process }) => process.stop()));
    for (const { processes, control } of this.#balancers.values()) {
      control.close();
      for (const process of processes) await process.kill();
    }
    this.#registry.close();
    await this.#mesh?.kill();
    for (const { host } of this.#servers.values()) host.close();
    for (const { namespace } of this.#balancers.values()) namespace.close();
    this.#client?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
