import assert from "node:assert/strict";
import fc from "fast-check";
import { parseLbYaml } from "../../src/config/index.ts";
import { NseError, parseDuration, resolveSettings, type NseSettings } from "../../src/nse/index.ts";

const BVI = `
interfaces:
  - { loopback: 0, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24, "2001:db8:60::1/64"], bridge: { id: 1, bvi: true } }
`;

function resolve(yaml: string, env: Record<string, string> = {}): NseSettings {
  const { file, state, diagnostics } = parseLbYaml(yaml);
  assert.ok(file !== undefined && state !== undefined, JSON.stringify(diagnostics));
  return resolveSettings(file, state, { env, hostname: "box", api: "/run/vpp/api.sock", pid: 7 });
}

describe("nse: settings", () => {
  it("come from the environment where the file leaves them out", () => {
    const settings = resolve("nsm: {}\n", {
      NSM_NAME: "lb-1",
      NSM_CONNECT_TO: "unix:///run/nsm/nsm.io.sock",
      ENDPOINT_NETWORK_SERVICE: "lb",
      ENDPOINT_LABELS: "app=lb, zone=a=b",
      IP_ADDRESS: "10.60.1.0/24,2001:db8:60::/64",
      VIP_ADDRESS: "10.2.2.0/24 10.3.3.3",
      NSE_HOOK: "/bin/nsehook.sh",
      NSM_DIAL_TIMEOUT: "5s",
      NSM_REQUEST_TIMEOUT: "1m30s",
      NSM_MAX_TOKEN_LIFETIME: "24h",
    });
    assert.equal(settings.name, "lb-1");
    assert.equal(settings.listen, "unix:///run/nsm/lb-1.sock");
    assert.equal(settings.service, "lb");
    assert.deepEqual(settings.labels, { app: "lb", zone: "a=b" });
    assert.deepEqual(settings.networks, [
      { prefix: "10.60.1.0/24", self: "10.60.1.1" },
      { prefix: "2001:db8:60::/64", self: "2001:db8:60::1" },
    ]);
    assert.deepEqual(settings.defaultVips, ["10.2.2.0/24", "10.3.3.3/32"]);
    assert.equal(settings.hook.program, "/bin/nsehook.sh");
    assert.deepEqual(
      [settings.dialTimeoutMs, settings.requestTimeoutMs, settings.maxTokenLifetimeMs],
      [5000, 90_000, 86_400_000],
    );
    assert.equal(settings.memifDirectory, "/run/vpp/memif");
    assert.equal(settings.netns, "/proc/7/ns/net");
  });

  it("of the file go before those of the environment", () => {
    const yaml = `${BVI}nsm: { name: mine, service: web, prefixes: [10.60.1.0/24], labels: { a: b }, dialTimeoutMs: 77 }\n`;
    const settings = resolve(yaml, {
      NSM_NAME: "x",
      NSM_SERVICE_NAME: "y",
      IP_ADDRESS: "1.2.3.0/24",
      NSM_LABELS: "c=d",
    });
    assert.deepEqual([settings.name, settings.service, settings.dialTimeoutMs], ["mine", "web", 77]);
    assert.deepEqual(settings.networks, [{ prefix: "10.60.1.0/24", self: "10.60.1.1" }]);
    assert.deepEqual(settings.labels, { a: "b" });
  });

  it("that cannot be used are refused, saying what to write", () => {
    const cases: [string, Record<string, string>, RegExp][] = [
      ["vips: []\n", {}, /no section `nsm`/],
      ["nsm: {}\n", {}, /nsm\.prefixes or set IP_ADDRESS/],
      ["nsm: {}\n", { IP_ADDRESS: "10.60.1.0/31" }, /no address for a client/],
      ["nsm: {}\n", { IP_ADDRESS: "10.60.1.0/240" }, /nsm\.prefixes/],
      [`${BVI}nsm: {}\n`, { IP_ADDRESS: "10.61.0.0/16" }, /add 10\.61\.0\.1\/16 to its addresses/],
      [`${BVI}nsm: {}\n`, { IP_ADDRESS: "10.60.0.0/16" }, /its length has to be that of 10\.60\.0\.0\/16/],
      [`${BVI}nsm: {}\n`, { IP_ADDRESS: "10.60.1.0/24,10.60.1.0/25" }, /overlaps/],
      ["nsm: {}\n", { IP_ADDRESS: "10.60.1.0/24", NSM_DIAL_TIMEOUT: "5" }, /NSM_DIAL_TIMEOUT="5" is no time/],
      ["nsm: {}\n", { IP_ADDRESS: "10.60.1.0/24", NSM_LABELS: "lb" }, /"lb" is no label/],
      ["nsm: {}\n", { IP_ADDRESS: "10.60.1.0/24", VIP_ADDRESS: "ten" }, /VIP_ADDRESS/],
      ["nsm: {}\n", { IP_ADDRESS: "10.60.1.0/24", VIP_ADDRESS: "10.60.1.64/26" }, /overlaps VIP 10\.60\.1\.64\/26/],
      [
        `${BVI}vips: [{ prefix: 10.60.1.64/26, encap: gre4 }]\nnsm: {}\n`,
        { IP_ADDRESS: "10.60.1.0/24" },
        /overlaps VIP 10\.60\.1\.64\/26/,
      ],
      ["nsm: { connectTo: tcp://10.0.0.1:5001 }\n", { IP_ADDRESS: "10.60.1.0/24" }, /NSM_LISTEN_ON/],
    ];
    for (const [yaml, env, what] of cases)
      assert.throws(
        () => resolve(yaml, env),
        (error) => error instanceof NseError && error.code === "INPUT" && what.test(error.message),
        `${yaml} ${JSON.stringify(env)}`,
      );
  });

  it("of the file are looked at where the file is checked, with their place", () => {
    const vip = "vips: [{ prefix: 10.60.1.64/26, encap: gre4 }]\n";
    const cases: [string, string, RegExp][] = [
      [`${BVI}nsm: { prefixes: [10.61.0.0/16] }\n`, "nsm.prefixes[0]", /add 10\.61\.0\.1\/16 to its addresses/],
      [`${BVI}nsm: { prefixes: [10.60.0.0/16] }\n`, "nsm.prefixes[0]", /its length has to be that of 10\.60\.0\.0\/16/],
      [`nsm: { prefixes: [10.60.0.0/16, 10.60.1.0/24] }\n`, "nsm.prefixes[1]", /overlaps 10\.60\.0\.0\/16/],
      [`${BVI}${vip}nsm: { prefixes: [10.60.1.0/24] }\n`, "nsm.prefixes[0]", /overlaps VIP 10\.60\.1\.64\/26/],
      [`${BVI}nsm: { prefixes: ["2001:db8:60::/127"] }\n`, "nsm.prefixes[0]", /at most \/126/],
      [`${BVI}nsm: { vips: [shop] }\n`, "nsm.vips[0]", /no VIP and no stream "shop"/],
      [`nsm: { spiffe: here }\n`, "nsm.spiffe", /unix:/],
      [`nsm: { payload: IP, mechanisms: [MEMIF] }\n`, "nsm.payload", /add KERNEL to nsm\.mechanisms/],
      [`nsm: { prefix: 10.60.1.0/24 }\n`, "nsm", /prefix/],
    ];
    for (const [yaml, place, what] of cases) {
      const errors = parseLbYaml(yaml).diagnostics.filter((one) => one.severity === "error");
      const found = errors.find((one) => one.path.startsWith(place));
      assert.match(found?.message ?? JSON.stringify(errors), what, yaml);
    }
  });

  it("read times as Go writes them, and nothing else", () => {
    assert.equal(parseDuration("1h2m3.5s"), 3_723_500);
    assert.equal(parseDuration("100ms"), 100);
    assert.equal(parseDuration("0"), 0);
    for (const bad of ["", "5", "s", "-1s", "1 s", "1d", "1sx", "x1s", "1..5s"])
      assert.equal(parseDuration(bad), undefined, bad);
    fc.assert(
      fc.property(fc.nat(999), fc.nat(59), fc.nat(59), fc.nat(999), (hours, minutes, seconds, ms) => {
        const expected = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
        assert.equal(parseDuration(`${hours}h${minutes}m${seconds}s${ms}ms`), expected);
      }),
    );
  });
});
