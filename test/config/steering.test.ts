import assert from "node:assert/strict";
import { parseLbYaml } from "../../src/config/index.ts";

const GOOD = `
lb: { ip4Source: 10.60.1.1 }
interfaces:
  - { host: wan, mac: "02:fe:00:00:00:01", addresses: [10.70.0.1/31], outside: true }
  - { host: lan, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24] }
streams:
  - { name: web, encap: gre4, servers: [10.60.1.2] }
  - { name: api, encap: gre4, servers: [10.60.1.3] }
flows:
  - { name: http, stream: web, vips: [www], protocols: [tcp], destinationPorts: [80, "5000-5999"], priority: 1 }
  - { name: sctp, stream: api, vips: [20.0.0.1/32, www6], protocols: [sctp], priority: 1 }
vips:
  - { name: www, prefix: 20.0.0.1/32, stream: api, icmp: answer }
  - { name: www6, prefix: "2000::1/128", stream: none }
  - { prefix: 20.0.0.9/32, encap: gre4, servers: [10.60.1.4] }
`;

function errors(yaml: string): string[] {
  return parseLbYaml(yaml)
    .diagnostics.filter((one) => one.severity === "error")
    .map(({ line, path, message }) => `${line ?? "?"} ${path}: ${message}`);
}

/** What is changed in the good file, and what is said of it. */
const REFUSED: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "ports of SCTP",
    "protocols: [sctp]",
    "protocols: [sctp], destinationPorts: [80]",
    /^11 flows\[1\]\.destinationPorts: .*TCP and UDP only/,
  ],
  ["ports of any protocol", "protocols: [tcp], d", "d", /^10 flows\[0\].*\[tcp, udp\]/],
  ["any beside others", "protocols: [sctp]", "protocols: [sctp, any]", /flows\[1\]\.protocols: "any" holds/],
  [
    "bytes of the payload",
    "priority: 1 }",
    'priority: 1, byteMatches: ["tcp[4:2]=1"] }',
    /^10 flows\[0\]: "byteMatches" cannot be had: VPP's ACLs/,
  ],
  ["bytes, in the other spelling", "priority: 1 }", "priority: 1, byte-matches: [] }", /"byte-matches" cannot be had/],
  [
    "a range that ends before it begins",
    '"5000-5999"',
    '"5999-5000"',
    /flows\[0\]\.destinationPorts\[1\]: 5999-5000 ends before/,
  ],
  ["a port beyond the last", '"5000-5999"', "70000", /destinationPorts\[1\]/],
  [
    "a flow to no stream",
    "stream: web, vips",
    "stream: wbe, vips",
    /flows\[0\]\.stream: there is no stream "wbe": there are web, api/,
  ],
  [
    "a VIP of no stream",
    "20.0.0.1/32, stream: api",
    "20.0.0.1/32, stream: aip",
    /vips\[0\]\.stream: there is no stream "aip"/,
  ],
  [
    "a flow for a VIP that is not there",
    "vips: [www],",
    "vips: [wwww],",
    /flows\[0\]\.vips\[0\]: there is no VIP "wwww"/,
  ],
  ["a flow for a VIP with servers", "vips: [www],", "vips: [20.0.0.9/32],", /has servers of its own/],
  [
    "servers beside a stream",
    "stream: api, icmp",
    "stream: api, servers: [10.60.1.9], icmp",
    /vips\[0\]\.servers: with `stream`/,
  ],
  [
    "a port beside a stream",
    "stream: api, icmp",
    "stream: api, protocol: tcp, port: 80, icmp",
    /select them by `flows`/,
  ],
  ["a VIP without both", ", stream: none", "", /vips\[1\]\.encap: missing/],
  ["l3dsr for a stream", "name: api, encap: gre4", "name: api, encap: l3dsr", /streams\[1\]\.encap/],
  ["overlapping VIPs", "prefix: 20.0.0.9/32", "prefix: 20.0.0.0/24", /shares no address with another/],
  ["an address inside VPP that a VIP has", "20.0.0.9/32", "198.18.0.9/32", /for use inside VPP, and vips\[2\]/],
  ["an address inside VPP that an interface has", "10.60.1.1/24", "198.19.1.1/24", /for use inside VPP/],
  [
    "two streams on one address",
    "servers: [10.60.1.2] }",
    "servers: [10.60.1.2], anchors: [198.18.0.1] }\n  - { name: x, encap: gre4, anchors: [198.18.0.1] }",
    /another stream's already/,
  ],
  ["too small a pool", "vips:\n", "steering: { anchors: { ip4: 198.18.0.0/30 } }\nvips:\n", /too small/],
  ["no interface for flows", ", outside: true", "", /need the interfaces on which packets come in/],
  [
    "equal priorities",
    "protocols: [sctp]",
    "protocols: [tcp]",
    /http \(flows\[0\]\) have the same priority 1.*tcp from 0\.0\.0\.0\/0 to 20\.0\.0\.1\/32 port 80/,
  ],
  ["bits beyond the subnet", "priority: 1 }", "priority: 1, sourceSubnets: [10.0.0.1/8] }", /write 10\.0\.0\.0\/8/],
  [
    "echo answered and dropped",
    "prefix: 20.0.0.9/32, encap",
    "prefix: 20.0.0.9/32, protocol: tcp, port: 1, encap: gre4, icmp: drop }\n  - { prefix: 20.0.0.9/32, protocol: tcp, port: 2, icmp: answer, encap",
    /pings have no port/,
  ],
];

