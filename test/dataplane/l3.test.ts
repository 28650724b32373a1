import assert from "node:assert/strict";
import { prefix4, prefix6 } from "../../src/dataplane/fib/prefix.ts";
import {
  arpFrame,
  Bench,
  echoRequest,
  hex,
  ip4,
  ip46,
  ip4Frame,
  macOf,
  referenceChecksum,
  udp,
  unhex,
} from "./support.ts";

const A = "02:fe:00:00:00:01";
const B = "02:fe:00:00:00:02";
const PEER = "02:00:00:00:00:01";
const PEER2 = "02:00:00:00:00:02";
const ANY = "ff:ff:ff:ff:ff:ff";
const ZERO = "00:00:00:00:00:00";

/** Two subnets: 10.1.0.0/24 and 10.2.0.0/24. */
function router() {
  const bench = new Bench();
  const a = bench.host("a", A);
  const b = bench.host("b", B);
  bench.dp.addAddress(a.swIfIndex, ip4("10.1.0.1"), 24);
  bench.dp.addAddress(b.swIfIndex, ip4("10.2.0.1"), 24);
  return { bench, dp: bench.dp, a, b };
}

/** Checks an IPv4 packet's header checksum and returns the packet. */
function ipOf(frame: Uint8Array): DataView {
  const view = new DataView(frame.buffer, frame.byteOffset + 14, frame.length - 14);
  const header = frame.slice(14, 34);
  header[10] = 0;
  header[11] = 0;
  assert.equal(view.getUint16(10), referenceChecksum(header), "IPv4 header checksum");
  return view;
}

describe("dataplane: ARP", () => {
  it("answers for an own address and learns the asker", () => {
    const { bench, dp, a } = router();
    bench.feed(a, arpFrame(ANY, PEER, 1, { mac: PEER, ip: "10.1.0.2" }, { mac: ZERO, ip: "10.1.0.1" }));
    const want = arpFrame(PEER, A, 2, { mac: A, ip: "10.1.0.1" }, { mac: PEER, ip: "10.1.0.2" });
    assert.deepEqual(bench.sent(a).map(hex), [hex(want)]);
    assert.equal(hex(dp.neighbors.find(a.swIfIndex, ip4("10.1.0.2"))!.mac), hex(macOf(PEER)));
    assert.equal(bench.error("arp-reply", "ARP replies sent"), 1);
  });

  it("is silent for other addresses, foreign subnets, spoofed senders and probes", () => {
    const { bench, dp, a } = router();
    const ask = (sender: { mac: string; ip: string }, ip: string) =>
      bench.feed(a, arpFrame(ANY, PEER, 1, sender, { mac: ZERO, ip }));
    ask({ mac: PEER, ip: "10.1.0.2" }, "10.1.0.9");
    ask({ mac: PEER, ip: "10.9.0.2" }, "10.1.0.1");
    ask({ mac: PEER2, ip: "10.1.0.3" }, "10.1.0.1");
    ask({ mac: PEER, ip: "10.1.0.1" }, "10.1.0.1");
    assert.equal(bench.sent(a).length, 0);
    assert.equal(dp.neighbors.pool.size, 0);
    assert.equal(bench.error("arp-reply", "IP4 source address not local to subnet"), 1);
    assert.equal(bench.error("arp-reply", "ARP hw addr does not match L2 frame src addr"), 1);
  });

  it("asks for an unknown neighbour, drops that packet, forwards the next", () => {
    const { bench, a, b } = router();
    const packet = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.9", payload: udp(1, 2) });
    bench.feed(a, packet);
    const want = arpFrame(ANY, B, 1, { mac: B, ip: "10.2.0.1" }, { mac: ZERO, ip: "10.2.0.9" });
    assert.deepEqual(bench.sent(b).map(hex), [hex(want)]);
    assert.equal(bench.error("ip4-glean", "ARP requests sent"), 1);
    bench.feed(b, arpFrame(B, PEER2, 2, { mac: PEER2, ip: "10.2.0.9" }, { mac: B, ip: "10.2.0.1" }));
    bench.feed(a, packet);
    const [out] = bench.sent(b);
    assert.equal(hex(out!.subarray(0, 14)), hex(macOf(PEER2)) + hex(macOf(B)) + "0800");
    assert.equal(ipOf(out!).getUint8(8), 63);
    assert.equal(hex(out!.subarray(34)), hex(packet.subarray(34)));
  });

  it("asks for one address at most once a millisecond", () => {
    const { bench, a, b } = router();
    const packet = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.9" });
    bench.feedAll(a, [packet, packet, packet]);
    assert.equal(bench.sent(b).length, 1);
    bench.timeS = 0.01;
    bench.feed(a, packet);
    assert.equal(bench.sent(b).length, 1);
  });

  it("advertises an address gratuitously", () => {
    const { bench, dp, a } = router();
    dp.graph.advertise(a, ip4("10.1.0.1"));
    const want = arpFrame(ANY, A, 1, { mac: A, ip: "10.1.0.1" }, { mac: A, ip: "10.1.0.1" });
    assert.deepEqual(bench.sent(a).map(hex), [hex(want)]);
  });
});

