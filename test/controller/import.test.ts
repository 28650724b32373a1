import assert from "node:assert/strict";
import { join } from "node:path";
import { importVpp, parseLbYaml } from "../../src/config/index.ts";
import { observeVpp } from "../../src/roles/observe-vpp.ts";
import { LB_YAML, startController, until, type Started } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

const STATES: Readonly<Record<string, string>> = {
  "the seed's": LB_YAML,
  "no VIP": "vips: []\n",
  "L3DSR, per-port VIPs, weights and drains, routed servers": `
lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1", stickyBuckets: 2048, flowTimeoutS: 50 }
bridges: [{ id: 7, learn: false }]
interfaces:
  - { loopback: 3, mac: "02:fe:00:00:00:07", mtu: 1400, addresses: [10.60.1.1/24], bridge: { id: 7, bvi: true } }
  - { loopback: 4, mac: "02:fe:00:00:00:08", addresses: ["2001:db8:60::1/64"], up: false }
neighbors: [{ address: 10.60.1.2, mac: "02:00:00:00:01:02", interface: loop3 }]
routes:
  - { prefix: 10.61.0.0/16, via: [{ address: 10.60.1.2, interface: loop3 }] }
vips:
  - { prefix: 10.2.2.0/24, encap: l3dsr, dscp: 7, tableSize: 512, servers: [10.61.1.2, { address: 10.61.1.3, weight: 40 }] }
  - { prefix: 10.2.3.1/32, protocol: tcp, port: 80, encap: gre4, srcIpSticky: true, servers: [10.60.1.2, { address: 10.60.1.9, state: drain }] }
  - { prefix: 10.2.3.1/32, protocol: udp, port: 80, encap: gre4, tableSize: 64 }
  - { prefix: "2001:db8:3::/64", encap: gre6, servers: ["2001:db8:60::7", "2001:db8:60::8"] }
`,
};

describe("controller: import of a running VPP", function () {
  this.timeout(60_000);
  let vpp: TestVpp;
  let count = 0;

  beforeEach(async () => {
    vpp = await startVpp();
  });
  afterEach(async () => vpp.close());

  async function start(): Promise<Started> {
    const one = await startController(vpp.socket, join(vpp.directory, `import-${count++}`));
    await until("VPP is there", () => one.controller.status().vpp.state === "ready");
    return one;
  }

  for (const [name, yaml] of Object.entries(STATES)) {
    it(`gives a file with nothing to do, also for a controller that never saw this VPP: ${name}`, async () => {
      const maker = await start();
      const applied = await maker.controller.apply(yaml, { force: true });
      assert.deepEqual(applied.failed, []);
      await maker.controller.close();

      const { yaml: text } = importVpp(await observeVpp(vpp.socket, new AbortController().signal));
      const { state, diagnostics } = parseLbYaml(text);
      assert.deepEqual(
        diagnostics.filter((one) => one.severity === "error"),
        [],
        text,
      );
      const wanted = parseLbYaml(yaml).state!;
      assert.equal(state!.vips.length, wanted.vips.length);
      assert.equal(state!.interfaces.length, wanted.interfaces.length, text);
      assert.deepEqual(
        state!.routes.map((route) => route.prefix),
        wanted.routes.map((route) => route.prefix),
      );

      const other = await start();
      const plan = await other.controller.plan(text);
      assert.deepEqual(
        plan.operations.map((one) => one.sentence),
        [],
        text,
      );
      assert.deepEqual(plan.problems, [], text);
      const result = await other.controller.apply(text);
      assert.deepEqual([result.ok, result.applied], [true, []]);
      await other.controller.close();
    });
  }
});
