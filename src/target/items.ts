import { clearDscpVips, missingDscpVips, setDscpVips } from "../kernel/l3dsr.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { networkText, parsePrefix } from "../kernel/prefix.ts";
import type { Route } from "../kernel/routes.ts";
import type { Offload } from "../sys/ethtool.ts";
import type { Item, Undo } from "./item.ts";
import { announcedMss, type Plan, type Vip } from "./options.ts";

const RTN_LOCAL = 2;
const TABLE_MAIN = 254;
/** A segment that is not segmented yet, or has no checksum yet, means nothing to a reader of raw frames. */
const OFFLOADS: readonly Offload[] = ["tx", "sg", "tso", "gso", "gro"];

function linkItem(namespace: Namespace, plan: Plan): Item {
  const { device } = plan;
  return {
    what: `${device} is up`,
    why: "packets from the load-balancer come by it",
    fix: `ip link set up dev ${device}`,
    look: async () => ((await namespace.link(device)).up ? "" : "it is down"),
    async apply() {
      await namespace.setLink(device, { up: true });
      return () => namespace.setLink(device, { up: false });
    },
  };
}

function offloadItem(namespace: Namespace, plan: Plan): Item {
  const { device } = plan;
  const on = (): Offload[] => {
    const state = namespace.offloads(device);
    return OFFLOADS.filter((name) => state[name] === true);
  };
  return {
    what: `${device} has its offloads off`,
    why: "one oversize (TSO or GSO) frame stops a VPP host-interface from sending until VPP is restarted",
    fix: `ethtool -K ${device} ${OFFLOADS.map((name) => `${name} off`).join(" ")}`,
    look: () => (on().length === 0 ? "" : `on: ${on().join(", ")}`),
    apply() {
      const before = on();
      namespace.offloadsOff(device, OFFLOADS);
      return () => namespace.setOffloads(device, Object.fromEntries(before.map((name) => [name, true])));
    },
  };
}

/** A prefix on lo makes all of it local for IPv4; IPv6 needs a local route (AnyIP), its loopback does not do that. */
function vipItem(namespace: Namespace, vip: Vip): Item {
  const { prefix } = vip;
  const byRoute = vip.family === 6 && !vip.host;
  const common = {
    what: `VIP ${prefix} is local`,
    why: "VPP does not translate addresses: packets arrive with the VIP as destination and are dropped otherwise",
  };
  if (byRoute) {
    const route = { dst: prefix, type: "local", dev: "lo" } as const;
    return {
      ...common,
      fix: `ip -6 route add local ${prefix} dev lo`,
      look: async () =>
        (await namespace.routes()).some((one) => one.type === RTN_LOCAL && one.dst === prefix) ? "" : "it is not",
      async apply() {
        await namespace.addRoute(route);
        return async () => void (await namespace.deleteRoute(route));
      },
    };
  }
  return {
    ...common,
    fix: `ip addr add ${prefix} dev lo`,
    look: async () =>
      (await namespace.addresses(vip.host ? undefined : "lo")).some((one) => covers(one.prefix, vip))
        ? ""
        : `${vip.host ? "no interface has" : "lo does not have"} it`,
    async apply() {
      await namespace.addAddress("lo", prefix);
      return async () => void (await namespace.deleteAddress("lo", prefix));
    },
  };
}

/** Whether an interface's address is the VIP, whatever its length, or has the VIP's prefix. */
function covers(address: string, vip: Vip): boolean {
  return networkText(parsePrefix(vip.host ? address.replace(/\/.*/, "") : address)) === vip.prefix;
}

function ruleItem(namespace: Namespace, plan: Plan, vip: Vip): Item {
  const rule = { from: vip.prefix, table: plan.table };
  return {
    what: `packets from ${vip.prefix} are routed by table ${plan.table}`,
    why: "replies must leave towards the load-balancer's network, not by the host's default route",
    fix: `ip ${vip.family === 6 ? "-6 " : ""}rule add from ${vip.prefix} table ${plan.table}`,
    look: async () =>
      (await namespace.rules()).some(
        (one) => one.from === rule.from && one.table === rule.table && one.to === undefined,
      )
        ? ""
        : "there is no such rule",
    async apply() {
      await namespace.addRule(rule);
      return async () => void (await namespace.deleteRule(rule));
    },
  };
}

function describeDefault(route: Route | undefined, gateway: string, index: number, mss: number | undefined): string {
  if (route === undefined) return "there is no default route";
  if (route.via !== gateway) return `its gateway is ${route.via ?? "none"}`;
  if (route.interfaceIndex !== index) return `it leaves by interface ${route.interfaceIndex ?? 0}`;
  if (mss !== undefined && (route.advmss ?? Infinity) > mss) return `its advmss is ${route.advmss ?? "not set"}`;
  return "";
}

