import assert from "node:assert/strict";
import fc from "fast-check";
import { MemifError } from "../../src/memif/index.ts";
import { decodeMessage, encodeMessage, secretBytes, type Message } from "../../src/memif/protocol.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ maxLength, unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });

const messages: fc.Arbitrary<Message> = fc.oneof(
  fc.constant<Message>({ type: "ack" }),
  fc.record({
    type: fc.constant("hello" as const),
    minVersion: u16,
    maxVersion: u16,
    maxRegion: u16,
    maxM2sRing: u16,
    maxS2mRing: u16,
    maxLog2RingSize: u8,
    name: text(31),
  }),
  fc.record({
    type: fc.constant("init" as const),
    version: u16,
    id: u32,
    mode: u8,
    secret: fc.uint8Array({ minLength: 24, maxLength: 24 }),
    name: text(31),
  }),
  fc.record({ type: fc.constant("add-region" as const), index: u16, size: fc.maxSafeNat() }),
  fc.record({
    type: fc.constant("add-ring" as const),
    s2m: fc.boolean(),
    index: u16,
    region: u16,
    offset: u32,
    log2RingSize: u8,
    privateHeaderBytes: u16,
  }),
  fc.record({ type: fc.constantFrom("connect" as const, "connected" as const), interfaceName: text(31) }),
  fc.record({ type: fc.constant("disconnect" as const), code: u32, reason: text(95) }),
);

describe("memif messages", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(messages, (message) => assert.deepEqual(decodeMessage(encodeMessage(message)), { ...message })),
    );
  });

  it("have VPP's layout", () => {
    // Written down from memif.h: packed structures, little-endian.
    const hex = (message: Message): string =>
      Buffer.from(encodeMessage(message))
        .toString("hex")
        .replace(/(00)+$/, "");
    assert.equal(
      hex({
        type: "add-ring",
        s2m: true,
        index: 1,
        region: 2,
        offset: 0x01020304,
        log2RingSize: 10,
        privateHeaderBytes: 9,
      }),
      "0500" + "0100" + "0100" + "0200" + "04030201" + "0a" + "09",
    );
    assert.equal(hex({ type: "add-region", index: 3, size: 0x1_0203_0405 }), "0400" + "0300" + "0504030201");
    const secret = secretBytes("geheim");
    assert.equal(
      hex({ type: "init", version: 0x200, id: 0x11223344, mode: 1, secret, name: "me" }),
      `0300${"0002"}${"44332211"}01${Buffer.from(secret).toString("hex")}6d65`,
    );
    const hello: Message = {
      ...{ type: "hello", minVersion: 0x200, maxVersion: 0x201, maxRegion: 5, maxM2sRing: 6, maxS2mRing: 7 },
      ...{ maxLog2RingSize: 14, name: "n" },
    };
    assert.equal(hex(hello), `02006e${"00".repeat(31)}000201020500060007000e`);
  });

  it("are cut, never overrun", () => {
    const bytes = encodeMessage({ type: "disconnect", code: 1, reason: "x".repeat(500) });
    assert.equal(bytes.length, 128);
    assert.deepEqual(decodeMessage(bytes), { type: "disconnect", code: 1, reason: "x".repeat(95) });
  });

  it("with anything in them are decoded or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 140 }), (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          assert.ok(MemifError.is(error, "PROTOCOL"), String(error));
        }
      }),
    );
    assert.throws(() => decodeMessage(new Uint8Array(129)), { code: "PROTOCOL" });
    assert.deepEqual(decodeMessage(Uint8Array.of(6, 0, 0x61)), { type: "connect", interfaceName: "a" }, "cut short");
    assert.throws(() => decodeMessage(Uint8Array.from([9, ...new Uint8Array(127)])), { code: "PROTOCOL" });
  });

  it("of a peer cannot write control characters into our logs", () => {
    const bytes = encodeMessage({ type: "connect", interfaceName: "a" });
    bytes.set([0x1b, 0x5b, 0x41], 2);
    assert.deepEqual(decodeMessage(bytes), { type: "connect", interfaceName: "?[A" });
  });

  it("take secrets of up to 23 bytes", () => {
    assert.equal(secretBytes("a".repeat(23)).length, 24);
    assert.throws(() => secretBytes("a".repeat(24)), { code: "OPTION" });
    assert.throws(() => secretBytes("a\0b"), { code: "OPTION" });
  });
});
