import assert from "node:assert/strict";
import fc from "fast-check";
import {
  attribute,
  concat,
  nested,
  parseAttributes,
  readText,
  readU32,
  text,
  u32,
  u32be,
} from "../../src/kernel/attributes.ts";
import { macText, networkText, parseMac, parsePrefix } from "../../src/kernel/prefix.ts";

describe("kernel: netlink attributes", () => {
  it("survive being written and read", () => {
    const entry = fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 40 }));
    const distinct = fc.uniqueArray(entry, { selector: ([type]) => type, maxLength: 20 });
    fc.assert(
      fc.property(distinct, (list) => {
        const found = parseAttributes(concat(...list.map(([type, data]) => attribute(type, data))));
        assert.deepEqual(
          [...found].map(([type, data]) => [type, [...data]]),
          list.map(([type, data]) => [type, [...data]]),
        );
      }),
    );
  });

  it("nest, and hold numbers and text", () => {
    const outer = parseAttributes(nested(18, text(1, "veth"), u32(4, 1500), u32be(5, 0x01020304)));
    const inner = parseAttributes(outer.get(18) ?? new Uint8Array());
    assert.equal(readText(inner.get(1)), "veth");
    assert.equal(readU32(inner.get(4)), 1500);
    assert.deepEqual([...(inner.get(5) ?? [])], [1, 2, 3, 4]);
    assert.equal(readU32(inner.get(9)), undefined);
  });

  it("random bytes give whole attributes or nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const total = [...parseAttributes(bytes).values()].reduce((sum, data) => sum + data.length, 0);
        assert.ok(total <= bytes.length);
      }),
    );
  });
});

describe("kernel: prefixes and MACs", () => {
  it("text to bytes and the network's text", () => {
    const cases: [string, string][] = [
      ["10.60.1.77/24", "10.60.1.0/24"],
      ["10.60.1.77/31", "10.60.1.76/31"],
      ["10.2.2.1", "10.2.2.1/32"],
      ["0.0.0.0/0", "0.0.0.0/0"],
      ["2001:db8::ffff/113", "2001:db8::8000/113"],
      ["2001:DB8::1", "2001:db8::1/128"],
    ];
    for (const [given, wanted] of cases) assert.equal(networkText(parsePrefix(given)), wanted);
    assert.equal(parsePrefix("default", 10).family, 10);
  });

  it("refuses what is neither", () => {
    for (const bad of [
      "",
      "10.0.0.1/33",
      "10.0.0.1/-1",
      "10.0.0.1/2x",
      "10.0.0/8",
      "::1/129",
      "1.2.3.4/8/9",
      "fe80::1%lo",
    ]) {
      assert.throws(() => parsePrefix(bad), { name: "KernelError", code: "INVALID" }, bad);
    }
    for (const bad of ["", "02:fe:00:00:00", "02:fe:00:00:00:0g", "02-fe-00-00-00-01"]) {
      assert.throws(() => parseMac(bad), { code: "INVALID" }, bad);
    }
    assert.equal(macText(parseMac("02:FE:00:00:00:01")), "02:fe:00:00:00:01");
  });
});
