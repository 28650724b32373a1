import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseLb, parseLbVips } from "vpp-api-ts";
import { exchanges, need } from "./recordings.ts";

/** Outputs of `command` in a recorded session of vppctl. */
function outputs(file: string, command: string): string[] {
  const parts = readFileSync(file, "utf8").split(/^# vppctl /m);
  return parts.filter((part) => part.split("\n")[0] === command).map((part) => part.slice(part.indexOf("\n") + 1));
}

describe("text of the lb plugin", () => {
  for (const version of ["26.06", "26.10-rc0"]) {
    it(`${version}: every recorded "show lb vips verbose" is read whole`, function () {
      const texts = [
        ...outputs(need(this, `${version}/cli.txt`), "show lb vips verbose"),
        ...exchanges(need(this, `${version}/exchanges.jsonl`)).flatMap((exchange) => {
          const reply = exchange.fields["reply"];
          return typeof reply === "string" && reply.includes(" new_size:") ? [reply] : [];
        }),
      ].filter((text) => text.includes("counters:"));
      assert.ok(texts.length >= 3);
      for (const text of texts) {
        const vips = parseLbVips(text);
        assert.equal(vips.length, text.match(/ new_size:/g)?.length);
        for (const vip of vips) {
          const live = vip.servers.filter((server) => !server.removed);
          const slots = live.reduce((sum, server) => sum + server.buckets, 0);
          if (live.length > 0 && !vip.removed) assert.equal(slots, vip.tableSize, vip.prefix);
        }
      }
    });

    it(`${version}: values of a VIP, its servers, and what removed ones look like`, function () {
      const [first, , , last] = outputs(need(this, `${version}/cli.txt`), "show lb vips verbose");
      const [vip] = parseLbVips(first ?? "");
      assert.deepEqual(
        [vip?.index, vip?.prefix, vip?.encap, vip?.tableSize, vip?.protocol, vip?.port, vip?.removed],
        [1, "10.2.2.0/24", "gre4", 1024, 255, 0, false],
      );
      const weight = version === "26.06" ? undefined : 100;
      assert.deepEqual(vip?.servers, [
        { address: "10.60.1.2", buckets: 342, flows: 0, weight, dpo: 18, removed: false },
        { address: "10.60.1.3", buckets: 341, flows: 0, weight, dpo: 16, removed: false },
        { address: "10.60.1.4", buckets: 341, flows: 0, weight, dpo: 15, removed: false },
      ]);
      const [gone] = parseLbVips(last ?? "");
      assert.equal(gone?.removed, true);
      assert.equal(gone?.counters.firstPacket, 5);
      assert.ok(gone?.servers.every((server) => server.removed && server.buckets === 0));
    });

    it(`${version}: show lb`, function () {
      const [before, after] = outputs(need(this, `${version}/cli.txt`), "show lb");
      const main = parseLb(before ?? "");
      assert.deepEqual([main.ip4Source, main.vips, main.servers, main.timeoutS], ["10.60.1.1", 1, 3, undefined]);
      assert.deepEqual(parseLb(after ?? "").cores, [{ core: 0, used: 5, size: 4096 }]);
      assert.equal(parseLb(after ?? "").timeoutS, 40);
    });
  }

  it("ports, dscp, sticky and NAT's line without newline (format_lb_vip_detailed)", () => {
    const counters = [
      "    packet from existing sessions: 1",
      "    first session packet: 2",
      "    untracked packet: 3",
      "    no server configured: 4",
    ].join("\n");
    const text = [
      ` ip4-l3dsr [2] 90.1.2.1/32 src_ip_sticky\n  new_size:256\n  protocol:17 port:20000\n  dscp:7\n  counters:\n${counters}\n  #as:0`,
      ` ip6-nat6 [3] 90::1/128\n  new_size:256\n  protocol:17 port:53\n  type:clusterip port:13568 target_port:5353  counters:\n${counters}\n  #as:1\n    2002::5 256 buckets   0 flows  dpo:17 used`,
    ].join("\n\n");
    const [l3dsr, nat] = parseLbVips(text);
    assert.deepEqual(
      [l3dsr?.srcIpSticky, l3dsr?.protocol, l3dsr?.port, l3dsr?.dscp, l3dsr?.servers.length],
      [true, 17, 20000, 7, 0],
    );
    assert.deepEqual([nat?.encap, nat?.family, nat?.port, nat?.counters.noServer], ["nat6", 6, 53, 4]);
    assert.equal(nat?.servers[0]?.address, "2002::5");
  });

  it("names the line that it does not understand", () => {
    assert.throws(() => parseLbVips(" ip4-gre4 [1] 10.0.0.0/24\n  new_size:1024\n  news:1\n"), {
      code: "PARSE",
      message: /news:1/,
    });
    assert.throws(() => parseLbVips(" ip4-gre4 [1] 10.0.0.0/24\n  new_size:1024\n  #as:2\n"), { code: "PARSE" });
    assert.throws(() => parseLb("unknown command"), { code: "PARSE" });
    assert.deepEqual(parseLbVips(""), []);
  });
});