describe("config: streams and flows", () => {
  it("takes what can be had, with nothing to say but about MTUs", () => {
    const { state, diagnostics } = parseLbYaml(GOOD);
    assert.deepEqual(
      diagnostics.filter((one) => one.severity !== "advice"),
      [],
    );
    assert.deepEqual(state?.steering?.flows[1]?.vips, ["20.0.0.1/32", "2000::1/128"]);
    assert.deepEqual(state?.steering?.interfaces, ["host-wan"]);
    assert.deepEqual(
      state?.vips.map((vip) => vip.prefix),
      ["20.0.0.9/32"],
    );
  });

  for (const [what, from, to, message] of REFUSED) {
    it(`refuses ${what}, with line and reason`, () => {
      assert.ok(GOOD.includes(from), from);
      const found = errors(GOOD.replace(from, to));
      assert.ok(
        found.some((one) => message.test(one)),
        found.join("\n"),
      );
      assert.ok(
        found.every((one) => /^\d/.test(one)),
        found.join("\n"),
      );
    });
  }

  it("refuses a flow of too many rules", () => {
    const subnets = Array.from({ length: 5000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`).join(", ");
    assert.match(
      errors(GOOD.replace("priority: 1 }", `priority: 1, sourceSubnets: [${subnets}] }`)).join(),
      /10000 rules, more than 4096/,
    );
  });

  it("says of a flow that another takes all of it before", () => {
    const above = "  - { name: all, stream: api, vips: [www], priority: 9 }\nvips:\n";
    const { diagnostics } = parseLbYaml(GOOD.replace("vips:\n", above));
    assert.ok(
      diagnostics.some((one) => /all \(flows\[2\]\) takes all of it before/.test(one.message)),
      JSON.stringify(diagnostics),
    );
  });

  describe("where flows select by ports", () => {
    const WAN = "addresses: [10.70.0.1/31], outside: true }";
    const advice = (yaml: string): string[] =>
      parseLbYaml(yaml)
        .diagnostics.filter(({ message }) => message.includes("reassembly"))
        .map(({ severity, line, path, message }) => `${severity} ${line ?? "?"} ${path}: ${message}`);
    const wan = (more: string) => GOOD.replace(WAN, WAN.replace(" }", `${more} }`));
    const withoutPorts = (yaml: string) => yaml.replace(/, destinationPorts: \[[^\]]*\]/g, "");

    it("says nothing of interfaces with full reassembly, which is the default outside", () => {
      assert.deepEqual(advice(GOOD), []);
      assert.deepEqual(advice(wan(", reassembly: full")), []);
    });

    it("advises it where fragments come in as they are, with line and what to set", () => {
      const off =
        /^advice 4 interfaces\[0\]\.reassembly: host-wan: flow http selects by ports.* is off.*`reassembly: full`/;
      const virtual = /^advice 4 interfaces\[0\]\.reassembly: .* is virtual here: .*several servers/;
      for (const [mode, expected] of Object.entries({ off, virtual })) {
        const found = advice(wan(`, reassembly: ${mode}`));
        assert.equal(found.length, 1);
        assert.match(found[0]!, expected);
      }
    });

    it("advises it on interfaces that are named for flows and are not outside", () => {
      const named = `steering: { interfaces: [host-lan, host-wan] }\n${GOOD}`;
      const found = advice(named);
      assert.equal(found.length, 1);
      assert.match(found[0]!, /^advice 6 interfaces\[1\]: host-lan: .* is off here/);
      assert.deepEqual(
        advice(`steering: { interfaces: [loop7] }\n${GOOD}`),
        [],
        "what is not in the file is not known",
      );
    });

    it("says nothing where no flow has ports", () => {
      assert.deepEqual(advice(withoutPorts(wan(", reassembly: off"))), []);
    });
  });
});
