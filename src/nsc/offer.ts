import { KERNEL, MEMIF, PARAMETER, type Connection } from "@networkservicemesh/sdk-ts";
import { familyOf, networkText, parsePrefix } from "../kernel/prefix.ts";
import { NscError } from "./errors.ts";
import { contains, whyNoUnicast, whyNoVip, withoutLength } from "./prefixes.ts";
import type { ServiceRequest } from "./service-url.ts";

/** Keys of `extra_context` that vpplb's endpoint and client agree on: docs/nsm.md. Lists, with "," between entries. */
export const EXTRA = {
  vips: "vpplb/vips",
  encaps: "vpplb/encaps",
  gateways: "vpplb/gateways",
  drain: "vpplb/drain",
  connections: "vpplb/connections",
} as const;

export type OfferedEncap = "gre4" | "gre6" | "l3dsr";

/** What an endpoint gives, checked: everything that this side configures comes from here. */
export interface Offer {
  /** The endpoint's name. */
  readonly endpoint: string;
  readonly device: string;
  /** Of the memif: a path, or "@" and its abstract name in the namespace `netns`; undefined for KERNEL. */
  readonly socket: string | undefined;
  /** Path of the network namespace that an abstract socket is in. */
  readonly netns: string | undefined;
  /** This side's, with length. */
  readonly addresses: readonly string[];
  /** The load-balancer's, one of each family at most. */
  readonly gateways: readonly string[];
  readonly vips: readonly string[];
  readonly encaps: readonly OfferedEncap[];
  /** VIPs that come by l3dsr. */
  readonly l3dsr: readonly { readonly vip: string; readonly dscp: number }[];
  /** Bytes; 0: unset. */
  readonly mtu: number;
  /** What was given and is not taken, with the reason. */
  readonly ignored: readonly string[];
}

export interface OfferLimits {
  /** VIPs that are served whatever the endpoint says. */
  readonly vips: readonly string[];
  /** Addresses that the host has by other interfaces: no VIP may take them over. */
  readonly hostAddresses?: readonly string[];
}

const MAX_ADDRESSES = 16;
/** Of one connection. Each VIP is an address, a rule and a look at both. */
export const MAX_VIPS = 256;
const MAX_IGNORED = 8;

/**
 * What a connection gives to this side. An endpoint is not trusted: what it says becomes addresses, routes and rules of
 * this host only as far as it is sane.
 * @throws NscError OFFER
 */
export function offerOf(connection: Connection, request: ServiceRequest, limits: OfferLimits): Offer {
  const refused = (why: string): NscError =>
    new NscError("OFFER", `${connection.networkServiceEndpointName || "the endpoint"} of ${request.service}: ${why}`);
  const { mechanism } = connection;
  if (mechanism?.type !== request.mechanism)
    throw refused(`it gave ${mechanism?.type ?? "no mechanism"} where ${request.mechanism} was asked for`);
  const name = mechanism.parameters[PARAMETER.name];
  if (request.mechanism === KERNEL && name !== request.device)
    throw refused(`its interface is ${JSON.stringify(name ?? "")}, not ${request.device}`);
  const context = connection.context;
  const ip = context?.ipContext;
  const extra = context?.extraContext ?? {};
  const addresses = addressesOf(ip?.srcIpAddrs ?? [], refused);
  const given = list(extra[EXTRA.gateways]);
  const gateways = gatewaysOf(given ?? addressesOf(ip?.dstIpAddrs ?? [], refused), addresses, refused);
  const ignored: string[] = [];
  const taken = [...addresses.map(withoutLength), ...gateways, ...(limits.hostAddresses ?? [])];
  const vips =
    limits.vips.length > 0
      ? limits.vips.filter((vip) => gateways.some((gateway) => familyOf(gateway) === familyOf(vip)))
      : vipsOf(list(extra[EXTRA.vips]) ?? routesOf(connection, taken), gateways, taken, ignored);
  if (vips.length > MAX_VIPS) throw refused(`${vips.length} VIPs: at most ${MAX_VIPS} are taken`);
  return {
    endpoint: connection.networkServiceEndpointName,
    device: request.device,
    ...(request.mechanism === MEMIF
      ? socketOf(mechanism.parameters, refused)
      : { socket: undefined, netns: undefined }),
    ...{ addresses, gateways, vips },
    ...encapsOf(extra, vips, addresses, ignored),
    mtu: context?.MTU ?? 0,
    ignored: ignored.length <= MAX_IGNORED ? ignored : [...ignored.slice(0, MAX_IGNORED), `${ignored.length} in all`],
  };
}

type Refused = (why: string) => NscError;

