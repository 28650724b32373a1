/** Random lb.yaml with streams, flows and VIPs, packets for it, and a model that says which stream gets which packet. */
import fc from "fast-check";
import type { TestPacket } from "./flow-model.ts";

const PROTOCOL = { icmp4: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132, other: 50 } as const;

export interface ModelFlow {
  readonly name: string;
  /** 1.. */
  readonly stream: number;
  readonly vips: readonly string[];
  readonly sourceSubnets: readonly string[];
  readonly destinationPorts: readonly string[];
  readonly sourcePorts: readonly string[];
  readonly protocols: readonly ("tcp" | "udp" | "sctp" | "icmp" | "any")[];
  readonly priority: number;
}

export interface ModelVip {
  readonly address: string;
  /** undefined: none. */
  readonly stream: number | undefined;
  readonly icmp: "answer" | "drop" | undefined;
}

export interface Steering {
  readonly vips: readonly ModelVip[];
  readonly flows: readonly ModelFlow[];
}

export interface SteeringCase extends Steering {
  readonly packets: readonly TestPacket[];
}

export const STREAMS = 4;
const VIPS4 = ["20.0.0.1", "20.0.0.2", "20.0.1.1", "20.0.0.129"] as const;
const VIPS6 = ["2001:db8:20::1", "2001:db8:20::2", "2001:db8:21::1"] as const;
const SOURCES4 = ["192.0.2.1", "192.0.2.129", "192.0.2.130", "198.51.100.7", "10.1.2.3"];
const SOURCES6 = ["2001:db8:c0::1", "2001:db8:c0::8001", "2001:db8:c1::7"];
const SUBNETS = ["192.0.2.0/24", "192.0.2.128/25", "192.0.2.128/31", "10.0.0.0/8", "198.51.100.7/32"];
const SUBNETS6 = ["2001:db8:c0::/48", "2001:db8:c0::8000/113", "2001:db8:c1::7/128", "2001:db8:c0::/47"];
const PORTS = [0, 1, 79, 80, 81, 443, 4999, 5000, 5500, 5999, 6000, 65535];

const port = fc.constantFrom(...PORTS);
const range = fc.oneof(
  port.map(String),
  fc.tuple(port, port).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
);
const ranges = fc.uniqueArray(range, { maxLength: 2 });

const matching = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      protocols: fc.constantFrom<ModelFlow["protocols"]>(["tcp"], ["udp"], ["tcp", "udp"]),
      destinationPorts: ranges,
      sourcePorts: fc.oneof({ weight: 2, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: ranges }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<ModelFlow["protocols"]>(["any"], ["sctp"], ["icmp"], ["tcp", "sctp"], ["udp", "icmp"])
      .map((protocols) => ({ protocols, destinationPorts: [], sourcePorts: [] })),
  },
);

const flow = fc
  .record({
    stream: fc.integer({ min: 1, max: STREAMS }),
    vips: fc.subarray([...VIPS4, ...VIPS6], { minLength: 1 }),
    sourceSubnets: fc.oneof(fc.constant<string[]>([]), fc.subarray([...SUBNETS, ...SUBNETS6], { minLength: 1 })),
    matching,
  })
  .map(({ matching: what, ...rest }) => ({ ...rest, ...what }));

/** Priorities differ, but between neighbours that go to one stream, where they may be equal. */
const flows = fc
  .tuple(fc.array(flow, { maxLength: 6 }), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), fc.nat(99))
  .map(([all, equal, base]) => {
    let priority = base;
    return all.map((one, index): ModelFlow => {
      const before = all[index - 1];
      if (!(before?.stream === one.stream && equal[index] === true)) priority += 1 + (index % 3) * 1000;
      return { ...one, name: `f${index}`, priority };
    });
  });

