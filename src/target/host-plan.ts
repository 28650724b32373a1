import type { DscpVip } from "../kernel/l3dsr.ts";
import type { GreMode } from "../kernel/gre.ts";
import { TargetError } from "./errors.ts";
import type { Hop } from "./default-route.ts";
import { checkedTable, gatewaysOf, vipsOf, type Encap, type Vip } from "./options.ts";

/** One load-balancer of a host, and the interface to it. */
export interface HostLink {
  readonly device: string;
  /** Its address there, one for each family of its VIPs. */
  readonly gateways: readonly string[];
  readonly vips: readonly string[];
  /** Those of its VIPs that come by l3dsr, with their DSCP. Default: none. */
  readonly l3dsr?: readonly DscpVip[];
  /** false: replies go by other load-balancers of the same VIPs, where there are any. Default true. */
  readonly usable?: boolean;
}

export interface HostWish {
  readonly links: readonly HostLink[];
  /** Every encapsulation in use, default ["gre4"]. */
  readonly encaps?: readonly Encap[];
  /** First table of the source policy routes, default 222; VIPs of other sets of load-balancers take those that follow. */
  readonly table?: number;
  /** Bytes of the path to the clients; default: the devices' MTU. */
  readonly mtu?: number;
  /** How GRE is taken off; default "auto". */
  readonly gre?: GreMode | "auto";
  /** The GRE device's name where we make one. */
  readonly greDevice?: string;
  /** Serve also a VPP whose `lb conf` is not set, on the first of the links: see GreOptions.unsetSource. Default false. */
  readonly unsetSource?: boolean;
  /** Default "off". */
  readonly offloads?: "off" | "keep";
}

/** VIPs whose replies go the same ways, by one table. */
export interface TableGroup {
  readonly table: number;
  readonly vips: readonly Vip[];
  /** By family; empty: nowhere. */
  readonly hops: { readonly 4: readonly Hop[]; readonly 6: readonly Hop[] };
}

export interface HostPlan {
  readonly devices: readonly string[];
  readonly vips: readonly Vip[];
  readonly groups: readonly TableGroup[];
  /** Which table each VIP has: what the next plan keeps as far as it can. */
  readonly tables: ReadonlyMap<string, number>;
}

interface CheckedLink {
  readonly device: string;
  readonly gateways: { readonly 4?: string; readonly 6?: string };
  readonly vips: readonly Vip[];
  readonly usable: boolean;
}

function check(link: HostLink): CheckedLink {
  const vips = vipsOf(link.vips);
  return { device: link.device, vips, gateways: gatewaysOf(link.gateways, vips), usable: link.usable ?? true };
}

/**
 * Which VIPs a host has and by which table and load-balancers their replies leave. VIPs with the same load-balancers
 * share a table; a VIP keeps the table that it had. Replies go by any usable load-balancer of the VIP: all of them lead
 * to the clients, and which one a flow came from cannot be told from the reply.
 * @param present devices that are there: only by them can anything be routed
 * @throws TargetError INVALID
 */
export function planHost(
  wish: HostWish,
  present: ReadonlySet<string>,
  before: ReadonlyMap<string, number> = new Map(),
): HostPlan {
  const first = checkedTable(wish.table);
  const links = wish.links.map(check);
  const vips = new Map(links.flatMap((link) => link.vips).map((vip) => [vip.prefix, vip]));
  const byLinks = new Map<string, { vips: Vip[]; links: CheckedLink[] }>();
  for (const vip of vips.values()) {
    const serving = links.filter((link) => link.vips.some((one) => one.prefix === vip.prefix));
    const key = serving.map((link) => link.device).join(" ");
    const group = byLinks.get(key) ?? { vips: [], links: serving };
    group.vips.push(vip);
    byLinks.set(key, group);
  }
  const taken = new Set<number>();
  const groups = [...byLinks.values()].map((group) => {
    const kept = group.vips
      .map((vip) => before.get(vip.prefix))
      .find((table) => table !== undefined && !taken.has(table));
    const table = kept ?? freeTable(first, taken, new Set(before.values()));
    taken.add(table);
    return {
      table,
      vips: group.vips,
      hops: { 4: hopsOf(group.links, present, 4), 6: hopsOf(group.links, present, 6) },
    };
  });
  const devices = links.map((link) => link.device).filter((device) => present.has(device));
  const tables = new Map(groups.flatMap(({ table, vips: own }) => own.map((vip) => [vip.prefix, table] as const)));
  return { devices, vips: [...vips.values()], groups, tables };
}

function hopsOf(links: readonly CheckedLink[], present: ReadonlySet<string>, family: 4 | 6): Hop[] {
  const there = links.filter((link) => present.has(link.device));
  const usable = there.filter((link) => link.usable);
  return (usable.length > 0 ? usable : there).flatMap(({ device, gateways }) => {
    const gateway = gateways[family];
    return gateway === undefined ? [] : [{ device, gateway }];
  });
}

/** The first that is free; rather one that no VIP had, so that none changes hands needlessly. */
function freeTable(first: number, taken: ReadonlySet<number>, had: ReadonlySet<number>): number {
  const free = (avoid: ReadonlySet<number>): number | undefined => {
    for (let table = first; table <= first + 2 * MAX_TABLES; table++) {
      if (table >= 253 && table <= 255) continue;
      if (!taken.has(table) && !avoid.has(table)) return table;
    }
    return undefined;
  };
  const table = free(had) ?? free(new Set());
  if (table !== undefined) return table;
  throw new TargetError("INVALID", `more than ${MAX_TABLES} different sets of load-balancers: ask for fewer services`);
}

const MAX_TABLES = 128;
