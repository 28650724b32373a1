import assert from "node:assert/strict";
import fc from "fast-check";
import { kernelMechanism, newConnection, newContext, newIpContext, type IpContext } from "@networkservicemesh/sdk-ts";
import { EXTRA, MAX_VIPS, offerOf, type OfferLimits } from "../../src/nsc/offer.ts";
import { contains } from "../../src/nsc/prefixes.ts";
import { parseServices } from "../../src/nsc/service-url.ts";

const [request] = parseServices(["kernel://load-balancer/nsm0"]);
const LB: Partial<IpContext> = {
  srcIpAddrs: ["10.60.1.2/24", "2001:db8:60::2/64"],
  dstIpAddrs: ["10.60.1.1/24", "2001:db8:60::1/64"],
};

function offered(ip: Partial<IpContext>, extra: Record<string, string> = {}, limits: Partial<OfferLimits> = {}) {
  const connection = newConnection({
    networkServiceEndpointName: "lb",
    mechanism: kernelMechanism("nsm0"),
    context: newContext({ ipContext: newIpContext({ ...LB, ...ip }), extraContext: extra }),
  });
  return offerOf(connection, request!, { vips: [], ...limits });
}

const routes = (...prefixes: string[]) => ({ srcRoutes: prefixes.map((prefix) => ({ prefix, nextHop: "" })) });
const refuses = (work: () => unknown, message: RegExp) =>
  assert.throws(work, { name: "NscError", code: "OFFER", message });

