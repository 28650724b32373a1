import {
  rulesText,
  type DesiredFlow,
  type ObservedVip,
  type PortRange,
  type SteeredFlow,
  type SteeredVip,
} from "../bridge/index.ts";
import { row, touched, type Columns, type RowInput } from "./row.ts";
import type { Row } from "./types.ts";

/** Routes whose counters the rows of streams, flows and VIPs tell. */
export function countedPrefixes({ desired }: Pick<RowInput, "desired">): string[] {
  const { steered } = desired;
  if (steered === undefined) return [];
  const vips = steered.vips.filter((vip) => vip.table !== "own").map((vip) => vip.prefix);
  return [...vips, ...steered.flows.map((flow) => flow.hop)];
}

/** VIPs that have no table of their own. */
export function streamVipRows(input: RowInput): Row[] {
  const changed = touched(input, "route");
  const vips = input.desired.steered?.vips.filter((vip) => vip.table !== "own") ?? [];
  return vips.map((vip) => {
    const found = input.observed.routes.find((one) => one.prefix === vip.prefix && one.table === 0);
    const columns: Columns = {
      vip: vip.prefix,
      ...(vip.name === undefined ? {} : { name: vip.name }),
      stream: vip.stream ?? "none",
      ...untaken(vip, input),
      ...(input.internals === true ? { leadsTo: found?.via[0]?.address ?? found?.via[0]?.special ?? "" } : {}),
    };
    const there = found === undefined ? undefined : { prefix: vip.prefix, packets: untaken(vip, input) };
    return row(vip.prefix, true, vip, there, columns, changed.has(routeTitle(vip)));
  });
}

/** What no flow took: it went to the VIP's stream, or was dropped. */
function untaken(vip: SteeredVip, { counters }: RowInput): Columns {
  const packets = counters?.get(vip.prefix)?.to.packets;
  if (packets === undefined) return {};
  return vip.stream === undefined ? { dropped: packets } : { toStream: packets };
}

const routeTitle = ({ name, prefix }: SteeredVip) => (name === undefined ? `VIP ${prefix}` : `VIP ${name} (${prefix})`);

export function streamRows(input: RowInput): Row[] {
  const changed = touched(input, "vip", "server");
  const { steered, vips } = input.desired;
  const steering = streamsOf(input);
  return steering.map(({ name }) => {
    const tables = vips.filter((vip) => vip.stream === name);
    const found = tables.flatMap((vip) => input.observed.vips.find((one) => one.prefix === vip.prefix) ?? []);
    const [shape] = tables;
    const names = steered?.vips.filter((vip) => vip.stream === name) ?? [];
    const columns: Columns = {
      stream: name,
      ...(shape === undefined
        ? {}
        : { encap: shape.encap, tableSize: shape.tableSize, srcIpSticky: shape.srcIpSticky }),
      servers: new Set(found.flatMap((vip) => vip.servers.filter((one) => one.used).map((one) => one.address))).size,
      vips: names.map((vip) => vip.name ?? vip.prefix).join(" "),
      rules: [...new Set(steered?.flows.filter((flow) => flow.stream === name).map((flow) => flow.name))].join(" "),
      flows: found.flatMap((vip) => vip.servers).reduce((sum, server) => sum + server.flows, 0),
      ...sums(found),
      ...(input.internals === true ? { tables: tables.map((vip) => vip.prefix).join(" ") } : {}),
    };
    const observed = found.length === 0 ? undefined : { tables: found.length };
    const differs = tables.some((vip) => changed.has(vip.title ?? vip.prefix)) || found.length < tables.length;
    const special = tables.length === 0 ? "unused" : undefined;
    return row(name, true, { name, ...shape }, observed, columns, differs, special);
  });
}

/** Streams by name, those that nothing uses included. */
function streamsOf({ desired }: RowInput): { name: string }[] {
  const used = desired.vips.flatMap((vip) => (vip.stream === undefined ? [] : [vip.stream]));
  return [...new Set([...(desired.steered?.names.streams ?? []), ...used])].map((name) => ({ name }));
}

function sums(found: readonly ObservedVip[]): Columns {
  const total = (name: keyof ObservedVip["counters"]) => found.reduce((sum, vip) => sum + vip.counters[name], 0);
  return {
    newSessions: total("firstPacket"),
    knownSessions: total("existingSession"),
    untracked: total("untracked"),
    noServer: total("noServer"),
  };
}

export function flowRows(input: RowInput): Row[] {
  const changed = touched(input, "acl", "abf", "route");
  const steered = input.desired.steered;
  const acls = new Set(input.observed.acls?.map((acl) => acl.tag));
  return (steered?.names.flows ?? []).map((flow) => {
    const parts = steered?.flows.filter((part) => part.name === flow.name) ?? [];
    const there = parts.filter((part) => acls.has(part.acl));
    const columns: Columns = {
      flow: flow.name,
      stream: flow.stream,
      priority: flow.priority,
      protocols: flow.protocols.join(" "),
      vips: flow.vips.join(" "),
      sources: flow.sourceSubnets.join(" "),
      ports: portsText(flow),
      ...packets(parts, input),
      ...(input.internals === true ? internalsOf(parts, input) : {}),
    };
    const observed = there.length === 0 ? undefined : { rules: there.length };
    const differs = parts.some((part) => changed.has(`flow ${part.name} (IPv${part.family})`));
    return row(flow.name, true, flow, observed, columns, differs || there.length < parts.length);
  });
}

/** `80,5000-5999`; source ports with `from`. */
function portsText({ destinationPorts, sourcePorts }: DesiredFlow): string {
  const text = (ranges: readonly PortRange[]) =>
    ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
  const from = sourcePorts.length === 0 ? "" : ` from ${text(sourcePorts)}`;
  return `${text(destinationPorts)}${from}`.trim();
}

function packets(parts: readonly SteeredFlow[], { counters }: RowInput): Columns {
  const found = parts.flatMap((part) => counters?.get(part.hop) ?? []);
  // Not known is not 0: VPP has no such route, or too many were to be asked for.
  if (found.length === 0) return {};
  return {
    packets: found.reduce((sum, one) => sum + one.via.packets, 0),
    bytes: found.reduce((sum, one) => sum + one.via.bytes, 0),
  };
}

function internalsOf(parts: readonly SteeredFlow[], { observed }: RowInput): Columns {
  const acls = parts.flatMap((part) => observed.acls?.filter((acl) => acl.tag === part.acl) ?? []);
  const policies = acls.flatMap((acl) => observed.abfPolicies?.filter((one) => one.aclIndex === acl.index) ?? []);
  return {
    hops: parts.map((part) => part.hop).join(" "),
    acls: acls.map((acl) => `${acl.index}: ${rulesText(acl.rules)}`).join("; "),
    policies: policies.map((policy) => policy.id).join(" "),
  };
}
