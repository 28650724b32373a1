import assert from "node:assert/strict";
import fc from "fast-check";
import { VppClient, VppError } from "vpp-api-ts";
import { builtinSchema, encodeFrame } from "vpp-api-ts/codec";
import { FakeVpp, until } from "./fake-vpp.ts";

/** What a broken or hostile peer may put on the wire, given the ids that it announced. */
function noise(ids: readonly number[]): fc.Arbitrary<Uint8Array[]> {
  const id = fc.oneof(fc.constantFrom(...ids), fc.nat(0xffff));
  const payload = fc.tuple(id, fc.uint8Array({ maxLength: 200 })).map(([n, rest]) => Uint8Array.of(n >> 8, n, ...rest));
  const frame = payload.map(encodeFrame);
  const broken = fc.tuple(frame, fc.nat(15), fc.nat(255)).map(([bytes, at, value]) => {
    bytes[at] = value;
    return bytes;
  });
  const piece = fc.oneof(
    { weight: 8, arbitrary: frame },
    { weight: 1, arbitrary: broken },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  );
  return fc
    .tuple(fc.array(piece, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }))
    .map(([pieces, cuts]) => {
      const stream = Buffer.concat(pieces);
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length] ?? 1;
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      return chunks;
    });
}

/** For what surely comes, on however busy a machine. */
const DEADLINE_MS = 60_000;

/** The client's own deadlines are short, and a busy machine may miss one: asks until an answer comes. */
async function answers(client: VppClient): Promise<void> {
  let over = false;
  let asking = false;
  await until(
    () => {
      if (!over && !asking) {
        asking = true;
        void client.request("control_ping").then(
          () => (over = true),
          () => (asking = false),
        );
      }
      return over;
    },
    "an answer in the end",
    DEADLINE_MS,
  );
}

describe("a peer that sends anything", () => {
  it("gives errors of ours or nothing: no crash, no hang, no wait that never ends", async function () {
    this.timeout(300_000);
    const vpp = await new FakeVpp().listen();
    const client = new VppClient({
      socket: vpp.path,
      requestTimeoutMs: 50,
      reconnect: { minMs: 1, maxMs: 5 },
      probe: { intervalMs: 20, timeoutMs: 50, failures: 2 },
    });
    client.events("sw_interface_event").subscribe();
    try {
      await client.connect();
      await fc.assert(
        fc.asyncProperty(noise([...vpp.ids.values()]), async (chunks) => {
          await until(() => client.state.status === "ready", "connected", DEADLINE_MS);
          const calls = [client.request("lb_conf", {}), client.dumpAll("sw_interface_dump"), client.cli("show lb")];
          const settled = Promise.allSettled(calls);
          for (const peer of vpp.peers) for (const chunk of chunks) peer.raw(chunk);
          for (const result of await settled) {
            if (result.status === "rejected") assert.ok(VppError.is(result.reason), String(result.reason));
          }
          await until(() => client.pendingCount <= 1, "nothing but a probe pending", DEADLINE_MS);
        }),
        { numRuns: 60 },
      );
      await answers(client);
    } finally {
      client.close();
      await vpp.dispose();
    }
  });

  it("any cut of any checked-in reply is refused or decoded, never misread in silence", () => {
    for (const codec of builtinSchema().messages.values()) {
      const whole = codec.encode(1);
      for (let length = 2; length < whole.length; length += Math.max(1, whole.length >> 4)) {
        assert.throws(
          () => codec.decode(whole.subarray(0, length)),
          { code: "DECODE" },
          `${codec.nameCrc} at ${length}`,
        );
      }
    }
  });
});
