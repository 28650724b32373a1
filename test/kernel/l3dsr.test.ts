import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { KernelError } from "../../src/kernel/errors.ts";
import { clearDscpVips, missingDscpVips, setDscpVips } from "../../src/kernel/l3dsr.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { needNamespaces, needTun } from "../sys/support.ts";
import { openDscpMarker } from "./encapsulator.ts";
import { withNamespaces } from "./support.ts";

describe("kernel: l3dsr", () => {
  before(function () {
    needNamespaces(this);
    needTun(this);
  });

  it("refuses what cannot be told apart or restored", async () => {
    await withNamespaces(1, async (server) => {
      assert.ok(server !== undefined);
      const refused = (vips: { vip: string; dscp: number }[], message: RegExp): Promise<void> =>
        assert.rejects(setDscpVips(server, "nsm0", vips), { code: "INVALID", message });
      await refused([{ vip: "10.2.2.0/24", dscp: 7 }], /only a single IPv4 address/);
      await refused([{ vip: "2001:db8::1", dscp: 7 }], /only a single IPv4 address/);
      await refused([{ vip: "10.2.2.1", dscp: 0 }], /1 to 63/);
      await refused(
        [
          { vip: "10.2.2.1", dscp: 7 },
          { vip: "10.2.2.2", dscp: 7 },
        ],
        /the same DSCP/,
      );
    });
  });

  it("TCP reaches the VIP that the DSCP names, and nothing else changes", async function () {
    await withNamespaces(2, async (lb, server) => {
      assert.ok(lb !== undefined && server !== undefined);
      await lb.addVeth({ name: "bvi", peer: { name: "nsm0", namespace: server } });
      await lb.addAddress("bvi", "10.60.1.1/24");
      await server.addAddress("nsm0", "10.60.1.2/24");
      lb.offloadsOff("bvi");
      for (const vip of ["10.2.2.1/32", "10.2.2.2/32"]) await server.addAddress("lo", vip);
      server.sysctl("net.ipv4.conf.all.arp_announce", 2);
      for (const dev of ["all", "bvi"]) lb.sysctl(`net/ipv4/conf/${dev}/rp_filter`, 0);
      await server.addRoute({ dst: "default", via: "10.60.1.1" });
      const vips = [
        { vip: "10.2.2.1", dscp: 7 },
        { vip: "10.2.2.2", dscp: 63 },
      ];
      assert.deepEqual(await missingDscpVips(server, "nsm0", vips), vips);
      try {
        await setDscpVips(server, "nsm0", vips.slice(0, 1));
      } catch (error) {
        if (!KernelError.is(error, "UNSUPPORTED")) throw error;
        console.log(`      skipped: ${error.message}`);
        this.skip();
      }
      assert.deepEqual(await missingDscpVips(server, "nsm0", vips), vips.slice(1));
      await setDscpVips(server, "nsm0", vips);
      await setDscpVips(server, "nsm0", vips);
      assert.deepEqual(await missingDscpVips(server, "nsm0", vips), []);
      const listener = net.createServer((socket) => socket.end(String(socket.localAddress)));
      listener.listen({ fd: listenTcp(server.netns, "0.0.0.0", 5001) });
      const greeting = async (address: string): Promise<string> => {
        const client = connectTcp(lb.netns, address, 5001);
        let text = "";
        client.on("data", (chunk: Buffer) => (text += chunk.toString()));
        await once(client, "close");
        return text;
      };
      for (const { vip, dscp } of vips) {
        const marker = await openDscpMarker(lb, "10.60.1.2", dscp);
        await lb.addAddress(marker.device, "10.70.0.0/31");
        await lb.addRoute({ dst: vip, dev: marker.device, src: "10.70.0.0" });
        assert.equal(await greeting(vip), vip);
        assert.ok(marker.sent >= 3, String(marker.sent));
        marker.close();
      }
      assert.equal(await greeting("10.60.1.2"), "10.60.1.2", "unmarked packets are left alone");
      assert.equal(await clearDscpVips(server), true);
      assert.equal(await clearDscpVips(server), false);
      listener.close();
    });
  });
});
