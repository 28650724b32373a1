import assert from "node:assert/strict";
import { watch } from "node:fs";
import { tmpdir } from "node:os";
import type { Row } from "../../src/controller/index.ts";
import { needNamespaces, openFds, until } from "../sys/support.ts";
import { BVI, byKernel, has, Lab, VIP4, VIP6 } from "./lab.ts";

const WAIT_MS = 20_000;

/** Addresses of the servers of a VIP that are up. */
async function serversOf(lab: Lab, vip: string): Promise<string[]> {
  const rows = await lab.control.get("servers");
  const mine = (row: Row) => row.columns["vip"] === vip && row.columns["state"] === "ok";
  return rows.filter(mine).map((row) => String(row.columns["server"]));
}

describe("nse: the load-balancer endpoint", function () {
  this.timeout(60_000);
  before(function () {
    needNamespaces(this);
  });

  it("wires a KERNEL client into the bridge, makes it a server when its interface is up, and takes all away", async () => {
    // From its first watch on, libuv keeps a descriptor for all of them.
    watch(tmpdir()).close();
    const before = openFds();
    const lab = await Lab.open();
    try {
      const { agent, events } = await lab.startRegistered();
      const host = await lab.host("as1");
      const client = lab.client("as1");
      const made = await client.request(byKernel(host));
      const { ipContext, extraContext, MTU } = made.context!;
      assert.deepEqual(ipContext?.srcIpAddrs, ["10.60.1.2/24", "2001:db8:60::2/64"]);
      assert.deepEqual(ipContext.dstIpAddrs, ["10.60.1.1/24", "2001:db8:60::1/64"]);
      assert.deepEqual(ipContext.srcRoutes, [
        { prefix: VIP4, nextHop: BVI.ip4 },
        { prefix: VIP6, nextHop: BVI.ip6 },
      ]);
      assert.deepEqual(ipContext.ipNeighbors, [
        { ip: BVI.ip4, hardwareAddress: BVI.mac },
        { ip: BVI.ip6, hardwareAddress: BVI.mac },
      ]);
      assert.equal(MTU, 1500);
      assert.deepEqual(extraContext, {
        "vpplb/vips": `${VIP4},${VIP6}`,
        "vpplb/encaps": "gre4,gre6",
        "vpplb/gateways": `${BVI.ip4},${BVI.ip6}`,
        "vpplb/sources": `${BVI.ip4},${BVI.ip6}`,
        "vpplb/drain": "false",
        "vpplb/connections": "",
      });
      await until("it is a server", () => has(events, "server_up"), WAIT_MS);
      assert.deepEqual(await serversOf(lab, VIP4), ["10.60.1.2"]);
      assert.deepEqual(await serversOf(lab, VIP6), ["2001:db8:60::2"]);
      await client.close(made);
      assert.deepEqual(agent.counts, { connections: 0, leaving: 0, addresses: 0, monitors: 0 });
      assert.deepEqual(await lab.control.get("servers"), []);
    } finally {
      await lab.close();
    }
    await until("no descriptor is left", () => openFds() <= before);
  });
});
