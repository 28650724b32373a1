import {
  contains,
  hostPrefix,
  ruleMatches,
  ruleText,
  type DesiredAbf,
  type DiffInput,
  type ObservedVip,
  type Packet,
  type SteeredVip,
} from "../bridge/index.ts";
import type { ExplainResult, Flow } from "./types.ts";

/** How a flow gets to a stream, or why it gets to none. */
export interface Steering extends Pick<ExplainResult, "vip" | "rule" | "stream"> {
  readonly steps: readonly string[];
  /** The lb VIP whose table decides; absent: the packet ends here. */
  readonly table?: ObservedVip;
}

/** Follows a flow through rules and streams as VPP has them; undefined where its VIP has nothing to do with them. Pure. */
export function steer(flow: Flow, input: DiffInput): Steering | undefined {
  const { steered } = input.desired;
  const packet = packetOf(flow);
  const vip = steered?.vips.find((one) => contains(one.prefix, hostPrefix(flow.dst)));
  const taken = firstMatch(packet, input);
  if (steered === undefined || (vip === undefined && taken === undefined)) return undefined;
  const named = vip === undefined ? [] : [`${flow.dst} is ${nameOf(vip)}`];
  const known = vip === undefined ? {} : { vip: vip.prefix };
  if (taken === undefined) return untaken(vip!, known, named, input);
  const part = steered.flows.find((one) => one.acl === taken.abf.acl);
  const matched = `${taken.abf.title} takes it: ${taken.rule}`;
  if (part === undefined) return { ...known, steps: [...named, matched, endText(taken.abf, input)] };
  const lead = input.observed.routes.find((route) => route.prefix === part.hop)?.via[0]?.address;
  const stream = steered.streams.find((one) => one.anchor === (lead && hostPrefix(lead)));
  const rule = { ...known, rule: part.name };
  if (stream === undefined) {
    return { ...rule, steps: [...named, matched, "it leads nowhere in VPP right now: the packet is dropped"] };
  }
  return toStream({ ...rule, stream: stream.name }, stream.anchor, [...named, matched], input);
}

/** Packets that nobody's rule takes. */
function untaken(
  vip: SteeredVip,
  known: Pick<ExplainResult, "vip">,
  named: readonly string[],
  { observed, desired }: DiffInput,
): Steering {
  const steps = [...named, "no flow takes it"];
  if (vip.table === "own") {
    const table = observed.vips.find((one) => one.prefix === vip.prefix);
    const stream = vip.stream === undefined ? {} : { stream: vip.stream };
    if (table === undefined) return { ...known, ...stream, steps: [...steps, "VPP does not have the VIP yet"] };
    return { ...known, ...stream, table, steps: [...steps, `the VIP's stream is ${vip.stream ?? ""}`] };
  }
  const lead = observed.routes.find((route) => route.prefix === vip.prefix)?.via[0];
  const stream = desired.steered?.streams.find((one) => one.anchor === (lead?.address && hostPrefix(lead.address)));
  if (stream === undefined) {
    const why =
      lead === undefined ? "VPP does not have the VIP yet" : "the VIP has no stream: the packet is dropped and counted";
    return { ...known, steps: [...steps, why] };
  }
  const said = [...steps, `the VIP's stream is ${stream.name}`];
  return toStream({ ...known, stream: stream.name }, stream.anchor, said, { observed, desired } as DiffInput);
}

function toStream(
  known: Pick<ExplainResult, "vip" | "rule" | "stream">,
  anchor: string,
  steps: readonly string[],
  { observed }: DiffInput,
): Steering {
  const table = observed.vips.find((one) => one.prefix === anchor);
  const said = known.rule === undefined ? steps : [...steps, `it goes to stream ${known.stream ?? ""}`];
  return table === undefined
    ? { ...known, steps: [...said, "VPP does not have the stream yet"] }
    : { ...known, table, steps: said };
}

/** The policy that VPP finds first: the lowest priority number wins, on whichever interface it is attached. */
function firstMatch(packet: Packet, { desired, observed }: DiffInput): { abf: DesiredAbf; rule: string } | undefined {
  const ordered = [...(desired.abf ?? [])].sort((a, b) => a.priority - b.priority);
  for (const abf of ordered) {
    const acl = observed.acls?.find((one) => one.tag === abf.acl);
    const rule = acl?.rules.find((one) => ruleMatches(one, packet));
    if (acl === undefined || rule === undefined) continue;
    const policies = new Set(observed.abfPolicies?.filter((one) => one.aclIndex === acl.index).map((one) => one.id));
    const attached = observed.abfAttachments?.some((one) => policies.has(one.policy) && one.active) ?? false;
    if (attached) return { abf, rule: ruleText(rule) };
  }
  return undefined;
}

/** Rules that are no flows: echo requests, and what is sent to addresses inside VPP. */
function endText(abf: DesiredAbf, { observed }: DiffInput): string {
  const to = observed.routes.find((route) => route.prefix === hostPrefix(abf.via))?.via[0]?.special;
  return to === "local" ? "VPP answers it itself" : "it is dropped";
}

function nameOf({ name, prefix }: SteeredVip): string {
  return name === undefined ? `VIP ${prefix}` : `VIP ${name}`;
}

const ECHO_REQUEST = { 1: 8, 58: 128 } as const;

/** A flow of ICMP stands for its echo requests. */
function packetOf({ src, dst, protocol, srcPort, dstPort }: Flow): Packet {
  const number =
    protocol === "tcp" ? 6 : protocol === "udp" ? 17 : protocol === "icmp" ? (dst.includes(":") ? 58 : 1) : protocol;
  if (number === 1 || number === 58) return { src, dst, protocol: number, srcPort: ECHO_REQUEST[number], dstPort: 0 };
  return { src, dst, protocol: number, srcPort, dstPort };
}
