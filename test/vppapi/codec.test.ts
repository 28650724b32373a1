import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ApiSchema,
  FrameReader,
  VppError,
  builtinSchema,
  encodeFrame,
  formatAddress,
  formatIp6,
  formatMac,
  formatPrefix,
  parseAddress,
  parseIp6,
  parseMac,
  parsePrefix,
  retvalName,
} from "vpp-api-ts/codec";
import type { ApiJson, MessageCodec } from "vpp-api-ts/codec";
import { definitions, need } from "./recordings.ts";
import { valuesOf } from "./values.ts";

const versions = ["21.06", "22.10", "23.10", "24.10", "25.10", "26.06", "26.10-rc0"];

/** A schema of one message, for what VPP's own definitions do not combine. */
function one(fields: unknown[][], more: Partial<ApiJson> = {}): MessageCodec {
  const messages = [["m", ["u16", "_vl_msg_id"], ...fields, { crc: "0x00000001" }]] as unknown as ApiJson["messages"];
  const codec = ApiSchema.compile([{ module: "test", ...more, messages: messages ?? [] }]).versionsOf("m")[0];
  assert.ok(codec);
  return codec.compile();
}

describe("codec", () => {
  for (const version of versions) {
    it(`compiles every message of VPP ${version}`, function () {
      const schema = ApiSchema.compile(definitions(need(this, `api/${version}`))).compileAll();
      assert.ok(schema.messages.size > 400, String(schema.messages.size));
      for (const codec of schema.messages.values()) {
        const empty = codec.encode(1);
        assert.deepEqual(codec.encode(1, codec.decode(empty)), empty, codec.nameCrc);
      }
    });
  }

  it("the checked-in messages encode as the definitions of every version say", function () {
    const builtin = builtinSchema();
    for (const version of versions) {
      const schema = ApiSchema.compile(definitions(need(this, `api/${version}`)));
      for (const [nameCrc, codec] of schema.messages) {
        const ours = builtin.messages.get(nameCrc);
        if (ours === undefined) continue;
        const [value] = fc.sample(valuesOf(codec), { numRuns: 1, seed: 7 });
        assert.deepEqual(ours.encode(9, value ?? {}), codec.encode(9, value ?? {}), `${version} ${nameCrc}`);
      }
    }
  });

  it("random values of every checked-in message come back as they were", function () {
    const schema = ApiSchema.compile(
      definitions(need(this, "api/26.10-rc0")).concat(definitions(need(this, "api/21.06"))),
    );
    for (const [nameCrc, ours] of builtinSchema().messages) {
      const codec = schema.messages.get(nameCrc);
      if (codec === undefined) continue;
      fc.assert(
        fc.property(valuesOf(codec), (value) => {
          const bytes = ours.encode(3, value);
          assert.deepEqual(ours.encode(3, ours.decode(bytes)), bytes);
          assert.deepEqual(ours.decode(bytes), value);
        }),
        { numRuns: 5 },
      );
    }
  });

  it("bytes that were cut or made up decode, or fail with DECODE and a path", () => {
    const codecs = [...builtinSchema().messages.values()];
    fc.assert(
      fc.property(fc.nat(codecs.length - 1), fc.uint8Array({ maxLength: 300 }), (index, bytes) => {
        try {
          codecs[index]?.decode(bytes);
        } catch (error) {
          assert.ok(VppError.is(error, "DECODE"), String(error));
          assert.notEqual(error.path, undefined);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("every cut of a message with paths and rules is refused, with the field's path", function () {
    const route = builtinSchema().versionsOf("ip_route_details")[0];
    assert.ok(route);
    const whole = route.encode(1, { route: { prefix: "10.0.0.0/8", n_paths: 2, paths: [{}, {}] } });
    for (let length = 2; length < whole.length; length++) {
      assert.throws(() => route.decode(whole.subarray(0, length)), { code: "DECODE" });
    }
    assert.throws(() => route.decode(whole.subarray(0, whole.length - 1)), { path: "route.paths[1]" });
  });

  it("never believes a count: no memory is taken for elements that are not there", () => {
    const codec = one([
      ["u32", "count"],
      ["u64", "items", 0, "count"],
    ]);
    assert.throws(() => codec.decode(new Uint8Array([0, 1, 0xff, 0xff, 0xff, 0xff, 1, 2])), {
      code: "DECODE",
      message: /4294967295 elements announced, 2 bytes left/,
    });
  });

  it("scalars at their limits, and just beyond them", () => {
    const limits: [string, unknown[], unknown[]][] = [
      ["u8", [0, 255], [-1, 256, 1.5, "1", null, {}]],
      ["u16", [0, 65535], [-1, 65536]],
      ["u32", [0, 4294967295], [-1, 4294967296, NaN]],
      ["i8", [-128, 127], [-129, 128]],
      ["i16", [-32768, 32767], [-32769, 32768]],
      ["i32", [-2147483648, 2147483647], [-2147483649, 2147483648]],
      ["u64", [0n, 18446744073709551615n], [-1n, 18446744073709551616n, 1.5]],
      ["i64", [-9223372036854775808n, 9223372036854775807n], [9223372036854775808n]],
      ["f64", [0.1, -Infinity, 5e-324], ["0.1", 1n]],
      ["bool", [true, false], [2, "true"]],
    ];
    for (const [type, good, bad] of limits) {
      const codec = one([[type, "x"]]);
      for (const x of good) assert.deepEqual(codec.decode(codec.encode(1, { x })), { x }, type);
      for (const x of bad)
        assert.throws(() => codec.encode(1, { x }), { code: "ENCODE", path: "x" }, `${type} ${String(x)}`);
    }
  });

  it("f64 is little-endian, integers are big-endian", () => {
    const codec = one([
      ["f64", "x"],
      ["u32", "y"],
    ]);
    assert.equal(Buffer.from(codec.encode(1, { x: 0.1, y: 1 })).toString("hex"), "00019a9999999999b93f00000001");
  });

  it("strings: fixed ones keep room for the NUL, variable ones carry their length", () => {
    const fixed = one([["string", "s", 4]]);
    assert.equal(fixed.decode(fixed.encode(1, { s: "abc" }))["s"], "abc");
    for (const s of ["abcd", "éé", "a\0b"]) assert.throws(() => fixed.encode(1, { s }), { code: "ENCODE", path: "s" });
    const variable = one([["string", "s", 0]]);
    for (const s of ["", "é\0", "x".repeat(70_000)]) assert.equal(variable.decode(variable.encode(1, { s }))["s"], s);
    assert.throws(() => variable.decode(new Uint8Array([0, 1, 0, 0, 0, 9, 65])), { code: "DECODE" });
  });

  it("unions take any one arm, the longest of several; enums have their own width", () => {
    const more: Partial<ApiJson> = {
      unions: [["u", ["u8", "a"], ["u32", "b", { case: "B" }]]],
      enums: [
        ["wide", ["A", 1], { enumtype: "u16" }],
        ["plain", ["A", 1], {}],
      ],
      enumflags: [["flags", ["F", 4], { enumtype: "u8" }]],
    };
    const codec = one(
      [
        ["vl_api_wide_t", "w"],
        ["vl_api_plain_t", "p"],
        ["vl_api_flags_t", "f"],
        ["vl_api_u_t", "u", { discriminator: "w" }],
      ],
      more,
    );
    const hex = (value: Record<string, unknown>): string => Buffer.from(codec.encode(1, value)).toString("hex");
    assert.equal(hex({ w: 1, p: 1, f: 4, u: { a: 7 } }), "00010001000000010407000000");
    assert.equal(hex({ u: { a: 7, b: 1 } }), "00010000000000000000000001");
    assert.deepEqual(codec.decode(codec.encode(1, { u: { b: 0x01020304 } }))["u"], { a: 1, b: 0x01020304 });
    assert.throws(() => codec.encode(1, { u: { a: 256 } }), { path: "u.a" });
  });

  it("defaults, counts and nested structs of varying size", () => {
    const more = { types: [["item", ["u8", "n"], ["u16", "list", 0, "n"]]] } as unknown as Partial<ApiJson>;
    const codec = one(
      [
        ["u32", "a", { default: 4294967295 }],
        ["bool", "b", { default: "true" }],
        ["u8", "count"],
        ["vl_api_item_t", "items", 0, "count"],
      ],
      more,
    );
    const value = { items: [{ list: [1, 2] }, { list: [] }, { n: 1, list: [3] }] };
    assert.deepEqual(codec.decode(codec.encode(1, value)), {
      a: 4294967295,
      b: true,
      count: 3,
      items: [
        { n: 2, list: [1, 2] },
        { n: 0, list: [] },
        { n: 1, list: [3] },
      ],
    });
    assert.throws(() => codec.encode(1, { count: 1, items: [] }), { path: "count" });
    assert.throws(() => codec.encode(1, { items: [{ list: [1] }, { list: [70000] }] }), { path: "items[1].list[0]" });
  });

  it("definitions that cannot be compiled are refused, code in names too", () => {
    const name = 'x"]; process.exit(); //';
    assert.throws(() => one([["u8", name]]), { code: "SCHEMA" });
    assert.throws(() => one([["vl_api_nosuch_t", "x"]]), { code: "SCHEMA" });
    assert.throws(() => one([["u8", "x", 0, "n"]]), { code: "SCHEMA" });
    assert.throws(() => ApiSchema.compile([{} as ApiJson]), { code: "SCHEMA" });
    const self = { types: [["a", ["vl_api_a_t", "x"]]] } as unknown as Partial<ApiJson>;
    assert.throws(() => one([["vl_api_a_t", "x"]], self), { code: "SCHEMA", message: /contains itself/ });
  });

  it("addresses, prefixes and MACs encode from text as from bytes", () => {
    const codec = builtinSchema().versionsOf("sw_interface_add_del_address")[0];
    assert.ok(codec);
    for (const prefix of ["10.0.0.1/24", "2001:db8::1/64"]) {
      const text = codec.encode(1, { prefix });
      assert.deepEqual(codec.encode(1, { prefix: parsePrefix(prefix) }), text);
      assert.equal(formatPrefix(codec.decode(text)["prefix"] as ReturnType<typeof parsePrefix>), prefix);
    }
    assert.throws(() => codec.encode(1, { prefix: "10.0.0.1/33" }), { code: "ENCODE", path: "prefix" });
  });
});

describe("addresses", () => {
  it("IPv6 text of RFC 5952", () => {
    const cases: [string, string][] = [
      ["2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
      ["::", "::"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["1:0:0:0:0:0:0:0", "1::"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ];
    for (const [given, want] of cases) assert.equal(formatIp6(parseIp6(given)), want);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        assert.deepEqual(parseIp6(formatIp6(bytes)), new Uint8Array(bytes));
      }),
    );
  });

  it("refuses what is no address", () => {
    const bad = [
      "",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "1::2::3",
      ":1",
      "1:2:3:4:5:6:7",
      "12345::",
      "::1%eth0",
      "1:2:3:4:5:6:7:8::",
    ];
    for (const text of bad) assert.throws(() => parseAddress(text), { code: "ENCODE" }, text);
    for (const text of ["02:fe:00:00:00", "02:fe:00:00:00:0g"]) assert.throws(() => parseMac(text), { code: "ENCODE" });
    assert.equal(formatMac(parseMac("02-FE-00-00-00-01")), "02:fe:00:00:00:01");
    assert.equal(formatAddress(parseAddress("10.0.0.1")), "10.0.0.1");
  });

  it("names return values", () => {
    assert.deepEqual([retvalName(-81), retvalName(0), retvalName(-9999)], ["VALUE_EXIST", "OK", "UNKNOWN"]);
  });
});

describe("frames", () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 2, maxLength: 3000 }), { maxLength: 12 });

  it("come out as they went in, wherever the stream is cut", () => {
    fc.assert(
      fc.property(
        payloads,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 50 }),
        (sent, cuts) => {
          const stream = Buffer.concat(sent.map(encodeFrame));
          const reader = new FrameReader();
          const got: Uint8Array[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const next = at + (cuts[i % cuts.length] ?? 1);
            got.push(...reader.push(stream.subarray(at, next)));
            at = next;
          }
          assert.deepEqual(
            got,
            sent.map((payload) => new Uint8Array(payload)),
          );
          assert.equal(reader.pendingBytes, 0);
        },
      ),
    );
  });

  it("take random bytes without hanging or growing, and stay broken", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (chunks) => {
        const reader = new FrameReader({ maxPayloadBytes: 1000 });
        let broken = false;
        for (const chunk of chunks) {
          try {
            reader.push(chunk);
            assert.equal(broken, false);
          } catch (error) {
            assert.ok(VppError.is(error, "FRAME"));
            broken = true;
          }
          assert.ok(reader.pendingBytes <= 1016);
        }
      }),
    );
  });
});
