import assert from "node:assert/strict";
import fc from "fast-check";
import {
  idOfCertificate,
  parseBundle,
  parseCertificates,
  parseSpiffeId,
  parseSvid,
  signToken,
  SpiffeError,
  verifyPeer,
} from "../../src/spiffe/index.ts";
import { authority, bundlesOf, chainOf, issue, keyOf, type CertificateOptions, type Issued } from "./certificates.ts";

const DAY_MS = 86_400_000;
const ID = "spiffe://a.test/lb";

const refused = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof SpiffeError && error.code === code && text.test(error.message);

describe("spiffe: X.509-SVIDs", () => {
  const root = authority("a.test");
  const other = authority("b.test");
  const bundles = bundlesOf({ "a.test": [root], "b.test": [other] });
  const leaf = (options: CertificateOptions = {}, issuer: Issued = root) => issue({ uris: [ID], ...options }, issuer);
  const verify = (...chain: Issued[]) =>
    verifyPeer(
      chain.map((each) => each.certificate),
      bundles,
    );

  it("SPIFFE IDs: what is one and what is none", () => {
    assert.deepEqual(parseSpiffeId(ID), { trustDomain: "a.test", path: "/lb", text: ID });
    const long = `spiffe://a.test/${"x".repeat(2048)}`;
    for (const text of ["", "a.test/lb", "https://a.test/lb", "spiffe://", "spiffe:///lb", "spiffe://A.test/lb", long])
      assert.throws(() => parseSpiffeId(text), refused("INVALID", /is no SPIFFE ID/), text);
    for (const path of ["/", "/a/", "//a", "/a/../b", "/./a", "/ä", "/a b", "/a?b", "/a%2fb", "/a#b"])
      assert.throws(() => parseSpiffeId(`spiffe://a.test${path}`), refused("INVALID", /path/), path);
    assert.throws(() => parseSpiffeId("spiffe://user@a.test:1/lb"), refused("INVALID", /trust domain/));
  });

  it("an SVID is a chain and the key of its leaf", () => {
    const mine = leaf();
    assert.equal(parseSvid(chainOf(mine, root), keyOf(mine)).id.text, ID);
    assert.throws(() => parseSvid(chainOf(mine), keyOf(root)), refused("INVALID", /key is not its certificate's/));
    assert.throws(() => parseSvid(Buffer.alloc(0), keyOf(mine)), refused("INVALID", /without certificate/));
    assert.throws(() => parseSvid(chainOf(mine), Buffer.from("key")), refused("INVALID", /key cannot be read/));
  });

  const LEAVES: Readonly<Record<string, readonly [CertificateOptions, RegExp]>> = {
    "an authority": [{ ca: true }, /may not be an authority/],
    "may sign certificates": [{ keyUsage: 0x84 }, /may not sign certificates/],
    "may sign revocation lists": [{ keyUsage: 0x82 }, /may not sign certificates or revocation lists/],
    "no URI": [{ uris: [] }, /has one URI, this has 0/],
    "two URIs": [{ uris: [ID, "spiffe://a.test/other"] }, /has one URI, this has 2/],
    "the same URI twice": [{ uris: [ID, ID] }, /this has 2/],
    "a URI that is no SPIFFE ID": [{ uris: ["https://a.test/lb"] }, /is no SPIFFE ID/],
    "a trust domain": [{ uris: ["spiffe://a.test"] }, /names a trust domain/],
    "an id within a host name": [{ uris: [], dns: [`x, URI:${ID}`] }, /this has 0/],
    "an id within a host name beside another": [{ uris: ["urn:x"], dns: [`x, URI:${ID}, y`] }, /is no SPIFFE ID/],
  };

  for (const [what, [options, why]] of Object.entries(LEAVES))
    it(`refuses a leaf: ${what}`, () => {
      const made = leaf(options);
      assert.throws(() => idOfCertificate(made.certificate), refused("INVALID", why));
      assert.throws(() => verify(made), refused("INVALID", why));
      assert.throws(() => parseSvid(chainOf(made), keyOf(made)), refused("INVALID", why));
    });

  it("takes a chain that ends at its own trust domain's authority, and host names beside the id", () => {
    assert.equal(verify(leaf({ dns: ["lb.a.test"] })).text, ID);
    const between = issue({ subject: "between", ca: true }, root);
    assert.equal(verify(leaf({}, between), between).text, ID);
    assert.equal(verify(leaf({}, between), between, root).text, ID);
  });

  it("refuses a chain that does not", () => {
    const untrusted = (why: RegExp, ...chain: Issued[]) =>
      assert.throws(() => verify(...chain), refused("UNTRUSTED", why));
    const nobody = /no authority of a\.test issued/;
    untrusted(/has no certificate/);
    untrusted(nobody, leaf({}, other));
    untrusted(nobody, leaf({}, other), other);
    untrusted(nobody, issue({ uris: [ID] }));
    untrusted(nobody, leaf({}, authority("a.test")));
    untrusted(/nothing here vouches for trust domain c\.test/, leaf({ uris: ["spiffe://c.test/lb"] }));
    const between = issue({ subject: "between", ca: true }, root);
    untrusted(nobody, leaf({}, between));
    const plain = leaf({ subject: "plain" });
    untrusted(nobody, leaf({}, plain), plain);
    const loop = { ...between, certificate: issue({ subject: "between", ca: true, key: between.key }).certificate };
    untrusted(nobody, leaf({}, loop), loop);
  });

  it("refuses what is not valid now: leaf, intermediate, authority", () => {
    const nowMs = Date.now();
    const past = { fromMs: nowMs - 2 * DAY_MS, toMs: nowMs - DAY_MS };
    const future = { fromMs: nowMs + DAY_MS, toMs: nowMs + 2 * DAY_MS };
    for (const when of [past, future]) {
      assert.throws(() => verify(leaf(when)), refused("UNTRUSTED", /not valid at this time/));
      const between = issue({ subject: "between", ca: true, ...when }, root);
      assert.throws(() => verify(leaf({}, between), between), refused("UNTRUSTED", /not valid at this time/));
    }
    const old = authority("a.test", past);
    assert.throws(
      () => verifyPeer([leaf({}, old).certificate], bundlesOf({ "a.test": [old] })),
      refused("UNTRUSTED", /authority of a\.test has expired/),
    );
    // A bundle with the old and the new authority, as while they change, is good.
    const both = bundlesOf({ "a.test": [old, root] });
    assert.equal(verifyPeer([leaf().certificate], both).text, ID);
  });

  it("bundles: authorities only, at least one, none cut off", () => {
    assert.equal(parseBundle(chainOf(root, other)).length, 2);
    assert.throws(() => parseBundle(Buffer.alloc(0)), refused("INVALID", /without certificates/));
    assert.throws(() => parseBundle(chainOf(root, leaf())), refused("INVALID", /authorities only/));
    const whole = chainOf(root, other);
    const first = root.certificate.raw.length;
    for (let length = 1; length < whole.length; length++) {
      if (length === first) continue;
      assert.throws(() => parseBundle(whole.subarray(0, length)), refused("INVALID", /./), `${length} bytes`);
    }
    const many = Buffer.concat(Array.from({ length: 101 }, () => root.certificate.raw));
    assert.throws(() => parseBundle(many), refused("INVALID", /more than 100/));
  });

  it("bytes of any kind are read, or refused by an error of ours", () => {
    const whole = chainOf(leaf(), root);
    const attempt = (bytes: Uint8Array) => {
      try {
        for (const certificate of parseCertificates(bytes)) idOfCertificate(certificate);
      } catch (error) {
        assert.ok(error instanceof SpiffeError && error.code === "INVALID", String(error));
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 300 });
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        attempt(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("tokens end with the SVID, and want a P-256 key", () => {
    const nowMs = Date.now();
    const short = leaf({ toMs: nowMs + 60_000 });
    const svid = parseSvid(chainOf(short), keyOf(short));
    assert.equal(signToken(svid, [ID], 10_000, nowMs).expiresMs, nowMs + 10_000);
    assert.equal(signToken(svid, [ID], DAY_MS, nowMs).expiresMs, svid.expiresMs);
    assert.throws(() => signToken(svid, [ID], DAY_MS, nowMs + DAY_MS), refused("EXPIRED", /has expired/));
    const strange = leaf({ curve: "secp384r1" });
    const other384 = parseSvid(chainOf(strange), keyOf(strange));
    assert.throws(() => signToken(other384, [ID], 1), refused("INVALID", /ES256.*secp384r1/));
  });
});
