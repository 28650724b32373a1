import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isEchoOf,
  isEchoOfAnother,
  makePacket,
  nameBlock,
  nameIn,
  NAME_BYTES,
  sequenceIn,
} from "../../src/traffic/protocol.ts";
import { flowSources, formatEndpoint, parseEndpoint } from "../../src/traffic/flows.ts";
import { TrafficError } from "../../src/traffic/errors.ts";

describe("traffic protocol", () => {
  it("carries any short name, and cuts a long one between characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }), (name) => {
        fc.pre(!name.includes("\0"));
        const block = nameBlock(name);
        assert.equal(block.length, NAME_BYTES);
        const read = nameIn(block);
        assert.ok(read !== undefined && name.startsWith(read));
        if (Buffer.byteLength(name) < NAME_BYTES) assert.equal(read, name);
        else assert.ok(Buffer.byteLength(read) > NAME_BYTES - 5);
      }),
    );
  });

  it("finds no name in a packet that nobody has written into", () => {
    assert.equal(nameIn(makePacket(200, 7, 1)), undefined);
    assert.equal(nameIn(Buffer.alloc(NAME_BYTES, 0x41)), undefined);
  });

  it("knows its echo, whatever the name, and no other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 80, max: 2000 }), fc.nat(1e6), fc.nat(1e6), fc.nat(), (size, id, sequence, at) => {
        const sent = makePacket(size, id, sequence);
        const echo = Buffer.from(sent);
        nameBlock("as1").copy(echo);
        assert.ok(isEchoOf(sent, echo));
        assert.equal(sequenceIn(echo), sequence);
        const index = NAME_BYTES + (at % (size - NAME_BYTES));
        echo[index] = (echo[index] ?? 0) ^ 1;
        assert.ok(!isEchoOf(sent, echo));
        assert.ok(!isEchoOf(sent, echo.subarray(1)));
      }),
    );
  });

  it("knows a whole echo of another connection from its own and from damage", () => {
    const size = fc.integer({ min: 72, max: 2000 });
    fc.assert(
      fc.property(
        size,
        size,
        fc.uniqueArray(fc.nat(1e6), { minLength: 2, maxLength: 2 }),
        fc.nat(),
        (a, b, ids, at) => {
          const [sent, other] = [makePacket(a, ids[0]!, 3), makePacket(b, ids[1]!, 5)];
          assert.ok(isEchoOfAnother(sent, other));
          assert.ok(!isEchoOfAnother(sent, sent));
          // Not in the low byte of id or number alone: that may be the echo of a third one.
          const index = NAME_BYTES + 8 + (at % Math.max(1, b - NAME_BYTES - 8));
          if (index >= b) return;
          other[index] = (other[index] ?? 0) ^ 1;
          assert.ok(!isEchoOfAnother(sent, other));
        },
      ),
    );
    assert.ok(!isEchoOfAnother(makePacket(64, 1, 1), makePacket(64, 2, 1)), "too small to tell");
  });
});

describe("flow sources", () => {
  it("are distinct and the same each time", () => {
    const range = { addresses: ["10.0.0.1", "10.0.0.2", "10.0.0.3"], firstPort: 20_000, count: 100 };
    const sources = flowSources(range);
    assert.equal(new Set(sources.map((s) => formatEndpoint(s.address ?? "", s.port ?? 0))).size, 100);
    assert.deepEqual(flowSources(range), sources);
    assert.deepEqual(sources[3], { address: "10.0.0.1", port: 20_001 });
  });

  it("end within the ports that there are", () => {
    assert.throws(() => flowSources({ firstPort: 65_000, count: 600 }), isOption);
    assert.throws(() => flowSources({ addresses: ["ten"], firstPort: 1, count: 1 }), isOption);
  });

  it("are read and written as ADDRESS:PORT", () => {
    for (const text of ["192.0.2.1:80", "[2001:db8::1]:5001"]) {
      const { address, port } = parseEndpoint(text);
      assert.equal(formatEndpoint(address, port), text);
    }
    for (const text of ["192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "2001:db8::1:80", "host:80", ""]) {
      assert.throws(() => parseEndpoint(text), isOption, text);
    }
  });
});

function isOption(error: unknown): boolean {
  return error instanceof TrafficError && error.code === "OPTION";
}
