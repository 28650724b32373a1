import assert from "node:assert/strict";
import { once } from "node:events";
import { waitFor } from "../../src/demo/processes.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { TrafficClient, type TrafficClientOptions } from "../../src/traffic/index.ts";
import { Capture, insideGre, plain } from "./capture.ts";
import { Scene, SETTING, SUBJECTS, type SceneOptions, type VipYaml } from "./harness.ts";

/** For `full segments`; VPPLB_E2E_MB for more. */
const MEGABYTES = Number(process.env["VPPLB_E2E_MB"] ?? 100);
const SMALL_MTU = 1400;
/** Fragments of 1,500 bytes: 3, and 14. VPP by itself takes 3. */
const LARGE_DATAGRAMS = [4000, 20_000];
const servers = SETTING.servers.slice(0, 3).map((server) => server.ip4);
const VIP = { prefix: "10.2.2.0/24", encap: "gre4", servers } satisfies VipYaml;
const ONE_PORT = { ...VIP, prefix: "10.2.3.1/32", protocol: "tcp", port: SETTING.port } satisfies VipYaml;
const UDP_PORT = { ...ONE_PORT, prefix: "10.2.5.1/32", protocol: "udp" } satisfies VipYaml;
const FAR_AWAY = { ...VIP, prefix: "10.2.4.0/24", servers: ["10.61.0.2"] } satisfies VipYaml;

function clientOf(scene: Scene, address: string, options: Partial<TrafficClientOptions> = {}): TrafficClient {
  return new TrafficClient({
    target: { address, port: SETTING.port },
    netns: scene.topology.client.netns.fd,
    connectTimeoutMs: 12_000,
    answerTimeoutMs: 15_000,
    ...options,
  });
}

/** Every server's link takes 1,400 bytes only. */
async function smallLinks({ lb, servers: hosts }: Scene["topology"]): Promise<void> {
  for (const { name, vppDevice } of SETTING.servers) {
    await hosts.get(name)!.setLink("nsm0", { mtu: SMALL_MTU });
    await lb.setLink(vppDevice, { mtu: SMALL_MTU });
  }
}

/** `drops` of the interface on which clients' packets come in. */
async function uplinkDrops(scene: Scene): Promise<number> {
  const { output } = await scene.control.vppctl(`show interface host-${SETTING.uplink.vppDevice}`);
  return Number(/\bdrops +(\d+)/.exec(output)?.[1] ?? 0);
}

/** UDP over IPv4 inside GRE, from outer packets that are whole or first fragments. */
function udpInside(frames: readonly Buffer[]): Buffer[] {
  const outerFirst = frames.filter((frame) => frame.length > 22 && (frame.readUInt16BE(20) & 0x1fff) === 0);
  return insideGre(outerFirst).filter((packet) => packet[9] === 17);
}

const offsetOf = (packet: Buffer): number => (packet.readUInt16BE(6) & 0x1fff) * 8;

/** Source ports of what is whole or a first fragment. */
function udpPortsInside(frames: readonly Buffer[]): number[] {
  return udpInside(frames)
    .filter((packet) => offsetOf(packet) === 0)
    .map((packet) => packet.readUInt16BE(20));
}

/** UDP to a VIP inside GRE, by the server that it came to. */
function udpAt(hosts: readonly Capture[], vip: string): { server: number; packet: Buffer }[] {
  const address = Buffer.from(vip.split(".").map(Number));
  return hosts.flatMap((host, server) =>
    udpInside(host.frames)
      .filter((packet) => packet.subarray(16, 20).equals(address))
      .map((packet) => ({ server, packet })),
  );
}

const ended = async (name: string, namespace: Namespace, command: string, args: readonly string[]) => {
  const child = namespace.spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close", { signal: AbortSignal.timeout(20_000) })) as [number | null];
  assert.equal(code, 0, `${name}: ${output}`);
  return output;
};

