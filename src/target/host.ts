import type { GreDecapsulator } from "../kernel/gre.ts";
import { hasDscpVips, setDscpVips, type DscpVip } from "../kernel/l3dsr.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { Changes, type ChangesOptions } from "./changes.ts";
import { defaultItem } from "./default-route.ts";
import { TargetError } from "./errors.ts";
import { greItems, openGre, outerFamilies, type GrePlan } from "./gre.ts";
import { planHost, type HostPlan, type HostWish, type TableGroup } from "./host-plan.ts";
import type { Finding, Item } from "./item.ts";
import { arpItems, linkItem, loopbackItem, offloadItem, ruleItem, vipItem } from "./items.ts";
import type { Encap } from "./options.ts";

/** Worse than any route that anybody sets: linux/ipv6_route.h allows 2^32-1. */
const LAST_METRIC = 0xffff_fffe;
const RTN_UNREACHABLE = 7;

/** What an update did. */
export interface HostResult {
  /** Whether anything had to be done. */
  readonly changed: boolean;
  /** What could not be done; the rest is. */
  readonly errors: readonly TargetError[];
}

/**
 * An application server's side of a host with any number of load-balancers that come, change and go: what `Target` is
 * for one that stays. `update` brings the host to a wish in place: what both have in common is not touched, and kept
 * connections with it. Calls must not overlap.
 */
export class Host {
  readonly #namespace: Namespace;
  readonly #changes: Changes;
  readonly #gre = new Map<4 | 6, GreDecapsulator>();
  #tables: ReadonlyMap<string, number> = new Map();
  #closed = false;

  /** @param options `adopted`: changes of a former life, undone like ours; the namespace stays the caller's */
  constructor(namespace: Namespace, options: ChangesOptions = {}) {
    this.#namespace = namespace;
    this.#changes = new Changes(namespace, options);
  }

