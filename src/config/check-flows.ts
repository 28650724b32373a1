import {
  canonicalPrefix,
  familyOf,
  flowRules,
  MAX_RULES,
  prefixRange,
  type AclRule,
  type DesiredFlow,
  type DesiredState,
} from "../bridge/index.ts";
import { toRange, vipPrefix } from "./desired/steering.ts";
import { forDuplicates, listOf, type Findings } from "./finding.ts";
import type { Path } from "./locate.ts";
import type { LbFile } from "./schema.ts";

/** Of rules of all flows: VPP goes through them each time that a flow comes or goes (plugins/acl/hash_lookup.c). */
const MAX_ALL_RULES = 20_000;
const MAX_FLOWS = 1000;

/** Flows: references, ports, what VPP's ACLs cannot match, and which of two decides. */
export function checkFlows(file: LbFile, desired: DesiredState, found: Findings): void {
  forDuplicates(
    file.flows,
    (flow) => flow.name,
    (index, first, name) => found.error(["flows", index, "name"], `flows[${first}] is called "${name}" too`),
  );
  const names = new Set(file.streams.map((stream) => stream.name));
  file.flows.forEach((flow, index) => {
    if (!names.has(flow.stream)) {
      found.error(["flows", index, "stream"], `there is no stream "${flow.stream}": ${listOf(file.streams)}`);
    }
    checkVipsOf(file, index, found);
    checkSubnets(flow.sourceSubnets, index, found);
    checkPorts(flow, index, found);
  });
  const flows = desired.steering?.flows ?? [];
  checkSizes(flows, found);
  if (found.list.some((one) => one.severity === "error")) return;
  checkFamilies(flows, found);
  checkOrder(flows, found);
}

function checkVipsOf(file: LbFile, index: number, found: Findings): void {
  const { vips } = file.flows[index]!;
  vips.forEach((text, at) => {
    const path = ["flows", index, "vips", at];
    const prefix = vipPrefix(text, file);
    const vip = file.vips.find((one) => prefix !== undefined && canonicalPrefix(one.prefix) === prefix);
    if (vip === undefined) {
      found.error(path, `there is no VIP "${text}" in this file, neither by name nor by prefix`);
    } else if (vip.stream === undefined) {
      found.error(path, `VIP ${text} has servers of its own: make them a stream and name that in the VIP, or "none"`);
    }
  });
}

function checkSubnets(subnets: readonly string[], index: number, found: Findings): void {
  subnets.forEach((given, at) => {
    const canonical = canonicalPrefix(given);
    const [host = ""] = given.split("/");
    if (canonicalPrefix(host).split("/")[0] === canonical.split("/")[0]) return;
    found.error(["flows", index, "sourceSubnets", at], `${given} has bits set beyond its length: write ${canonical}`);
  });
}

function checkPorts(flow: LbFile["flows"][number], index: number, found: Findings): void {
  const path = ["flows", index];
  for (const key of ["destinationPorts", "sourcePorts"] as const) {
    flow[key].forEach((ports, at) => checkRange(ports, [...path, key, at], found));
    if (flow[key].length === 0) continue;
    for (const protocol of flow.protocols) {
      if (protocol === "tcp" || protocol === "udp") continue;
      const why =
        protocol === "sctp"
          ? "VPP's ACLs match ports of TCP and UDP only, so SCTP is taken by addresses: give it a flow of its own, without ports"
          : protocol === "icmp"
            ? "ICMP has none: give it a flow of its own"
            : '"any" is every protocol, also those without: write `protocols: [tcp, udp]`';
      found.error([...path, key], `ports with protocol ${protocol}: ${why}`);
    }
  }
  if (flow.protocols.includes("any") && flow.protocols.length > 1) {
    found.error([...path, "protocols"], '"any" holds all the others already');
  }
}

function checkRange(ports: number | string, path: Path, found: Findings): void {
  const { first, last } = toRange(ports);
  if (first > last) found.error(path, `${ports} ends before it begins`);
  if (Math.max(first, last) > 65_535) found.error(path, `${ports}: ports end at 65535`);
}

function checkSizes(flows: readonly DesiredFlow[], found: Findings): void {
  if (flows.length > MAX_FLOWS) {
    found.error(["flows"], `${flows.length} flows are more than the ${MAX_FLOWS} that VPP can be changed with in time`);
  }
  let all = 0;
  flows.forEach((flow, index) => {
    const { vips, sourceSubnets, protocols, destinationPorts, sourcePorts } = flow;
    const factors = [vips, sourceSubnets, protocols, destinationPorts, sourcePorts].map(({ length }) => length || 1);
    const count = factors.reduce((product, factor) => product * factor, 1);
    all += count;
    if (count <= MAX_RULES) return;
    found.error(
      ["flows", index],
      `VIPs x subnets x protocols x ports make ${count} rules, more than ${MAX_RULES}: use fewer and larger ranges, or several flows`,
    );
  });
  if (all > MAX_ALL_RULES) {
    found.error(["flows"], `all flows together make ${all} rules, more than ${MAX_ALL_RULES}`);
  }
}

