import assert from "node:assert/strict";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { parseIp46, parseIp46Prefix, prefixContains, prefixesOverlap } from "../../src/maglev/index.ts";

const nearIp4 = fc
  .array(fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "00", "01", "1e1", "-1", " 1", "0x1")), {
    minLength: 3,
    maxLength: 5,
  })
  .map((parts) => parts.join("."));

describe("maglev: addresses", () => {
  it("takes of IPv4 what ipaddr.js takes as four decimal numbers", () => {
    const taken = (text: string) => {
      try {
        return [...parseIp46(text).bytes];
      } catch {
        return undefined;
      }
    };
    const texts = fc.oneof(nearIp4, fc.ipV4(), fc.string({ unit: fc.constantFrom(..."0123456789."), maxLength: 16 }));
    fc.assert(
      fc.property(texts, (text) => {
        const theirs = ipaddr.IPv4.isValidFourPartDecimal(text)
          ? [...new Array<number>(12).fill(0), ...ipaddr.IPv4.parse(text).toByteArray()]
          : undefined;
        assert.deepEqual(taken(text), theirs, JSON.stringify(text));
      }),
      { numRuns: 5000 },
    );
  });

  it("compares prefixes bit by bit, as ipaddr.js matches", () => {
    const near = (bits: number, [a, b]: readonly [number, number]) =>
      bits === 32 ? `10.${a & 1}.0.${b}` : `2001:db8:${(a & 1).toString(16)}::${b.toString(16)}`;
    const prefix = fc
      .tuple(fc.constantFrom(32, 128), fc.nat(128), fc.tuple(fc.nat(255), fc.nat(255)))
      .map(([bits, length, host]) => `${near(bits, host)}/${length % (bits + 1)}`);
    const seen = new Set<boolean>();
    fc.assert(
      fc.property(prefix, prefix, (one, other) => {
        const [a, b] = [ipaddr.parseCIDR(one), ipaddr.parseCIDR(other)];
        const length = Math.min(a[1], b[1]);
        const theirs = a[0].kind() === b[0].kind() && a[0].match([b[0], length] as never);
        const [x, y] = [parseIp46Prefix(one), parseIp46Prefix(other)];
        assert.equal(prefixesOverlap(x, y), theirs, `${one} ${other}`);
        const host = parseIp46(other.split("/")[0]!);
        const holds = a[0].kind() === b[0].kind() && b[0].match(a as never);
        assert.equal(prefixContains(x, host), holds, `${one} ${host.text}`);
        seen.add(theirs);
      }),
      { numRuns: 3000 },
    );
    assert.equal(seen.size, 2);
  });

  it("still tells prefixes apart when it has seen more than it keeps", () => {
    const text = (n: number) => `10.${n >> 8}.${n & 255}.7/24`;
    for (let n = 0; n < 10_000; n++) assert.equal(parseIp46Prefix(text(n)).text, `10.${n >> 8}.${n & 255}.0/24`);
    for (let n = 0; n < 10_000; n++) assert.equal(parseIp46Prefix(text(n)).text, `10.${n >> 8}.${n & 255}.0/24`);
  });
});
