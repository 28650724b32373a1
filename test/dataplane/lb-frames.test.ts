import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { VipType, type VipTypeNumber } from "../../src/dataplane/lb/types.ts";
import { Bench, hex, ip4, ip46, macOf, unhex } from "./support.ts";

const recordings = process.env["VPPLB_RECORDINGS"] ?? new URL("../../../shared/vpp/", import.meta.url).pathname;
const file = `${recordings}/26.06/lb-flows.json`;

interface Case {
  name: string;
  cli: string;
  as: string[];
  buckets: Record<string, number>;
  flows: [string, string, "tcp" | "udp", number, number, string][];
  frames: { in: string; out: string }[];
}

interface Recording {
  lb_conf: { ip4_src: string; ip6_src: string; buckets_per_core: number; timeout_s: number };
  cases: Case[];
}

function parse(cli: string): {
  prefix: Uint8Array;
  plen: number;
  protocol: number;
  port: number;
  type: VipTypeNumber;
  dscp: number;
  newLength: number;
  srcIpSticky: boolean;
  targetPort: number;
} {
  const words = cli.split(" ");
  const [address = "", length = ""] = words[2]!.split("/");
  const after = (word: string, other: string) => (words.includes(word) ? words[words.indexOf(word) + 1]! : other);
  const isIp4 = !address.includes(":");
  const encap = after("encap", "gre4");
  const types: Record<string, VipTypeNumber> = isIp4
    ? { gre4: VipType.ip4Gre4, gre6: VipType.ip4Gre6, l3dsr: VipType.ip4L3dsr, nat4: VipType.ip4Nat4 }
    : { gre4: VipType.ip6Gre4, gre6: VipType.ip6Gre6 };
  return {
    prefix: ip46(address),
    plen: Number(length) + (isIp4 ? 96 : 0),
    protocol: { tcp: 6, udp: 17 }[after("protocol", "")] ?? 255,
    port: Number(after("port", "0")),
    type: types[encap]!,
    dscp: Number(after("dscp", "0")),
    newLength: Number(after("new_len", "1024")),
    srcIpSticky: words.includes("src_ip_sticky"),
    targetPort: Number(after("target_port", "0")),
  };
}

/** The recording's topology: client side and server side, one next hop for all servers. */
function setUp(recording: Recording, one: Case) {
  const bench = new Bench();
  const { dp } = bench;
  const frame = unhex(one.frames[0]!.in);
  const outer = unhex(one.frames[0]!.out);
  const mac = (bytes: Uint8Array, at: number) => [...bytes.subarray(at, at + 6)].map((b) => b.toString(16)).join(":");
  const client = bench.host("in", mac(frame, 0));
  const server = bench.host("out", mac(outer, 6));
  dp.addAddress(client.swIfIndex, ip4("192.0.2.1"), 24);
  dp.addAddress(client.swIfIndex, ip46("2001:db8:99::1"), 64);
  dp.addAddress(server.swIfIndex, ip4("10.60.1.1"), 16);
  dp.addAddress(server.swIfIndex, ip46("2001:db8:60::1"), 64);
  const conf = recording.lb_conf;
  assert.equal(dp.lb.conf(ip4(conf.ip4_src), ip46(conf.ip6_src), conf.buckets_per_core, conf.timeout_s), 0);
  const vip = dp.lb.vipAdd(parse(one.cli));
  assert.ok(vip > 0, `vipAdd returned ${vip}`);
  assert.equal(dp.lb.asAdd(vip, one.as.map(ip46)), 0);
  for (const as of one.as)
    dp.neighbors.add(server.swIfIndex, as.includes(":") ? ip46(as) : ip4(as), macOf("02:00:00:00:60:60"), {
      static: true,
    });
  bench.sent(server);
  return { bench, client, server, vip };
}

describe("dataplane: lb frames as VPP 26.06 sent them", function () {
  if (!existsSync(file)) {
    it("recordings", function () {
      console.log(`    skipped: no recording at ${file} (set VPPLB_RECORDINGS)`);
      this.skip();
    });
    return;
  }
  const recording = JSON.parse(readFileSync(file, "utf8")) as Recording;
  for (const one of recording.cases) {
    it(`${one.name}: frames`, () => {
      const { bench, client, server } = setUp(recording, one);
      for (const { in: input, out } of one.frames) {
        bench.feed(client, unhex(input));
        const sent = bench.sent(server);
        assert.equal(sent.length, 1);
        const want = unhex(out);
        want.set(sent[0]!.subarray(0, 6));
        assert.equal(hex(sent[0]!), hex(want));
        assert.equal(hex(sent[0]!.subarray(0, 6)), "020000006060");
      }
    });
    it(`${one.name}: buckets`, () => {
      const { bench, vip } = setUp(recording, one);
      const counts = bench.dp.lb.bucketCounts(bench.dp.lb.vips.get(vip)!);
      const { lb } = bench.dp;
      for (const as of lb.asesOf(lb.vips.get(vip)!))
        assert.equal(
          counts.get(as.index) ?? 0,
          one.buckets[one.as.find((text) => hex(ip46(text)) === hex(as.address))!],
        );
    });
  }
});
