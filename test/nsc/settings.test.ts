import assert from "node:assert/strict";
import fc from "fast-check";
import { readSettings, type NscFlags } from "../../src/nsc/index.ts";
import { parseTime } from "../../src/nsc/environment.ts";
import { parseLabels, parseServices, parseServiceUrl } from "../../src/nsc/service-url.ts";

const refused = (work: () => unknown, message: RegExp) =>
  assert.throws(work, { name: "NscError", code: "INPUT", message });

describe("nsc: urls of services", () => {
  const good: [string, ReturnType<typeof parseServices>[number]][] = [
    ["kernel://load-balancer", { url: "", mechanism: "KERNEL", service: "load-balancer", device: "nsm0", labels: {} }],
    [
      "kernel://my-service@dc.example.com/ms1",
      { url: "", mechanism: "KERNEL", service: "my-service@dc.example.com", device: "ms1", labels: {} },
    ],
    [
      "memif://my-vpp-service?A=1&B=2&A=3",
      { url: "", mechanism: "MEMIF", service: "my-vpp-service", device: "nsm0", labels: { A: "1,3", B: "2" } },
    ],
    [
      "KERNEL://Load_Balancer.x/if-0?app=web%20server",
      { url: "", mechanism: "KERNEL", service: "Load_Balancer.x", device: "if-0", labels: { app: "web server" } },
    ],
    ["kernel://lb/", { url: "", mechanism: "KERNEL", service: "lb", device: "nsm0", labels: {} }],
  ];
  for (const [url, expected] of good) {
    it(url, () => assert.deepEqual(parseServices([url]), [{ ...expected, url }]));
  }

  const bad: [string, RegExp][] = [
    ["load-balancer", /this is no url/],
    ["", /this is no url/],
    ["vfio://lb/nsm0", /vfio:\/\/ is no mechanism/],
    ["http://lb/nsm0", /http:\/\/ is no mechanism/],
    ["kernel:///nsm0", /is no name of a service/],
    ["kernel://lb/nsm0/more", /more than one interface/],
    ["kernel://lb/interface-with-a-long-name", /no interface name/],
    ["kernel://lb/a%20b?", /no interface name|is no/],
    ["kernel://lb:5000/nsm0", /part that means nothing/],
    ["kernel://user:secret@lb/nsm0", /part that means nothing/],
    ["kernel://lb/nsm0#x", /part that means nothing/],
    [`kernel://${"a".repeat(300)}/nsm0`, /is no name of a service/],
    ["kernel://lb/nsm0?=x", /each with a name/],
    [`kernel://lb/nsm0?a=${"x".repeat(256)}`, /at most 255 characters/],
    [`kernel://lb/nsm0?${Array.from({ length: 65 }, (_, i) => `l${i}=1`).join("&")}`, /at most 64 labels/],
  ];
  for (const [url, message] of bad) {
    it(`refuses ${JSON.stringify(url.slice(0, 60))}`, () => refused(() => parseServices([url]), message));
  }

  it("names interfaces that have no name, each once", () => {
    const services = parseServices(["kernel://a", "kernel://b/nsm0", "kernel://c", "memif://d"]);
    assert.deepEqual(
      services.map((one) => one.device),
      ["nsm1", "nsm0", "nsm2", "nsm3"],
    );
    refused(() => parseServices(["kernel://a/x", "kernel://b/x"]), /both name the interface x/);
    refused(() => parseServices([]), /no network service is asked for/);
    refused(() => parseServices(Array.from({ length: 65 }, () => "kernel://a")), /64 at most/);
  });

  it("whatever comes is either taken as it was written, or refused as input", () => {
    const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
    const device = fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/);
    const labels = fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ maxLength: 20 }), {
      maxKeys: 5,
    });
    fc.assert(
      fc.property(name, fc.option(name), device, labels, (service, domain, ifname, wanted) => {
        const full = domain === null ? service : `${service}@${domain}`;
        const url = `kernel://${full}/${ifname}?${new URLSearchParams(wanted).toString()}`;
        const { service: found, device: given, labels: got } = parseServiceUrl(url);
        assert.deepEqual([found, given, { ...got }], [full, ifname, { ...wanted }]);
      }),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `kernel://${text}`),
        ),
        (text) => {
          try {
            const { service, device: given } = parseServiceUrl(text);
            assert.ok(service.length > 0 && (given === undefined || given.length <= 15));
          } catch (error) {
            assert.equal((error as { code?: string }).code, "INPUT", String(error));
          }
        },
      ),
    );
  });

  it("labels as lists", () => {
    assert.deepEqual(parseLabels("app=web, zone:a,,x=", "L"), { app: "web", zone: "a", x: "" });
    refused(() => parseLabels("app", "NSM_LABELS"), /NSM_LABELS: "app" is no label/);
    refused(() => parseLabels("=web", "NSM_LABELS"), /is no label/);
  });
});