const vips = fc
  .tuple(
    ...[...VIPS4, ...VIPS6].map((address) =>
      fc.record({
        address: fc.constant(address),
        stream: fc.option(fc.integer({ min: 1, max: STREAMS }), { nil: undefined }),
        icmp: fc.option(fc.constantFrom("answer" as const, "drop" as const), { nil: undefined, freq: 2 }),
      }),
    ),
  )
  .map((all): readonly ModelVip[] => all);

function packetTo(family: 4 | 6): fc.Arbitrary<TestPacket> {
  const icmp = family === 4 ? PROTOCOL.icmp4 : PROTOCOL.icmp6;
  const { tcp, udp, sctp, other } = PROTOCOL;
  return fc.record({
    family: fc.constant(family),
    source: family === 4 ? fc.constantFrom(...SOURCES4) : fc.constantFrom(...SOURCES6),
    destination: family === 4 ? fc.constantFrom(...VIPS4) : fc.constantFrom(...VIPS6),
    protocol: fc.constantFrom(tcp, tcp, udp, udp, sctp, icmp, other),
    sourcePort: port,
    destinationPort: port,
    tcpFlags: fc.constant(2),
    shape: fc.constant("whole" as const),
  });
}

export const PACKETS_EACH = 40;

export const steeringCase: fc.Arbitrary<SteeringCase> = fc.record({
  vips,
  flows,
  packets: fc.array(fc.oneof({ weight: 3, arbitrary: packetTo(4) }, { weight: 2, arbitrary: packetTo(6) }), {
    minLength: PACKETS_EACH,
    maxLength: PACKETS_EACH,
  }),
});

/** The stream that a packet goes to; undefined where none gets it. Knows nothing of how vpplb does it. */
export function streamOfPacket({ vips, flows }: Steering, packet: TestPacket): number | undefined {
  const vip = vips.find((one) => one.address === packet.destination);
  if (vip === undefined) return undefined;
  const echo = packet.protocol === PROTOCOL.icmp4 || packet.protocol === PROTOCOL.icmp6;
  if (echo && vip.icmp !== undefined) return undefined;
  const best = flows
    .filter((one) => takes(one, packet))
    .reduce<ModelFlow | undefined>((a, b) => (a === undefined || b.priority > a.priority ? b : a), undefined);
  return (best ?? vip).stream;
}

function takes(one: ModelFlow, packet: TestPacket): boolean {
  if (!one.vips.includes(packet.destination)) return false;
  const { sourceSubnets } = one;
  if (sourceSubnets.length > 0 && !sourceSubnets.some((subnet) => holds(subnet, packet.source))) return false;
  return one.protocols.some((protocol) => {
    if (protocol === "any") return true;
    const number = protocol === "icmp" ? (packet.family === 4 ? PROTOCOL.icmp4 : PROTOCOL.icmp6) : PROTOCOL[protocol];
    if (number !== packet.protocol) return false;
    if (protocol === "sctp" || protocol === "icmp") return true;
    return among(one.destinationPorts, packet.destinationPort) && among(one.sourcePorts, packet.sourcePort);
  });
}

function among(list: readonly string[], value: number): boolean {
  if (list.length === 0) return true;
  return list.some((text) => {
    const [first, last = first] = text.split("-").map(Number);
    return value >= first! && value <= last!;
  });
}

function holds(subnet: string, address: string): boolean {
  if (subnet.includes(":") !== address.includes(":")) return false;
  const [network = "", length] = subnet.split("/");
  const shift = BigInt((address.includes(":") ? 128 : 32) - Number(length));
  return bits(network) >> shift === bits(address) >> shift;
}

function bits(address: string): bigint {
  if (!address.includes(":")) return address.split(".").reduce((all, part) => (all << 8n) | BigInt(part), 0n);
  const [head = "", tail = ""] = address.split("::");
  const words = (part: string) => part.split(":").filter((word) => word !== "");
  const middle = Array<string>(8 - words(head).length - words(tail).length).fill("0");
  return [...words(head), ...middle, ...words(tail)].reduce((all, word) => (all << 16n) | BigInt(`0x${word}`), 0n);
}
