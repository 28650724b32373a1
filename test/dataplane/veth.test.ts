import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { prefix4, prefix6 } from "../../src/dataplane/fib/prefix.ts";
import { createHostInterface, deleteHostInterface } from "../../src/dataplane/host-interface.ts";
import { createLoopback } from "../../src/dataplane/loopback.ts";
import { VipType } from "../../src/dataplane/lb/types.ts";
import type { Interface } from "../../src/dataplane/model.ts";
import { GreDecapsulator } from "../../src/kernel/gre.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { ip4, ip46, macOf } from "./support.ts";

const VIP4 = "10.2.2.1";
const VIP6 = "2001:db8:2::1";
const PORT = 5001;
const SERVERS = [2, 3, 4];

/** Seed 002's topology in namespaces; the dataplane runs in this process, its devices in a namespace of their own. */
class Topology {
  readonly client: Namespace;
  readonly middle: Namespace;
  readonly servers: Namespace[] = [];
  readonly dp = new Dataplane();
  readonly closers: (() => Promise<void> | void)[] = [];

  private constructor(client: Namespace, middle: Namespace) {
    this.client = client;
    this.middle = middle;
  }

  static async create(): Promise<Topology> {
    const self = new Topology(await Namespace.create("client"), await Namespace.create("dataplane"));
    try {
      await self.#build();
      return self;
    } catch (error) {
      await self.close();
      throw error;
    }
  }

  host(name: string, mac: string): Interface {
    const { retval, swIfIndex, cause } = this.middle.run(() =>
      createHostInterface(this.dp, { hostIfName: name, mac: macOf(mac) }),
    );
    assert.equal(retval, 0, cause?.message);
    this.dp.setAdminUp(swIfIndex, true);
    return this.dp.interfaces.get(swIfIndex)!;
  }

  async close(): Promise<void> {
    for (const closer of this.closers.reverse()) await closer();
    this.dp.close();
    for (const space of [this.client, this.middle, ...this.servers]) space.close();
  }

  async #build(): Promise<void> {
    const { dp, client, middle } = this;
    const loop = createLoopback(dp, macOf("02:fe:00:00:00:02"));
    assert.ok(typeof loop === "object");
    dp.setAdminUp(loop.swIfIndex, true);
    dp.bridges.attach(loop.swIfIndex, 1, "bvi", 0);
    dp.addAddress(loop.swIfIndex, ip4("10.60.1.1"), 24);
    dp.addAddress(loop.swIfIndex, ip46("2001:db8:60::1"), 64);
    loop.mtu.l3 = 1500;
    for (const n of SERVERS) await this.#server(n);
    await client.addVeth({ name: "vpp1host", mac: "02:00:00:00:03:01", peer: { name: "vpp1out", namespace: middle } });
    client.offloadsOff("vpp1host", ["tso", "gso"]);
    await client.addAddress("vpp1host", "10.70.0.0/31");
    await client.addAddress("vpp1host", "2001:db8:70::2/64");
    await client.addRoute({ dst: "10.2.2.0/24", via: "10.70.0.1" });
    await client.addRoute({ dst: "2001:db8:2::/64", via: "2001:db8:70::1" });
    this.#balance();
    const out = this.host("vpp1out", "02:fe:00:00:00:01");
    dp.addAddress(out.swIfIndex, ip4("10.70.0.1"), 31);
    dp.addAddress(out.swIfIndex, ip46("2001:db8:70::1"), 64);
    dp.fib.update(0, prefix4(0, 0), "CLI", new Set(), [{ swIfIndex: out.swIfIndex, nextHop: ip4("10.70.0.0") }]);
    dp.fib.update(0, prefix6(ip46("::"), 0), "CLI", new Set(), [
      { swIfIndex: out.swIfIndex, nextHop: ip46("2001:db8:70::2") },
    ]);
  }

  #balance(): void {
    const { lb } = this.dp;
    lb.conf(ip4("10.60.1.1"), ip46("2001:db8:60::1"), 1024, 40);
    const all = { protocol: 255, port: 0, newLength: 1024 };
    const vip4 = lb.vipAdd({ ...all, prefix: ip46("10.2.2.0"), plen: 120, type: VipType.ip4Gre4 });
    const vip6 = lb.vipAdd({ ...all, prefix: ip46("2001:db8:2::"), plen: 64, type: VipType.ip6Gre6 });
    assert.equal(
      lb.asAdd(
        vip4,
        SERVERS.map((n) => ip46(`10.60.1.${n}`)),
      ),
      0,
    );
    assert.equal(
      lb.asAdd(
        vip6,
        SERVERS.map((n) => ip46(`2001:db8:60::${n}`)),
      ),
      0,
    );
  }

  /** An application server: VIP on lo, GRE taken off, replies by the BVI. It answers its number, and counts bytes. */
  async #server(n: number): Promise<void> {
    const space = await Namespace.create(`server${n}`);
    this.servers.push(space);
    await space.addVeth({
      name: "nsm0",
      mac: `02:00:00:00:02:0${n}`,
      peer: { name: `crs${n}`, namespace: this.middle },
    });
    space.offloadsOff("nsm0", ["tso", "gso"]);
    await space.addAddress("nsm0", `10.60.1.${n}/24`);
    await space.addAddress("nsm0", `2001:db8:60::${n}/64`);
    await space.addAddress("lo", `${VIP4}/32`);
    await space.addAddress("lo", `${VIP6}/128`);
    space.sysctl("net/ipv4/conf/all/arp_announce", 2);
    space.sysctl("net/ipv4/conf/all/rp_filter", 0);
    await space.addRule({ from: "10.2.2.0/24", table: 222 });
    await space.addRule({ from: "2001:db8:2::/64", table: 222 });
    await space.addRoute({ dst: "default", via: "10.60.1.1", dev: "nsm0", table: 222, advmss: 1436 });
    await space.addRoute({ dst: "::/0", via: "2001:db8:60::1", dev: "nsm0", table: 222, advmss: 1396 });
    const gre = await GreDecapsulator.open(space);
    this.closers.push(() => gre.close());
    for (const device of gre.devices) space.sysctl(`net/ipv4/conf/${device}/rp_filter`, 0);
    const member = this.host(`crs${n}`, `02:fe:00:00:01:0${n}`);
    assert.equal(this.dp.bridges.attach(member.swIfIndex, 1, "normal", 0), 0);
    for (const address of ["0.0.0.0", "::"]) await this.#listen(space, address, n);
  }

  async #listen(space: Namespace, address: string, n: number): Promise<void> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      let bytes = 0;
      socket.on("data", (chunk) => (bytes += chunk.length));
      socket.on("end", () => socket.end(`${n} ${bytes}`));
      socket.on("error", () => socket.destroy());
    });
    server.listen({ fd: listenTcp(space.netns, address, PORT) });
    await once(server, "listening");
    this.closers.push(() => void server.close());
  }

  /** One connection that sends `bytes`; the server's number. */
  async talk(address: string, bytes: number): Promise<number> {
    const socket = connectTcp(this.client.netns, address, PORT);
    socket.setTimeout(20_000, () => socket.destroy(new Error(`no answer from ${address}`)));
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.end(Buffer.alloc(bytes, 120));
    await once(socket, "close");
    const [server, received] = answer.split(" ").map(Number);
    assert.equal(received, bytes, `answer ${answer}`);
    return server!;
  }
}