describe("dataplane: IPv4", () => {
  it("answers ping", () => {
    const { bench, dp, a } = router();
    dp.neighbors.add(a.swIfIndex, ip4("10.1.0.2"), macOf(PEER));
    bench.feed(
      a,
      ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.1.0.1", protocol: 1, payload: echoRequest(7, 9), ttl: 3 }),
    );
    const [reply] = bench.sent(a);
    const ip = ipOf(reply!);
    assert.deepEqual([ip.getUint32(12), ip.getUint32(16), ip.getUint8(8)], [ip4("10.1.0.1"), ip4("10.1.0.2"), 64]);
    assert.equal(reply![34], 0);
    assert.equal(referenceChecksum(reply!.slice(34)), 0);
    assert.equal(ip.getUint16(24), 7);
  });

  it("tells the sender when the TTL ends", () => {
    const { bench, dp, a, b } = router();
    dp.neighbors.add(a.swIfIndex, ip4("10.1.0.2"), macOf(PEER));
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    const packet = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.9", ttl: 1, payload: udp(1, 2) });
    bench.feed(a, packet);
    assert.equal(bench.sent(b).length, 0);
    const [error] = bench.sent(a);
    const ip = ipOf(error!);
    assert.deepEqual([ip.getUint32(12), error![34], error![35]], [ip4("10.1.0.1"), 11, 0]);
    assert.equal(referenceChecksum(error!.slice(34)), 0);
    assert.equal(hex(error!.subarray(42)), hex(packet.subarray(14)));
  });

  it("does not complain about errors, broadcasts or fragments", () => {
    const { bench, dp, a, b } = router();
    dp.neighbors.add(a.swIfIndex, ip4("10.1.0.2"), macOf(PEER));
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    bench.sent(a);
    const expired = (options: Partial<Parameters<typeof ip4Frame>[2]>) => {
      bench.feed(a, ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.9", ttl: 1, ...options }));
      return bench.sent(a).length;
    };
    assert.equal(expired({ protocol: 1, payload: echoRequest(1, 1) }), 1, "the others would be complained about");
    assert.equal(expired({ protocol: 1, payload: Uint8Array.of(3, 3, 0, 0, 0, 0, 0, 0) }), 0);
    assert.equal(expired({ src: "0.0.0.0" }), 0);
    const fragment = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.9", ttl: 1 });
    fragment[21] = 5;
    fragment.set([0, 0], 24);
    const sum = referenceChecksum(fragment.subarray(14, 34));
    fragment.set([sum >> 8, sum & 255], 24);
    bench.feed(a, fragment);
    assert.equal(bench.sent(a).length, 0);
  });

  it("says port unreachable for UDP to itself", () => {
    const { bench, dp, a } = router();
    dp.neighbors.add(a.swIfIndex, ip4("10.1.0.2"), macOf(PEER));
    bench.feed(a, ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.1.0.1", payload: udp(5, 6) }));
    const [error] = bench.sent(a);
    assert.deepEqual([error![34], error![35]], [3, 3]);
  });

  it("fragments what is longer than the MTU, or says so where it may not", () => {
    const { bench, dp, a, b } = router();
    b.mtu.l3 = 600;
    dp.neighbors.add(a.swIfIndex, ip4("10.1.0.2"), macOf(PEER));
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    const payload = Uint8Array.from({ length: 1400 }, (_, i) => i & 255);
    const flow = { src: "10.1.0.2", dst: "10.2.0.9", payload, id: 77 };
    bench.feed(a, ip4Frame(A, PEER, flow));
    const fragments = bench.sent(b);
    assert.equal(fragments.length, 3);
    const whole: number[] = [];
    const number = ipOf(fragments[0]!).getUint16(4);
    for (const [i, fragment] of fragments.entries()) {
      const ip = ipOf(fragment);
      assert.ok(ip.byteLength <= 600);
      assert.equal(ip.getUint16(2), ip.byteLength);
      assert.equal(ip.getUint16(4), number, "one number of VPP's running count (vnet/ip/ip_frag.c:127)");
      assert.equal(ip.getUint16(6), (i < 2 ? 0x2000 : 0) | (whole.length / 8));
      whole.push(...fragment.subarray(34));
    }
    assert.deepEqual(whole, [...payload]);
    bench.feed(a, ip4Frame(A, PEER, flow));
    const next = bench.sent(b).map((fragment) => ipOf(fragment).getUint16(4));
    assert.deepEqual(next, Array(3).fill(number + 1));
    bench.feed(a, ip4Frame(A, PEER, { ...flow, dontFragment: true }));
    assert.equal(bench.sent(b).length, 0);
    const [error] = bench.sent(a);
    assert.deepEqual([error![34], error![35], (error![40]! << 8) | error![41]!], [3, 4, 600]);
  });

  it("drops what is malformed", () => {
    const { bench, a, b } = router();
    const good = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.9" });
    const broken = (change: (frame: Uint8Array) => void) => {
      const frame = good.slice();
      change(frame);
      bench.feed(a, frame);
    };
    broken((f) => (f[24]! ^= 1));
    broken((f) => (f[14] = 0x65));
    broken((f) => (f[14] = 0x44));
    broken((f) => (f[17] = 200));
    bench.feed(a, good.subarray(0, 20));
    bench.feed(a, good.subarray(0, 9));
    broken((f) => (f[0] = 0x04));
    assert.equal(bench.sent(a).length + bench.sent(b).length, 0);
    assert.equal(bench.error("ip4-input", "bad ip4 checksum"), 1);
    assert.equal(bench.error("ethernet-input", "l3 mac mismatch"), 1);
  });

  it("completes checksums that the sender left to hardware", () => {
    const { bench, dp, a, b } = router();
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    const frame = ip4Frame(A, PEER, {
      src: "10.1.0.2",
      dst: "10.2.0.9",
      payload: udp(1000, 2000, unhex("0102030405")),
    });
    frame[40] = 0xab;
    bench.feed(a, frame, true);
    const [out] = bench.sent(b);
    const pseudo = [...out!.subarray(26, 34), 0, 17, 0, 13];
    assert.equal(referenceChecksum(Uint8Array.from([...pseudo, ...out!.subarray(34)])), 0);
  });

  it("spreads a route's flows over its next hops, and each flow stays on one", () => {
    const { bench, dp, a, b } = router();
    const hops = ["10.2.0.11", "10.2.0.12", "10.2.0.13"];
    hops.forEach((hop, i) => dp.neighbors.add(b.swIfIndex, ip4(hop), macOf(`02:00:00:00:01:0${i}`)));
    dp.fib.update(
      0,
      prefix4(ip4("10.9.0.0"), 16),
      "CLI",
      new Set(),
      hops.map((hop) => ({ swIfIndex: b.swIfIndex, nextHop: ip4(hop) })),
    );
    const counts = new Map<number, number>();
    for (let port = 1; port <= 600; port += 1) {
      const frame = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.9.1.1", payload: udp(port, 80) });
      bench.feedAll(a, [frame, frame]);
      const [first, second] = bench.sent(b);
      assert.equal(first![5], second![5]);
      counts.set(first![5]!, (counts.get(first![5]!) ?? 0) + 1);
    }
    assert.equal(counts.size, 3);
    for (const count of counts.values()) assert.ok(count > 120, `${[...counts.values()]}`);
  });

  it("follows recursive routes as what they rest on comes and goes", () => {
    const { bench, dp, a, b } = router();
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    const frame = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "20.0.0.1" });
    const comesOut = () => {
      bench.feed(a, frame);
      return bench.sent(b).length;
    };
    dp.fib.update(0, prefix4(ip4("20.0.0.1"), 32), "API", new Set(), [{ nextHop: ip4("30.0.0.1") }]);
    assert.equal(comesOut(), 0);
    dp.fib.update(0, prefix4(ip4("30.0.0.0"), 8), "API", new Set(), [
      { swIfIndex: b.swIfIndex, nextHop: ip4("10.2.0.9") },
    ]);
    assert.equal(comesOut(), 1);
    dp.setAdminUp(b.swIfIndex, false);
    assert.equal(comesOut(), 0);
    dp.setAdminUp(b.swIfIndex, true);
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    bench.sent(b);
    assert.equal(comesOut(), 1);
    dp.fib.delete(0, prefix4(ip4("30.0.0.0"), 8), "API");
    assert.equal(comesOut(), 0);
  });

  it("survives routes that lead to each other", () => {
    const { bench, dp, a, b } = router();
    dp.fib.update(0, prefix4(ip4("20.0.0.1"), 32), "API", new Set(), [{ nextHop: ip4("20.0.0.2") }]);
    dp.fib.update(0, prefix4(ip4("20.0.0.2"), 32), "API", new Set(), [{ nextHop: ip4("20.0.0.1") }]);
    bench.feed(a, ip4Frame(A, PEER, { src: "10.1.0.2", dst: "20.0.0.1" }));
    assert.equal(bench.sent(b).length, 0);
    assert.equal(bench.error("null-node", "blackholed packets"), 1);
  });

  it("removes an interface with all that refers to it", () => {
    const { dp, b } = router();
    dp.neighbors.add(b.swIfIndex, ip4("10.2.0.9"), macOf(PEER2));
    const before = dp.fib.entries.size;
    assert.equal(dp.removeInterface(b.swIfIndex), 0);
    assert.equal(dp.neighbors.pool.size, 0);
    assert.equal(dp.fib.entries.size, before - 5);
    assert.equal(dp.fib.exact(0, prefix4(ip4("10.2.0.0"), 24)), undefined);
    assert.equal(dp.interfaces.nextIndex, b.swIfIndex);
  });
});

