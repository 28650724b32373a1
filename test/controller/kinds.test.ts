import assert from "node:assert/strict";
import { join } from "node:path";
import { NOTHING_YAML, operator, startController, until } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

/** Every kind that needs no kernel interface. */
function yaml(directory: string): string {
  return `
memifSockets:
  - { id: 1, filename: ${directory}/m1.sock }
  - { id: 2, filename: ${directory}/m2.sock }
tables: [{ id: 7, name: red }]
acls:
  - name: web
    rules:
      - { action: permit, src: 10.0.0.0/8, protocol: tcp, dstPorts: [80, 8000-8999], tcpFlags: { set: [syn], unset: [ack] } }
      - { action: reflect, protocol: udp, dst: ["2001:db8::/32", 10.2.0.0/16], srcPorts: [1024-65535] }
      - { action: permit, protocol: icmp6 }
  - name: ping
    rules: [{ action: permit, protocol: icmp, icmpType: 8, icmpCode: 0 }]
interfaces:
  - { loopback: 0, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24], bridge: { id: 1, bvi: true } }
  - { memif: { socket: 1, id: 0, role: master, secret: hush-hush }, mac: "02:fe:00:00:01:00", mtu: 1400, bridge: { id: 1 } }
  - { memif: { socket: 2, id: 5, role: slave, ringSize: 512, rxQueues: 2, txQueues: 2 }, mac: "02:fe:00:00:02:05",
      addresses: [10.70.0.1/31, "2001:db8:70::1/64"], outside: true, acl: { in: [web, ping], out: [ping] } }
  - { memif: { socket: 1, id: 1, role: master }, mac: "02:fe:00:00:01:01" }
  - { vlan: { parent: memif1/1, id: 100 }, bridge: { id: 1 } }
  - { vlan: { parent: memif1/1, id: 200 }, addresses: [10.80.0.1/24], table: 7, acl: { in: [ping] }, reassembly: virtual }
  - { vlan: { parent: memif1/1, id: 300 }, crossConnect: { to: memif1/2 } }
  - { memif: { socket: 1, id: 2, role: master, mode: ethernet, bufferSize: 4096 }, mac: "02:fe:00:00:01:02" }
routes:
  - { prefix: 0.0.0.0/0, via: [{ address: 10.70.0.0, interface: memif2/5 }] }
  - { prefix: 10.9.0.0/16, table: 7, via: [{ address: 10.80.0.2, interface: memif1/1.200 }] }
`;
}

describe("controller: memif, VLANs, cross-connects, tables, ACLs and reassembly", function () {
  this.timeout(120_000);
  let vpp: TestVpp;
  let journal: string;
  let text: string;
  before(async function () {
    vpp = await startVpp();
    const client = await operator(vpp.socket);
    const able = client.has("memif_create_v2");
    client.close();
    if (!able) {
      console.error("      skipped: this dataplane has no memif");
      this.skip();
    }
    journal = join(vpp.directory, "journal.json");
    text = yaml(vpp.directory);
  });
  after(async () => vpp.close());

  async function converge(wanted: string): Promise<readonly string[]> {
    const started = await startController(vpp.socket, journal);
    const { controller } = started;
    await until("VPP is there", () => controller.status().vpp.state === "ready");
    const result = await controller.apply(wanted);
    assert.ok(result.ok, JSON.stringify(result, undefined, 1));
    const again = await controller.plan(wanted);
    assert.deepEqual(
      again.operations.map((one) => one.sentence),
      [],
    );
    await controller.close();
    return result.applied;
  }

  it("applies all, after which nothing is left to do", async () => {
    assert.ok((await converge(text)).length > 40);
  });

  it("takes everything away again", async () => {
    await converge(NOTHING_YAML);
  });
});