describe("nsc: what an endpoint offers", () => {
  it("VIPs, encapsulations and gateways by name", () => {
    const extra = {
      [EXTRA.vips]: "10.2.2.0/24,2001:db8:2::/64",
      [EXTRA.encaps]: "gre4,gre6",
      [EXTRA.gateways]: "10.60.1.1,2001:db8:60::1",
    };
    const offer = offered(routes("10.99.0.0/16"), extra);
    assert.deepEqual(offer.vips, ["10.2.2.0/24", "2001:db8:2::/64"]);
    assert.deepEqual(offer.encaps, ["gre4", "gre6"]);
    assert.deepEqual(offer.gateways, ["10.60.1.1", "2001:db8:60::1"]);
    assert.deepEqual(offer.ignored, []);
  });

  it("of an endpoint that names none, routes to elsewhere are the VIPs", () => {
    const offer = offered(
      routes("10.2.2.0/24", "10.60.1.0/24", "10.60.1.1/32", "0.0.0.0/0", "::/0", "2001:db8:2::1/128"),
    );
    assert.deepEqual(offer.vips, ["10.2.2.0/24", "2001:db8:2::1/128"]);
    assert.deepEqual(offer.encaps, ["gre4", "gre6"], "as its addresses are");
  });

  it("VIPs of the settings go before what it says", () => {
    const limits = { vips: ["10.2.2.0/24", "2001:db8:2::1/128"] };
    assert.deepEqual(offered(routes("10.9.9.9/32"), {}, limits).vips, limits.vips);
    const only4 = { srcIpAddrs: ["10.60.1.2/24"], dstIpAddrs: ["10.60.1.1/24"] };
    assert.deepEqual(offered(only4, {}, limits).vips, ["10.2.2.0/24"]);
  });

  const ignored: [string, RegExp][] = [
    ["0.0.0.0/0", /too large/],
    ["10.0.0.0/7", /too large/],
    ["::/0", /too large/],
    ["127.0.0.1/32", /loopback/],
    ["::1", /loopback/],
    ["224.0.0.1", /multicast/],
    ["169.254.1.1", /linkLocal/],
    ["fe80::1", /linkLocal/],
    ["255.255.255.255", /broadcast/],
    ["0.0.0.0", /unspecified/],
    ["10.60.0.0/16", /contains 10.60.1.2/],
    ["192.168.0.0/16", /contains 192.168.7.7/],
    ["not-an-address", /no prefix/],
    ["10.2.2.0/33", /no prefix/],
    ["10.2.2.1%eth0", /no prefix/],
  ];
  for (const [vip, why] of ignored) {
    it(`does not take ${vip} as a VIP`, () => {
      const offer = offered({}, { [EXTRA.vips]: `${vip},10.2.2.0/24` }, { hostAddresses: ["192.168.7.7"] });
      assert.deepEqual(offer.vips, ["10.2.2.0/24"]);
      assert.equal(offer.ignored.length, 1);
      assert.match(offer.ignored[0]!, why);
    });
  }

  it("does not take a VIP without a gateway of its family", () => {
    const only4 = { srcIpAddrs: ["10.60.1.2/24"], dstIpAddrs: ["10.60.1.1/24"] };
    const offer = offered(only4, { [EXTRA.vips]: "2001:db8::1" });
    assert.deepEqual(offer.vips, []);
    assert.match(offer.ignored[0]!, /no gateway of its family/);
  });

  it("refuses what makes no sense at all", () => {
    refuses(() => offered({ srcIpAddrs: ["10.60.1.2/33"] }), /cannot be an address/);
    refuses(() => offered({ srcIpAddrs: ["127.0.0.2/8"] }), /loopback/);
    refuses(() => offered({ dstIpAddrs: ["224.0.0.5/32"] }), /multicast/);
    refuses(() => offered({ dstIpAddrs: ["10.60.1.2/24"] }), /this side's own/);
    refuses(() => offered({ srcIpAddrs: Array.from({ length: 17 }, (_, i) => `10.60.1.${i + 2}/24`) }), /17 addresses/);
    refuses(() => offered({}, { [EXTRA.gateways]: "default" }), /cannot be an address/);
    const many = Array.from({ length: MAX_VIPS + 1 }, (_, i) => `10.2.${i >> 8}.${i & 255}/32`);
    refuses(() => offered({}, { [EXTRA.vips]: many.join(",") }), /257 VIPs: at most 256/);
    refuses(
      () => offered(routes(...Array.from({ length: 5000 }, (_, i) => `11.2.${i >> 8}.${i & 255}/32`))),
      /5000 VIPs/,
    );
  });

  it("refuses another interface or mechanism than was asked for", () => {
    const context = newContext({ ipContext: newIpContext(LB) });
    const limits = { vips: [] };
    const eth0 = newConnection({ mechanism: kernelMechanism("eth0"), context });
    refuses(() => offerOf(eth0, request!, limits), /its interface is "eth0", not nsm0/);
    const memif = newConnection({ mechanism: { cls: "LOCAL", type: "MEMIF", parameters: {} }, context });
    refuses(() => offerOf(memif, request!, limits), /gave MEMIF where KERNEL/);
    refuses(() => offerOf(newConnection({ context }), request!, limits), /no mechanism/);
  });

  it("memif: a socket's file, or its abstract name in a namespace", () => {
    const [memif] = parseServices(["memif://load-balancer/vpp0"]);
    const given = (parameters: Record<string, string>) =>
      offerOf(
        newConnection({
          mechanism: { cls: "LOCAL", type: "MEMIF", parameters },
          context: newContext({ ipContext: newIpContext(LB) }),
        }),
        memif!,
        { vips: [] },
      );
    const pair = (parameters: Record<string, string>) => [given(parameters).socket, given(parameters).netns];
    assert.deepEqual(pair({ inodeURL: "file:///run/vpp/1.sock" }), ["/run/vpp/1.sock", undefined]);
    assert.deepEqual(pair({ inodeURL: "file:///proc/7/ns/net", socketfile: "memif" }), ["@memif", "/proc/7/ns/net"]);
    for (const parameters of [{}, { inodeURL: "inode://4/5" }, { inodeURL: "file://x" }, { inodeURL: "file:///a\0b" }])
      refuses(() => given(parameters as Record<string, string>), /is no file/);
  });

  it("l3dsr: single IPv4 VIPs with a DSCP each; the rest is named", () => {
    const extra = {
      [EXTRA.vips]: "10.2.2.1,10.2.3.0/24,10.2.2.2,10.2.2.3/32,0.0.0.0/0,10.2.2.4",
      [EXTRA.encaps]: "l3dsr:10,gre4,l3dsr:11,l3dsr:10,l3dsr:12,l3dsr:64,l3dsr:13,vxlan",
    };
    const offer = offered({}, extra);
    assert.deepEqual(offer.encaps, ["l3dsr", "gre4"]);
    assert.deepEqual(offer.l3dsr, [
      { vip: "10.2.2.1", dscp: 10 },
      { vip: "10.2.2.2", dscp: 11 },
    ]);
    assert.equal(offer.ignored.length, 6, offer.ignored.join("; "));
    assert.deepEqual(offered({}, { [EXTRA.vips]: "10.2.2.1", [EXTRA.encaps]: "l3dsr:10" }).encaps, ["l3dsr"]);
  });

  it("whatever it says: nothing else is thrown, no VIP takes an address of this host", () => {
    const text = fc.oneof(
      fc.string(),
      fc.ipV4().map((ip) => `${ip}/24`),
      fc.tuple(fc.ipV4(), fc.nat(40)).map(([ip, length]) => `${ip}/${length}`),
      fc.tuple(fc.ipV6(), fc.nat(130)).map(([ip, length]) => `${ip}/${length}`),
    );
    const lists = fc.array(text, { maxLength: 20 });
    fc.assert(
      fc.property(lists, lists, lists, lists, (src, dst, prefixes, vips) => {
        const hostAddresses = ["192.168.7.7", "2001:db8:7::7"];
        try {
          const offer = offered(
            { srcIpAddrs: src, dstIpAddrs: dst, ...routes(...prefixes) },
            vips.length === 0 ? {} : { [EXTRA.vips]: vips.join(",") },
            { hostAddresses },
          );
          for (const vip of offer.vips)
            for (const address of hostAddresses) assert.ok(!contains(vip, address), `${vip} takes ${address}`);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "OFFER", String((error as Error).stack));
        }
      }),
      { numRuns: 500 },
    );
  });
});
