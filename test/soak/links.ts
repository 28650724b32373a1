import { formatMac } from "vpp-api-ts/codec";
import type { VppClient } from "vpp-api-ts";
import type { Random } from "./random.ts";

/** memif, VLAN and ACLs of a world: one trunk with tags on it, one more memif, two lists. */
export interface Links {
  memifs: { id: number; up: boolean; bridge?: number; acls: string[] }[];
  /** On memif1/1. */
  vlans: { id: number; up: boolean; bridge?: number; address?: string }[];
  acls: { name: string; ports: number[] }[];
}

const ALL = 0xffffffff;
const TRUNK = 1;
const VLANS = [100, 200, 300];
const ACLS = ["web", "dns"] as const;
const BRIDGE = 3;

export function noLinks(): Links {
  return { memifs: [], vlans: [], acls: [] };
}

export function referenceLinks(): Links {
  return {
    memifs: [
      { id: TRUNK, up: true, acls: ["web"] },
      { id: 2, up: true, bridge: BRIDGE, acls: [] },
    ],
    vlans: [
      { id: 100, up: true, bridge: BRIDGE },
      { id: 200, up: true, address: "10.80.200.1/24" },
    ],
    acls: [{ name: "web", ports: [80, 443] }],
  };
}

/** As lb.yaml has them. @param socket where the masters listen */
export function linksYaml({ memifs, vlans, acls }: Links, socket: string): Record<string, object[]> {
  const bridged = (id: number | undefined) => (id === undefined ? {} : { bridge: { id } });
  return {
    memifSockets: memifs.length === 0 ? [] : [{ id: 1, filename: socket }],
    acls: acls.map(({ name, ports }) => ({
      name,
      rules: [{ action: "permit", protocol: "tcp", dstPorts: ports }, { action: "deny" }],
    })),
    interfaces: [
      ...memifs.map(({ id, up, bridge, acls: lists }) => ({
        ...{ memif: { socket: 1, id, role: "master" }, mac: macOf(id), mtu: 1500, up },
        ...(lists.length === 0 ? {} : { acl: { in: lists } }),
        ...bridged(bridge),
      })),
      ...vlans.map(({ id, up, bridge, address }) => ({
        ...{ vlan: { parent: `memif1/${TRUNK}`, id }, up },
        ...(address === undefined ? {} : { addresses: [address] }),
        ...bridged(bridge),
      })),
    ],
  };
}

function macOf(id: number): string {
  return `02:fe:00:00:03:0${id}`;
}

export function changeMemifs(links: Links, random: Random): void {
  const id = random.pick([TRUNK, TRUNK + 1]);
  const found = links.memifs.find((one) => one.id === id);
  const kind = random.below(4);
  if (found === undefined) links.memifs.push({ id, up: true, acls: [] });
  else if (kind === 0) links.memifs = links.memifs.filter((one) => one !== found);
  else if (kind === 1) found.up = !found.up;
  else if (kind === 2) found.acls = random.some(ACLS, 0.5);
  else if (found.bridge === undefined && id !== TRUNK) found.bridge = BRIDGE;
  else delete found.bridge;
}

export function changeVlans(links: Links, random: Random): void {
  const id = random.pick(VLANS);
  const found = links.vlans.find((one) => one.id === id);
  const bridge = random.chance(0.5) ? { bridge: BRIDGE } : { address: `10.80.${id % 256}.1/24` };
  if (found === undefined) links.vlans.push({ id, up: true, ...bridge });
  else if (random.chance(0.3)) found.up = !found.up;
  else {
    links.vlans = links.vlans.filter((one) => one !== found);
    if (random.chance(0.5)) links.vlans.push({ id, up: found.up, ...bridge });
  }
}

export function changeAcls(links: Links, random: Random): void {
  const name = random.pick(ACLS);
  const others = links.acls.filter((one) => one.name !== name);
  const gone = others.length < links.acls.length && random.chance(0.3);
  links.acls = gone ? others : [...others, { name, ports: random.some([80, 443, 8080], 0.6) }];
}

/** Without what stands on something that is gone. */
export function tidyLinks(links: Links): void {
  if (!links.memifs.some(({ id }) => id === TRUNK)) links.vlans = [];
  const names = new Set(links.acls.map(({ name }) => name));
  for (const one of links.memifs) one.acls = one.acls.filter((name) => names.has(name));
}

/** What VPP should hold of them, one line each. */
export function expectedLinks({ memifs, vlans, acls }: Links): string[] {
  const bridged = (id: number | undefined) => (id === undefined ? "" : ` bridge ${id}`);
  const bridges = [...memifs, ...vlans].some(({ bridge }) => bridge !== undefined);
  return [
    ...memifs.flatMap(({ id, up, bridge, acls: lists }) => [
      `interface memif1/${id} ${macOf(id)} mtu 1500 ${up ? "up" : "down"}${bridged(bridge)}`,
      ...(lists.length === 0 ? [] : [`lists memif1/${id} ${lists.join(" ")}`]),
    ]),
    ...vlans.flatMap(({ id, up, bridge, address }) => [
      `vlan memif1/${TRUNK}.${id} ${up ? "up" : "down"}${bridged(bridge)}`,
      ...(address === undefined ? [] : [`address memif1/${TRUNK}.${id} ${address}`]),
    ]),
    // Without ports all are meant: from 0 on.
    ...acls.map(
      ({ name, ports }) => `list ${name}: ${ports.length === 0 ? 0 : [...ports].sort((a, b) => a - b).join(" ")}`,
    ),
    ...(bridges ? [`bridge ${BRIDGE} learn true`] : []),
  ];
}

const OURS = "vpplb/acl/";

/** Whether an ACL is one of lb.yaml's, not one of those that streams are made of. */
export function isList(tag: string): boolean {
  return tag.startsWith(OURS);
}

/** ACLs and where they are, as VPP holds them. */
export async function listLines(client: VppClient, names: ReadonlyMap<number, string>): Promise<string[]> {
  const lines: string[] = [];
  const titles = new Map<number, string>();
  for (const { acl_index, tag, r } of await client.dumpAll("acl_dump", { acl_index: ALL })) {
    if (!isList(tag)) continue;
    titles.set(acl_index, tag.slice(OURS.length));
    const ports = r.filter((rule) => rule.is_permit !== 0).map((rule) => rule.dstport_or_icmpcode_first);
    const sorted = [...new Set(ports)].sort((a, b) => a - b);
    lines.push(`list ${titles.get(acl_index)}: ${sorted.join(" ")}`);
  }
  for (const { sw_if_index, acls } of await client.dumpAll("acl_interface_list_dump", { sw_if_index: ALL })) {
    const named = [...acls].map((index) => titles.get(index)).filter((title) => title !== undefined);
    if (named.length > 0) lines.push(`lists ${names.get(sw_if_index) ?? sw_if_index} ${named.join(" ")}`);
  }
  return lines;
}

/** An interface's line; a VLAN's MAC and MTU are its trunk's business. */
export function interfaceLine(name: string, mac: Uint8Array, mtu: number, up: boolean, bridge: string): string {
  const state = up ? "up" : "down";
  return name.includes(".")
    ? `vlan ${name} ${state}${bridge}`
    : `interface ${name} ${formatMac(mac as never)} mtu ${mtu} ${state}${bridge}`;
}