describe("nsc: times as Go writes them", () => {
  const table: [string, number][] = [
    ["15s", 15_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    [".5s", 500],
    ["24h", 86_400_000],
    ["100us", 1],
    ["1m0s500ms", 60_500],
  ];
  for (const [text, ms] of table) it(text, () => assert.equal(parseTime(text, "x"), ms));

  it("refuses the rest", () => {
    for (const text of ["", "15", "s", "-5s", "0s", "5 s", "1d", "5s5", "NaN", "1e3s", "999999999h"])
      refused(() => parseTime(text, "NSM_DIAL_TIMEOUT"), /NSM_DIAL_TIMEOUT: .* is no time above 0/);
  });

  it("of whole numbers of each unit", () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
    fc.assert(
      fc.property(fc.record({ h: fc.nat(20), m: fc.nat(59), s: fc.nat(59), ms: fc.nat(999) }), (parts) => {
        const total = Object.entries(parts).reduce((sum, [unit, n]) => sum + n * units[unit as keyof typeof units], 0);
        fc.pre(total > 0);
        const text = Object.entries(parts)
          .map(([unit, n]) => `${n}${unit}`)
          .join("");
        assert.equal(parseTime(text, "x"), total);
      }),
    );
  });
});

describe("nsc: settings", () => {
  const one: NscFlags = { urls: ["kernel://lb/nsm0"] };

  it("defaults", () => {
    const settings = readSettings(one, {});
    assert.match(settings.name, /^nsc-/);
    assert.equal(settings.connectTo, "unix:///var/lib/networkservicemesh/nsm.io.sock");
    assert.deepEqual(
      [settings.dialTimeoutMs, settings.requestTimeoutMs, settings.maxTokenLifetimeMs],
      [5000, 15_000, 600_000],
    );
    assert.deepEqual(settings.liveness, { intervalMs: 1200, timeoutMs: 3000, patienceMs: 15_000 });
    assert.deepEqual(settings.vips, []);
  });

  it("environment, and flags over it", () => {
    const environment = {
      NSM_NAME: "as1",
      NSM_CONNECT_TO: "tcp://127.0.0.1:5000",
      NSM_NETWORK_SERVICES: "kernel://a/x?app=own, memif://b",
      NSM_LABELS: "app=all,zone=z",
      NSM_DIAL_TIMEOUT: "1s",
      NSM_REQUEST_TIMEOUT: "2s",
      NSM_MAX_TOKEN_LIFETIME: "24h",
      NSM_LIVENESS_CHECK_INTERVAL: "1s",
      NSM_LIVENESSCHECKTIMEOUT: "2s",
      VIP_ADDRESS: "10.2.2.33/24,2001:DB8::1",
    };
    const settings = readSettings({}, environment);
    assert.equal(settings.name, "as1");
    assert.equal(settings.connectTo, "tcp://127.0.0.1:5000");
    assert.deepEqual(
      settings.services.map(({ service, device, mechanism, labels }) => [service, device, mechanism, labels]),
      [
        ["a", "x", "KERNEL", { app: "own", zone: "z" }],
        ["b", "nsm0", "MEMIF", { app: "all", zone: "z" }],
      ],
    );
    assert.deepEqual(
      [settings.dialTimeoutMs, settings.requestTimeoutMs, settings.maxTokenLifetimeMs],
      [1000, 2000, 86_400_000],
    );
    assert.deepEqual(settings.liveness, { intervalMs: 1000, timeoutMs: 2000, patienceMs: 2000 });
    assert.deepEqual(settings.vips, ["10.2.2.0/24", "2001:db8::1/128"]);
    const flags = {
      ...one,
      name: "flag",
      labels: ["app=flag"],
      vips: ["10.9.9.9"],
      dialTimeout: "3s",
      liveness: false,
    };
    const over = readSettings(flags, environment);
    assert.deepEqual(
      [over.name, over.dialTimeoutMs, over.liveness, over.vips, over.services.map((each) => each.labels)],
      ["flag", 3000, undefined, ["10.9.9.9/32"], [{ app: "flag", zone: "z" }]],
    );
  });

  it("the older client's names", () => {
    const environment = { CLIENT_NETWORK_SERVICE: "load-balancer", CLIENT_LABELS: "app=as" };
    const [service] = readSettings({}, environment).services;
    assert.deepEqual([service?.service, service?.device, service?.labels], ["load-balancer", "nsm0", { app: "as" }]);
  });

  it("says which variable is wrong", () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{ NSM_NAME: "a b" }, /NSM_NAME/],
      [{ NSM_CONNECT_TO: "http://x" }, /NSM_CONNECT_TO/],
      [{ NSM_DIAL_TIMEOUT: "soon" }, /NSM_DIAL_TIMEOUT: "soon"/],
      [{ NSM_LIVENESSCHECKENABLED: "maybe" }, /NSM_LIVENESSCHECKENABLED/],
      [{ VIP_ADDRESS: "10.2.2" }, /VIP_ADDRESS: "10.2.2" cannot be a VIP/],
      [{ VIP_ADDRESS: "0.0.0.0/0" }, /too large/],
      [{ VIP_ADDRESS: "127.0.0.1" }, /loopback/],
      [{ NSM_LABELS: "x" }, /NSM_LABELS/],
    ];
    for (const [environment, message] of wrong) refused(() => readSettings(one, environment), message);
    refused(() => readSettings({}, {}), /no network service is asked for/);
    refused(() => readSettings({}, { NSM_NETWORK_SERVICES: " , " }), /no network service is asked for/);
  });
});
