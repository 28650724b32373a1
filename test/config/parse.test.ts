import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { formatDiagnostic, lbJsonSchema, parseLbYaml } from "../../src/config/index.ts";

/** Severity and text of what is found, as the user reads it. */
function findings(text: string): string[] {
  return parseLbYaml(text).diagnostics.map((one) => formatDiagnostic(one));
}

function assertFinding(text: string, pattern: RegExp): void {
  const found = findings(text);
  assert.ok(
    found.some((line) => pattern.test(line)),
    `no finding like ${pattern} in:\n${found.join("\n")}`,
  );
}

const seed = `
lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1" }
interfaces:
  - { loopback: 0, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24], bridge: { id: 1, bvi: true } }
  - { host: as1, mac: "02:FE:00:00:01:02", bridge: { id: 1 } }
  - { host: vpp1out, mac: "02:fe:00:00:00:01", addresses: [10.70.0.1/31], outside: true }
routes: [{ prefix: 0.0.0.0/0, via: [{ address: 10.70.0.0, interface: host-vpp1out }] }]
vips:
  - prefix: 10.2.2.0/24
    encap: gre4
    servers: [10.60.1.2, { address: 10.60.1.3, weight: 50, state: drain }]
`;

describe("config: lb.yaml", () => {
  it("turns a whole file into desired state with VPP's names and defaults", () => {
    const { state, diagnostics } = parseLbYaml(seed);
    assert.deepEqual(
      diagnostics.filter((one) => one.severity === "error"),
      [],
    );
    assert.ok(state);
    assert.deepEqual(
      state.bridges.map((bridge) => bridge.id),
      [1],
      "a bridge that interfaces name is implied",
    );
    assert.deepEqual(
      state.interfaces.map((one) => [one.name, one.mac, one.mtu, one.outside]),
      [
        ["loop0", "02:fe:00:00:00:02", 1500, false],
        ["host-as1", "02:fe:00:00:01:02", 1500, false],
        ["host-vpp1out", "02:fe:00:00:00:01", 1500, true],
      ],
    );
    assert.deepEqual(state.vips[0], {
      prefix: "10.2.2.0/24",
      encap: "gre4",
      tableSize: 1024,
      srcIpSticky: false,
      servers: [
        { address: "10.60.1.2", weight: 100, state: "up" },
        { address: "10.60.1.3", weight: 50, state: "drain" },
      ],
    });
    assert.deepEqual(state.lbConf, {
      ip4Source: "10.60.1.1",
      ip6Source: "2001:db8:60::1",
      stickyBuckets: 65536,
      flowTimeoutS: 40,
      evenWithForeignVips: false,
    });
  });

  it("writes addresses in one form, so that equal ones are equal", () => {
    const { state } = parseLbYaml(`vips: [{ prefix: "2001:DB8:0:0::/64", encap: gre6, servers: ["2001:db8::0:5"] }]`);
    assert.equal(state?.vips[0]?.prefix, "2001:db8::/64");
    assert.equal(state?.vips[0]?.servers[0]?.address, "2001:db8::5");
  });

  const errors: readonly (readonly [name: string, text: string, expected: RegExp])[] = [
    [
      "an unknown key, with its place and what was meant",
      "vips: []\nrepiar: { periodMs: 1000 }",
      /lb\.yaml:2:1: error: unknown key "repiar": did you mean "repair"/,
    ],
    [
      "an unknown key far inside",
      "vips:\n - prefix: 10.2.2.0/24\n   encap: gre4\n   servers: [{ address: 10.0.0.1, wieght: 5 }]",
      /:4:35: error: vips\[0\]\.servers\[0\]: unknown key "wieght": did you mean "weight"/,
    ],
    ["a syntax error", "vips: [", /lb\.yaml:1:\d+: error: /],
    ["a key given twice", "vips: []\nvips: []", /lb\.yaml:2:1: error: .*unique/],
    ["an empty file", "", /error: the file is empty/],
    [
      "nat, with the reason",
      "vips: [{ prefix: 10.2.2.0/24, encap: nat4 }]",
      /vips\[0\]\.encap: VPP's lb NAT is not offered: it takes UDP only/,
    ],
    ["a missing encap", "vips: [{ prefix: 10.2.2.0/24 }]", /vips\[0\]\.encap: missing: one of gre4, gre6, l3dsr/],
    [
      "host bits in a VIP",
      "vips: [{ prefix: 10.2.2.1/24, encap: gre4 }]",
      /10\.2\.2\.1\/24 has bits set beyond \/24: write 10\.2\.2\.0\/24 .* or 10\.2\.2\.1\/32/,
    ],
    [
      "a table size that is no power of two",
      "vips: [{ prefix: 10.2.2.0/24, encap: gre4, tableSize: 1000 }]",
      /1000 is not a power of two: take 512 or 1024/,
    ],
    [
      "a table size of 0, which ends VPP",
      "vips: [{ prefix: 10.2.2.0/24, encap: gre4, tableSize: 0 }]",
      /vips\[0\]\.tableSize: 0 is too small: at least 1/,
    ],
    ["sticky buckets of 0, which end VPP", "lb: { stickyBuckets: 0 }\nvips: []", /lb\.stickyBuckets: 0 is too small/],
    [
      "sticky buckets that are no power of two",
      "lb: { stickyBuckets: 3000 }\nvips: []",
      /3000 is not a power of two: take 2048 or 4096/,
    ],
    [
      "a server of the wrong family",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4, servers: ["2001:db8::2"] }]`,
      /2001:db8::2 is IPv6, gre4 reaches IPv4 servers only/,
    ],
    [
      "an IPv4 server behind gre6",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre6, servers: [10.0.0.1] }]`,
      /10\.0\.0\.1 is IPv4, gre6 reaches IPv6 servers only/,
    ],
    ["l3dsr for IPv6", `vips: [{ prefix: "2001:db8::/64", encap: l3dsr, dscp: 1 }]`, /l3dsr is for IPv4 VIPs only/],
    ["l3dsr without dscp", `vips: [{ prefix: 10.2.2.0/24, encap: l3dsr }]`, /l3dsr needs `dscp`/],
    ["dscp without l3dsr", `vips: [{ prefix: 10.2.2.0/24, encap: gre4, dscp: 1 }]`, /dscp is for l3dsr only/],
    ["a port without protocol", "vips: [{ prefix: 10.2.2.0/24, encap: gre4, port: 80 }]", /a port needs a protocol/],
    [
      "a protocol without port",
      "vips: [{ prefix: 10.2.2.0/24, encap: gre4, protocol: tcp }]",
      /a protocol needs a port/,
    ],
    [
      "a VIP given twice",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4 }, { prefix: 10.2.2.0/24, encap: gre4 }]`,
      /vips\[1\]\.prefix: 10\.2\.2\.0\/24 is vips\[0\] already/,
    ],
    [
      "all-port beside per-port",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4 }, { prefix: 10.2.2.0/24, protocol: tcp, port: 80, encap: gre4 }]`,
      /all-port VIP in one place and a per-port VIP/,
    ],
    [
      "two encapsulations for the ports of a prefix",
      `vips: [{ prefix: 10.2.2.0/24, protocol: tcp, port: 81, encap: gre6 }, { prefix: 10.2.2.0/24, protocol: tcp, port: 80, encap: gre4 }]`,
      /all ports of 10\.2\.2\.0\/24 share one encapsulation/,
    ],
    [
      "a name used twice",
      `vips: [{ name: a, prefix: 10.2.2.0/24, encap: gre4 }, { name: a, prefix: 10.2.3.0/24, encap: gre4 }]`,
      /vips\[0\] is called "a" too/,
    ],
    [
      "a bad name",
      `vips: [{ name: "a b", prefix: 10.2.2.0/24, encap: gre4 }]`,
      /vips\[0\]\.name: "a b": up to 63 letters/,
    ],
    [
      "a server given twice",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4, servers: [10.0.0.1, 10.0.0.1] }]`,
      /10\.0\.0\.1 is servers\[0\] already/,
    ],
    [
      "a server that is no address",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4, servers: [10.0.0] }]`,
      /servers\[0\]: "10\.0\.0": not an IPv4 or IPv6 address/,
    ],
    [
      "more servers than slots",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4, tableSize: 1, servers: [10.0.0.1, 10.0.0.2] }]`,
      /2 servers share 1 slots: 1 would get none/,
    ],
    [
      "a VIP outside the declared prefixes",
      `ownership: { prefixes: [10.3.0.0/16] }\nvips: [{ prefix: 10.2.2.0/24, encap: gre4 }]`,
      /10\.2\.2\.0\/24 is outside ownership\.prefixes \(10\.3\.0\.0\/16\)/,
    ],
    [
      "gre4 without a source",
      `lb: { ip6Source: "2001:db8::1" }\nvips: [{ prefix: 10.2.2.0/24, encap: gre4 }]`,
      /set lb\.ip4Source/,
    ],
    [
      "a source of the wrong family",
      `lb: { ip4Source: "2001:db8::1" }\nvips: []`,
      /2001:db8::1 is not an IPv4 address/,
    ],
    [
      "neither loopback nor host",
      `interfaces: [{ mac: "02:00:00:00:00:01" }]`,
      /interfaces\[0\]: needs one of `loopback`, `host`, `memif`, `vlan` and `tap`/,
    ],
    ["a kernel name that is too long", `interfaces: [{ host: averylonginterfacename }]`, /up to 15 characters/],
    ["a multicast MAC", `interfaces: [{ loopback: 0, mac: "03:00:00:00:00:01" }]`, /multicast MAC/],
    ["a bad MAC", `interfaces: [{ loopback: 0, mac: "02:00" }]`, /interfaces\[0\]\.mac: "02:00": not a MAC/],
    [
      "addresses on a bridge's port",
      `interfaces: [{ host: a, addresses: [10.0.0.1/24], bridge: { id: 1 } }]`,
      /its addresses belong on the bridge's BVI/,
    ],
    ["a host-interface as BVI", `interfaces: [{ host: a, bridge: { id: 1, bvi: true } }]`, /cannot be a BVI/],
    [
      "two BVIs",
      `interfaces: [{ loopback: 0, bridge: { id: 1, bvi: true } }, { loopback: 1, bridge: { id: 1, bvi: true } }]`,
      /bridge 1 has a BVI already/,
    ],
    [
      "overlapping subnets",
      `interfaces: [{ loopback: 0, addresses: [10.0.0.1/24] }, { loopback: 1, addresses: [10.0.0.129/25] }]`,
      /10\.0\.0\.129\/25 overlaps 10\.0\.0\.1\/24 of loop0/,
    ],
    ["an interface given twice", `interfaces: [{ loopback: 0 }, { loopback: 0 }]`, /loop0 is interfaces\[0\] already/],
    [
      "a next hop of the wrong family",
      `routes: [{ prefix: 0.0.0.0/0, via: [{ address: "2001:db8::1" }] }]`,
      /is not of the family of 0\.0\.0\.0\/0/,
    ],
    [
      "a route to nowhere",
      `routes: [{ prefix: 0.0.0.0/0, via: [{ weight: 2 }] }]`,
      /needs an `address`, an `interface` or both/,
    ],
    [
      "a route given twice",
      `routes: [{ prefix: 0.0.0.0/0, via: [{ address: 10.0.0.1 }] }, { prefix: 0.0.0.0/0, via: [{ address: 10.0.0.2 }] }]`,
      /is routes\[0\] already/,
    ],
    ["a share above 1", `maxDisruption: 50\nvips: []`, /maxDisruption: .*50/],
  ];
  for (const [name, text, expected] of errors) {
    it(`refuses ${name}`, () => {
      assertFinding(text, expected);
      assert.equal(parseLbYaml(text).state, undefined, "a file with errors gives no state");
    });
  }

  const warnings: readonly (readonly [name: string, text: string, expected: RegExp])[] = [
    [
      "a server outside all subnets",
      `interfaces: [{ loopback: 0, mac: "02:00:00:00:00:01", addresses: [10.0.0.1/24] }]\nvips: [{ prefix: 10.2.2.0/24, encap: gre4, servers: [10.9.0.1] }]`,
      /warning: vips\[0\]\.servers\[0\]: 10\.9\.0\.1 is in no connected subnet/,
    ],
    [
      "a VIP inside another",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4 }, { prefix: 10.2.2.7/32, encap: gre4 }]`,
      /warning: .*10\.2\.2\.7\/32 lies inside 10\.2\.2\.0\/24/,
    ],
    ["interfaces without MAC", "interfaces: [{ loopback: 0 }]", /warning: interfaces\[0\]: loop0 has no `mac`/],
    [
      "few slots",
      `vips: [{ prefix: 10.2.2.0/24, encap: gre4, tableSize: 4, servers: [10.0.0.1, 10.0.0.2] }]`,
      /warning: .*4 slots for 2 servers/,
    ],
    ["packets that do not fit", seed, /advice: vips: packets of 1500 bytes do not fit .* MSS of at most 1436 \(IPv4\)/],
  ];
  for (const [name, text, expected] of warnings) {
    it(`warns of ${name}, and takes the file`, () => {
      assertFinding(text, expected);
      assert.ok(parseLbYaml(text).state);
    });
  }

  it("gives every finding a place in the text", () => {
    for (const [name, text] of errors) {
      if (text === "") continue;
      for (const one of parseLbYaml(text).diagnostics) assert.ok(one.line !== undefined, `${name}: ${one.message}`);
    }
  });

  it("takes any text without throwing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => void parseLbYaml(text)),
      { numRuns: 300 },
    );
  });

  it("refuses servers inside a VIP, where the first packet would end VPP", () => {
    const file = (vips: string, more = "") =>
      `lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1" }\n` +
      `interfaces: [{ host: lan, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24, "2001:db8:60::1/64"], outside: true }]\n` +
      `${more}\nvips: [${vips}]`;
    const loops = (place: string, vip: string) =>
      new RegExp(`error: ${place}: .* is inside VIP ${vip}: what is tunnelled to it comes back`);
    const own = "{ prefix: 10.2.2.0/24, encap: gre4, servers: [10.60.1.2, 10.2.2.7] }";
    assertFinding(file(own), loops("vips\\[0\\]\\.servers\\[1\\]", "10\\.2\\.2\\.0/24"));
    const other = `{ prefix: 10.9.1.0/24, encap: gre4, servers: [10.9.2.1] }, { prefix: 10.9.2.1/32, encap: gre4 }`;
    assertFinding(file(other), loops("vips\\[0\\]\\.servers\\[0\\]", "10\\.9\\.2\\.1/32"));
    const six = `{ prefix: "2001:db8:1::/64", encap: gre6, servers: ["2001:db8:1::5"] }`;
    assertFinding(file(six), loops("vips\\[0\\]\\.servers\\[0\\]", "2001:db8:1::/64"));
    const streams = "streams: [{ name: web, encap: gre4, servers: [10.9.2.1] }]";
    const stream = "{ prefix: 10.9.2.0/24, stream: web }";
    assertFinding(file(stream, streams), loops("streams\\[0\\]\\.servers\\[0\\]", "10\\.9\\.2\\.0/24"));
    // A route of the VIP's own length loses to it; a longer one and a subnet do not.
    const routed = (prefix: string) => `routes: [{ prefix: ${prefix}, via: [{ address: 10.60.1.9 }] }]`;
    assertFinding(file(own, routed("10.2.2.0/24")), loops("vips\\[0\\]\\.servers\\[1\\]", "10\\.2\\.2\\.0/24"));
    assert.ok(!findings(file(own, routed("10.2.2.0/25"))).some((line) => line.includes("inside VIP")));
    const wide = "{ prefix: 10.0.0.0/8, encap: gre4, servers: [10.60.1.2] }";
    assert.ok(!findings(file(wide)).some((line) => line.includes("inside VIP")));
    // Whose interfaces are others' may have the route there.
    assertFinding(
      "lb: { ip4Source: 10.60.1.1 }\nvips: [{ prefix: 10.2.2.0/24, encap: gre4, servers: [10.2.2.7] }]",
      /warning: .*inside VIP/,
    );
  });

  it("refuses addresses that no packet can have, or that VPP reads as of the other family", () => {
    const file = (prefix: string, server: string, encap = "gre4") =>
      `lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1" }\nvips: [{ prefix: "${prefix}", encap: ${encap}, servers: ["${server}"] }]`;
    assertFinding(file("224.0.0.1/32", "10.0.0.1"), /error: vips\[0\]\.prefix: 224\.0\.0\.1\/32 is multicast/);
    assertFinding(file("ff02::1/128", "10.0.0.1"), /error: vips\[0\]\.prefix: ff02::1\/128 is multicast/);
    assertFinding(file("::10.2.2.1/128", "10.0.0.1"), /error: vips\[0\]\.prefix: ::a02:201\/128 is in ::\/96/);
    assertFinding(file("10.2.2.1", "0.0.0.0"), /error: vips\[0\]\.servers\[0\]: 0\.0\.0\.0\/32 is no address/);
    assertFinding(file("10.2.2.1", "255.255.255.255"), /error: vips\[0\]\.servers\[0\]: .* broadcast/);
    assertFinding(file("10.2.2.1", "127.0.0.1"), /error: vips\[0\]\.servers\[0\]: .* loopback/);
    assertFinding(file("10.2.2.1", "::10.0.0.1", "gre6"), /error: vips\[0\]\.servers\[0\]: ::a00:1\/128 is in ::\/96/);
    for (const all of ["0.0.0.0/0", "::/0", "::ffff:10.2.2.1/128"]) {
      assert.ok(!findings(file(all, "10.0.0.1")).some((line) => line.includes("error")), all);
    }
  });

  it("warns of a VIP that is an address of VPP, or a subnet it is in", () => {
    const file = (prefix: string) =>
      `lb: { ip4Source: 10.60.1.1 }\ninterfaces: [{ host: lan, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24] }]\n` +
      `vips: [{ prefix: ${prefix}, encap: gre4, servers: [10.60.1.2] }]`;
    assertFinding(file("10.60.1.1/32"), /warning: .* 10\.60\.1\.1\/32 is an address of host-lan: VPP takes/);
    assertFinding(file("10.60.1.0/24"), /warning: .* 10\.60\.1\.0\/24 is the subnet of host-lan: VPP takes/);
    assert.ok(!findings(file("10.60.1.9/32")).some((line) => line.includes("VPP takes")));
  });

  it("compares thousands of VIPs without comparing each with each", () => {
    const vip = (index: number) => `  - { prefix: 10.${index >> 8}.${index & 255}.0/24, encap: l3dsr, dscp: 1 }\n`;
    const of = (count: number) => `vips:\n${Array.from({ length: count }, (_, index) => vip(index)).join("")}`;
    const { state, diagnostics } = parseLbYaml(`${of(5000)}  - { prefix: 10.3.0.0/16, encap: l3dsr, dscp: 1 }\n`);
    assert.equal(state?.vips.length, 5001);
    assert.equal(diagnostics.filter((one) => one.message.includes("lies inside 10.3.0.0/16")).length, 256);
  });

  it("takes values that hold themselves, nest without end, or bear names that every object has", () => {
    assertFinding("vips: &a [*a]", /vips\[0\]: a value that holds itself is not a mapping/);
    assertFinding("lb: &a { ip4Source: *a }", /lb\.ip4Source: a value that holds itself is not a string/);
    assertFinding("streams: &a [{ name: *a, encap: gre4 }]\nvips: []", /streams\[0\]\.name: .*holds itself/);
    assertFinding(`vips: ${"[".repeat(20_000)}${"]".repeat(20_000)}`, /1:\d+: error: nested too deeply/);
    assertFinding("vips: []\n---\nvips: []", /2:1: error: a second document begins here/);
    for (const key of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      assertFinding(`${key}: 1\nvips: []`, new RegExp(`1:1: error: unknown key "${key}": known are vpp, `));
      assertFinding(`vips: [{ prefix: 10.2.2.0/24, ${key}: [] }]`, new RegExp(`vips\\[0\\]: unknown key "${key}"`));
    }
  });

  it("takes any tree of values without throwing", () => {
    const keys = fc.constantFrom(
      "vips",
      "prefix",
      "servers",
      "encap",
      "lb",
      "interfaces",
      "bridge",
      "routes",
      "via",
      "streams",
      "flows",
      "constructor",
      "__proto__",
      "x",
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(keys, tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const parsed = parseLbYaml(JSON.stringify(value) ?? "");
        assert.equal(
          parsed.state === undefined,
          parsed.diagnostics.some((one) => one.severity === "error"),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("publishes the schema that it checks by", () => {
    const published = JSON.parse(
      readFileSync(new URL("../../docs/lb.schema.json", import.meta.url), "utf8"),
    ) as unknown;
    assert.deepEqual(published, JSON.parse(JSON.stringify(lbJsonSchema())), "run `npm run schema`");
  });
});
