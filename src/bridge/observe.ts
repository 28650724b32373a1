import { observeAttachments, observePolicies } from "./abf.ts";
import { observeAcls } from "./acl.ts";
import { observeBridges, type RawBridge } from "./bridge-domain.ts";
import { parseLbMain, parseVips } from "./lb-wire.ts";
import { observeNeighbors } from "./neighbor.ts";
import type { VppPort } from "./port.ts";
import { observeRoutes } from "./route.ts";
import type { ObservedInterface, ObservedLbConf, ObservedState, ObservedVip, VppFeatures } from "./types.ts";
import { ALL, ip4Text, ip6Text, macText, number, prefixText, text } from "./wire.ts";

const UP = 1;
const LINK_UP = 2;

/** What this VPP can do, by its message table. @throws what the port throws */
export async function observeFeatures(port: VppPort): Promise<VppFeatures> {
  const reply = await port.request("show_version", {});
  return {
    version: text(reply["version"]),
    weights: port.has("lb_add_del_as_v2") && port.has("lb_as_set_weight"),
    lbConfGet: port.has("lb_conf_get"),
    srcIpSticky: port.has("lb_add_del_vip_v2"),
    garbageByCli: !port.has("lb_conf_get"),
    acl: port.has("acl_dump") && port.has("acl_add_replace"),
    abf: port.has("abf_policy_dump") && port.has("abf_itf_attach_add_del"),
  };
}

/**
 * Reads all that the plan needs. Writes nothing. Everything is asked at once: VPP answers in order.
 * @param tables of routes that matter
 */
export async function observe(
  port: VppPort,
  features: VppFeatures,
  tables: readonly number[] = [0],
): Promise<ObservedState> {
  const [lb, raw, hosts] = await Promise.all([
    observeLb(port, features),
    port.dump("sw_interface_dump", { sw_if_index: ALL, name_filter_valid: false, name_filter: "" }),
    port.has("af_packet_dump") ? port.dump("af_packet_dump", {}) : [],
  ]);
  const names = new Map(raw.map((detail) => [number(detail["sw_if_index"]), text(detail["interface_name"])]));
  const nameOf = (index: number) => names.get(index) ?? `interface ${index}`;
  const hostNames = new Map(hosts.map((detail) => [number(detail["sw_if_index"]), text(detail["host_if_name"])]));
  const [bridges, addresses, neighbors, routes, classified] = await Promise.all([
    observeBridges(port, nameOf),
    observeAddresses(
      port,
      [...names.keys()].filter((index) => index !== 0),
    ),
    observeNeighbors(port, nameOf),
    observeRoutes(port, tables, nameOf),
    observeClassified(port, features, names),
  ]);
  const interfaces = raw.map((detail) => toInterface(detail, bridges, addresses, hostNames));
  return {
    features,
    ...lb,
    interfaces,
    bridges: bridges.map(({ bridge }) => bridge),
    neighbors,
    routes,
    ...classified,
  };
}

/** ACLs, and what is forwarded by them. */
async function observeClassified(
  port: VppPort,
  features: VppFeatures,
  names: ReadonlyMap<number, string>,
): Promise<Pick<ObservedState, "acls" | "abfPolicies" | "abfAttachments">> {
  const acls = features.acl === true ? { acls: await observeAcls(port) } : {};
  if (features.abf !== true) return acls;
  const [abfPolicies, abfAttachments] = await Promise.all([observePolicies(port), observeAttachments(port, names)]);
  return { ...acls, abfPolicies, abfAttachments };
}

async function observeLb(
  port: VppPort,
  features: VppFeatures,
): Promise<Pick<ObservedState, "lbConf" | "vips" | "garbage">> {
  const [main, verbose, conf] = await Promise.all([
    port.cli("show lb"),
    port.cli("show lb vips verbose"),
    features.lbConfGet ? port.request("lb_conf_get", {}) : undefined,
  ]);
  const all = parseVips(verbose);
  const shown = parseLbMain(main);
  return {
    lbConf: conf === undefined ? shown : { ...confOf(conf), flows: shown.flows },
    vips: all.filter((vip) => !vip.removed),
    garbage: countGarbage(all),
  };
}

function confOf(reply: Record<string, unknown>): Omit<ObservedLbConf, "flows"> {
  return {
    ip4Source: ip4Text(reply["ip4_src_address"]),
    ip6Source: ip6Text(reply["ip6_src_address"]),
    stickyBuckets: number(reply["sticky_buckets_per_core"]),
    flowTimeoutS: number(reply["flow_timeout"]),
  };
}

function countGarbage(all: readonly ObservedVip[]): ObservedState["garbage"] {
  const servers = all.flatMap((vip) => vip.servers.filter((server) => !server.used));
  const vips = all.filter((vip) => vip.removed);
  const emptyVips = vips.filter((vip) => vip.servers.every((server) => server.flows === 0));
  return {
    vips: vips.length,
    servers: servers.length,
    collectable: servers.filter((server) => server.flows === 0).length + emptyVips.length,
  };
}

async function observeAddresses(port: VppPort, indexes: readonly number[]): Promise<Map<number, string[]>> {
  const perInterface = indexes.map(async (index): Promise<[number, string[]]> => {
    const dumps = await Promise.all(
      [false, true].map((isIpv6) => port.dump("ip_address_dump", { sw_if_index: index, is_ipv6: isIpv6 })),
    );
    return [index, dumps.flat().map((detail) => prefixText(detail["prefix"]))];
  });
  return new Map(await Promise.all(perInterface));
}

function toInterface(
  detail: Record<string, unknown>,
  bridges: readonly RawBridge[],
  addresses: ReadonlyMap<number, string[]>,
  hostNames: ReadonlyMap<number, string>,
): ObservedInterface {
  const index = number(detail["sw_if_index"]);
  const deviceType = text(detail["interface_dev_type"]);
  const host = hostNames.get(index);
  const bridge = bridges.map(({ members }) => members.get(index)).find((member) => member !== undefined);
  const flags = number(detail["flags"]);
  return {
    name: text(detail["interface_name"]),
    index,
    deviceType,
    kind: host !== undefined ? "host" : deviceType === "Loopback" ? "loopback" : "other",
    ...(host === undefined ? {} : { hostInterface: host }),
    tag: text(detail["tag"]),
    mac: macText(detail["l2_address"]),
    up: (flags & UP) !== 0,
    linkUp: (flags & LINK_UP) !== 0,
    mtu: (detail["mtu"] as number[])[0] ?? 0,
    addresses: addresses.get(index) ?? [],
    ...(bridge === undefined ? {} : { bridge }),
  };
}
