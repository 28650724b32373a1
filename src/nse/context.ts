import { ipContextOf, newContext, parsePrefix, type Connection } from "@networkservicemesh/sdk-ts";
import { contains, familyOf, hostPrefix } from "../bridge/index.ts";
import type { ServedVip } from "./overlay.ts";
import type { Network } from "./settings.ts";

/** Keys of extra_context. */
export const EXTRA = {
  vips: "vpplb/vips",
  encaps: "vpplb/encaps",
  gateways: "vpplb/gateways",
  sources: "vpplb/sources",
  /** The client's: a time, `true` or `false`. */
  drain: "vpplb/drain",
  /** The client's: how many it has. */
  connections: "vpplb/connections",
} as const;

/** What every client is told. */
export interface Offer {
  readonly vips: readonly ServedVip[];
  readonly networks: readonly Network[];
  readonly mtu: number;
  /** Of the BVI; absent where VPP was not seen yet. */
  readonly mac?: string;
  /** Outer sources of GRE packets. */
  readonly sources: readonly string[];
}

/** What one client has. */
export interface Given {
  readonly addresses: readonly string[];
  /** Prefixes of the routes that it was given before. */
  readonly routes: readonly string[];
}

/**
 * Writes into the connection's context what the client is to have; what others wrote there stays.
 * @returns the prefixes of its routes now
 */
export function writeContext(connection: Connection, given: Given, offer: Offer): string[] {
  const ip = ipContextOf(connection);
  const context = (connection.context ??= newContext());
  const { networks } = offer;
  const lengthOf = (prefix: string) => prefix.split("/")[1];
  const selves = networks.map(({ self, prefix }) => `${self}/${lengthOf(prefix)}`);
  ip.srcIpAddrs = [...given.addresses, ...ip.srcIpAddrs.filter((text) => !isOurs(text, networks))];
  ip.dstIpAddrs = [...selves, ...ip.dstIpAddrs.filter((text) => !isOurs(text, networks))];
  const routes = offer.vips.flatMap(({ prefix }) => {
    const gateway = networks.find(({ self }) => familyOf(self) === familyOf(prefix));
    return gateway === undefined ? [] : [{ prefix, nextHop: gateway.self }];
  });
  const ours = new Set([...given.routes, ...routes.map((route) => route.prefix)]);
  ip.srcRoutes = [...routes, ...ip.srcRoutes.filter((route) => !ours.has(route.prefix))];
  const gateways = new Set(networks.map(({ self }) => self));
  const { mac } = offer;
  const neighbors = mac === undefined ? [] : networks.map(({ self }) => ({ ip: self, hardwareAddress: mac }));
  ip.ipNeighbors = [...neighbors, ...ip.ipNeighbors.filter((one) => !gateways.has(one.ip))];
  context.MTU = context.MTU === 0 ? offer.mtu : Math.min(context.MTU, offer.mtu);
  Object.assign(context.extraContext, {
    [EXTRA.vips]: offer.vips.map((vip) => vip.prefix).join(","),
    [EXTRA.encaps]: offer.vips.map((vip) => vip.encap).join(","),
    [EXTRA.gateways]: [...gateways].join(","),
    [EXTRA.sources]: offer.sources.join(","),
  });
  // SDKs pass on changes of keys that an answer had, never new ones (sdk pkg/networkservice/common/begin/merge.go).
  context.extraContext[EXTRA.drain] ??= "false";
  context.extraContext[EXTRA.connections] ??= "";
  return routes.map((route) => route.prefix);
}

/** Whether it is an address of a network of ours. */
function isOurs(text: string, networks: readonly Network[]): boolean {
  const [address] = parsePrefix(text);
  return networks.some(({ prefix }) => familyOf(prefix) === familyOf(address) && contains(prefix, hostPrefix(address)));
}
