import { AF_INET, AF_INET6 } from "../sys/constants.ts";
import { addressText } from "../sys/sockaddr.ts";
import { attribute, concat, nested, parseAttributes, readU32, u32 } from "./attributes.ts";
import { KernelError } from "./errors.ts";
import { NLM_F_CREATE, NLM_F_REPLACE, type Netlink } from "./netlink.ts";
import { parsePrefix, type Prefix } from "./prefix.ts";

/* linux/rtnetlink.h */
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTAX_MTU = 2;
const RTAX_ADVMSS = 8;
const RTNH_F_ONLINK = 4;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const HEADER = 12;

export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;

const routeTypes = { unicast: 1, local: 2, blackhole: 6, unreachable: 7 } as const;
export type RouteType = keyof typeof routeTypes;

/** One path of an equal-cost multipath route. */
export interface RoutePath {
  readonly via?: string | undefined;
  readonly dev?: string | undefined;
  /** 1 to 256, default 1. */
  readonly weight?: number | undefined;
}

export interface RouteSpec {
  /** "10.60.1.0/24", an address, or "default" (then `via`, `src` or `family` tells the family). */
  readonly dst: string;
  readonly via?: string | undefined;
  readonly dev?: string | undefined;
  /** Default: main (254); a `local` route goes to the local table (255). */
  readonly table?: number | undefined;
  readonly type?: RouteType | undefined;
  /** TCP MSS that connections by this route announce: how GRE is made to fit. Bytes. */
  readonly advmss?: number | undefined;
  readonly mtu?: number | undefined;
  readonly metric?: number | undefined;
  /** Preferred source address. */
  readonly src?: string | undefined;
  /** Take `via` as reachable on `dev` although no address says so. */
  readonly onlink?: boolean | undefined;
  readonly multipath?: readonly RoutePath[] | undefined;
  readonly family?: 4 | 6 | undefined;
  /** Who made it (rtm_protocol), by which it is known again. Default: 4, static. */
  readonly protocol?: number | undefined;
}

/** A route as the kernel shows it. */
export interface Route {
  readonly dst: string;
  readonly family: 4 | 6;
  readonly via: string | undefined;
  readonly interfaceIndex: number | undefined;
  readonly table: number;
  readonly type: number;
  readonly protocol: number;
  readonly metric: number | undefined;
  readonly src: string | undefined;
  readonly advmss: number | undefined;
  readonly mtu: number | undefined;
  readonly multipath: readonly { via: string | undefined; interfaceIndex: number; weight: number }[] | undefined;
}

function destination(spec: RouteSpec): Prefix {
  const hint = spec.via ?? spec.src ?? spec.multipath?.find((path) => path.via !== undefined)?.via;
  const family =
    spec.family !== undefined ? (spec.family === 4 ? AF_INET : AF_INET6) : hint && parsePrefix(hint).family;
  return parsePrefix(spec.dst, family === "" ? undefined : family);
}

function gateway(address: string, family: number): Uint8Array {
  const prefix = parsePrefix(address);
  if (prefix.family !== family) {
    throw new KernelError("INVALID", `gateway ${address} is of another address family than the route`);
  }
  return attribute(RTA_GATEWAY, prefix.bytes);
}

function nextHop(path: RoutePath, family: number, index: number, onlink: boolean): Uint8Array {
  const attributes = path.via === undefined ? new Uint8Array() : gateway(path.via, family);
  const out = new Uint8Array(8 + attributes.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, out.length, true);
  out[2] = onlink ? RTNH_F_ONLINK : 0;
  out[3] = (path.weight ?? 1) - 1;
  view.setInt32(4, index, true);
  out.set(attributes, 8);
  return out;
}

function metrics(spec: RouteSpec): Uint8Array[] {
  const list = [
    ...(spec.mtu === undefined ? [] : [u32(RTAX_MTU, spec.mtu)]),
    ...(spec.advmss === undefined ? [] : [u32(RTAX_ADVMSS, spec.advmss)]),
  ];
  return list.length === 0 ? [] : [nested(RTA_METRICS, ...list)];
}

