/** Random streams, VIPs and flows, packets for them, and a model that says which stream gets which packet. */
import fc from "fast-check";

const ICMP4 = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;
const SCTP = 132;

export interface FlowRule {
  readonly permit: boolean;
  readonly source: string;
  readonly destination: string;
  /** 0 = any. */
  readonly protocol: number;
  readonly sourcePorts: readonly [first: number, last: number];
  readonly destinationPorts: readonly [first: number, last: number];
  readonly tcpFlags?: { readonly mask: number; readonly value: number };
}

/** An access list, a policy to an anchor, and its attachment. */
export interface Flow {
  readonly family: 4 | 6;
  readonly priority: number;
  /** 1.. */
  readonly stream: number;
  readonly rules: readonly FlowRule[];
}

export interface Scenario {
  readonly vips: readonly { readonly address: string; readonly stream: number | undefined }[];
  /** In the order in which they are attached. */
  readonly flows: readonly Flow[];
  /** An input list in front of the interface; undefined: none is bound. */
  readonly filter: readonly FlowRule[] | undefined;
  readonly packets: readonly TestPacket[];
}

export interface TestPacket {
  readonly family: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  /** `short`: less than a transport header; `options`: IPv4 options, or IPv6 destination options. */
  readonly shape: "whole" | "first-fragment" | "later-fragment" | "short" | "options";
}

export const STREAMS = 4;
const VIPS4 = ["20.0.0.1", "20.0.0.2", "20.0.1.1", "20.0.0.129"];
const VIPS6 = ["2001:db8:20::1", "2001:db8:20::2", "2001:db8:21::1"];
const SOURCES4 = ["192.0.2.1", "192.0.2.129", "192.0.2.130", "198.51.100.7", "10.1.2.3"];
const SOURCES6 = ["2001:db8:c0::1", "2001:db8:c0::8001", "2001:db8:c1::7"];
const SUBNETS4 = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.128/31", "10.0.0.0/8", "198.51.100.7/32"];
const SUBNETS6 = ["::/0", "2001:db8:c0::/48", "2001:db8:c0::8000/113", "2001:db8:c1::7/128", "2001:db8:c0::/47"];
const TARGETS4 = ["0.0.0.0/0", "20.0.0.1/32", "20.0.0.2/32", "20.0.0.0/25", "20.0.0.0/16"];
const TARGETS6 = ["::/0", "2001:db8:20::1/128", "2001:db8:20::/64", "2001:db8:20::/47"];
const PORTS = [0, 1, 79, 80, 81, 443, 4999, 5000, 5500, 5999, 6000, 65535];

const pick = fc.constantFrom;
const port = pick(...PORTS);
const range = fc.oneof(
  { weight: 2, arbitrary: pick([0, 65535] as const) },
  { weight: 3, arbitrary: fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const) },
);

function ruleOf(family: 4 | 6): fc.Arbitrary<FlowRule> {
  return fc
    .record({
      permit: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      source: family === 4 ? pick(...SUBNETS4) : pick(...SUBNETS6),
      destination: family === 4 ? pick(...TARGETS4) : pick(...TARGETS6),
      protocol: pick(0, TCP, TCP, UDP, UDP, family === 4 ? ICMP4 : ICMP6, SCTP),
      sourcePorts: range,
      destinationPorts: range,
      tcpFlags: pick(undefined, undefined, undefined, { mask: 0x12, value: 0x02 }),
    })
    .map(({ tcpFlags, ...rule }) =>
      // SCTP's ports are not looked at: VPP takes them for 0.
      rule.protocol === SCTP
        ? { ...rule, sourcePorts: [0, 65535] as const, destinationPorts: [0, 65535] as const }
        : { ...rule, ...(tcpFlags === undefined || rule.protocol !== TCP ? {} : { tcpFlags }) },
    );
}

const family = pick(4, 4, 6) as fc.Arbitrary<4 | 6>;

const flow: fc.Arbitrary<Flow> = family.chain((each) =>
  fc.record({
    family: fc.constant(each),
    priority: pick(1, 5, 10, 10, 20, 100),
    stream: fc.integer({ min: 1, max: STREAMS }),
    rules: fc.array(ruleOf(each), { minLength: 1, maxLength: 4 }),
  }),
);

const packet: fc.Arbitrary<TestPacket> = family.chain((each) =>
  fc.record({
    family: fc.constant(each),
    source: each === 4 ? pick(...SOURCES4) : pick(...SOURCES6),
    destination: each === 4 ? pick(...VIPS4) : pick(...VIPS6),
    protocol: pick(TCP, TCP, UDP, UDP, SCTP, each === 4 ? ICMP4 : ICMP6),
    sourcePort: fc.oneof(port, fc.integer({ min: 0, max: 65535 })),
    destinationPort: port,
    tcpFlags: pick(0x02, 0x12, 0x10),
    shape: pick("whole", "whole", "whole", "whole", "first-fragment", "later-fragment", "short", "options"),
  }),
);

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  vips: fc.subarray([...VIPS4, ...VIPS6], { minLength: 3 }).chain((addresses) =>
    fc.tuple(
      ...addresses.map((address) =>
        fc.record({
          address: fc.constant(address),
          stream: fc.option(fc.integer({ min: 1, max: STREAMS }), { nil: undefined, freq: 4 }),
        }),
      ),
    ),
  ),
  flows: fc.array(flow, { minLength: 1, maxLength: 12 }),
  filter: fc.option(
    fc.array(
      family.chain((each) => ruleOf(each)),
      { minLength: 2, maxLength: 6 },
    ),
    { nil: undefined, freq: 2 },
  ),
  packets: fc.array(packet, { minLength: 40, maxLength: 40 }),
});

