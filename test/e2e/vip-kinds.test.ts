import assert from "node:assert/strict";
import { VppClient } from "vpp-api-ts";
import { waitFor } from "../../src/demo/processes.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { buildTable, explainFlow, type MaglevAlgorithm } from "../../src/maglev/index.ts";
import { flowSources, TrafficClient } from "../../src/traffic/index.ts";
import { Scene, SETTING, type VipYaml } from "./harness.ts";

const servers4 = SETTING.servers.slice(0, 3).map((server) => server.ip4);
const servers6 = SETTING.servers.slice(0, 3).map((server) => server.ip6);

const VIPS = {
  gre4: { prefix: "10.2.2.0/24", encap: "gre4", servers: servers4 },
  gre6: { prefix: "2001:db8:2:2::/64", encap: "gre6", servers: servers6 },
  "IPv4 in gre6": { prefix: "10.2.4.1/32", encap: "gre6", servers: servers6 },
  "IPv6 in gre4": { prefix: "2001:db8:2:5::1/128", encap: "gre4", servers: servers4 },
  "one port": { prefix: "10.2.3.1/32", encap: "gre4", protocol: "tcp", port: SETTING.port, servers: servers4 },
  l3dsr: { prefix: "10.2.6.1/32", encap: "l3dsr", dscp: 7, servers: servers4 },
  "sticky by source": { prefix: "10.2.7.0/24", encap: "gre4", srcIpSticky: true, servers: servers4 },
} satisfies Record<string, VipYaml>;

const nameOf = (address: string | undefined) =>
  SETTING.servers.find((server) => server.ip4 === address || server.ip6 === address)?.name;

function addressIn(prefix: string): string {
  const [network = "", length] = prefix.split("/");
  return length === "24" ? network.replace(/0$/, "33") : length === "64" ? `${network}33` : network;
}

describe("VIPs of every kind, with real TCP", function () {
  this.timeout(120_000);
  let scene: Scene;
  let algorithm: MaglevAlgorithm = "plain";
  let nextPort = 12_000;

  before(async function () {
    needNetAdmin(this);
    scene = await Scene.open(Object.values(VIPS), { l3dsr: [`${addressIn(VIPS.l3dsr.prefix)}=${VIPS.l3dsr.dscp}`] });
    const { version } = (await scene.control.status()).vpp;
    if (process.env["VPPLB_VPP_API"] !== undefined) {
      const client = new VppClient({ socket: process.env["VPPLB_VPP_API"] });
      await client.connect();
      algorithm = client.has("lb_add_del_as_v2") ? "weighted" : "plain";
      client.close();
    }
    assert.ok(version);
  });

  after(async () => scene?.close());

  function client(vip: VipYaml, options: { protocol?: "tcp" | "udp"; port?: number; packetSize?: number } = {}) {
    const { protocol = "tcp", port = SETTING.port, packetSize = 256 } = options;
    return new TrafficClient({
      target: { address: addressIn(vip.prefix), port },
      protocol,
      netns: scene.topology.client.netns.fd,
      packetSize,
      rate: 200,
      connectTimeoutMs: 12_000,
      answerTimeoutMs: 15_000,
    });
  }

  function predicted(
    vip: VipYaml,
    flow: { src: string; dst: string; protocol: "tcp" | "udp"; srcPort: number; dstPort: number },
  ) {
    const table = buildTable(
      vip.servers.map((address) => ({ address })),
      vip.tableSize ?? 1024,
      algorithm,
    );
    const found = explainFlow(vip, table, flow);
    return found.hit ? nameOf(found.server) : undefined;
  }

  async function connections(vip: VipYaml, protocol: "tcp" | "udp" = "tcp") {
    const address = vip.prefix.includes(":") ? SETTING.uplink.host6 : SETTING.uplink.host4;
    const sources = flowSources({ addresses: [address], firstPort: nextPort, count: 40 });
    nextPort += 40;
    return (await client(vip, { protocol }).connectBatch(40, { sources })).records;
  }

  for (const [kind, vip] of Object.entries(VIPS) as [string, VipYaml][]) {
    it(`${kind}: every connection reaches the server that the table names`, async () => {
      const records = await connections(vip);
      for (const record of records) {
        assert.equal(record.state, "ended", `${record.err} ${JSON.stringify(record.flow)}`);
        assert.equal(record.host, predicted(vip, record.flow));
      }
      const reached = new Set(records.map((record) => record.host));
      assert.equal(reached.size, vip.srcIpSticky ? 1 : 3);
    });
  }

  it("UDP goes where the table says", async () => {
    for (const vip of [VIPS.gre4, VIPS.gre6]) {
      for (const record of await connections(vip, "udp")) {
        assert.equal(record.state, "ended", `${record.err} ${JSON.stringify(record.flow)}`);
        assert.equal(record.host, predicted(vip, record.flow));
      }
    }
  });

  it("a port that no VIP takes gets nowhere", async () => {
    const lost = new TrafficClient({
      target: { address: addressIn(VIPS["one port"].prefix), port: SETTING.port + 1 },
      netns: scene.topology.client.netns.fd,
      connectTimeoutMs: 1500,
    });
    const { records } = await lost.connectBatch(3);
    assert.deepEqual(
      records.map((record) => record.state),
      ["broken", "broken", "broken"],
    );
  });

  for (const kind of ["gre4", "gre6", "IPv4 in gre6", "IPv6 in gre4", "l3dsr"] as const) {
    it(`${kind}: full segments pass both ways`, async () => {
      const held = await client(VIPS[kind], { packetSize: 60_000 }).hold(3, { packetRate: 200 });
      const bytes = () => held.records().reduce((sum, record) => sum + record.bytesReceived, 0);
      const done = () => (bytes() > 12e6 || held.broken > 0 ? true : undefined);
      await waitFor("12 MB there and back", done, { deadlineMs: 60_000, signal: AbortSignal.timeout(60_000) });
      assert.deepEqual(held.stop().errors, {});
    });
  }

  it("a server that somebody deletes by CLI is put back, and nothing breaks", async () => {
    const held = await client(VIPS.gre4).hold(30, { packetRate: 5 });
    const [victim] = servers4;
    // Past the controller, which runs only lines that look.
    const saboteur = new VppClient({ socket: scene.api, name: "saboteur", probe: false });
    try {
      await saboteur.connect({ deadlineMs: 5000 });
      await saboteur.cli(`lb as ${VIPS.gre4.prefix} ${victim} del`);
    } finally {
      saboteur.close();
    }
    const back = async () => {
      const { output } = await scene.control.vppctl("show lb vips verbose");
      const vip = output
        .split(/\n(?= ip)/)
        .find((text) => text.includes(VIPS.gre4.prefix) && !/removed\n/.test(text.split("\n")[0]! + "\n"));
      return vip?.split("\n").some((line) => line.includes(`${victim} `) && line.trim().endsWith("used"))
        ? true
        : undefined;
    };
    await waitFor("the server to be back", back, { deadlineMs: 10_000, signal: AbortSignal.timeout(15_000) });
    assert.deepEqual(held.stop().errors, {});
  });
});