function defaultItem(namespace: Namespace, plan: Plan, family: 4 | 6, gateway: string): Item {
  const { table, device } = plan;
  const wantedMss = async (): Promise<number | undefined> => {
    if (plan.encaps.every((encap) => encap === "l3dsr")) return undefined;
    return announcedMss(plan.mtu ?? (await namespace.link(device)).mtu, plan.encaps, family);
  };
  const present = async (): Promise<Route | undefined> =>
    (await namespace.routes()).find(
      (route) => route.family === family && route.table === table && route.dst === "default",
    );
  const flag = family === 6 ? "-6 " : "";
  return {
    what: `table ${table} sends IPv${family} to ${gateway}, announcing an MSS that fits the tunnel`,
    why:
      "the client's segments must fit with GRE around them: VPP fragments gre4 at best, never gre6, and reports no " +
      '"too big", so larger ones vanish',
    fix: `ip ${flag}route replace default via ${gateway} dev ${device} table ${table} advmss MTU-overhead`,
    look: async () => describeDefault(await present(), gateway, namespace.index(device), await wantedMss()),
    async apply() {
      const before = await present();
      const advmss = await wantedMss();
      const route = { dst: "default", via: gateway, dev: device, table, advmss };
      await namespace.addRoute(route);
      if (before !== undefined) return undefined; // replaced: it was in the way, and nobody else uses this table
      return async () => void (await namespace.deleteRoute({ dst: "default", via: gateway, table }));
    },
  };
}

function routeItem(namespace: Namespace, plan: Plan, dst: string): Item {
  const family = dst.includes(":") ? 6 : 4;
  const via = plan.gateways[family];
  const route = { dst, via, dev: plan.device };
  const wanted = networkText(parsePrefix(dst));
  return {
    what: `${dst} is routed by ${via ?? "the gateway"}`,
    why: "the server reaches the load-balancer's uplink by it (useful for tests, not for balancing)",
    fix: `ip route add ${dst} via ${via ?? "GATEWAY"}`,
    look: async () =>
      (await namespace.routes()).some(
        (one) => one.dst === wanted && one.via === via && one.via !== undefined && one.table === TABLE_MAIN,
      )
        ? ""
        : "there is no such route",
    async apply() {
      await namespace.addRoute(route);
      return async () => void (await namespace.deleteRoute(route));
    },
  };
}

/** A setting of all interfaces; its former value comes back at the end. */
export function sysctlItem(namespace: Namespace, name: string, value: string, why: string): Item {
  return {
    what: `${name} is ${value}`,
    why,
    fix: `sysctl -w ${name}=${value}`,
    look() {
      const found = namespace.sysctl(name);
      return found === value ? "" : `it is ${found}`;
    },
    apply(): Undo {
      const before = namespace.sysctl(name);
      namespace.sysctl(name, value);
      return () => namespace.sysctl(name, before);
    },
  };
}

function arpItems(namespace: Namespace): Item[] {
  return [
    sysctlItem(
      namespace,
      "net.ipv4.conf.all.arp_announce",
      "2",
      "else the kernel asks for the gateway's MAC with the VIP as sender, and VPP drops that request",
    ),
    sysctlItem(
      namespace,
      "net.ipv4.conf.all.arp_ignore",
      "1",
      "else this server answers ARP requests for the VIP and draws traffic past the load-balancer",
    ),
  ];
}

/** The reverse path filter of a device that decapsulated packets come from: the larger of "all" and its own counts. */
export function reversePathItems(namespace: Namespace, devices: readonly string[]): Item[] {
  const why = "clients are not routed to the GRE device, so a reverse path filter (1 or 2) drops their packets";
  return ["all", ...devices].map((device) => sysctlItem(namespace, `net/ipv4/conf/${device}/rp_filter`, "0", why));
}

function l3dsrItem(namespace: Namespace, plan: Plan): Item {
  const { device, l3dsr } = plan;
  return {
    what: `VIPs are put back by DSCP on ${device}`,
    why: "with l3dsr packets come with the server's address and only the DSCP names the VIP",
    fix: l3dsr
      .map(({ vip, dscp }) => `nft add rule ip TABLE PREROUTING ip dscp ${dscp} ip daddr set ${vip}`)
      .join("; "),
    async look() {
      const missing = await missingDscpVips(namespace, device, l3dsr);
      return missing.length === 0 ? "" : `not: ${missing.map((one) => one.vip).join(", ")}`;
    },
    async apply() {
      await setDscpVips(namespace, device, l3dsr);
      return async () => void (await clearDscpVips(namespace));
    },
  };
}

/** Everything but GRE itself, in the order in which it is applied. */
export function targetItems(namespace: Namespace, plan: Plan): Item[] {
  const families = ([4, 6] as const).filter((family) => plan.vips.some((vip) => vip.family === family));
  return [
    linkItem(namespace, plan),
    ...(plan.offloads === "off" ? [offloadItem(namespace, plan)] : []),
    ...(families.includes(4) ? arpItems(namespace) : []),
    ...families.map((family) => defaultItem(namespace, plan, family, plan.gateways[family] ?? "")),
    ...plan.routes.map((dst) => routeItem(namespace, plan, dst)),
    ...plan.vips.map((vip) => ruleItem(namespace, plan, vip)),
    ...plan.vips.map((vip) => vipItem(namespace, vip)),
    ...(plan.l3dsr.length > 0 ? [l3dsrItem(namespace, plan)] : []),
  ];
}