function list(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function addressesOf(texts: readonly string[], refused: Refused): string[] {
  if (texts.length > MAX_ADDRESSES) throw refused(`${texts.length} addresses: at most ${MAX_ADDRESSES} are taken`);
  for (const text of texts) {
    const why = isPrefix(text) ? whyNoUnicast(withoutLength(text)) : "it is no prefix";
    if (why !== "")
      throw refused(`${JSON.stringify(text.slice(0, 60))} cannot be an address of the connection: ${why}`);
  }
  return [...texts];
}

function isPrefix(text: string): boolean {
  try {
    parsePrefix(text);
    return text !== "default";
  } catch {
    return false;
  }
}

/** The first of each family. */
function gatewaysOf(texts: readonly string[], own: readonly string[], refused: Refused): string[] {
  const gateways = new Map<4 | 6, string>();
  for (const text of addressesOf(texts, refused)) {
    const address = withoutLength(text);
    if (own.some((one) => withoutLength(one) === address)) throw refused(`the gateway ${address} is this side's own`);
    if (!gateways.has(familyOf(address))) gateways.set(familyOf(address), address);
  }
  return [...gateways.values()];
}

/** Where the endpoint does not name VIPs: routes that lead somewhere else than to the connection's own network. */
function routesOf(connection: Connection, taken: readonly string[]): string[] {
  const routes = connection.context?.ipContext?.srcRoutes ?? [];
  return routes
    .map((route) => route.prefix)
    .filter(
      (prefix) => !isPrefix(prefix) || parsePrefix(prefix).length === 0 || !taken.some((one) => contains(prefix, one)),
    );
}

function vipsOf(
  texts: readonly string[],
  gateways: readonly string[],
  taken: readonly string[],
  ignored: string[],
): string[] {
  const vips = new Set<string>();
  for (const text of texts) {
    const why = whyNotHere(text, gateways, taken);
    if (why === "") vips.add(networkText(parsePrefix(text)));
    else ignored.push(`${JSON.stringify(text.slice(0, 60))} is taken as no VIP: ${why}`);
  }
  return [...vips];
}

function whyNotHere(text: string, gateways: readonly string[], taken: readonly string[]): string {
  const why = whyNoVip(text);
  if (why !== "") return why;
  const inside = taken.find((address) => contains(text, address));
  if (inside !== undefined) return `it contains ${inside}, which this host or its gateway has`;
  if (!gateways.some((gateway) => familyOf(gateway) === familyOf(text))) return "there is no gateway of its family";
  return "";
}

/** One encapsulation for each VIP, in the order in which they are named. */
function encapsOf(
  extra: Readonly<Record<string, string>>,
  vips: readonly string[],
  addresses: readonly string[],
  ignored: string[],
): Pick<Offer, "encaps" | "l3dsr"> {
  const given = list(extra[EXTRA.encaps]);
  if (given === undefined) {
    const families = [...new Set(addresses.map(familyOf))];
    const encaps = families.map((family) => (family === 4 ? ("gre4" as const) : ("gre6" as const)));
    return { encaps: encaps.length === 0 ? ["gre4"] : encaps, l3dsr: [] };
  }
  const named = list(extra[EXTRA.vips]) ?? [];
  const encaps = new Set<OfferedEncap>();
  const byDscp = new Map<number, string>();
  for (const [i, entry] of given.entries()) {
    const dscp = Number(/^l3dsr:(\d{1,2})$/.exec(entry)?.[1] ?? NaN);
    const vip = isPrefix(named[i] ?? "") ? networkText(parsePrefix(named[i]!)) : "";
    if (entry === "gre4" || entry === "gre6") encaps.add(entry);
    else if (dscp >= 1 && dscp <= 63 && !byDscp.has(dscp) && vip.endsWith("/32") && vips.includes(vip)) {
      encaps.add("l3dsr");
      byDscp.set(dscp, withoutLength(vip));
    } else ignored.push(`encapsulation ${JSON.stringify(entry.slice(0, 60))} is not known, or not for this VIP`);
  }
  return { encaps: [...encaps], l3dsr: [...byDscp].map(([dscp, vip]) => ({ vip, dscp })) };
}

function socketOf(
  parameters: Readonly<Record<string, string>>,
  refused: Refused,
): { socket: string; netns: string | undefined } {
  const url = parameters[PARAMETER.inodeUrl] ?? "";
  const name = parameters[PARAMETER.socketFile] ?? "";
  const path = url.startsWith("file:///") ? url.slice("file://".length) : "";
  if (path === "" || path.includes("\0") || path.length > 4096 || name.includes("\0") || name.length > 107)
    throw refused(`its memif socket ${JSON.stringify(`${url} ${name}`.slice(0, 100))} is no file`);
  return name === "" ? { socket: path, netns: undefined } : { socket: `@${name}`, netns: path };
}
