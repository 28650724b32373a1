import { parseLb, parseLbVips, type VppClient } from "vpp-api-ts";
import { formatAddress, formatMac, formatPrefix } from "vpp-api-ts/codec";
import { expectedLinks, interfaceLine, isList, listLines } from "./links.ts";
import { LB_SOURCES, nameOf, ROUTES, STEERED, type World, type WorldVip } from "./world.ts";

const ALL = 0xffffffff;
/** What a saboteur leaves behind on purpose, and nobody may touch. */
export const FOREIGN_VIPS = "10.99.";
/** Where streams have their anchors: 198.18.0.0/15. */
const ANCHORS = "198.1";

/** What VPP should hold, one sorted line each. Independent of the controller: from the world's own words. */
export function expected(
  world: World,
  drained: (vip: WorldVip, address: string) => boolean,
  drainedIn: (stream: string, address: string) => boolean,
  weights: boolean,
): string[] {
  const lines = [`conf ${LB_SOURCES.ip4Source} ${LB_SOURCES.ip6Source}`];
  for (const one of world.interfaces) {
    const bridge = one.bridge === undefined ? "" : ` bridge ${one.bridge.id}${one.bridge.bvi ? " bvi" : ""}`;
    lines.push(`interface ${nameOf(one)} ${one.mac} mtu ${one.mtu} ${one.up ? "up" : "down"}${bridge}`);
    for (const address of one.addresses) lines.push(`address ${nameOf(one)} ${address}`);
  }
  for (const { id, learn } of world.bridges) lines.push(`bridge ${id} learn ${learn}`);
  for (const { address, mac, interface: name } of world.neighbors) lines.push(`neighbor ${name} ${address} ${mac}`);
  for (const { prefix, via } of world.routes) {
    const paths = via.map((path) => `${path.address} ${path.interface} ${path.weight}`);
    lines.push(`route ${prefix} via ${paths.sort().join(", ")}`);
  }
  for (const vip of world.vips) {
    const key = vipText(vip.prefix, vip.protocol === "tcp" ? 6 : vip.protocol === "udp" ? 17 : 255, vip.port ?? 0);
    lines.push(`vip ${key} ${vip.encap} ${vip.tableSize} sticky ${vip.srcIpSticky} dscp ${vip.dscp ?? "-"}`);
    for (const { address, state, weight } of vip.servers) {
      if (state === "up" && !drained(vip, address))
        lines.push(`server ${key} ${address}${weights ? ` ${weight}` : ""}`);
    }
  }
  const used = new Set([...world.steered.map(({ stream }) => stream), ...world.flows.map(({ stream }) => stream)]);
  for (const { name, encap, tableSize, servers } of world.streams) {
    const taking = servers.filter(({ address, state }) => state === "up" && !drainedIn(name, address));
    if (used.has(name))
      lines.push(
        `stream ${encap} ${tableSize}: ${taking
          .map((one) => one.address)
          .sort()
          .join(" ")}`,
      );
  }
  for (const { prefix } of world.steered) lines.push(`steered ${prefix}`);
  lines.push(...expectedLinks(world.links));
  return lines.sort();
}

function vipText(prefix: string, protocol: number, port: number): string {
  return port === 0 ? prefix : `${prefix} ${protocol}/${port}`;
}

