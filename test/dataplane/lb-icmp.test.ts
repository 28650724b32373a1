import assert from "node:assert/strict";
import { VipType } from "../../src/dataplane/lb/types.ts";
import type { Interface } from "../../src/dataplane/model.ts";
import { ip6Frame } from "../conformance/fragment-frames.ts";
import { Bench, hex, ip4, ip46, ip4Frame, macOf, udp } from "./support.ts";

const OUTSIDE = "02:fe:00:00:00:01";
const CLIENT = "02:00:00:00:00:01";
const ROUTER = { 4: "10.70.0.254", 6: "2001:db8:70::fe" } as const;
const SERVERS = [2, 3, 4, 5, 6, 7];

function balanced(perPort: boolean): { bench: Bench; outside: Interface; inside: Interface } {
  const bench = new Bench();
  const { dp } = bench;
  const outside = bench.host("out", OUTSIDE);
  const inside = bench.host("in", "02:fe:00:00:00:02");
  dp.addAddress(outside.swIfIndex, ip4("10.70.0.1"), 24);
  dp.addAddress(outside.swIfIndex, ip46("2001:db8:70::1"), 64);
  dp.addAddress(inside.swIfIndex, ip4("10.60.1.1"), 24);
  for (const n of SERVERS) dp.neighbors.add(inside.swIfIndex, ip4(`10.60.1.${n}`), macOf(`02:00:00:00:02:0${n}`));
  dp.lb.conf(ip4("10.60.1.1"), ip46("::"), 1024, 40);
  const ports = perPort ? { protocol: 17, port: 80 } : { protocol: 255, port: 0 };
  const servers = SERVERS.map((n) => ip46(`10.60.1.${n}`));
  for (const [prefix, type] of [
    ["10.2.2.1", VipType.ip4Gre4],
    ["2001:db8:2::1", VipType.ip6Gre4],
  ] as const) {
    const vip = dp.lb.vipAdd({ ...ports, prefix: ip46(prefix), plen: 128, type, newLength: 1024 });
    assert.equal(dp.lb.asAdd(vip, servers), 0);
  }
  return { bench, outside, inside };
}

/** Outer destination: the server. */
function serverOf(frames: Uint8Array[]): string | undefined {
  return frames[0] === undefined ? undefined : hex(frames[0].subarray(30, 34));
}

function packet(family: 4 | 6, from: string, to: string, protocol: number, payload: Uint8Array): Uint8Array {
  if (family === 4) return ip4Frame(OUTSIDE, CLIENT, { src: from, dst: to, protocol, payload });
  return ip6Frame({ dst: OUTSIDE, src: CLIENT }, { src: from, dst: to, next: protocol }, payload);
}

/** An error of a router about what the server sent to the client. */
function errorAbout(family: 4 | 6, client: string, vip: string, ports: [number, number], quoted = 1000): Uint8Array {
  const sent = packet(family, vip, client, 17, udp(ports[1], ports[0], new Uint8Array(40))).subarray(14);
  const payload = Uint8Array.from([...(family === 4 ? [3, 4] : [2, 0]), 0, 0, 0, 0, 5, 0, ...sent.subarray(0, quoted)]);
  return packet(family, ROUTER[family], vip, family === 4 ? 1 : 58, payload);
}

describe("ICMP errors about a VIP's flows", () => {
  for (const family of [4, 6] as const) {
    for (const perPort of [false, true]) {
      it(`IPv${family}, ${perPort ? "one port" : "all ports"}: reach the flow's server where that is wanted`, () => {
        const { bench, outside, inside } = balanced(perPort);
        const vip = family === 4 ? "10.2.2.1" : "2001:db8:2::1";
        const client = (n: number) => (family === 4 ? `198.51.100.${n}` : `2001:db8:ffff::${n.toString(16)}`);
        const right = { hash: 0, owner: 0 };
        for (let n = 1; n <= 60; n += 1) {
          bench.feed(outside, packet(family, client(n), vip, 17, udp(4000 + n, 80)));
          const server = serverOf(bench.sent(inside));
          assert.ok(server !== undefined);
          // The flow stays where it is, whatever the table says now.
          const index = family === 4 ? 1 : 2;
          if (n === 30) bench.dp.lb.asDel(index, [ip46("10.60.1.7")], false);
          for (const how of ["hash", "owner"] as const) {
            bench.dp.lb.icmpErrors = how;
            bench.feed(outside, errorAbout(family, client(n), vip, [4000 + n, 80]));
            const frames = bench.sent(inside);
            if (serverOf(frames) === server) right[how] += 1;
            else if (how === "hash" && perPort) assert.deepEqual(frames, [], "VPP drops it");
          }
        }
        assert.equal(right.owner, 60);
        assert.ok(right.hash < 30, "by their own addresses they mostly go elsewhere");
      });
    }
  }

  it("leave alone what is no error about the VIP", () => {
    const { bench, outside, inside } = balanced(true);
    bench.dp.lb.icmpErrors = "owner";
    const quotedTooLittle = errorAbout(4, "198.51.100.1", "10.2.2.1", [4000, 80], 22);
    const ofAnother = errorAbout(4, "198.51.100.1", "10.2.2.1", [4000, 80]);
    ofAnother[14 + 20 + 8 + 15]! ^= 1;
    const echo = packet(4, ROUTER[4], "10.2.2.1", 1, Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 1));
    for (const frame of [quotedTooLittle, ofAnother, echo]) bench.feed(outside, frame);
    assert.deepEqual(bench.sent(inside), [], "on a VIP of one port there is nobody to hear it");
    const otherPort = errorAbout(4, "198.51.100.1", "10.2.2.1", [4000, 81]);
    bench.feed(outside, otherPort);
    assert.deepEqual(bench.sent(inside), []);
  });

  it("make no flow sticky", () => {
    const { bench, outside, inside } = balanced(false);
    bench.dp.lb.icmpErrors = "owner";
    const refs = () => [...bench.dp.lb.ases].map((as) => as.refs);
    bench.feed(outside, packet(4, "198.51.100.1", "10.2.2.1", 17, udp(1, 80)));
    const before = refs();
    for (let n = 2; n < 50; n += 1) bench.feed(outside, errorAbout(4, `198.51.100.${n}`, "10.2.2.1", [n, 80]));
    assert.equal(bench.sent(inside).length, 49);
    assert.deepEqual(refs(), before);
  });
});
