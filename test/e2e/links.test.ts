import assert from "node:assert/strict";
import { waitFor } from "../../src/demo/processes.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { TrafficClient, type TrafficClientOptions } from "../../src/traffic/index.ts";
import { AccessBox, VLAN } from "./access-box.ts";
import { TagCapture } from "./capture.ts";
import { Scene, SETTING, SUBJECTS, type VipYaml } from "./harness.ts";

const servers = SETTING.servers.slice(0, 3).map((server) => server.ip4);
const VIP = { prefix: "10.2.2.0/24", encap: "gre4", servers } satisfies VipYaml;
const BYTES = 6e6;

for (const subject of SUBJECTS)
  for (const link of ["vlan", "memif"] as const)
    describe(`${link} towards clients and servers, with ${subject.name}`, function () {
      this.timeout(180_000);
      let scene: Scene | undefined;
      let box: AccessBox;

      before(async function () {
        needNetAdmin(this);
        box = new AccessBox(link);
        scene = await Scene.openOwn([VIP], {
          ...(subject.vpp === undefined ? {} : { vpp: subject.vpp }),
          prepare: (topology) => box.prepare(topology),
          edit: (document) => box.edit(document),
        });
      });

      after(async () => {
        await scene?.close();
        await box?.close();
      });

      function client(options: Partial<TrafficClientOptions> = {}): TrafficClient {
        return new TrafficClient({
          target: { address: "10.2.2.33", port: SETTING.port },
          netns: scene!.topology.client.netns.fd,
          connectTimeoutMs: 12_000,
          answerTimeoutMs: 15_000,
          rate: 200,
          ...options,
        });
      }

      async function serves(): Promise<void> {
        for (const protocol of ["tcp", "udp"] as const) {
          const { errors, records } = await client({ protocol }).connectBatch(40);
          assert.deepEqual(errors, {});
          assert.equal(new Set(records.map((record) => record.host)).size, 3);
        }
      }

      it("TCP and UDP reach all servers", serves);

      if (link === "vlan")
        it("every frame of the load-balancer has its link's tag, and the other end's too", async () => {
          const { lb } = scene!.topology;
          const [toOutside, toServers, fromOutside] = [
            new TagCapture(box.namespace, "trunk-out"),
            new TagCapture(box.namespace, "trunk-in"),
            new TagCapture(lb, SETTING.uplink.vppDevice),
          ];
          await serves();
          for (const capture of [toOutside, toServers, fromOutside]) capture.close();
          const sent = [
            { ids: toOutside.of(SETTING.uplink.vppMac), id: VLAN.outside },
            { ids: toServers.of(SETTING.loopback.mac), id: VLAN.servers },
            { ids: fromOutside.of(SETTING.uplink.hostMac), id: VLAN.outside },
          ];
          for (const { ids, id } of sent) {
            assert.deepEqual([...ids.keys()], [id]);
            assert.ok(ids.get(id)! > 80, `${ids.get(id)} frames of VLAN ${id}`);
          }
        });

      it("full segments pass both ways", async () => {
        const held = await client({ packetSize: 60_000 }).hold(3, { packetRate: 200 });
        const bytes = () => held.records().reduce((sum, record) => sum + record.bytesReceived, 0);
        const done = () => (bytes() > BYTES || held.broken > 0 ? true : undefined);
        await waitFor(`${BYTES} bytes`, done, { deadlineMs: 60_000, signal: AbortSignal.timeout(60_000) });
        assert.deepEqual(held.stop().errors, {});
      });

      it("no connection breaks or moves while other links come and go", async () => {
        const held = await client().hold(40, { packetRate: 10 });
        const extra =
          link === "vlan"
            ? { vlan: { parent: `host-${SETTING.uplink.vppDevice}`, id: 300 }, addresses: ["10.81.0.1/24"] }
            : { memif: { socket: 1, id: 5, role: "master" }, mac: "02:fe:00:00:02:05", addresses: ["10.81.0.1/24"] };
        await scene!.change((document) => void document.interfaces.push(structuredClone(extra)));
        await scene!.change((document) => void document.interfaces.pop());
        const before = held.records().map((record) => record.received);
        const answered = () =>
          held.records().every((record, at) => record.state !== "open" || record.received > before[at]! + 1) ||
          undefined;
        await waitFor("answers", answered, { deadlineMs: 20_000, signal: AbortSignal.timeout(20_000) });
        const { errors, records } = held.stop();
        assert.deepEqual(errors, {});
        assert.deepEqual(
          records.filter((record) => record.serverChanges > 0),
          [],
        );
      });

      it("serves again after the other end was killed and came back", async () => {
        await box.killDataplane();
        const lost = await client({ connectTimeoutMs: 1000 }).connectBatch(3);
        assert.deepEqual(
          lost.records.map((record) => record.state),
          ["broken", "broken", "broken"],
        );
        box.startDataplane();
        await box.inSync();
        const again = async () =>
          (await client({ connectTimeoutMs: 1500 }).connectBatch(1)).records[0]!.state === "ended" ? true : undefined;
        await waitFor("a first answer", again, { deadlineMs: 30_000, signal: AbortSignal.timeout(30_000) });
        await serves();
      });
    });
