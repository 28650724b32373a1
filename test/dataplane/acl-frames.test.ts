/** Any frame through lists, policies and sessions, routed and bridged: no exception, every one counted, and every trace told. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { RawRule } from "../../src/dataplane/acl/acl.ts";
import { tracedPacketText } from "../../src/dataplane/cli/text/trace.ts";
import { Bench, ip4, ip46, macOf } from "./support.ts";

const OWN = "02:fe:00:00:00:01";
const NEW = 0xffffffff;

function ruleFor(isIp4: boolean, protocol: number, action: number): RawRule {
  return {
    ...{ action, source: isIp4 ? 0 : new Uint8Array(16), sourceLength: 0, protocol },
    ...{ destination: isIp4 ? 0 : new Uint8Array(16), destinationLength: 0 },
    ...{ sourcePortFirst: 0, sourcePortLast: 40000, destinationPortFirst: 0, destinationPortLast: 40000 },
    ...{ tcpFlagsMask: 2, tcpFlagsValue: 2 },
  };
}

/** One routed and two bridged interfaces, all with lists both ways, the routed one with policies. */
function lab() {
  const bench = new Bench();
  const { dp } = bench;
  const [routed, left, right] = [OWN, "02:fe:00:00:00:02", "02:fe:00:00:00:03"].map((mac, i) =>
    bench.host(`f${i}`, mac),
  ) as [ReturnType<Bench["host"]>, ReturnType<Bench["host"]>, ReturnType<Bench["host"]>];
  dp.addAddress(routed.swIfIndex, ip4("10.0.0.1"), 24);
  dp.addAddress(routed.swIfIndex, ip46("2001:db8::1"), 64);
  dp.neighbors.add(routed.swIfIndex, ip4("10.0.0.2"), macOf("02:00:00:00:00:02"), { static: true });
  for (const iface of [left, right]) dp.bridges.attach(iface.swIfIndex, 1, "normal", 0);
  const rules = [1, 6, 17, 58, 0].flatMap((protocol, i) =>
    [true, false].map((isIp4) => ruleFor(isIp4, protocol, i % 3)),
  );
  const lists = [rules, [...rules].reverse()].map((each) => dp.acl.addReplace(NEW, "", each).aclIndex);
  for (const iface of [routed, left, right]) {
    dp.acl.setEtherTypes(iface.swIfIndex, [0x0806], [0x0806, 0x88cc]);
    assert.equal(dp.acl.setLists(iface.swIfIndex, lists, [...lists].reverse()), 0);
  }
  for (const proto of [4, 6] as const) {
    const nextHop = proto === 4 ? ip4("10.0.0.2") : ip46("2001:db8::2");
    dp.abf.addPaths(proto, lists[0]!, [{ swIfIndex: routed.swIfIndex, nextHop }]);
    dp.abf.attach(proto, routed.swIfIndex, proto, 1);
  }
  dp.acl.sessions.maxEntries = 5;
  return { bench, dp, all: [routed, left, right] };
}

const byte = fc.oneof(fc.constantFrom(0, 6, 17, 44, 58, 60, 0x45, 0x60, 255), fc.integer({ min: 0, max: 255 }));
const frame = fc
  .record({
    mac: fc.constantFrom(OWN, "02:00:00:00:00:09", "ff:ff:ff:ff:ff:ff"),
    type: fc.constantFrom([8, 0], [0x86, 0xdd], [8, 6], [0x81, 0, 0, 100, 8, 0], [0x88, 0xcc]),
    body: fc.array(byte, { maxLength: 90, size: "max" }),
    isPlausible: fc.boolean(),
  })
  .map(({ mac, type, body, isPlausible }) => {
    const packet = Uint8Array.from(body);
    if (isPlausible && packet.length >= 40) fix(packet, type);
    return Uint8Array.from([...macOf(mac), ...macOf("02:00:00:00:00:02"), ...type, ...packet]);
  });

/** A header that is let in: version, length, checksum. */
function fix(packet: Uint8Array, type: readonly number[]): void {
  const view = new DataView(packet.buffer);
  if (type[0] === 0x86) {
    packet[0] = 0x60;
    view.setUint16(4, packet.length - 40);
    packet[7] = 64;
    return;
  }
  packet[0] = 0x45;
  view.setUint16(2, packet.length);
  packet[8] = 64;
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >> 16);
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

describe("dataplane: any frame before lists and policies", () => {
  it("passes or is dropped: never an exception, and its trace can be told", () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(frame, fc.nat(2)), { maxLength: 30 }), (sent) => {
        const { bench, dp, all } = lab();
        dp.trace.add("af-packet-input", 100);
        const before = all.reduce((sum, iface) => sum + iface.counters.rxPackets, 0);
        for (const [each, at] of sent) bench.feed(all[at]!, each);
        assert.equal(
          all.reduce((sum, iface) => sum + iface.counters.rxPackets, 0),
          before + sent.length,
        );
        for (const packet of dp.trace.packets) assert.ok(tracedPacketText(dp, packet, 0).length > 0);
        assert.ok(dp.acl.sessions.size <= 5);
        bench.timeS = 1e6;
        dp.acl.sessions.sweep(dp.now());
        assert.equal(dp.acl.sessions.size, 0);
        passed += bench.error("acl-plugin-in-ip4-fa", "ACL permit packets");
      }),
      { numRuns: 150 },
    );
    assert.ok(passed > 0, "some are permitted");
  });
});