for (const subject of SUBJECTS) {
  describe(`packets through ${subject.name}`, function () {
    this.timeout(180_000);
    let scene: Scene | undefined;

    before(function () {
      needNetAdmin(this);
    });

    afterEach(async () => {
      await scene?.close();
      scene = undefined;
    });

    async function open(vips: readonly VipYaml[], options: SceneOptions = {}): Promise<Scene> {
      scene = await Scene.openOwn(vips, { ...options, ...(subject.vpp === undefined ? {} : { vpp: subject.vpp }) });
      return scene;
    }

    it(`a server link of MTU ${SMALL_MTU} passes ${MEGABYTES} MB both ways`, async () => {
      const small = await open([VIP], { prepare: smallLinks });
      const held = await clientOf(small, "10.2.2.33", { packetSize: 60_000 }).hold(4, { packetRate: 200 });
      const bytes = () => held.records().reduce((sum, record) => sum + record.bytesReceived, 0);
      const done = () => (bytes() > MEGABYTES * 1e6 || held.broken > 0 ? true : undefined);
      const signal = AbortSignal.timeout(120_000);
      await waitFor(`${MEGABYTES} MB there and back`, done, { deadlineMs: 120_000, signal });
      assert.deepEqual(held.stop().errors, {});
    });

    it("inner packets reach a server byte for byte", async () => {
      const { topology } = await open([VIP]);
      const sent = new Capture(topology.client, SETTING.uplink.hostDevice);
      const hosts = SETTING.servers.slice(0, 3).map(({ name }) => new Capture(topology.servers.get(name)!, "nsm0"));
      const tcp = await clientOf(scene!, "10.2.2.33", { packetSize: 20_000 }).connectBatch(20);
      const udp = await clientOf(scene!, "10.2.2.34", { protocol: "udp", packetSize: 1300 }).connectBatch(20);
      assert.deepEqual([tcp.errors, udp.errors], [{}, {}]);
      const hex = (packets: readonly Buffer[]) => packets.map((packet) => packet.toString("hex")).sort();
      const received = () => hosts.flatMap((host) => insideGre(host.frames));
      const all = () => (received().length >= plain(sent.frames).length ? true : undefined);
      await waitFor("the last packet", all, { signal: AbortSignal.timeout(10_000) });
      for (const capture of [sent, ...hosts]) capture.close();
      const [there, arrived] = [hex(plain(sent.frames)), hex(received())];
      assert.ok(there.length > 20 * 15, `${there.length} packets`);
      assert.deepEqual(arrived, there);
    });

    it("what no VIP takes is dropped and counted", async () => {
      const { topology } = await open([ONE_PORT]);
      const hosts = SETTING.servers.slice(0, 3).map(({ name }) => new Capture(topology.servers.get(name)!, "nsm0"));
      const listed = await clientOf(scene!, "10.2.3.1").connectBatch(10);
      assert.deepEqual(listed.errors, {});
      const before = hosts.flatMap((host) => insideGre(host.frames)).length;
      const dropsBefore = await uplinkDrops(scene!);
      const target = { address: "10.2.3.1", port: SETTING.port + 1 };
      const other = await clientOf(scene!, "10.2.3.1", { target, connectTimeoutMs: 1500 }).connectBatch(3);
      const udp = await clientOf(scene!, "10.2.3.1", { protocol: "udp", answerTimeoutMs: 1000 }).connectBatch(3);
      for (const capture of hosts) capture.close();
      assert.deepEqual(
        [...other.records, ...udp.records].map((record) => record.state),
        Array.from({ length: 6 }, () => "broken"),
      );
      const after = hosts.flatMap((host) => insideGre(host.frames));
      const unlisted = after.filter((packet) => packet.readUInt16BE(22) !== SETTING.port || packet[9] !== 6);
      assert.deepEqual(unlisted, []);
      assert.ok(before > 20);
      const drops = (await uplinkDrops(scene!)) - dropsBefore;
      // A SYN of each connection, and three datagrams of each flow.
      assert.ok(drops >= 3 + 3 * 3, `${drops} counted`);
    });

    for (const size of LARGE_DATAGRAMS) {
      it(`datagrams of ${size} bytes arrive whole at one server each, which answers them`, async () => {
        const { topology } = await open([VIP]);
        const hosts = SETTING.servers.slice(0, 3).map(({ name }) => new Capture(topology.servers.get(name)!, "nsm0"));
        const client = clientOf(scene!, "10.2.2.35", { protocol: "udp", packetSize: size });
        const { records, errors } = await client.connectBatch(30);
        for (const capture of hosts) capture.close();
        assert.deepEqual(errors, {});
        assert.deepEqual(new Set(records.map((record) => record.host)).size, 3);
        // Each flow's packets are at one server alone: whatever the fragments did, they did not part.
        const ports = hosts.map((host) => new Set(udpPortsInside(host.frames)));
        const all = ports.flatMap((set) => [...set]);
        assert.equal(all.length, new Set(all).size, "a flow reached two servers");
        // The kernel may give a port again that an earlier connection has closed.
        const sources = new Set(records.map((record) => record.flow.srcPort));
        assert.deepEqual(all.sort(), [...sources].sort());
      });
    }

    it("without reassembly fragments part, or are dropped and counted where the VIP has a port", async () => {
      const edit: SceneOptions["edit"] = ({ interfaces }) => {
        for (const one of interfaces) if (one["outside"] === true) one["reassembly"] = "off";
      };
      const { topology } = await open([VIP, UDP_PORT], { edit });
      const sent = new Capture(topology.client, SETTING.uplink.hostDevice);
      const hosts = SETTING.servers.slice(0, 3).map(({ name }) => new Capture(topology.servers.get(name)!, "nsm0"));
      const dropsBefore = await uplinkDrops(scene!);
      const options = { protocol: "udp", packetSize: 4000, answerTimeoutMs: 1000 } as const;
      const batch = (vip: string, flows: number) => clientOf(scene!, vip, options).connectBatch(flows);
      const [anyPort, onePort] = await Promise.all([batch("10.2.2.35", 20), batch("10.2.5.1", 5)]);
      const sentTo = (last: number) => plain(sent.frames).filter((packet) => packet[9] === 17 && packet[19] === last);
      const all = () => (udpAt(hosts, "10.2.2.35").length >= sentTo(35).length ? true : undefined);
      await waitFor("every fragment of the all-port VIP", all, { signal: AbortSignal.timeout(10_000) });
      for (const capture of [sent, ...hosts]) capture.close();

      // lb takes the first four bytes after the IP header for ports: those of a later fragment are of its payload.
      const arrived = udpAt(hosts, "10.2.2.35");
      assert.equal(arrived.length, sentTo(35).length);
      const portsOf = new Map<number, Set<number>>();
      for (const packet of arrived.map((one) => one.packet).filter((one) => offsetOf(one) === 0))
        portsOf.set(
          packet.readUInt16BE(4),
          (portsOf.get(packet.readUInt16BE(4)) ?? new Set()).add(packet.readUInt16BE(20)),
        );
      const serversOf = (port: number) => {
        // Of two flows' datagrams with the same identification nobody can tell the later fragments.
        const isOwn = (packet: Buffer) => [...(portsOf.get(packet.readUInt16BE(4)) ?? [])].join() === String(port);
        return new Set(arrived.filter(({ packet }) => isOwn(packet)).map(({ server }) => server));
      };
      const parted = anyPort.records.filter((record) => serversOf(record.flow.srcPort).size > 1);
      assert.ok(parted.length > 0, "no flow parted");
      assert.deepEqual([...new Set(parted.map((record) => record.state))], ["broken"]);

      assert.deepEqual([...new Set(onePort.records.map((record) => record.state))], ["broken"]);
      const firsts = udpAt(hosts, "10.2.5.1");
      assert.deepEqual([...new Set(firsts.map(({ packet }) => offsetOf(packet)))], [0]);
      const later = sentTo(1).length - firsts.length;
      assert.equal(later, 2 * firsts.length);
      const drops = (await uplinkDrops(scene!)) - dropsBefore;
      assert.ok(drops >= later, `${drops} of ${later} counted`);
    });

    it("a ping of an all-port VIP is answered by a server, with the bytes that were sent", async () => {
      const { topology } = await open([VIP]);
      const { client } = topology;
      const output = await ended("ping", client, "ping", [
        "-c",
        "5",
        "-i",
        "0.2",
        "-W",
        "2",
        "-s",
        "1000",
        "10.2.2.33",
      ]);
      assert.match(output, /5 packets transmitted, 5 received, 0% packet loss/);
    });

    it("servers behind a router, in another subnet, serve", async () => {
      const router = SETTING.servers[3];
      const far = await Namespace.create("far");
      try {
        const prepare = async ({ servers: hosts }: Scene["topology"]) => {
          const host = hosts.get(router.name)!;
          await host.addVeth({ name: "inside", peer: { name: "nsm0", namespace: far } });
          await host.addAddress("inside", "10.61.0.1/24");
          await far.addAddress("nsm0", "10.61.0.2/24");
          await host.addRoute({ dst: "10.70.0.0/31", via: SETTING.loopback.ip4 });
          host.sysctl("net/ipv4/ip_forward", 1);
          // Packets of servers come with the VIP as their source.
          for (const device of ["all", "inside"]) host.sysctl(`net/ipv4/conf/${device}/rp_filter`, 0);
          for (const [space, device] of [
            [host, "inside"],
            [far, "nsm0"],
          ] as const)
            space.offloadsOff(device);
        };
        const edit: SceneOptions["edit"] = (document) => {
          const via = [{ address: router.ip4, interface: SETTING.loopback.name }];
          document.routes = [...(document.routes ?? []), { prefix: "10.61.0.0/24", via }];
        };
        const routed = await open([VIP, FAR_AWAY], { prepare, edit });
        await routed.serve("far", far, "nsm0", [
          "--gateway",
          "10.61.0.1",
          "--encap",
          "gre4",
          "--route",
          "10.70.0.0/31",
        ]);
        const { records } = await clientOf(routed, "10.2.4.7").connectBatch(20);
        assert.deepEqual([...new Set(records.map((record) => `${record.state} ${record.host}`))], ["ended far"]);
        const near = await clientOf(routed, "10.2.2.7").connectBatch(20);
        assert.deepEqual(near.errors, {});
      } finally {
        await scene?.close();
        scene = undefined;
        far.close();
      }
    });
  });
}