/** What VPP holds, in the same lines. Weights where it has them; a server of weight 0 takes nothing and is left out. */
export async function held(client: VppClient): Promise<string[]> {
  const conf = parseLb(await client.cli("show lb"));
  const lines = [`conf ${conf.ip4Source} ${conf.ip6Source}`];
  const names = await interfaceLines(client, lines);
  for (const is_ipv6 of [false, true]) await routeAndAddressLines(client, names, is_ipv6, lines);
  for (const vip of parseLbVips(await client.cli("show lb vips verbose"))) {
    if (vip.removed || vip.prefix.startsWith(FOREIGN_VIPS)) continue;
    // A VIP that was the only user of its stream has a table of its own, and keeps it.
    if (vip.prefix.startsWith(ANCHORS) || STEERED.some((prefix) => prefix === vip.prefix)) {
      const used = vip.servers.filter((one) => !one.removed && one.weight !== 0).map((one) => one.address);
      lines.push(`stream ${vip.encap} ${vip.tableSize}: ${used.sort().join(" ")}`);
      continue;
    }
    const key = vipText(vip.prefix, vip.protocol, vip.port);
    lines.push(`vip ${key} ${vip.encap} ${vip.tableSize} sticky ${vip.srcIpSticky} dscp ${vip.dscp ?? "-"}`);
    for (const { address, removed, weight } of vip.servers) {
      if (!removed && weight !== 0) lines.push(`server ${key} ${address}${weight === undefined ? "" : ` ${weight}`}`);
    }
  }
  for (const { acl_index, tag } of await client.dumpAll("acl_dump", { acl_index: ALL }))
    if (!isList(tag)) lines.push(`acl ${acl_index} ${tag}`);
  lines.push(...(await listLines(client, names)));
  for (const { policy } of await client.dumpAll("abf_policy_dump", {})) lines.push(`policy ${policy.policy_id}`);
  return lines.sort();
}

/** Lines of how flows are put into VPP: which they are is for others to judge, but without flows there are none. */
export function isSteering(line: string): boolean {
  return /^(acl|policy) /.test(line);
}

async function interfaceLines(client: VppClient, lines: string[]): Promise<Map<number, string>> {
  const bridges = await client.dumpAll("bridge_domain_dump", { bd_id: ALL, sw_if_index: ALL });
  const bridgeOf = new Map<number, string>();
  for (const bridge of bridges) {
    // VPP's own, which takes what is bridged without an id.
    if (bridge.bd_id === 0) continue;
    lines.push(`bridge ${bridge.bd_id} learn ${bridge.learn}`);
    for (const { sw_if_index } of bridge.sw_if_details) {
      const bvi = sw_if_index === bridge.bvi_sw_if_index ? " bvi" : "";
      bridgeOf.set(sw_if_index, ` bridge ${bridge.bd_id}${bvi}`);
    }
  }
  const names = new Map<number, string>();
  for (const one of await client.dumpAll("sw_interface_dump", { sw_if_index: ALL })) {
    if (one.tag === "" && one.interface_name !== "local0") lines.push(`untagged ${one.interface_name}`);
    // Foreign ones have a tag of their own.
    if (!one.tag.startsWith("vpplb")) continue;
    const { sw_if_index, interface_name: name } = one;
    names.set(sw_if_index, name);
    const bridge = bridgeOf.get(sw_if_index) ?? "";
    lines.push(interfaceLine(name, one.l2_address, one.mtu[0]!, (one.flags & 1) === 1, bridge));
  }
  return names;
}

async function routeAndAddressLines(
  client: VppClient,
  names: ReadonlyMap<number, string>,
  is_ipv6: boolean,
  lines: string[],
): Promise<void> {
  for (const [sw_if_index, name] of names) {
    for (const { prefix } of await client.dumpAll("ip_address_dump", { sw_if_index, is_ipv6 }))
      lines.push(`address ${name} ${formatPrefix(prefix)}`);
    for (const { neighbor } of await client.dumpAll("ip_neighbor_dump", { sw_if_index, af: is_ipv6 ? 1 : 0 })) {
      // Learned ones come and go.
      if ((neighbor.flags & 1) === 0) continue;
      lines.push(`neighbor ${name} ${formatAddress(neighbor.ip_address)} ${formatMac(neighbor.mac_address)}`);
    }
  }
  const ours: readonly string[] = ROUTES;
  for (const { route } of await client.dumpAll("ip_route_dump", {
    table: { table_id: 0, is_ip6: is_ipv6, name: "" },
  })) {
    const prefix = formatPrefix(route.prefix);
    if (STEERED.some((vip) => vip === prefix)) lines.push(`steered ${prefix}`);
    if (!ours.includes(prefix)) continue;
    const paths = route.paths.map((path) => {
      const hop = is_ipv6 ? "" : [...path.nh.address.ip4].join(".");
      return `${hop} ${names.get(path.sw_if_index) ?? path.sw_if_index} ${path.weight}`;
    });
    // VPP's own default route drops.
    if (paths.every((path) => path.startsWith("0.0.0.0 "))) continue;
    lines.push(`route ${prefix} via ${paths.sort().join(", ")}`);
  }
}
