import assert from "node:assert/strict";
import { parseLbYaml } from "../../src/config/index.ts";

const findings = (text: string) => parseLbYaml(text).diagnostics.map((one) => `${one.severity}: ${one.message}`);
const vip = (encap: string) => `vips: [{ prefix: 10.2.2.0/24, encap: ${encap}, servers: [10.60.1.2] }]\n`;

describe("config: source of tunnels", () => {
  it("that nobody sets is warned about, with what VPP then does", () => {
    const [warning = "", ...more] = findings(vip("gre4"));
    assert.match(warning, /^warning: no `lb` section: .*from 255\.255\.255\.255.*kernels drop.*lb\.ip4Source/);
    assert.deepEqual(more, []);
  });

  it("that the section lacks is an error", () => {
    assert.match(findings(`lb: {}\n${vip("gre4")}`).join(), /^error: .*set lb\.ip4Source/);
  });

  it("is nobody's business with l3dsr, or where another sets it", () => {
    assert.deepEqual(findings(vip("l3dsr, dscp: 7")), []);
    assert.deepEqual(findings(`lb: { manage: false }\n${vip("gre4")}`), []);
    assert.deepEqual(findings(`lb: { ip4Source: 10.60.1.1 }\n${vip("gre4")}`), []);
  });
});
