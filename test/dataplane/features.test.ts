import assert from "node:assert/strict";
import { InterfaceFeatures, type Feature } from "../../src/dataplane/features.ts";
import { ip4Resume } from "../../src/dataplane/graph/ip4.ts";
import { Bench, ip4, ip4Frame, macOf, udp } from "./support.ts";

const A = "02:fe:00:00:00:01";
const B = "02:fe:00:00:00:02";
const PEER = "02:00:00:00:00:01";

function router() {
  const bench = new Bench();
  const a = bench.host("a", A);
  const b = bench.host("b", B);
  bench.dp.addAddress(a.swIfIndex, ip4("10.1.0.1"), 24);
  bench.dp.addAddress(b.swIfIndex, ip4("10.2.0.1"), 24);
  bench.dp.neighbors.add(b.swIfIndex, ip4("10.2.0.2"), macOf(PEER), { static: true });
  bench.sent(a);
  bench.sent(b);
  const frame = ip4Frame(A, PEER, { src: "10.1.0.2", dst: "10.2.0.2", payload: udp(1000, 2000) });
  return { bench, a, b, frame };
}

describe("dataplane: feature arcs", () => {
  it("run in VPP's order, whatever the order they were switched on in", () => {
    const { bench, a, b, frame } = router();
    const seen: string[] = [];
    const note = (node: string): Feature => ({ node, run: () => seen.push(node) > 0 });
    for (const node of ["abf-input-ip4", "ip4-sv-reassembly-feature", "acl-plugin-in-ip4-fa"])
      a.features.enable("ip4-unicast", note(node));
    b.features.enable("ip4-output", note("acl-plugin-out-ip4-fa"));
    bench.feed(a, frame);
    const all = ["acl-plugin-in-ip4-fa", "ip4-sv-reassembly-feature", "abf-input-ip4", "acl-plugin-out-ip4-fa"];
    assert.deepEqual(seen, all);
    assert.equal(bench.sent(b).length, 1);
    assert.throws(() => a.features.enable("ip4-output", note("abf-input-ip4")), RangeError);
  });

  it("stop a packet, keep it and let it go on behind themselves", () => {
    const { bench, a, b, frame } = router();
    let later = 0;
    let kept = 0;
    const keeper: Feature = { node: "ip4-full-reassembly-feature", run: () => ++kept < 0 };
    a.features.enable("ip4-unicast", keeper);
    a.features.enable("ip4-unicast", { node: "abf-input-ip4", run: () => ++later > 0 });
    bench.feed(a, frame);
    assert.deepEqual([kept, later, bench.sent(b).length], [1, 0, 0]);
    const packet = bench.dp.graph.allocate(frame.length - 14, a);
    packet.bytes.set(frame.subarray(14), packet.start);
    ip4Resume(bench.dp.graph, packet, keeper);
    bench.dp.graph.flush();
    assert.deepEqual([kept, later, bench.sent(b).length], [1, 1, 1]);
    a.features.disable("ip4-unicast", keeper.node);
    bench.feed(a, frame);
    assert.deepEqual([kept, later, bench.sent(b).length], [1, 2, 1]);
  });

  it("leave an interface without features as it was", () => {
    const features = new InterfaceFeatures();
    features.enable("l2-output-nonip", { node: "acl-plugin-out-nonip-l2", run: () => true });
    assert.equal(features.l2Output, true);
    features.disable("l2-output-nonip", "acl-plugin-out-nonip-l2");
    assert.equal(features.l2Output, false);
    assert.equal(features.ip4Unicast, undefined);
    assert.equal(features.chain("l2-output-nonip"), undefined);
  });
});
