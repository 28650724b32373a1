import { isDeepStrictEqual } from "node:util";
import { KernelError } from "../kernel/errors.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { networkText, parsePrefix } from "../kernel/prefix.ts";
import type { RouteSpec } from "../kernel/routes.ts";
import type { PortRange, RuleSpec } from "../kernel/rules.ts";
import { addressText } from "../sys/sockaddr.ts";
import { NsmError, type ConnectionContext, type PolicyRoute, type Route } from "@networkservicemesh/sdk-ts";

/** What one end of a connection has in its namespace. */
export interface EndContext {
  /** Bytes; 0: as the kernel has it. */
  readonly mtu: number;
  /** `address/length` */
  readonly addresses: readonly string[];
  readonly routes: readonly Route[];
  readonly neighbors: readonly { readonly ip: string; readonly hardwareAddress: string }[];
  readonly policies: readonly PolicyRoute[];
}

/** What has been set on an end, to be taken back when it is no longer wanted. */
export interface AppliedContext {
  readonly addresses: readonly string[];
  readonly neighbors: readonly string[];
}

/** Routes that the forwarder makes are known by it (rtm_protocol). */
const ROUTE_PROTOCOL = 78;
/** Tables of policies: this many for each interface, by its index. */
const TABLES_PER_LINK = 256;
const FIRST_TABLE = 0x1000_0000;
const MAX_LINK_INDEX = 1 << 20;
const TABLE_MAIN = 254;

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 };

/** The client's end of a context (src) or the endpoint's (dst). Policies are the client's. */
export function endContext(context: ConnectionContext | null, side: "client" | "endpoint"): EndContext {
  const ip = context?.ipContext;
  const own = new Set((side === "client" ? ip?.srcIpAddrs : ip?.dstIpAddrs)?.map((one) => one.split("/")[0]));
  return {
    mtu: context?.MTU ?? 0,
    addresses: (side === "client" ? ip?.srcIpAddrs : ip?.dstIpAddrs) ?? [],
    // A route to an own address would take the traffic out of the host.
    routes: ((side === "client" ? ip?.srcRoutes : ip?.dstRoutes) ?? []).filter(
      ({ prefix }) => !own.has(prefix.split("/")[0]),
    ),
    neighbors: (ip?.ipNeighbors ?? []).filter((one) => !own.has(one.ip)),
    policies: side === "client" ? (ip?.policies ?? []) : [],
  };
}

/**
 * Brings an interface to its context: what is there already stays, what an earlier context had and this one has not goes.
 * What others have added to the interface stays, unless nothing is known of an earlier context.
 * @throws NsmError INVALID, INTERNAL
 */
export async function applyContext(
  namespace: Namespace,
  name: string,
  wanted: EndContext,
  before: AppliedContext | undefined,
): Promise<AppliedContext> {
  try {
    if (wanted.mtu > 0) await namespace.setLink(name, { mtu: wanted.mtu });
    const addresses = wanted.addresses.map(canonicalAddress);
    await applyAddresses(namespace, name, addresses, before);
    await applyRoutes(namespace, name, wanted.routes, addresses);
    await applyNeighbors(namespace, name, wanted.neighbors, before);
    await applyPolicies(namespace, name, wanted.policies);
    return { addresses, neighbors: wanted.neighbors.map(({ ip }) => ip) };
  } catch (error) {
    if (KernelError.is(error, "INVALID")) throw new NsmError("INVALID", error.message, { cause: error });
    throw NsmError.from(error, `interface ${name}`);
  }
}

/** Takes away what does not go with the interface. */
export async function removePolicies(namespace: Namespace, name: string): Promise<void> {
  try {
    await deleteRules(namespace, namespace.index(name), []);
  } catch (error) {
    if (!KernelError.is(error, "NOT_FOUND")) throw error;
  }
}

function canonicalAddress(text: string): string {
  const { bytes, length } = parsePrefix(text);
  return `${addressText(bytes)}/${length}`;
}

async function applyAddresses(
  namespace: Namespace,
  name: string,
  wanted: readonly string[],
  before: AppliedContext | undefined,
): Promise<void> {
  const present = (await namespace.addresses(name)).map(({ prefix }) => prefix);
  const old = before?.addresses ?? present.filter((prefix) => !prefix.startsWith("fe80:"));
  for (const prefix of old)
    if (present.includes(prefix) && !wanted.includes(prefix)) await namespace.deleteAddress(name, prefix);
  for (const prefix of wanted) if (!present.includes(prefix)) await namespace.addAddress(name, prefix);
}

/** A route of the context as the kernel is told, and as it shows it. */
function routeSpec({ prefix, nextHop }: Route, name: string, table = TABLE_MAIN): RouteSpec & { readonly key: string } {
  const parsed = parsePrefix(prefix);
  const dst = networkText(parsed);
  const via = nextHop === "" ? undefined : addressText(parsePrefix(nextHop).bytes);
  const isDefault = parsed.length === 0;
  return {
    dst,
    dev: name,
    table,
    protocol: ROUTE_PROTOCOL,
    ...(via === undefined ? {} : { via, onlink: true }),
    key: routeKey(isDefault ? "default" : dst, parsed.family === 2 ? 4 : 6, via, table),
  };
}

function routeKey(dst: string, family: 4 | 6, via: string | undefined, table: number): string {
  return `${dst} ${family} ${via ?? ""} ${table}`;
}