/** VIPs of a family whose packets no source subnet of the flow can have sent. */
function checkFamilies(flows: readonly DesiredFlow[], found: Findings): void {
  flows.forEach((flow, index) => {
    if (flow.sourceSubnets.length === 0) return;
    for (const family of [4, 6] as const) {
      const vips = flow.vips.filter((prefix) => familyOf(prefix) === family);
      if (vips.length > 0 && flowRules(flow, family).length === 0) {
        const message = `no subnet of IPv${family}: nothing that is sent to ${vips.join(", ")} matches`;
        found.warn(["flows", index, "sourceSubnets"], message);
      }
    }
  });
}

/** Two flows that take the same packets need different priorities, unless they go to one stream. */
function checkOrder(flows: readonly DesiredFlow[], found: Findings): void {
  const rules = flows.map((flow) => ([4, 6] as const).flatMap((family) => flowRules(flow, family).map(toBox)));
  flows.forEach((flow, index) => {
    flows.slice(0, index).forEach((other, first) => {
      if (flow.stream === other.stream || flow.priority !== other.priority) return;
      const both = firstOverlap(rules[index]!, rules[first]!);
      if (both === undefined) return;
      found.error(
        ["flows", index, "priority"],
        `${flow.name} and ${other.name} (flows[${first}]) have the same priority ${flow.priority}, go to different streams and both take ` +
          `${both}: give the one that shall win a higher priority`,
      );
    });
    checkShadow(flows, rules, index, found);
  });
}

/** A flow each of whose rules lies inside a rule of one with a higher priority never takes anything. */
function checkShadow(
  flows: readonly DesiredFlow[],
  rules: readonly (readonly Box[])[],
  index: number,
  found: Findings,
): void {
  const mine = rules[index]!;
  const above = flows.findIndex(
    (other, at) =>
      other.priority > flows[index]!.priority &&
      mine.length > 0 &&
      mine.every((rule) => rules[at]!.some((outer) => holds(outer, rule))),
  );
  if (above !== -1) {
    found.warn(["flows", index], `${flows[above]!.name} (flows[${above}]) takes all of it before, by its priority`);
  }
}

type Range = readonly [number, number];

/** A rule with its source as numbers. VIPs of flows share no address, so that their prefixes are compared as they are. */
interface Box extends AclRule {
  readonly from: bigint;
  readonly to: bigint;
}

function toBox(rule: AclRule): Box {
  const { first, size } = prefixRange(rule.source);
  return { ...rule, from: first, to: first + size - 1n };
}

const meet = (a: Range, b: Range) => a[0] <= b[1] && b[0] <= a[1];
const inside = (outer: Range, inner: Range) => outer[0] <= inner[0] && inner[1] <= outer[1];

function firstOverlap(a: readonly Box[], b: readonly Box[]): string | undefined {
  for (const one of a) {
    const other = b.find((rule) => rulesMeet(one, rule));
    if (other !== undefined) return overlapText(one, other);
  }
  return undefined;
}

function rulesMeet(a: Box, b: Box): boolean {
  if (a.destination !== b.destination) return false;
  const any = a.protocol === 0 || b.protocol === 0;
  const same =
    a.protocol === b.protocol && meet(a.sourcePorts, b.sourcePorts) && meet(a.destinationPorts, b.destinationPorts);
  return (any || same) && a.from <= b.to && b.from <= a.to;
}

function holds(outer: Box, inner: Box): boolean {
  if (outer.destination !== inner.destination) return false;
  const same =
    outer.protocol === inner.protocol &&
    inside(outer.sourcePorts, inner.sourcePorts) &&
    inside(outer.destinationPorts, inner.destinationPorts);
  return (outer.protocol === 0 || same) && outer.from <= inner.from && inner.to <= outer.to;
}

const NAMES: Readonly<Record<number, string>> = {
  0: "any protocol",
  1: "icmp",
  6: "tcp",
  17: "udp",
  58: "icmp",
  132: "sctp",
};

function overlapText(a: AclRule, b: AclRule): string {
  const protocol = a.protocol === 0 ? b.protocol : a.protocol;
  const longer = (x: string, y: string) => (Number(x.split("/")[1]) >= Number(y.split("/")[1]) ? x : y);
  const [first, last] = [
    Math.max(a.destinationPorts[0], b.destinationPorts[0]),
    Math.min(a.destinationPorts[1], b.destinationPorts[1]),
  ];
  const withPorts = (protocol === 6 || protocol === 17) && (first > 0 || last < 65_535);
  const ports = withPorts ? ` port ${first === last ? first : `${first}-${last}`}` : "";
  return `${NAMES[protocol] ?? protocol} from ${longer(a.source, b.source)} to ${longer(a.destination, b.destination)}${ports}`;
}