/** Resolves once this process leaves four fifths of a core alone; a loop that polls never does. */
async function idle(): Promise<void> {
  let usage = process.cpuUsage();
  let atMs = performance.now();
  await until("a stretch with next to no CPU", () => {
    const elapsedMs = performance.now() - atMs;
    if (elapsedMs < 250) return false;
    const used = process.cpuUsage(usage);
    usage = process.cpuUsage();
    atMs = performance.now();
    return (used.user + used.system) / 1000 < elapsedMs / 5;
  });
}

describe("dataplane: real TCP over veth", function () {
  this.timeout(60_000);
  let topology: Topology | undefined;

  before(async function () {
    needNamespaces(this);
    topology = await Topology.create();
  });
  after(() => topology?.close());

  for (const [name, address] of [
    ["IPv4 over GRE4", VIP4],
    ["IPv6 over GRE6", VIP6],
  ] as const) {
    it(`${name}: connections reach every server and come back`, async () => {
      const answers: number[] = [];
      for (let i = 0; i < 10; i += 1)
        answers.push(...(await Promise.all(Array.from({ length: 6 }, () => topology!.talk(address, 100)))));
      assert.deepEqual([...new Set(answers)].sort(), SERVERS);
    });

    it(`${name}: 4 MB pass, with checksums left to the sender's hardware`, async () => {
      assert.equal(topology!.client.offloads("vpp1host").tx, true);
      assert.ok(SERVERS.includes(await topology!.talk(address, 4_000_000)));
    });
  }

  it("an oversize frame is dropped and nothing wedges", async () => {
    const { client, dp } = topology!;
    client.setOffloads("vpp1host", { tso: true, gso: true });
    const socket = connectTcp(client.netns, VIP4, PORT);
    socket.on("error", () => {});
    socket.write(Buffer.alloc(1_000_000));
    const out = dp.byName("host-vpp1out")!;
    const before = out.counters.rxPackets;
    await until("segments to arrive", () => out.counters.rxPackets > before + 5);
    socket.destroy();
    client.setOffloads("vpp1host", { tso: false, gso: false });
    assert.ok(SERVERS.includes(await topology!.talk(VIP4, 1000)));
  });

  it("an idle dataplane uses next to no CPU", async () => {
    await idle();
  });

  it("a host-interface goes and comes again; a device that vanishes harms nobody", async () => {
    const { dp, middle, client } = topology!;
    assert.equal(deleteHostInterface(dp, "vpp1out"), 0);
    assert.equal(deleteHostInterface(dp, "vpp1out"), -71);
    const again = topology!.host("vpp1out", "02:fe:00:00:00:01");
    dp.addAddress(again.swIfIndex, ip4("10.70.0.1"), 31);
    dp.fib.update(0, prefix4(0, 0), "CLI", new Set(), [{ swIfIndex: again.swIfIndex, nextHop: ip4("10.70.0.0") }]);
    assert.ok(SERVERS.includes(await topology!.talk(VIP4, 10)));
    assert.deepEqual(middle.run(() => createHostInterface(dp, { hostIfName: "vpp1out" })).retval, -79);
    assert.equal(middle.run(() => createHostInterface(dp, { hostIfName: "nosuch" })).retval, -71);
    await client.deleteLink("vpp1host");
    await idle();
    assert.equal(deleteHostInterface(dp, "vpp1out"), 0);
  });
});
