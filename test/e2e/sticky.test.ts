import assert from "node:assert/strict";
import { waitFor } from "../../src/demo/processes.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { flowSources, TrafficClient } from "../../src/traffic/index.ts";
import { Scene, SETTING, SUBJECTS, type LbDocument, type VipYaml } from "./harness.ts";

const servers = SETTING.servers.slice(0, 3).map((server) => server.ip4);
const VIP = { prefix: "10.2.2.0/24", encap: "gre4", servers } satisfies VipYaml;
/** Buckets of four flows each: room for 8. */
const FEW_BUCKETS = 2;
const FLOWS = 40;

/** The kernel would give a port again that was closed: that were a flow less. */
const sources = (firstPort: number) => ({ sources: flowSources({ firstPort, count: FLOWS }) });

function lbOf(change: Record<string, unknown>): (document: LbDocument) => void {
  return (document) => {
    const { stickyBuckets: _, ...rest } = document["lb"] as Record<string, unknown>;
    document["lb"] = { ...rest, ...change };
  };
}

for (const subject of SUBJECTS) {
  describe(`the sticky table of ${subject.name}`, function () {
    this.timeout(180_000);
    let scene: Scene | undefined;

    before(async function () {
      needNetAdmin(this);
      scene = await Scene.openOwn([VIP], {
        edit: lbOf({ stickyBuckets: FEW_BUCKETS }),
        ...(subject.vpp === undefined ? {} : { vpp: subject.vpp }),
      });
    });
    after(() => scene?.close());

    const warnings = async () => (await scene!.control.status()).sync.warnings;
    const found = async (what: RegExp, isAll: (warning: string) => boolean = () => true) => {
      const look = async () => (await warnings()).find((warning) => what.test(warning) && isAll(warning));
      return waitFor(`warning ${what}`, look, { deadlineMs: 15_000, signal: AbortSignal.timeout(20_000) });
    };

    it("warns of packets of flows that it had no room for", async () => {
      assert.deepEqual(await warnings(), []);
      const client = new TrafficClient({
        target: { address: "10.2.2.33", port: SETTING.port },
        netns: scene!.topology.client.netns.fd,
        protocol: "udp",
        connectTimeoutMs: 12_000,
        answerTimeoutMs: 15_000,
      });
      assert.deepEqual((await client.connectBatch(FLOWS, sources(20_000))).errors, {});
      // Eight flows have room; each other one sent a packet at least. The first look may come in the midst of them.
      const isAll = (warning: string) => Number(/^(\d+) packets/.exec(warning)?.[1]) >= FLOWS - 4 * FEW_BUCKETS;
      await found(/had no room for/, isAll);
    });

    it("is not resized while flows are in it, and tells how many that would break", async () => {
      await scene!.change(lbOf({ expectedFlows: 5000 }));
      const warning = await found(/keeps 2 buckets instead of 8192/);
      assert.match(warning, /would drop [1-8] flows.*`vpplb apply --force`/);
      const again = await scene!.control.apply(undefined, { timeoutMs: 20_000 });
      assert.deepEqual(again.applied, []);
    });

    it("is resized by force, and then has room", async () => {
      const forced = await scene!.control.apply(undefined, { force: true, timeoutMs: 20_000 });
      assert.ok(forced.ok, JSON.stringify(forced));
      assert.match(forced.applied.join(), /sticky buckets per core 2 -> 8192/);
      assert.equal((await warnings()).filter((warning) => /buckets instead of/.test(warning)).length, 0);
      const packets = async () => {
        const rows = await scene!.control.get("vips");
        return rows.reduce((sum, row) => sum + Number(row.columns["untracked"] ?? 0), 0);
      };
      const before = await packets();
      const client = new TrafficClient({
        target: { address: "10.2.2.34", port: SETTING.port },
        netns: scene!.topology.client.netns.fd,
        protocol: "udp",
      });
      assert.deepEqual((await client.connectBatch(FLOWS, sources(21_000))).errors, {});
      const rows = async () => ((await scene!.control.status()).counts.flows >= FLOWS ? true : undefined);
      await waitFor("flows in the table", rows, { deadlineMs: 15_000, signal: AbortSignal.timeout(20_000) });
      assert.equal(await packets(), before);
    });
  });
}