/** @param indexOf resolves a device's name */
function message(spec: RouteSpec, indexOf: (dev: string) => number, forDelete = false): Uint8Array {
  const dst = destination(spec);
  const type = spec.type ?? "unicast";
  const table = spec.table ?? (type === "local" ? TABLE_LOCAL : TABLE_MAIN);
  const header = new Uint8Array(HEADER);
  header[0] = dst.family;
  header[1] = dst.length;
  header[4] = table < 256 ? table : 0;
  header[5] = forDelete ? (spec.protocol ?? 0) : (spec.protocol ?? RTPROT_STATIC);
  const direct = spec.via === undefined && spec.multipath === undefined && type === "unicast";
  const scope = type === "local" ? RT_SCOPE_HOST : direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header[6] = forDelete ? 255 : scope;
  header[7] = routeTypes[type];
  new DataView(header.buffer).setUint32(8, spec.onlink === true ? RTNH_F_ONLINK : 0, true);
  const paths = spec.multipath?.map((path) =>
    nextHop(path, dst.family, path.dev === undefined ? 0 : indexOf(path.dev), spec.onlink === true),
  );
  return concat(
    header,
    ...(dst.length === 0 ? [] : [attribute(RTA_DST, dst.bytes)]),
    u32(RTA_TABLE, table),
    ...(spec.metric === undefined ? [] : [u32(RTA_PRIORITY, spec.metric)]),
    ...(spec.src === undefined ? [] : [attribute(RTA_PREFSRC, parsePrefix(spec.src).bytes)]),
    ...(spec.via === undefined ? [] : [gateway(spec.via, dst.family)]),
    ...(spec.dev === undefined ? [] : [u32(RTA_OIF, indexOf(spec.dev))]),
    ...(paths === undefined ? [] : [attribute(RTA_MULTIPATH, concat(...paths))]),
    ...(forDelete ? [] : metrics(spec)),
  );
}

export function describeRoute(spec: RouteSpec): string {
  return [
    `route ${spec.dst}`,
    ...(spec.via === undefined ? [] : [`via ${spec.via}`]),
    ...(spec.multipath ?? []).map((path) => `nexthop ${path.via ?? path.dev ?? ""}`),
    ...(spec.dev === undefined ? [] : [`dev ${spec.dev}`]),
    ...(spec.table === undefined ? [] : [`table ${spec.table}`]),
  ].join(" ");
}

/** Adds a route, or replaces the one to the same destination in that table with that metric. */
export async function addRoute(netlink: Netlink, spec: RouteSpec, indexOf: (dev: string) => number): Promise<void> {
  await netlink.request(RTM_NEWROUTE, message(spec, indexOf), {
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    doing: `add ${describeRoute(spec)}`,
    ...(spec.via === undefined && spec.multipath === undefined
      ? {}
      : { hint: "is the device up, and the gateway in the subnet of one of its addresses (or onlink)?" }),
  });
}

/** False where there was none. */
export async function deleteRoute(
  netlink: Netlink,
  spec: RouteSpec,
  indexOf: (dev: string) => number,
): Promise<boolean> {
  try {
    const doing = `delete ${describeRoute(spec)}`;
    await netlink.request(RTM_DELROUTE, message(spec, indexOf, true), { doing });
    return true;
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}

function parsePaths(data: Uint8Array): { via: string | undefined; interfaceIndex: number; weight: number }[] {
  const out = [];
  const view = new DataView(data.buffer, data.byteOffset);
  for (let at = 0; at + 8 <= data.length;) {
    const length = view.getUint16(at, true);
    if (length < 8 || at + length > data.length) break;
    const via = parseAttributes(data.subarray(at + 8, at + length)).get(RTA_GATEWAY);
    out.push({
      via: via === undefined ? undefined : addressText(via),
      interfaceIndex: view.getInt32(at + 4, true),
      weight: (data[at + 3] ?? 0) + 1,
    });
    at += Math.ceil(length / 4) * 4;
  }
  return out;
}

function parseRoute(data: Uint8Array): Route {
  const attributes = parseAttributes(data.subarray(HEADER));
  const address = (type: number): string | undefined => {
    const bytes = attributes.get(type);
    return bytes === undefined ? undefined : addressText(bytes);
  };
  const found = parseAttributes(attributes.get(RTA_METRICS) ?? new Uint8Array());
  const paths = attributes.get(RTA_MULTIPATH);
  const length = data[1] ?? 0;
  return {
    dst: length === 0 ? "default" : `${address(RTA_DST) ?? ""}/${length}`,
    family: data[0] === AF_INET ? 4 : 6,
    via: address(RTA_GATEWAY),
    interfaceIndex: readU32(attributes.get(RTA_OIF)),
    table: readU32(attributes.get(RTA_TABLE)) ?? data[4] ?? 0,
    type: data[7] ?? 0,
    protocol: data[5] ?? 0,
    metric: readU32(attributes.get(RTA_PRIORITY)),
    src: address(RTA_PREFSRC),
    advmss: readU32(found.get(RTAX_ADVMSS)),
    mtu: readU32(found.get(RTAX_MTU)),
    multipath: paths === undefined ? undefined : parsePaths(paths),
  };
}

/** All routes of both families and all tables. */
export async function listRoutes(netlink: Netlink): Promise<Route[]> {
  const out: Route[] = [];
  for (const family of [AF_INET, AF_INET6]) {
    const header = new Uint8Array(HEADER);
    header[0] = family;
    const replies = await netlink.dump(RTM_GETROUTE, header, "list routes");
    out.push(...replies.filter(({ data }) => data[0] === family).map(({ data }) => parseRoute(data)));
  }
  return out;
}
