import assert from "node:assert/strict";
import { explainOffline, type OfflineInput } from "../../src/maglev/index.ts";
import { recordedJson } from "../recordings.ts";

interface Case {
  name: string;
  cli: string;
  as: string[];
  weights?: number[];
  buckets: Record<string, number>;
  flows: [string, string, "tcp" | "udp", number, number, string][];
}

/** The VIP's options, from the vppctl line that made it. */
export function inputOf(recorded: Case): OfflineInput {
  const words = recorded.cli.split(" ");
  const after = (word: string) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
  const protocol = after("protocol") as "tcp" | "udp" | undefined;
  const port = after("port");
  return {
    vip: words[2]!,
    encap: (after("encap") ?? "gre4") as OfflineInput["encap"],
    tableSize: Number(after("new_len") ?? 1024),
    ...(protocol ? { protocol } : {}),
    ...(port ? { port: Number(port) } : {}),
    srcIpSticky: words.includes("src_ip_sticky"),
    as: recorded.as,
    ...(recorded.weights ? { weights: recorded.weights } : {}),
    flows: recorded.flows.map(([src, dst, protocol, sport, dport]) => [src, dst, protocol, sport, dport]),
  };
}

describe("maglev against recorded VPPs", () => {
  for (const version of ["26.06", "26.10-rc0"]) {
    it(`${version}: buckets and the server of every flow`, function () {
      const { cases } = recordedJson<{ cases: Case[] }>(this, `${version}/lb-flows.json`);
      let flows = 0;
      for (const recorded of cases) {
        const output = explainOffline(inputOf(recorded));
        assert.deepEqual(output.buckets, recorded.buckets, recorded.name);
        assert.deepEqual(
          output.flows,
          recorded.flows.map((flow) => flow[5]),
          recorded.name,
        );
        flows += recorded.flows.length;
      }
      assert.ok(flows > 4000, `${flows} flows compared`);
    });
  }

  it("fails on one wrong server (negative control)", function () {
    const { cases } = recordedJson<{ cases: Case[] }>(this, "26.06/lb-flows.json");
    const recorded = cases[0]!;
    const input = { ...inputOf(recorded), as: ["10.60.1.2", "10.60.1.3", "10.60.1.5"] };
    assert.notDeepEqual(
      explainOffline(input).flows,
      recorded.flows.map((flow) => flow[5]),
    );
  });
});
