/**
 * A second embedded dataplane with a controller of its own, between the load-balancer and its client and servers: these
 * have plain Ethernet, the load-balancer has VLANs on trunks or memifs. Kernels without VLAN devices need no other.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ControlClient } from "../../src/control/index.ts";
import { DemoProcess, waitFor } from "../../src/demo/processes.ts";
import { SETTING } from "../../src/demo/setting.ts";
import type { Topology } from "../../src/demo/topology.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import type { LbDocument } from "./harness.ts";

export type BoxLink = "vlan" | "memif";

/** The load-balancer's trunk towards the servers; its other one is the demo's uplink. */
export const INNER_TRUNK = { device: "vpplb-in", mac: "02:fe:00:00:02:01" } as const;
export const VLAN = { outside: 100, servers: 201 } as const;
const TRUNK = { outside: "trunk-out", servers: "trunk-in" } as const;
const USED = SETTING.servers.slice(0, 3);

export class AccessBox {
  readonly #link: BoxLink;
  readonly #folder = mkdtempSync(join(tmpdir(), "vpplb-box-"));
  readonly #api = join(this.#folder, "api.sock");
  readonly #signal = AbortSignal.timeout(240_000);
  #dataplane: DemoProcess | undefined;
  #controller: DemoProcess | undefined;
  #control: ControlClient | undefined;
  namespace!: Namespace;

  constructor(link: BoxLink) {
    this.#link = link;
  }

  /** Puts the box's devices into the place of the demo's, and starts it. */
  async prepare({ client, lb, servers }: Topology): Promise<void> {
    const { uplink, mtu } = SETTING;
    this.namespace = await Namespace.create("access");
    const { namespace } = this;
    const quiet = (space: Namespace, device: string) => space.sysctl(`net/ipv6/conf/${device}/disable_ipv6`, 1);

    await client.deleteLink(uplink.hostDevice);
    const peer = { name: "acc-client", mtu, namespace };
    await client.addVeth({ name: uplink.hostDevice, mac: uplink.hostMac, mtu, peer });
    await client.addAddress(uplink.hostDevice, `${uplink.host4}/31`);
    await client.addAddress(uplink.hostDevice, `${uplink.host6}/64`);
    client.offloadsOff(uplink.hostDevice);
    quiet(namespace, peer.name);

    for (const { name, mac, ip4, ip6 } of USED) {
      const host = servers.get(name)!;
      await host.deleteLink("nsm0");
      await host.addVeth({ name: "nsm0", mac, mtu, peer: { name: `acc-${name}`, mtu, namespace } });
      await host.addAddress("nsm0", `${ip4}/24`);
      await host.addAddress("nsm0", `${ip6}/64`);
      host.offloadsOff("nsm0");
      quiet(namespace, `acc-${name}`);
    }
    if (this.#link === "vlan") {
      for (const [trunk, device] of [
        [TRUNK.outside, uplink.vppDevice],
        [TRUNK.servers, INNER_TRUNK.device],
      ] as const) {
        await namespace.addVeth({ name: trunk, mtu, peer: { name: device, mtu, namespace: lb } });
        namespace.offloadsOff(trunk);
        quiet(namespace, trunk);
        quiet(lb, device);
      }
    }
    await client.addRoute({ dst: SETTING.serverNet4, via: uplink.vpp4 });
    await this.#start();
  }

  async #start(): Promise<void> {
    this.#writeConfig();
    this.startDataplane();
    const { fd } = this.namespace.netns;
    this.#controller = new DemoProcess("box-lb", fd, ["lb", "-f", join(this.#folder, "lb.yaml")]);
    this.#control = new ControlClient({ socket: join(this.#folder, "control.sock") });
    await this.inSync();
  }

  startDataplane(): void {
    this.#dataplane = new DemoProcess("box", this.namespace.netns.fd, ["dataplane", "--api", this.#api]);
  }

  async killDataplane(): Promise<void> {
    await this.#dataplane!.kill();
  }

  async inSync(): Promise<void> {
    const since = Date.now();
    const look = async () => {
      const { sync } = await this.#control!.status();
      return sync.state === "in-sync" && Date.parse(sync.lastObservedAt ?? "") >= since ? true : undefined;
    };
    const process = this.#controller!;
    await waitFor("the box to be in sync", look, { deadlineMs: 30_000, signal: this.#signal, process });
  }

  #writeConfig(): void {
    const side = (name: "outside" | "servers", id: number, member: Record<string, unknown>) =>
      this.#link === "vlan"
        ? [{ host: TRUNK[name] }, { vlan: { parent: `host-${TRUNK[name]}`, id: VLAN[name] }, bridge: { id } }]
        : [{ ...member, bridge: { id } }];
    const document = {
      vpp: { api: this.#api },
      control: { socket: join(this.#folder, "control.sock") },
      state: { journal: join(this.#folder, "journal.json") },
      repair: { periodMs: 1000 },
      lb: { manage: false },
      bridges: [{ id: 10 }, { id: 20 }],
      memifSockets: this.#memifSockets(),
      interfaces: [
        { host: "acc-client", bridge: { id: 10 } },
        ...side("outside", 10, { memif: { socket: 1, id: 0, role: "slave", secret: "hush" } }),
        ...USED.map(({ name }) => ({ host: `acc-${name}`, bridge: { id: 20 } })),
        ...side("servers", 20, { memif: { socket: 2, id: 7, role: "master" } }),
      ],
      vips: [],
    };
    writeFileSync(join(this.#folder, "lb.yaml"), stringify(document));
  }

  #memifSockets(): { id: number; filename: string }[] {
    if (this.#link === "vlan") return [];
    return [1, 2].map((id) => ({ id, filename: join(this.#folder, `memif${id}.sock`) }));
  }

  /** The load-balancer's side of the same links, in place of its host-interfaces. */
  edit(document: LbDocument): void {
    const { uplink } = SETTING;
    const [bvi] = document.interfaces;
    const { host: _host, mac: _mac, ...outside } = document.interfaces.at(-1)!;
    const inner = { bridge: { id: SETTING.bridgeId } };
    document["memifSockets"] = this.#memifSockets();
    document.interfaces = [
      bvi!,
      ...(this.#link === "vlan"
        ? [
            { host: INNER_TRUNK.device, mac: INNER_TRUNK.mac },
            { vlan: { parent: `host-${INNER_TRUNK.device}`, id: VLAN.servers }, ...inner },
            { host: uplink.vppDevice, mac: uplink.vppMac },
            { vlan: { parent: `host-${uplink.vppDevice}`, id: VLAN.outside }, ...outside },
          ]
        : [
            { memif: { socket: 2, id: 7, role: "slave" }, mac: INNER_TRUNK.mac, ...inner },
            { memif: { socket: 1, id: 0, role: "master", secret: "hush" }, mac: uplink.vppMac, ...outside },
          ]),
    ];
  }

  async close(): Promise<void> {
    this.#control?.close();
    await this.#controller?.stop();
    await this.#dataplane?.stop();
    this.namespace?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
