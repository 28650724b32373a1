/** The lb quirks of vpp-api-ts against the embedded dataplane, which has VPP 26.06's faults. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lbQuirks, VppClient, type LbVipConfig } from "vpp-api-ts";
import { startDataplane } from "../../src/dataplane/server.ts";

const VIPS: readonly (LbVipConfig & { readonly servers: readonly string[] })[] = [
  { prefix: "203.0.113.0/25", encap: "gre4", servers: ["192.0.2.1", "192.0.2.2", "192.0.2.3"] },
  { prefix: "203.0.113.129/32", encap: "gre6", protocol: 6, port: 80, servers: ["2001:db8::1", "2001:db8::2"] },
  { prefix: "203.0.113.130/32", encap: "l3dsr", dscp: 7, servers: ["192.0.2.1"] },
  { prefix: "2001:db8:113::/64", encap: "gre6", tableSize: 4096, servers: ["2001:db8::1"] },
  { prefix: "2001:db8:114::1/128", encap: "gre4", protocol: 17, port: 53, servers: ["192.0.2.9"] },
  { prefix: "0.0.0.0/0", encap: "gre4", servers: ["192.0.2.1"] },
];

describe("lb quirks against the embedded dataplane", () => {
  let directory: string;
  const stop = new AbortController();
  let client: VppClient;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-quirks-"));
    const socket = join(directory, "api.sock");
    await startDataplane({ apiSocket: socket }, stop.signal);
    client = new VppClient({ socket, name: "quirks" });
    await client.connect();
  });
  after(() => {
    client.close();
    stop.abort();
    rmSync(directory, { recursive: true, force: true });
  });

  it("VIPs and servers of every kind are what was asked for, by API and by CLI line, and go again", async () => {
    const lb = lbQuirks(client);
    await lb.configure({ ip4Source: "192.0.2.254", ip6Source: "2001:db8::254" });
    for (const vip of VIPS) {
      await lb.addVip(vip);
      const [first, ...others] = vip.servers;
      await lb.addServer(vip, first!);
      await lb.addServers(vip, others);
    }
    const seen = async () =>
      (await lb.vips())
        .filter((vip) => !vip.removed)
        .map((vip) => {
          const servers = vip.servers.filter((server) => !server.removed).map((server) => server.address);
          return [vip.prefix, vip.encap, vip.port, servers.sort()];
        });
    const wanted = VIPS.map((vip) => [vip.prefix, vip.encap, vip.port ?? 0, [...vip.servers].sort()]);
    assert.deepEqual(await seen(), wanted);
    for (const vip of VIPS) {
      await lb.flushVip(vip);
      await lb.deleteServer(vip, vip.servers[0]!);
      await lb.deleteVip(vip);
    }
    assert.deepEqual(await seen(), []);
  });
});