async function applyRoutes(
  namespace: Namespace,
  name: string,
  routes: readonly Route[],
  addresses: readonly string[],
): Promise<void> {
  const connected = new Set(addresses.map((address) => networkText(parsePrefix(address))));
  const wanted = routes
    .map((route) => routeSpec(route, name))
    // The kernel has made it with the address.
    .filter(({ dst, via }) => via !== undefined || !connected.has(dst));
  await replaceRoutes(namespace, name, wanted, (table) => table === TABLE_MAIN);
}

async function replaceRoutes(
  namespace: Namespace,
  name: string,
  wanted: readonly (RouteSpec & { readonly key: string })[],
  ours: (table: number) => boolean,
): Promise<void> {
  const index = namespace.index(name);
  const present = (await namespace.routes()).filter(
    (route) => route.interfaceIndex === index && route.protocol === ROUTE_PROTOCOL && ours(route.table),
  );
  const keys = new Set(wanted.map(({ key }) => key));
  const there = new Set(present.map(({ dst, family, via, table }) => routeKey(dst, family, via, table)));
  for (const { dst, family, via, table } of present) {
    if (keys.has(routeKey(dst, family, via, table))) continue;
    await namespace.deleteRoute({ dst, family, via, table, dev: name, protocol: ROUTE_PROTOCOL });
  }
  // Gateways may be reached by routes of the same context.
  const ordered = [...wanted].sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined));
  for (const { key, ...spec } of ordered) if (!there.has(key)) await namespace.addRoute(spec);
}

async function applyNeighbors(
  namespace: Namespace,
  name: string,
  wanted: EndContext["neighbors"],
  before: AppliedContext | undefined,
): Promise<void> {
  for (const ip of before?.neighbors ?? [])
    if (!wanted.some((one) => one.ip === ip)) await namespace.deleteNeighbour(name, ip);
  for (const { ip, hardwareAddress } of wanted) await namespace.addNeighbour(name, ip, hardwareAddress);
}

async function applyPolicies(namespace: Namespace, name: string, policies: readonly PolicyRoute[]): Promise<void> {
  const index = namespace.index(name);
  if (policies.length === 0 && !(await hasRules(namespace, index))) return;
  if (policies.length > TABLES_PER_LINK || index >= MAX_LINK_INDEX)
    throw new NsmError("INVALID", `${policies.length} policies for one interface, at most ${TABLES_PER_LINK}`);
  const first = firstTable(index);
  const rules = policies.flatMap((policy, i) => rulesOf(policy, first + i));
  const routes = policies.flatMap((policy, i) => policy.routes.map((route) => routeSpec(route, name, first + i)));
  await replaceRoutes(namespace, name, routes, (table) => isOurTable(table, index));
  await deleteRules(namespace, index, rules);
  for (const rule of rules) await namespace.addRule(rule);
}

function firstTable(linkIndex: number): number {
  return FIRST_TABLE + linkIndex * TABLES_PER_LINK;
}

function isOurTable(table: number, linkIndex: number): boolean {
  const first = firstTable(linkIndex);
  return table >= first && table < first + TABLES_PER_LINK;
}

async function hasRules(namespace: Namespace, index: number): Promise<boolean> {
  return (await namespace.rules()).some((rule) => isOurTable(rule.table, index));
}

/** Rules stay when their interface goes, and its index may come again: those that are not wanted go by their table. */
async function deleteRules(namespace: Namespace, index: number, wanted: readonly RuleSpec[]): Promise<void> {
  for (const rule of await namespace.rules()) {
    if (!isOurTable(rule.table, index) || wanted.some((one) => isSame(one, rule))) continue;
    await namespace.deleteRule(rule);
  }
}

function isSame(spec: RuleSpec, rule: RuleSpec): boolean {
  const parts = ({ from, table, ipProtocol, sourcePorts, destinationPorts, family }: RuleSpec) => ({
    ...{ from, table, ipProtocol, sourcePorts, destinationPorts, family },
  });
  return isDeepStrictEqual(parts(spec), parts(rule));
}

/** Of both families where the policy names no source: as its routes need. */
function rulesOf(policy: PolicyRoute, table: number): RuleSpec[] {
  const prefixes = policy.from === "" ? policy.routes.map(({ prefix }) => prefix) : [policy.from];
  const families = new Set(prefixes.map((prefix) => (parsePrefix(prefix).family === 2 ? 4 : 6)));
  return [...families].map((family) => ({
    family,
    from: policy.from === "" ? undefined : networkText(parsePrefix(policy.from)),
    table,
    ipProtocol: protocolNumber(policy.proto),
    sourcePorts: portRange(policy.srcPort),
    destinationPorts: portRange(policy.dstPort),
  }));
}

function protocolNumber(text: string): number | undefined {
  if (text === "") return undefined;
  const number = PROTOCOLS[text.toLowerCase()] ?? (/^\d{1,3}$/.test(text) ? Number(text) : NaN);
  if (!(number >= 0 && number <= 255)) throw new NsmError("INVALID", `${JSON.stringify(text)} is no IP protocol`);
  return number === 0 ? undefined : number;
}

function portRange(text: string): PortRange | undefined {
  if (text === "" || text === "0") return undefined;
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === "" || first < 1 || last > 65_535 || first > last)
    throw new NsmError("INVALID", `${JSON.stringify(text)} is no port or range of ports`);
  return [first, last];
}
