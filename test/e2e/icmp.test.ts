import assert from "node:assert/strict";
import { Namespace } from "../../src/kernel/namespace.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { flowSources, TrafficClient } from "../../src/traffic/index.ts";
import { Capture, insideGre } from "./capture.ts";
import { Scene, SETTING, SUBJECTS, type SceneOptions, type VipYaml } from "./harness.ts";

const servers = SETTING.servers.slice(0, 3).map((server) => server.ip4);
const THREE = { prefix: "10.2.2.0/24", encap: "gre4", servers } satisfies VipYaml;
const ONE_PORT = { ...THREE, prefix: "10.2.3.1/32", protocol: "tcp", port: SETTING.port } satisfies VipYaml;
const ONE_SERVER = { ...THREE, prefix: "10.2.4.0/24", servers: servers.slice(0, 1) } satisfies VipYaml;
const FAR = "192.0.2.0/24";
/** Of a link on the way, which neither end knows of. */
const SMALL_MTU = 1000;
const CONNECTIONS = 24;

/** The clients' ports of the flows that "fragmentation needed" among these packets is about (type 3, code 4; RFC 792). */
function quotedPorts(packets: readonly Buffer[]): number[] {
  return packets
    .filter((packet) => packet[9] === 1 && packet.readUInt16BE(20) === 0x0304)
    .map((packet) => packet.readUInt16BE(28 + 20 + 2));
}

for (const subject of SUBJECTS)
  describe(`"fragmentation needed" about VIPs, with ${subject.name}`, function () {
    this.timeout(180_000);
    let scene: Scene | undefined;
    let nextPort = 20_000;
    const opened: Namespace[] = [];

    before(function () {
      needNetAdmin(this);
    });

    async function close(): Promise<void> {
      await scene?.close();
      scene = undefined;
      for (const space of opened.splice(0)) space.close();
    }

    afterEach(close);

    /** Answers go load-balancer - client's router - middle - far: the link before the middle takes shorter packets. */
    async function prepare({ client, servers: hosts }: Scene["topology"]): Promise<void> {
      const middle = await Namespace.create("middle");
      opened.push(middle);
      const far = await Namespace.create("far");
      opened.push(far);
      await client.addVeth({
        name: "small",
        mtu: SMALL_MTU,
        peer: { name: "small", mtu: SMALL_MTU, namespace: middle },
      });
      await middle.addVeth({ name: "wide", peer: { name: "wide", namespace: far } });
      await client.addAddress("small", "203.0.113.0/31");
      await middle.addAddress("small", "203.0.113.1/31");
      await middle.addAddress("wide", "192.0.2.1/24");
      await far.addAddress("wide", "192.0.2.2/24");
      await client.addRoute({ dst: FAR, via: "203.0.113.1" });
      // Requests go round it: servers answer as they are asked, in long segments.
      await far.addVeth({ name: "up", peer: { name: "up", namespace: client } });
      await client.addAddress("up", "198.18.0.0/31");
      await far.addAddress("up", "198.18.0.1/31");
      for (const space of [client, far])
        for (const device of ["all", "up", "default"]) space.sysctl(`net/ipv4/conf/${device}/rp_filter`, 0);
      far.sysctl("net/ipv4/conf/wide/rp_filter", 0);
      client.sysctl("net/ipv4/icmp_ratelimit", 0);
      for (const { prefix: dst } of [THREE, ONE_PORT, ONE_SERVER]) {
        await far.addRoute({ dst, via: "198.18.0.0" });
      }
      for (const space of [client, middle]) space.sysctl("net/ipv4/ip_forward", 1);
      for (const [space, device] of [
        [client, "small"],
        [middle, "small"],
        [middle, "wide"],
        [far, "wide"],
        [client, "up"],
        [far, "up"],
      ] as const)
        space.offloadsOff(device);
      // Linux would find the length without ICMP.
      for (const host of hosts.values()) {
        host.sysctl("net/ipv4/tcp_mtu_probing", 0);
        await host.addRoute({ dst: FAR, via: SETTING.loopback.ip4 });
      }
    }

    const edit: NonNullable<SceneOptions["edit"]> = (document) => {
      const via = [{ address: SETTING.uplink.host4, interface: `host-${SETTING.uplink.vppDevice}` }];
      document.routes = [{ prefix: FAR, via }];
    };

    async function open(dataplane: readonly string[]): Promise<void> {
      const which = subject.vpp === undefined ? { dataplane } : { vpp: subject.vpp };
      scene = await Scene.openOwn([THREE, ONE_PORT, ONE_SERVER], { ...which, prepare, edit });
    }

    /**
     * Answers of 8,000 bytes: segments as long as the servers think that they may be. `told`: for each server, whose
     * flows the ICMP errors were about that reached it.
     */
    async function answers(address: string, answerTimeoutMs = 20_000) {
      const client = new TrafficClient({
        target: { address, port: SETTING.port },
        netns: opened.at(-1)!.netns.fd,
        packetSize: 8000,
        rate: 200,
        connectTimeoutMs: 12_000,
        answerTimeoutMs,
      });
      const sources = flowSources({ addresses: ["192.0.2.2"], firstPort: nextPort, count: CONNECTIONS });
      nextPort += CONNECTIONS;
      const { servers: hosts } = scene!.topology;
      const captures = SETTING.servers
        .slice(0, 3)
        .map(({ name }) => ({ name, at: new Capture(hosts.get(name)!, "nsm0") }));
      const { records, errors } = await client.connectBatch(CONNECTIONS, { sources });
      for (const { at } of captures) at.close();
      const owners = new Map(records.map((record) => [record.flow.srcPort, record.host]));
      const told = captures.map(({ name, at }) => ({
        name,
        owners: new Set(quotedPorts(insideGre(at.frames)).map((port) => owners.get(port))),
      }));
      return { told: told.filter((one) => one.owners.size > 0), errors };
    }

    it("of a VIP with one server reaches that server, whose connections go on with shorter segments", async () => {
      await open([]);
      const { told, errors } = await answers("10.2.4.7");
      assert.deepEqual(errors, {});
      const [{ name }] = SETTING.servers;
      assert.deepEqual(told, [{ name, owners: new Set([name]) }]);
    });

    it("of a VIP with several goes to one of them by default, whosever flow it is about", async () => {
      await open([]);
      const { told, errors } = await answers("10.2.2.33", 5000);
      assert.ok(Object.keys(errors).length > 0, "connections to the others are stuck");
      assert.equal(told.length, 1);
      assert.ok([...told[0]!.owners].some((owner) => owner !== told[0]!.name));
    });

    if (subject.vpp === undefined)
      it("with --icmp-errors owner reaches the server of the flow, on VIPs for all ports and for one", async () => {
        for (const address of ["10.2.2.33", "10.2.3.1"]) {
          // Servers remember what they were told: new ones for each.
          await open(["--icmp-errors", "owner"]);
          const { told, errors } = await answers(address);
          assert.deepEqual(errors, {});
          assert.ok(told.length > 1, `${told.length} servers told`);
          for (const { name, owners } of told) assert.deepEqual(owners, new Set([name]));
          await close();
        }
      });
  });