/** The cases of streams and flows that this is for: port ranges, source subnets, several VIPs on a stream. */
export const GIVEN: Scenario = {
  vips: [
    { address: "20.0.0.1", stream: 2 },
    { address: "20.0.0.2", stream: 2 },
    { address: "20.0.1.1", stream: undefined },
    { address: "2001:db8:20::1", stream: 2 },
  ],
  flows: [
    {
      ...{ family: 4, priority: 10, stream: 1 },
      rules: [
        ruleFor({ destination: "20.0.0.1/32", protocol: TCP, destinationPorts: [5000, 5999] }),
        ruleFor({ destination: "20.0.0.1/32", protocol: UDP, source: "192.0.2.128/25" }),
      ],
    },
    { ...{ family: 4, priority: 5, stream: 3 }, rules: [ruleFor({ protocol: TCP, destinationPorts: [5500, 5500] })] },
    { ...{ family: 4, priority: 7, stream: 4 }, rules: [ruleFor({ destination: "20.0.0.2/32", protocol: SCTP })] },
    {
      ...{ family: 6, priority: 1, stream: 4 },
      rules: [{ ...ruleFor({ source: "::/0", destination: "2001:db8:20::1/128", protocol: UDP }), permit: true }],
    },
  ],
  filter: undefined,
  packets: [...VIPS4, "2001:db8:20::1"].flatMap((destination) => {
    const isIp4 = !destination.includes(":");
    return [TCP, UDP, SCTP, isIp4 ? ICMP4 : ICMP6].flatMap((protocol) =>
      [4999, 5000, 5500, 6000].map((destinationPort, i): TestPacket => ({
        ...{ family: isIp4 ? 4 : 6, destination, protocol, destinationPort, sourcePort: 1000 + i, tcpFlags: 2 },
        ...{ source: isIp4 ? SOURCES4[i % 4]! : SOURCES6[i % 3]!, shape: "whole" },
      })),
    );
  }),
};

function ruleFor(given: Partial<FlowRule>): FlowRule {
  return {
    ...{ permit: true, source: "0.0.0.0/0", destination: "0.0.0.0/0", protocol: 0 },
    ...{ sourcePorts: [0, 65535], destinationPorts: [0, 65535] },
    ...given,
  };
}

/** The stream that a packet goes to; undefined where it is dropped. */
export function streamOf({ vips, flows, filter }: Scenario, packet: TestPacket): number | undefined {
  // IPv4 options are nothing that VPP forwards.
  if (packet.family === 4 && packet.shape === "options") return undefined;
  if (filter !== undefined && firstMatch(filter, packet)?.permit !== true) return undefined;
  const ordered = flows
    .map((each, order) => ({ ...each, order }))
    .filter((each) => each.family === packet.family)
    .sort((a, b) => a.priority - b.priority || a.order - b.order);
  for (const { rules, stream } of ordered) {
    const rule = firstMatch(rules, packet);
    // What a list denies is no policy's any more: it goes where the VIP's route leads.
    if (rule?.permit === false) break;
    if (rule !== undefined) return stream;
  }
  return vips.find(({ address }) => address === packet.destination)?.stream;
}

function firstMatch(rules: readonly FlowRule[], packet: TestPacket): FlowRule | undefined {
  return rules.find((rule) => matches(rule, packet));
}

function matches(rule: FlowRule, packet: TestPacket): boolean {
  if (rule.source.includes(":") !== packet.source.includes(":")) return false;
  if (!covers(rule.source, packet.source) || !covers(rule.destination, packet.destination)) return false;
  if (rule.protocol === 0) return true;
  if (rule.protocol !== packet.protocol) return false;
  // A later fragment has no ports to look at, and passes for its first; a cut-off header matches nothing.
  if (packet.shape === "later-fragment") return true;
  if (packet.shape === "short") return false;
  const [source, destination] = portsOf(packet);
  const within = ([first, last]: readonly [number, number], value: number) => value >= first && value <= last;
  if (!within(rule.sourcePorts, source) || !within(rule.destinationPorts, destination)) return false;
  const { tcpFlags } = rule;
  return tcpFlags === undefined || (packet.tcpFlags & tcpFlags.mask) === tcpFlags.value;
}

/** Echo request: type as source, code as destination. */
export function portsOf(packet: TestPacket): readonly [source: number, destination: number] {
  if (packet.protocol === TCP || packet.protocol === UDP) return [packet.sourcePort, packet.destinationPort];
  if (packet.protocol === ICMP4) return [8, 0];
  return packet.protocol === ICMP6 ? [128, 0] : [0, 0];
}

function covers(prefix: string, address: string): boolean {
  const [network = "", length = "0"] = prefix.split("/");
  const bits = address.includes(":") ? 128n : 32n;
  const shift = bits - BigInt(length);
  return bitsOf(network) >> shift === bitsOf(address) >> shift;
}

function bitsOf(address: string): bigint {
  if (!address.includes(":")) return address.split(".").reduce((all, part) => (all << 8n) | BigInt(part), 0n);
  const [head = "", tail] = address.split("::");
  const words = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const after = tail === undefined ? [] : words(tail);
  const all = [...words(head), ...Array<string>(8 - words(head).length - after.length).fill("0"), ...after];
  return all.reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
}
