import assert from "node:assert/strict";
import { parseVips } from "../../src/bridge/lb-wire.ts";

const vip = (index: number, flows: number) =>
  [
    ` ip4-gre4 [${index}] 10.2.${index}.0/24`,
    "   new_size:1024",
    "   counters:",
    "     packet from existing sessions: 0",
    "     first session packet: 0",
    "     untracked packet: 0",
    "     no server configured: 0",
    "   #as:1",
    `     10.60.1.2 1024 buckets   ${flows} flows  dpo:18 used`,
    "",
  ].join("\n");

describe("bridge: show lb vips verbose", () => {
  it("gives the same object for a VIP that is shown as before, and a new one for what changed", () => {
    const [one, two] = parseVips(`${vip(1, 0)}\n${vip(2, 0)}\n`);
    const [same, other, third] = parseVips(`${vip(1, 0)}\n${vip(2, 5)}\n${vip(3, 0)}\n`);
    assert.equal(same, one);
    assert.notEqual(other, two);
    assert.equal(other!.servers[0]!.flows, 5);
    assert.equal(third!.prefix, "10.2.3.0/24");
    assert.deepEqual(
      parseVips(vip(2, 5)).map((found) => found.prefix),
      ["10.2.2.0/24"],
    );
    assert.deepEqual(parseVips("\n"), []);
  });

  it("refuses what it does not understand, before, between and after VIPs", () => {
    for (const text of [`what\n${vip(1, 0)}`, `${vip(1, 0)}what\n${vip(2, 0)}`, `${vip(1, 0)}what\n`])
      assert.throws(() => parseVips(text), { code: "PARSE" }, text);
    assert.throws(() => parseVips(vip(1, 0).replace("#as:1", "#as:2")), { code: "PARSE" });
  });
});