describe("dataplane: IPv6", () => {
  const solicited = "33:33:ff:00:00:01";
  function ip6Frame(dstMac: string, src: string, dst: string, next: number, payload: Uint8Array, hops = 255) {
    const header = new Uint8Array(40);
    header[0] = 0x60;
    header[4] = payload.length >> 8;
    header[5] = payload.length & 255;
    header[6] = next;
    header[7] = hops;
    header.set(ip46(src), 8);
    header.set(ip46(dst), 24);
    if (next === 58) {
      const length = [0, 0, payload.length >> 8, payload.length & 255];
      const sum = referenceChecksum(Uint8Array.from([...header.subarray(8), ...length, 0, 0, 0, 58, ...payload]));
      payload[2] = sum >> 8;
      payload[3] = sum & 255;
    }
    return Uint8Array.from([...macOf(dstMac), ...macOf(PEER), 0x86, 0xdd, ...header, ...payload]);
  }
  function checkIcmp6(frame: Uint8Array) {
    const payload = frame.subarray(54);
    const length = [0, 0, payload.length >> 8, payload.length & 255];
    assert.equal(
      referenceChecksum(Uint8Array.from([...frame.subarray(22, 54), ...length, 0, 0, 0, 58, ...payload])),
      0,
    );
  }
  function router6() {
    const bench = new Bench();
    const a = bench.host("a", A);
    const b = bench.host("b", B);
    bench.dp.addAddress(a.swIfIndex, ip46("fd00:1::1"), 64);
    bench.dp.addAddress(b.swIfIndex, ip46("fd00:2::1"), 64);
    return { bench, dp: bench.dp, a, b };
  }

  it("answers a solicitation and learns the asker", () => {
    const { bench, dp, a } = router6();
    const body = Uint8Array.from([135, 0, 0, 0, 0, 0, 0, 0, ...ip46("fd00:1::1"), 1, 1, ...macOf(PEER)]);
    bench.feed(a, ip6Frame(solicited, "fd00:1::2", "ff02::1:ff00:1", 58, body));
    const [reply] = bench.sent(a);
    checkIcmp6(reply!);
    assert.equal(hex(reply!.subarray(0, 12)), hex(macOf(PEER)) + hex(macOf(A)));
    assert.equal(hex(reply!.subarray(54, 56)), "8800");
    assert.equal(reply![58]! & 0x60, 0x60);
    assert.equal(hex(reply!.subarray(62, 86)), hex(ip46("fd00:1::1")) + "0201" + hex(macOf(A)));
    assert.equal(hex(dp.neighbors.find(a.swIfIndex, ip46("fd00:1::2"))!.mac), hex(macOf(PEER)));
  });

  it("answers ping, solicits neighbours, forwards, and complains", () => {
    const { bench, dp, a, b } = router6();
    dp.neighbors.add(a.swIfIndex, ip46("fd00:1::2"), macOf(PEER));
    bench.feed(a, ip6Frame(A, "fd00:1::2", "fd00:1::1", 58, Uint8Array.from([128, 0, 0, 0, 0, 1, 0, 2, 5]), 9));
    const [pong] = bench.sent(a);
    checkIcmp6(pong!);
    assert.deepEqual([pong![54], pong![21]], [129, 64]);
    const packet = ip6Frame(A, "fd00:1::2", "fd00:2::9", 17, udp(1, 2), 20);
    bench.feed(a, packet);
    const [ask] = bench.sent(b);
    checkIcmp6(ask!);
    assert.equal(hex(ask!.subarray(0, 6)), "3333ff000009");
    assert.equal(hex(ask!.subarray(62, 78)), hex(ip46("fd00:2::9")));
    const answer = Uint8Array.from([136, 0, 0, 0, 0x60, 0, 0, 0, ...ip46("fd00:2::9"), 2, 1, ...macOf(PEER2)]);
    bench.feed(b, ip6Frame(B, "fd00:2::9", "fd00:2::1", 58, answer));
    bench.feed(a, packet);
    const [out] = bench.sent(b);
    assert.equal(hex(out!.subarray(0, 6)), hex(macOf(PEER2)));
    assert.equal(out![21], 19);
    bench.feed(a, ip6Frame(A, "fd00:1::2", "fd00:2::9", 17, udp(1, 2), 1));
    const [expired] = bench.sent(a);
    checkIcmp6(expired!);
    assert.deepEqual([expired![54], expired![55]], [3, 0]);
    b.mtu.l3 = 1280;
    bench.feed(a, ip6Frame(A, "fd00:1::2", "fd00:2::9", 17, udp(1, 2, new Uint8Array(1300))));
    const [tooBig] = bench.sent(a);
    checkIcmp6(tooBig!);
    assert.deepEqual([tooBig![54], (tooBig![60]! << 8) | tooBig![61]!], [2, 1280]);
    assert.ok(tooBig!.length <= 14 + 1280);
  });

  it("drops bad checksums and hop limits of neighbour discovery", () => {
    const { bench, a } = router6();
    const body = () => Uint8Array.from([135, 0, 0, 0, 0, 0, 0, 0, ...ip46("fd00:1::1"), 1, 1, ...macOf(PEER)]);
    const bad = ip6Frame(solicited, "fd00:1::2", "ff02::1:ff00:1", 58, body());
    bad[57]! ^= 1;
    bench.feed(a, bad);
    bench.feed(a, ip6Frame(solicited, "fd00:1::2", "ff02::1:ff00:1", 58, body(), 64));
    assert.equal(bench.sent(a).length, 0);
    assert.equal(bench.error("ip6-local", "bad icmp checksum"), 1);
    assert.equal(bench.error("ip6-icmp-input", "hop_limit != 255"), 1);
  });

  it("has the connected and local entries of an address", () => {
    const { dp } = router6();
    assert.ok(dp.fib.exact(0, prefix6(ip46("fd00:1::"), 64)));
    assert.ok(dp.fib.exact(0, prefix6(ip46("fd00:1::1"), 128)));
  });
});
