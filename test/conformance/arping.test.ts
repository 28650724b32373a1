/** arping by API: advertises, asks, counts answers; beside a real VPP with `VPPLB_VPP_COMMAND`. */
import assert from "node:assert/strict";
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import { arpFrame, hex } from "../dataplane/support.ts";
import type { Command } from "./commands.ts";
import { namespacesMissing } from "./subject.ts";
import { Wired } from "./wires.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
const OWN = "02:fe:00:00:00:01";
const PEER = "02:00:00:00:01:02";
const ANY = "ff:ff:ff:ff:ff:ff";
const ZERO = "00:00:00:00:00:00";

const SETUP: readonly Command[] = [
  {
    ...{ kind: "api", name: "af_packet_create_v3" },
    fields: {
      ...{ mode: 1, hw_addr: OWN, use_random_hw_addr: false, host_if_name: "v0", flags: 0 },
      ...{ rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 32, tx_frames_per_block: 32 },
      ...{ num_rx_queues: 1, num_tx_queues: 1 },
    },
  },
  { kind: "api", name: "sw_interface_set_flags", fields: { sw_if_index: 1, flags: 1 } },
  {
    ...{ kind: "api", name: "sw_interface_add_del_address" },
    fields: { sw_if_index: 1, is_add: true, del_all: false, prefix: parsePrefix("10.1.0.1/24") },
  },
];

describe("arping by API", function () {
  this.timeout(60_000);

  before(function () {
    const reason = namespacesMissing();
    if (reason === undefined) return;
    console.log(`      skipped: ${reason}`);
    this.skip();
  });

  for (const command of VPP_COMMAND === undefined ? [undefined] : [undefined, VPP_COMMAND]) {
    it(command === undefined ? "the embedded dataplane" : "a real VPP", async () => {
      const subject = await Wired.start(1, command);
      try {
        await subject.run(SETUP);
        const wire = subject.wires[0]!;
        const request = (address: string, given: object) =>
          subject.client.request("arping", {
            ...{ address: parseAddress(address), sw_if_index: 1, is_garp: false, repeat: 1, interval: 0.1, ...given },
          });
        const garp = arpFrame(ANY, OWN, 1, { mac: OWN, ip: "10.1.0.1" }, { mac: OWN, ip: "10.1.0.1" });
        wire.poll();
        wire.received.length = 0;
        assert.equal((await request("10.1.0.1", { is_garp: true, repeat: 2 }))["reply_count"], 0);
        const same = () => wire.received.filter((frame) => hex(frame.slice(0, 32)) === hex(garp.slice(0, 32)));
        await subject.until("two advertisements", () => same().length === 2);
        const asked = request("10.1.0.2", {});
        const question = arpFrame(ANY, OWN, 1, { mac: OWN, ip: "10.1.0.1" }, { mac: ZERO, ip: "10.1.0.2" });
        await subject.until("a question", () =>
          wire.received.some((frame) => hex(frame.slice(20, 32)) === hex(question.slice(20, 32))),
        );
        wire.send(arpFrame(OWN, PEER, 2, { mac: PEER, ip: "10.1.0.2" }, { mac: OWN, ip: "10.1.0.1" }));
        assert.deepEqual([(await asked)["retval"], (await asked)["reply_count"]], [0, 1]);
        assert.equal((await request("10.1.0.3", {}))["reply_count"], 0);
        assert.equal((await request("10.1.0.3", { sw_if_index: 4242 }))["retval"], -2);
      } finally {
        await subject.stop();
      }
    });
  }
});
