import assert from "node:assert/strict";
import { importMaglev, parseLbYaml } from "../../src/config/index.ts";

const MAGLEV = `
maglev:
  healthchecker: { transition-history: 10 }
  healthchecks:
    web: { type: http, port: 80 }
  backends:
    one: { address: 192.0.2.11, healthcheck: web }
    two: { address: 192.0.2.12, healthcheck: web, enabled: false }
    six: { address: "2001:DB8:0:0::11" }
  vpp:
    lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: "2001:db8::1", sticky-buckets-per-core: 65536, flow-timeout: 40s }
  frontends:
    http:
      address: 198.51.100.1
      protocol: tcp
      port: 80
      src-ip-sticky: true
      flush-on-down: false
      pools:
        - { name: primary, backends: { one: { weight: 30 }, two: {}, nobody: {} } }
        - { name: fallback, backends: { two: {} } }
    all6:
      address: "2001:db8:1::1"
      pools: [{ name: primary, backends: { six: { weight: 0 } } }]
`;

describe("config: import of a vpp-maglev configuration", () => {
  it("carries over VIPs, servers, weights and lb_conf, and says what it cannot", () => {
    const { yaml, warnings } = importMaglev(MAGLEV, "maglev.yaml");
    const { state, diagnostics } = parseLbYaml(yaml);
    assert.deepEqual(
      diagnostics.filter((one) => one.severity === "error"),
      [],
    );
    assert.deepEqual(
      state!.vips.map(({ name, prefix, protocol, port, encap, srcIpSticky, servers }) => ({
        name,
        prefix,
        protocol,
        port,
        encap,
        srcIpSticky,
        servers: servers.map((server) => `${server.address} ${server.weight} ${server.state}`),
      })),
      [
        {
          name: "http",
          prefix: "198.51.100.1/32",
          protocol: "tcp",
          port: 80,
          encap: "gre4",
          srcIpSticky: true,
          servers: ["192.0.2.11 30 up", "192.0.2.12 100 down"],
        },
        {
          name: "all6",
          prefix: "2001:db8:1::1/128",
          protocol: undefined,
          port: undefined,
          encap: "gre6",
          srcIpSticky: false,
          servers: ["2001:db8::11 100 drain"],
        },
      ],
    );
    assert.equal(state!.lbConf!.ip4Source, "192.0.2.1");
    assert.equal(state!.lbConf!.flowTimeoutS, 40);
    for (const expected of [
      /health checks/,
      /healthchecker/,
      /not fallback/,
      /no backend nobody/,
      /all6: flows of a server/,
    ]) {
      assert.ok(
        warnings.some((warning) => expected.test(warning)),
        String(expected),
      );
    }
    assert.ok(!warnings.some((warning) => /http: flows of a server/.test(warning)));
    for (const warning of warnings) assert.ok(yaml.includes(`# NOTE: ${warning}`), warning);
    assert.equal(importMaglev(MAGLEV, "maglev.yaml").yaml, yaml, "the same each time");
  });

  it("refuses what is none, and says where it is wrong", () => {
    const code = { name: "ConfigError", code: "INVALID" };
    assert.throws(() => importMaglev("vips: []"), { ...code, message: /maglev/ });
    assert.throws(() => importMaglev("{"), code);
    assert.throws(() => importMaglev(MAGLEV.replace("198.51.100.1", "nowhere")), { ...code, message: /frontend http/ });
    assert.throws(() => importMaglev(MAGLEV.replace("40s", "soon")), { ...code, message: /flow-timeout/ });
    assert.throws(() => importMaglev(MAGLEV.replace("weight: 30", "weight: many")), {
      ...code,
      message: /frontends\.http/,
    });
  });
});
