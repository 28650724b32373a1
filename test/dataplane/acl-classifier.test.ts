import assert from "node:assert/strict";
import fc from "fast-check";
import { Classifier } from "../../src/dataplane/acl/classifier.ts";
import { FiveTuple } from "../../src/dataplane/acl/tuple.ts";
import type { AclRule } from "../../src/dataplane/acl/types.ts";

const TCP = 6;

/** Few values, so that rules and packets meet. */
const octet = fc.constantFrom(0, 1, 127, 128, 255);
const protocol = fc.constantFrom(0, 1, TCP, 17, 58, 132, 255);
const port = fc.constantFrom(0, 1, 80, 81, 5000, 65534, 65535);

function addressOf(isIp4: boolean): fc.Arbitrary<number[]> {
  return fc.array(octet, { minLength: isIp4 ? 4 : 16, maxLength: isIp4 ? 4 : 16 });
}

function bits(address: readonly number[]): string {
  return address.map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

/** A prefix without host bits. */
function prefixOf(isIp4: boolean): fc.Arbitrary<{ address: number[]; length: number }> {
  const longest = isIp4 ? 32 : 128;
  const lengths = fc.oneof(fc.integer({ min: 0, max: longest }), fc.constantFrom(0, 1, 8, longest - 1, longest));
  return fc.tuple(addressOf(isIp4), lengths).map(([address, length]) => {
    const kept = bits(address).slice(0, length).padEnd(longest, "0");
    return { address: address.map((_, i) => parseInt(kept.slice(i * 8, i * 8 + 8), 2)), length };
  });
}

type Prefix = { address: number[]; length: number };

interface Reference {
  readonly rule: AclRule;
  readonly source: Prefix;
  readonly destination: Prefix;
}

const range = fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

function ruleOf(isIp4: boolean): fc.Arbitrary<Reference> {
  const value = ({ address }: Prefix) =>
    isIp4 ? address.reduce((all, byte) => all * 256 + byte, 0) : Uint8Array.from(address);
  return fc
    .record({
      ...{ source: prefixOf(isIp4), destination: prefixOf(isIp4), protocol, sourcePorts: range, ports: range },
      ...{ mask: fc.constantFrom(0, 0, 2, 0x12), value: fc.constantFrom(0, 0, 2) },
    })
    .map(({ source, destination, protocol: proto, sourcePorts, ports, mask, value: flags }) => ({
      ...{ source, destination },
      rule: {
        ...{ action: 1, source: value(source), sourceLength: source.length, protocol: proto },
        ...{ destination: value(destination), destinationLength: destination.length },
        ...{ sourcePortFirst: sourcePorts[0], sourcePortLast: sourcePorts[1] },
        ...{ destinationPortFirst: ports[0], destinationPortLast: ports[1] },
        ...{ tcpFlagsMask: mask, tcpFlagsValue: flags },
      },
    }));
}

interface Probe {
  readonly source: number[];
  readonly destination: number[];
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  readonly l4Valid: boolean;
  readonly nonFirstFragment: boolean;
}

function probeOf(isIp4: boolean): fc.Arbitrary<Probe> {
  return fc
    .record({
      ...{ source: addressOf(isIp4), destination: addressOf(isIp4), protocol, sourcePort: port, destinationPort: port },
      ...{
        tcpFlags: fc.constantFrom(0, 2, 0x12, 0x10),
        state: fc.constantFrom("whole", "whole", "whole", "cut", "later"),
      },
    })
    .map(({ state, ...rest }) => ({ ...rest, l4Valid: state === "whole", nonFirstFragment: state === "later" }));
}

/** Rule by rule, as VPP's linear search does it (plugins/acl/public_inlines.h single_acl_match_5tuple). */
function reference(rules: readonly Reference[], probe: Probe, matchFragments: boolean): number {
  const within = (address: readonly number[], prefix: Prefix) =>
    bits(address).slice(0, prefix.length) === bits(prefix.address).slice(0, prefix.length);
  return rules.findIndex(({ rule, source, destination }) => {
    if (!within(probe.source, source) || !within(probe.destination, destination)) return false;
    if (rule.protocol === 0) return true;
    if (probe.protocol !== rule.protocol) return false;
    if (probe.nonFirstFragment && matchFragments) return true;
    if (!probe.l4Valid) return false;
    if (probe.sourcePort < rule.sourcePortFirst || probe.sourcePort > rule.sourcePortLast) return false;
    if (probe.destinationPort < rule.destinationPortFirst) return false;
    if (probe.destinationPort > rule.destinationPortLast) return false;
    return probe.protocol !== TCP || (probe.tcpFlags & rule.tcpFlagsMask) === rule.tcpFlagsValue;
  });
}

function classify(classifier: Classifier, isIp4: boolean, probe: Probe, matchFragments: boolean): number {
  const bytes = Uint8Array.from([9, 9, ...probe.source, ...probe.destination, 9]);
  const tuple = new FiveTuple();
  const { source: _s, destination: _d, ...fields } = probe;
  Object.assign(tuple, fields, { isIp4, addresses: 2 });
  return classifier.match(bytes, tuple, matchFragments);
}

describe("dataplane: classification", () => {
  for (const isIp4 of [true, false]) {
    it(`IPv${isIp4 ? 4 : 6}: finds the rule that a search one by one finds`, () => {
      const rules = fc.array(ruleOf(isIp4), { maxLength: 70 });
      const probes = fc.array(probeOf(isIp4), { minLength: 20, maxLength: 20 });
      fc.assert(
        fc.property(rules, probes, fc.boolean(), (given, packets, matchFragments) => {
          const classifier = new Classifier(
            given.map(({ rule }) => rule),
            isIp4,
          );
          for (const probe of packets)
            assert.equal(classify(classifier, isIp4, probe, matchFragments), reference(given, probe, matchFragments));
        }),
        { numRuns: 150 },
      );
    });
  }

  it("takes thousands of rules in blocks, the first that matches first", () => {
    const one = (n: number, over: Partial<AclRule> = {}): AclRule => ({
      ...{ action: 1, source: 0, sourceLength: 0, destination: n * 256, destinationLength: 24, protocol: 17 },
      ...{ sourcePortFirst: 0, sourcePortLast: 65535, destinationPortFirst: 0, destinationPortLast: 65535 },
      ...{ tcpFlagsMask: 0, tcpFlagsValue: 0, ...over },
    });
    const rules = Array.from({ length: 5000 }, (_, n) => one(n));
    rules.push(one(0, { destinationLength: 0, destination: 0, protocol: 0 }));
    const classifier = new Classifier(rules, true);
    const at = (n: number, proto = 17) =>
      classify(
        classifier,
        true,
        {
          ...{
            source: [1, 2, 3, 4],
            destination: [n >> 16, (n >> 8) & 255, n & 255, 7],
            protocol: proto,
            sourcePort: 1,
          },
          ...{ destinationPort: 2, tcpFlags: 0, l4Valid: true, nonFirstFragment: false },
        },
        true,
      );
    for (const n of [0, 1, 31, 32, 1023, 1024, 1025, 2047, 4999]) assert.equal(at(n), n);
    assert.equal(at(5000), 5000);
    assert.equal(at(3, 6), 5000);
    assert.equal(new Classifier([], true).match(new Uint8Array(40), new FiveTuple(), true), -1);
  });
});