  /** How GRE is taken off now; undefined: not at all yet. */
  get greMode(): string | undefined {
    return [...this.#gre.values()][0]?.mode;
  }

  /** Packets that were in GRE, for those that we take off ourselves. */
  get decapsulated(): { readonly packets: number; readonly dropped: number } {
    const counters = [...this.#gre.values()].map((gre) => gre.counters);
    const packets = counters.reduce((sum, one) => sum + one.packets, 0);
    const dropped = counters.flatMap((one) => Object.values(one.dropped)).reduce((sum, one) => sum + one, 0);
    return { packets, dropped };
  }

  /** Which table each VIP's replies are routed by. */
  get tables(): ReadonlyMap<string, number> {
    return this.#tables;
  }

  /**
   * Brings the host to the wish. What cannot be done is told and does not keep the rest from being done.
   * @param options `keepOthers`: nothing is taken back yet (more wishes are still to come)
   * @throws TargetError INVALID, CLOSED
   */
  async update(wish: HostWish, options: { readonly keepOthers?: boolean } = {}): Promise<HostResult> {
    if (this.#closed) throw new TargetError("CLOSED", "this host's set-up was taken back");
    const present = new Set((await this.#namespace.links()).map((link) => link.name));
    const plan = planHost(wish, present, this.#tables);
    const errors: TargetError[] = [];
    const failed = (error: unknown): boolean => {
      errors.push(error as TargetError);
      return false;
    };
    const items = [...this.#items(plan, wish), ...this.#l3dsrItems(wish, present)];
    let changed = false;
    for (const item of items) changed = (await this.#changes.add(item).catch(failed)) || changed;
    if (plan.vips.length > 0) {
      const gre = await this.#greItems(wish, errors);
      for (const item of gre) changed = (await this.#changes.add(item).catch(failed)) || changed;
      items.push(...gre);
    }
    this.#tables = plan.tables;
    if (options.keepOthers !== true) {
      const before = this.#changes.size;
      await this.#changes.keepOnly(items).catch(failed);
      changed ||= this.#changes.size !== before;
    }
    return { changed, errors };
  }

  /** Looks at everything anew. */
  check(): Promise<Finding[]> {
    return this.#changes.check();
  }

  /** Takes everything back. Idempotent. @throws TargetError SETUP: what could be is taken back */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      for (const gre of this.#gre.values()) await gre.close();
    } finally {
      await this.#changes.keepOnly([]);
    }
  }

  #items(plan: HostPlan, { encaps = ["gre4"], offloads = "off", mtu }: HostWish): Item[] {
    const namespace = this.#namespace;
    const routes = ({ table, hops, vips }: TableGroup) =>
      ([4, 6] as const)
        .filter((family) => vips.some((vip) => vip.family === family))
        .flatMap((family) => [
          ...(hops[family].length === 0
            ? []
            : [defaultItem(namespace, { table, family, hops: hops[family], encaps, mtu })]),
          unreachableItem(namespace, table, family),
        ]);
    return [
      ...plan.devices.map((device) => linkItem(namespace, device)),
      ...(plan.vips.length > 0 ? [loopbackItem(namespace)] : []),
      ...(offloads === "off" ? plan.devices.map((device) => offloadItem(namespace, device)) : []),
      ...(plan.vips.some((vip) => vip.family === 4) ? arpItems(namespace) : []),
      ...plan.groups.flatMap(routes),
      ...plan.groups.flatMap(({ table, vips }) => vips.map((vip) => ruleItem(namespace, table, vip))),
      ...plan.vips.map((vip) => vipItem(namespace, vip)),
    ];
  }

  #l3dsrItems({ links }: HostWish, present: ReadonlySet<string>): Item[] {
    return links.flatMap(({ device, l3dsr = [] }) =>
      present.has(device) && l3dsr.length > 0 ? [l3dsrItem(this.#namespace, device, l3dsr)] : [],
    );
  }

  /** A device that a former life left is in the way (a TUN device went with its process, a veth pair did not). */
  async #openGre(plan: GrePlan, devices: readonly string[]): Promise<GreDecapsulator> {
    const key = greKey(plan);
    await this.#changes.takeBack(key);
    this.#changes.note(key, { do: "delete-link", device: plan.greDevice });
    try {
      const gre = await openGre(this.#namespace, { ...plan, devices });
      if (gre.mode === "kernel") this.#changes.note(key, undefined);
      return gre;
    } catch (error) {
      this.#changes.note(key, undefined);
      throw error;
    }
  }

  /** Opens what takes GRE off, for each family of outer packets once. */
  async #greItems(wish: HostWish, errors: TargetError[]): Promise<Item[]> {
    const { encaps = ["gre4"], gre = "auto", greDevice = "vpplbgre", unsetSource = false } = wish;
    const devices = wish.links.map((link) => link.device);
    const items: Item[] = [];
    for (const family of outerFamilies(encaps)) {
      const own: readonly Encap[] = [family === 4 ? "gre4" : "gre6"];
      const name = family === 4 ? greDevice : `${greDevice.slice(0, 12)}6`;
      const plan: GrePlan = { encaps: own, gre, greDevice: name, unsetSource };
      try {
        const open = this.#gre.get(family) ?? (await this.#openGre(plan, devices));
        this.#gre.set(family, open);
        items.push(...greItems(this.#namespace, plan, open.devices), placeholder(greKey(plan)));
      } catch (error) {
        errors.push(error as TargetError);
      }
    }
    return items;
  }
}

const greKey = ({ greDevice }: GrePlan): string => `gre device ${greDevice}`;

/** For a change that is made elsewhere, so that it counts as wanted. */
function placeholder(key: string): Item {
  const nothing = () => undefined;
  return { key, what: key, why: "", fix: "", look: () => "", undo: nothing, apply: nothing };
}

/** Each interface has a table of rules of its own. */
function l3dsrItem(namespace: Namespace, device: string, vips: readonly DscpVip[]): Item {
  const table = `vpplb-l3dsr-${device}`;
  return {
    key: `l3dsr ${device}`,
    what: `VIPs are put back by DSCP on ${device}`,
    why: "with l3dsr packets come with the server's address and only the DSCP names the VIP",
    fix: vips.map(({ vip, dscp }) => `nft add rule ip TABLE PREROUTING ip dscp ${dscp} ip daddr set ${vip}`).join("; "),
    look: async () => ((await hasDscpVips(namespace, device, vips, table)) ? "" : "they are not, or others are"),
    undo: () => ({ do: "clear-dscp", table }),
    apply: () => setDscpVips(namespace, device, vips, table),
  };
}

/** While no load-balancer is there, replies go nowhere: not by the host's own default route. */
function unreachableItem(namespace: Namespace, table: number, family: 4 | 6): Item {
  const route = { dst: "default", family, table, type: "unreachable", metric: LAST_METRIC } as const;
  return {
    key: `unreachable ${family} ${table}`,
    what: `table ${table} has no other way out for IPv${family}`,
    why: "without a load-balancer, replies of the VIPs would leave by the host's own default route",
    fix: `ip ${family === 6 ? "-6 " : ""}route add unreachable default metric ${LAST_METRIC} table ${table}`,
    look: async () =>
      (await namespace.routes()).some(
        (one) =>
          one.family === family && one.table === table && one.type === RTN_UNREACHABLE && one.metric === LAST_METRIC,
      )
        ? ""
        : "it has",
    undo: () => ({ do: "delete-route", route }),
    apply: () => namespace.addRoute(route),
  };
}
