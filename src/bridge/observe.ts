import { observeAttachments, observePolicies } from "./abf.ts";
import { observeAcls } from "./acl.ts";
import { observeBridges } from "./bridge-domain.ts";
import { parseLbMain, parseVips } from "./lb-wire.ts";
import { dumpInterfaces, linkFeatures, observeLinks } from "./observe-links.ts";
import { observeNeighbors } from "./neighbor.ts";
import type { VppPort } from "./port.ts";
import { observeReassemblyLimits } from "./reassembly.ts";
import { observeRoutes } from "./route.ts";
import type { ObservedLbConf, ObservedState, ObservedVip, VppFeatures } from "./types.ts";
import { ip4Text, ip6Text, number, text } from "./wire.ts";

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
    ...linkFeatures(port),
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
  const [lb, raw] = await Promise.all([observeLb(port, features), dumpInterfaces(port)]);
  const names = new Map(raw.map((detail) => [number(detail["sw_if_index"]), text(detail["interface_name"])]));
  const nameOf = (index: number) => names.get(index) ?? `interface ${index}`;
  const withMembers = observeBridges(port, nameOf);
  const [bridges, links, neighbors, routes, classified, reassembly] = await Promise.all([
    withMembers,
    observeLinks(port, features, raw, withMembers, nameOf),
    observeNeighbors(port, nameOf),
    observeRoutes(port, tables, nameOf),
    observeClassified(port, features, names),
    observeReassemblyLimits(port),
  ]);
  return {
    features,
    ...lb,
    ...links,
    bridges: bridges.map(({ bridge }) => bridge),
    neighbors,
    routes,
    ...classified,
    reassembly,
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
