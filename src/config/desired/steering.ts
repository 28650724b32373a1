import {
  canonicalAddress,
  canonicalPrefix,
  type DesiredFlow,
  type DesiredSteering,
  type DesiredStream,
  type PortRange,
} from "../../bridge/index.ts";
import type { LbFile } from "../schema.ts";
import { interfaceNameOf } from "./interfaces.ts";
import { toServer } from "./vips.ts";

/** A VIP's `stream` where nothing takes what no flow takes. */
export const NO_STREAM = "none";

/** Streams, flows and their VIPs; undefined where the file has none. */
export function toSteering(file: LbFile): DesiredSteering | undefined {
  const vips = file.vips.filter((entry) => entry.stream !== undefined);
  const echo = file.vips.flatMap(({ prefix, icmp }) =>
    icmp === undefined ? [] : [{ prefix: canonicalPrefix(prefix), policy: icmp }],
  );
  if (file.streams.length + file.flows.length + vips.length + echo.length === 0) return undefined;
  const { anchors, policyIds } = file.steering;
  return {
    streams: file.streams.map(toStream),
    flows: file.flows.map((flow) => toFlow(flow, file)),
    vips: vips.map(({ name, prefix, stream }) => ({
      ...(name === undefined ? {} : { name }),
      prefix: canonicalPrefix(prefix),
      ...(stream === undefined || stream === NO_STREAM ? {} : { stream }),
    })),
    echo: echo.filter((one, index) => echo.findIndex((other) => other.prefix === one.prefix) === index),
    pools: { ip4: canonicalPrefix(anchors.ip4), ip6: canonicalPrefix(anchors.ip6) },
    interfaces: steeringInterfaces(file),
    policyIds,
  };
}

/** Where packets to VIPs come in. */
export function steeringInterfaces(file: LbFile): string[] {
  return file.steering.interfaces ?? file.interfaces.filter((entry) => entry.outside).map(interfaceNameOf);
}

function toStream(entry: LbFile["streams"][number]): DesiredStream {
  const { name, encap, tableSize, srcIpSticky, servers, anchors } = entry;
  return {
    name,
    encap,
    tableSize,
    srcIpSticky,
    servers: servers.map(toServer),
    anchors: anchors.map(canonicalAddress),
  };
}

function toFlow(entry: LbFile["flows"][number], file: LbFile): DesiredFlow {
  const { name, stream, vips, sourceSubnets, destinationPorts, sourcePorts, protocols, priority } = entry;
  return {
    name,
    stream,
    vips: [...new Set(vips.map((vip) => vipPrefix(vip, file) ?? vip))],
    sourceSubnets: [...new Set(sourceSubnets.map(canonicalPrefix))],
    destinationPorts: destinationPorts.map(toRange),
    sourcePorts: sourcePorts.map(toRange),
    protocols: [...new Set(protocols)],
    priority,
  };
}

/** Prefix of a VIP that a flow names, by name or prefix; undefined where the file has none. */
export function vipPrefix(text: string, file: LbFile): string | undefined {
  const named = file.vips.find((vip) => vip.name === text);
  if (named !== undefined) return canonicalPrefix(named.prefix);
  try {
    const prefix = canonicalPrefix(text);
    return file.vips.some((vip) => canonicalPrefix(vip.prefix) === prefix) ? prefix : undefined;
  } catch {
    return undefined;
  }
}

/** `80`, `"80"`, `"5000-5999"` */
export function toRange(ports: number | string): PortRange {
  const [first = "", last = first] = String(ports).split("-");
  return { first: Number(first), last: Number(last) };
}
